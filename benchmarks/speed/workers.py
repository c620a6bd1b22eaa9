"""Two workers on this machine compared with one process: python -m benchmarks.speed.workers

The same small training, with equal batches, runs in one process, with two workers, and with two workers of which one is
killed with SIGKILL after the lifter's first checkpoint; then all workers are started again. Claims: the losses of all
50 steps of the lifter, and its weights after them, differ by at most 1e-5 of the largest of their array; this holds
also for the training that lost a worker, which continued from a checkpoint. Exit status 1 when a claim does not hold.
Writes benchmarks/results/workers.json.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import flags

from benchmarks.speed.processes import Group
from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.storage import files
from tf_elepose.training.metric_log import read_metric_log

TOLERANCE = 1e-5
STEPS = 50
_WORKERS = 2
_SECONDS = 1800.0  # A training that takes longer is stuck.

CONFIG = """
from ml_collections import config_dict
from tf_elepose import default_config

def get_config():
    config = default_config.get_config()
    config.data_options = config_dict.create(subjects=4, takes=1, frames=8, cameras=2)
    config.completer.epochs = 0
    config.prior.update(bases=6, held_out=0.2, blocks=2, width=8, noise=0.1, batch_size=32, epochs=1.0)
    config.lifter.update(width=64, precision="float32", batch_size=32, epochs=6.25)
    config.prior.evaluate_every = config.lifter.evaluate_every = 1000
    config.lifter.optimizer.learning_rate = 2e-4  # The paper's.
    config.loop.update(steps_per_call=1, checkpoint_every=10)
    return config
"""

_LOST = re.compile(r"another worker was lost")
_RESUMED = re.compile(r"lifter: resumed at step (\d+) of")


def define_flags() -> None:
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "small.py").write_text(CONFIG)
        one = _train(folder, "one", "tf_elepose.train", "--config.strategy=one_device")
        launch = ("tf_elepose.launch", "--config.strategy=multi_worker", f"--workers={_WORKERS}")
        two = _train(folder, "two", *launch)
        lost = _train(folder, "lost", *launch, "--restarts=1", kill=True)
        rows = {
            which: {"losses": _loss_difference(folder, which), "weights": _weight_difference(folder, which)}
            for which in ("two", "lost")
        }
        said = (folder / "lost.log").read_text(errors="replace")
        parameters = _parameters(folder / "one")
    resumed = [int(step) for step in _RESUMED.findall(said)]
    results = {
        "workers": rows, "steps": STEPS, "seconds": {"one": one, "two": two, "lost": lost["seconds"]},
        "told_after_s": lost["told_after_s"], "resumed_at": max(resumed, default=-1), "parameters": parameters,
        **provenance(),
    }  # fmt: skip
    print(markdown(results))
    files.write_json(pathlib.Path(flags.FLAGS.results) / "workers.json", results)
    worst = max(value for row in rows.values() for value in row.values())
    return int(worst > TOLERANCE or results["resumed_at"] < 1 or not _LOST.search(said))


def _train(folder: pathlib.Path, name: str, module: str, *arguments: str, kill: bool = False) -> Any:
    """Seconds of a training's steps; with `kill`, a dict that also has the time until the loss was reported.

    The depths of so short a training may be mirrored, and then it ends with an error: only its checkpoint counts here.
    """
    command = [
        sys.executable,
        "-m",
        module,
        f"--config={folder / 'small.py'}",
        f"--workdir={folder / name}",
        *arguments,
    ]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    group = Group(command, folder / f"{name}.log", env=environment)
    found: dict[str, float] = {}
    if kill:
        threading.Thread(target=_kill_one, args=(group, folder / name, folder / f"{name}.log", found)).start()
    try:
        status = group.wait(_SECONDS)
    finally:
        group.kill()
    if not _checkpoint(folder / name).exists():
        said = (folder / f"{name}.log").read_text(errors="replace")
        raise ValueError(f"{' '.join(command)}: ended with status {status}: {said[-2000:]}")
    seconds = max(
        row["seconds"] for row in read_metric_log(folder / name / "metrics.jsonl") if row["phase"] == "lifter"
    )
    return {"seconds": seconds, **found} if kill else seconds


def _kill_one(group: Group, workdir: pathlib.Path, log: pathlib.Path, found: dict[str, float]) -> None:
    """Kills the second worker after the lifter's first checkpoint, and measures the time until the others report it."""
    while not list(workdir.glob("lifter/step-*.npz")):
        time.sleep(0.05)
    (pid,) = (pid for pid in group.descendants() if _index(pid) == 1)
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    while not _LOST.search(log.read_text(errors="replace")) and time.monotonic() - began < _SECONDS:
        time.sleep(0.05)
    found["told_after_s"] = time.monotonic() - began


def _index(pid: int) -> int | None:
    """A process' number among the workers; None if it is no worker."""
    environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    told = [entry.removeprefix(b"TF_CONFIG=") for entry in environment if entry.startswith(b"TF_CONFIG=")]
    return json.loads(told[0])["task"]["index"] if told else None


def _checkpoint(workdir: pathlib.Path) -> pathlib.Path:
    return workdir / "lifter" / f"step-{STEPS:09d}.npz"


def _loss_difference(folder: pathlib.Path, which: str) -> float:
    """Largest difference of the lifter's losses from those of one process, relative to the largest loss."""
    losses = [
        {row["step"]: row["loss"] for row in read_metric_log(folder / name / "metrics.jsonl")
         if row["phase"] == "lifter" and "loss" in row}
        for name in ("one", which)
    ]  # fmt: skip
    if losses[0].keys() != losses[1].keys() or len(losses[0]) != STEPS:
        return float("inf")
    one, other = (np.array([each[step] for step in sorted(each)]) for each in losses)
    return float(np.abs(one - other).max() / np.abs(one).max())


def _weight_difference(folder: pathlib.Path, which: str) -> float:
    """Largest difference of a weight of the last checkpoint, relative to the largest of its array."""
    one, other = (files.read_npz(_checkpoint(folder / name)) for name in ("one", which))
    compared = [name for name in one if one[name].dtype.kind == "f" and not name.startswith("optimizer/")]
    return max(
        float(np.abs(one[name] - other[name]).max() / max(float(np.abs(one[name]).max()), 1e-30)) for name in compared
    )


def _parameters(workdir: pathlib.Path) -> int:
    held = files.read_npz(_checkpoint(workdir))
    return sum(array.size for name, array in held.items() if name.startswith("lifter/"))


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table."""
    rows, seconds = results["workers"], results["seconds"]
    names = {"two": "two workers", "lost": "two workers, one of them killed, all started again"}
    lines = [
        f"| {results['steps']} steps | largest difference of a loss | of a weight | seconds of the steps |",
        "|---|---|---|---|",
        f"| one process | | | {seconds['one']:.1f} |",
    ]
    for which, label in names.items():
        row = rows[which]
        lines.append(f"| {label} | {row['losses']:.1g} | {row['weights']:.1g} | {seconds[which]:.1f} |")
    return "\n".join(
        [
            *lines,
            "",
            "Differences from the one process, relative to the largest loss, and to the largest weight of the same "
            f"array. The lost worker was reported after {results['told_after_s']:.1f} s; the training continued from "
            f"step {results['resumed_at']}. The lifter has {results['parameters']:,} parameters here.",
        ]
    )


if __name__ == "__main__":
    commands.run(main, define_flags)
