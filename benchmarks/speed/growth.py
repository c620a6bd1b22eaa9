"""Growth of time and memory with the data: python -m benchmarks.speed.growth [--lift=100,1000,...] [--train=...]

Measures seconds and peak memory of `tf_elepose.lift` (with the small packaged model) and of `tf_elepose.convert` (COCO
results to views) over the number of poses, from the shell, with start-up; and steps a second and memory of the lifter's
step over the number of training poses, and over replicas and workers at a fixed global batch. Writes
benchmarks/results/growth.json and docs/figures/growth.png. Add 10000000 to --lift and --convert if there are about
10 GB of disk, and time.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import flags

from benchmarks import turns
from benchmarks.studies.convert import measured
from tf_elepose.cli import commands
from tf_elepose.storage import files

FIGURE = "docs/figures/growth.png"
MODEL = "cmu_small"

_STEPS = 20  # Training steps in a turn.

# Programs for other processes, so that this one stays small.
_WRITE_POSES = """
import sys
from benchmarks.speed.growth import write_poses
write_poses(sys.argv[1], int(sys.argv[2]))
"""
_WRITE_COCO = """
import pathlib, sys
from benchmarks.studies.convert import write_coco
write_coco(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
"""
_WRITE_TASK = """
import pathlib, sys
from benchmarks.speed.step_task import write_task
write_task(pathlib.Path(sys.argv[1]), sys.argv[2])
"""


def define_flags() -> None:
    powers = ["100", "1000", "10000", "100000", "1000000"]
    flags.DEFINE_list("lift", powers, "Numbers of poses in the files that are lifted.")
    flags.DEFINE_list("convert", powers, "Numbers of poses in the files that are converted.")
    flags.DEFINE_list("train", ["2000", "20000", "200000", "2000000"], "Numbers of training poses.")
    flags.DEFINE_string("size", "default", "Size of the trained networks, see benchmarks/speed/step_task.py.")
    flags.DEFINE_integer("rounds", 5, "Number of turns of each training.", lower_bound=1)
    flags.DEFINE_boolean(
        "measure", True, "Measure and draw; --nomeasure only draws the figure again from the stored results."
    )
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    from tf_elepose.cli.provenance import provenance

    options = flags.FLAGS
    path = pathlib.Path(options.results) / "growth.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if options.measure:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            rows = commands_growth(folder, [int(n) for n in options.lift], [int(n) for n in options.convert])
            training = training_growth(folder, options.size, [int(n) for n in options.train], options.rounds)
        files.write_json(path, {"growth": rows, "training": training, **provenance()})
    draw(
        files.read_json(path),
        turns.ROOT / FIGURE if options.results == "benchmarks/results" else path.with_suffix(".png"),
    )
    return 0


def commands_growth(folder: pathlib.Path, lift: Sequence[int], convert: Sequence[int]) -> list[dict[str, Any]]:
    """A row for each command and number of poses."""
    rows = []
    for what, counts, write, source in (
        ("lift", lift, _WRITE_POSES, folder / "poses.npz"), ("convert", convert, _WRITE_COCO, folder / "results.json"),
    ):  # fmt: skip
        for poses in counts:
            made = [sys.executable, "-c", write, source, str(poses)]
            subprocess.run(made, check=True, cwd=turns.ROOT, stderr=subprocess.DEVNULL)
            target = folder / "out.npz"
            command = [sys.executable, "-m", f"tf_elepose.{what}"]
            command += (
                [f"views:{source}", f"--model={MODEL}", f"--output={target}"]
                if what == "lift"
                else [f"coco:{source}", f"--output={target}"]
            )
            runs = [measured(command) for _ in range(3 if poses <= 100_000 else 1)]
            seconds, memory = zip(*runs, strict=True)
            rows.append({"what": what, "poses": poses, "seconds": float(np.median(seconds)), "memory_mb": max(memory)})
            print(rows[-1], flush=True)
            target.unlink()
            source.unlink()
    return rows


def write_poses(path: str, poses: int) -> None:
    """Writes a views file of built-in motion, repeated as often as needed, in clips of a thousand frames."""
    from tf_elepose.data.synthetic import synthesize
    from tf_elepose.skeleton.skeletons import H36M_17

    made = synthesize(H36M_17).poses_2d.astype(np.float32)
    rows = np.arange(poses)
    text = {name: np.full(poses, "a") for name in ("subject", "action")} | {"split": np.full(poses, "test")}
    fields = {"clip": np.char.mod("%d", rows // 1000), "frame": rows % 1000, "camera": np.zeros(poses, np.int8)}
    files.write_npz(path, {"poses_2d": made[rows % len(made)], **text, **fields})


def training_growth(folder: pathlib.Path, size: str, poses: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """A row for each number of poses, then for replicas and workers; rows of one kind take turns."""
    task = folder / "task.npz"
    subprocess.run([sys.executable, "-c", _WRITE_TASK, task, size], check=True, cwd=turns.ROOT, capture_output=True)
    by_size = {f"{count:,} poses": [{"poses": count}] for count in poses}
    by_share = {"1 replica": [{}], "2 replicas": [{"replicas": 2}], "2 workers": [{}, {}]}
    rows = []
    for kind, wanted in (("poses", by_size), ("sharing", by_share)):
        with contextlib.ExitStack() as stack:
            groups = {name: _started(stack, task, each) for name, each in wanted.items()}
            works = {name: lambda _, group=group: _together(group) for name, group in groups.items()}
            taken = turns.in_turn(works, rounds + 1)
            for name, group in groups.items():
                memory = sum(worker.ask("memory")["memory_mb"] for worker in group)
                steps = _STEPS / float(np.median(taken[name][1:]))  # The first turn warms up.
                row = {"kind": kind, "what": name, "steps_per_second": steps, "memory_mb": memory}
                rows.append(row | ({"poses": wanted[name][0]["poses"]} if kind == "poses" else {}))
                print(rows[-1], flush=True)
    return rows


def _started(stack: contextlib.ExitStack, task: pathlib.Path, each: Sequence[Mapping[str, Any]]) -> list[turns.Worker]:
    """Starts a process for each of the options; several processes find each other by TF_CONFIG."""
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(len(each))]
    group = []
    for index, options in enumerate(each):
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = {"TF_CONFIG": json.dumps(cluster)} if len(each) > 1 else {}
        worker = turns.Worker("benchmarks.speed.step_worker", str(task), json.dumps(options), wait=False, **environment)
        group.append(stack.enter_context(worker))
    for worker in group:
        worker.wait()
    return group


def _together(group: Sequence[turns.Worker]) -> float:
    """Seconds of `_STEPS` steps of the slowest worker in `group`."""
    for worker in group:
        worker.send("run", steps=_STEPS)
    return max(worker.answer()["seconds"] for worker in group)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def draw(results: Mapping[str, Any], path: pathlib.Path) -> None:
    """Draws seconds, memory and training steps a second over the number of poses, with logarithmic axes."""
    from matplotlib.figure import Figure

    from tf_elepose.report import figures

    with figures.style():
        figure = Figure(figsize=(figures.WIDTH, 2.6), layout="constrained")
        axes = figure.subplots(1, 3)
        for what, line, colour in (("lift", "o-", figures.LEFT), ("convert", "s--", figures.MUTED)):
            rows = [row for row in results["growth"] if row["what"] == what]
            for axis, key in zip(axes[:2], ("seconds", "memory_mb"), strict=True):
                axis.plot([row["poses"] for row in rows], [row[key] for row in rows], line, color=colour, label=what)
        sets = [row for row in results["training"] if row["kind"] == "poses"]
        for axis, key, line in ((axes[2], "steps_per_second", "o-"), (axes[1], "memory_mb", "^:")):
            axis.plot(
                [row["poses"] for row in sets], [row[key] for row in sets], line, color=figures.RIGHT, label="training"
            )
        labels = ("seconds, start-up included", "peak memory, MB", "training steps a second")
        for axis, label in zip(axes, labels, strict=True):
            axis.set(xscale="log", yscale="log", xlabel="poses", ylabel=label)
        rates = [row["steps_per_second"] for row in sets]
        axes[2].set_ylim(min(rates) / 10, max(rates) * 10)  # Automatic limits would exaggerate a few percent.
        handles, names = axes[1].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=3)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)


def markdown(results: Mapping[str, Any]) -> str:
    """The results as tables."""
    lines = ["| command | poses | seconds | poses/s | peak memory, MB |", "|---|---|---|---|---|"]
    for row in results["growth"]:
        rate = row["poses"] / row["seconds"]
        lines.append(
            f"| {row['what']} | {row['poses']:,} | {row['seconds']:.2f} | {rate:,.0f} | {row['memory_mb']:.0f} |"
        )
    lines += ["", "| training step | steps/s | ratio to the first | memory, MB |", "|---|---|---|---|"]
    for row in results["training"]:
        first = next(other for other in results["training"] if other["kind"] == row["kind"])
        ratio = row["steps_per_second"] / first["steps_per_second"]
        lines.append(f"| {row['what']} | {row['steps_per_second']:.1f} | {ratio:.2f} | {row['memory_mb']:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    commands.run(main, define_flags)
