"""Kill a training with SIGKILL several times, and check that the same command ends with the same weights.

    python -m benchmarks.robustness.kill_resume --kills=10 --output=benchmarks/results/kill_resume.json

A small training runs without interruption, and a second time with kills at random moments, of which at least two are
during the writing of a checkpoint; after every kill the same command is started again. Claims: the run continues after
every kill, no incomplete file is used or left over, no step is logged twice, and the final weights are those of the
uninterrupted run, to 1e-6 of each array's largest value. With --memory_config a training of that config runs as well,
and its peak memory is measured. Exit status 1 when a claim does not hold. Takes about 3 minutes on two cores, and the
time of the memory_config's training.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
from absl import flags

from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.storage import files
from tf_elepose.training.metric_log import read_metric_log

TOLERANCE = 1e-6
"""Largest difference of a weight, relative to the largest in its array."""

MAX_MEMORY_GB = 2.0
"""Largest peak memory of a training of the memory_config."""

WRITES = 2
"""Number of kills that have to happen while a checkpoint is written."""

# Wide for its data, so that writing a checkpoint takes long enough to be interrupted.
CONFIG = """
from ml_collections import config_dict
from tf_elepose import default_config

def get_config():
    config = default_config.get_config()
    config.data_options = config_dict.create(subjects=10, takes=1, frames=16)
    config.completer.update(width=64, precision="float32", batch_size=128, epochs=5.0, evaluate_every=100)
    config.prior.update(bases=20, blocks=4, width=64, noise=0.1, batch_size=128, epochs=10.0)
    config.lifter.update(width=512, precision="float32", batch_size=128, epochs=15.0)
    config.lifter.optimizer.learning_rate = 1e-3
    config.lifter.term_weights.knees = 10.0
    config.prior.evaluate_every = config.lifter.evaluate_every = 100
    config.loop.update(steps_per_call=10, checkpoint_every=10)
    return config
"""

STEPS_PER_CALL = 10
"""Steps of `CONFIG` between two log lines and between two checkpoints."""

STAGES = ("completer", "prior", "starts", "lifter")
"""Folders of a run's checkpoints."""

_PARTIAL = ".*.partial"
_RESUMED = re.compile(rf"({'|'.join(STAGES)}): resumed at step (\d+) of")


@dataclasses.dataclass(frozen=True)
class Moment:
    """A moment for a kill: `seconds` after `steps` of the whole training were logged, or after the start for 0.

    With `in_write`, the first writing of a checkpoint after that.
    """

    steps: int
    seconds: float
    in_write: bool


@dataclasses.dataclass(frozen=True)
class Kill:
    """A kill; `newest` has the step of the newest complete checkpoint of each stage at that time."""

    seconds: float
    in_write: bool
    newest: dict[str, int]


def define_flags() -> None:
    flags.DEFINE_integer("kills", 10, "Number of kills.", lower_bound=2 * WRITES)
    flags.DEFINE_integer("seed", 0, "Seed for the choice of the moments.")
    flags.DEFINE_string("memory_config", None, "Config of a training whose peak memory is measured, too.")
    flags.DEFINE_string("output", None, "File for the result as JSON.")


def main(argv: list[str]) -> int:
    del argv
    options = flags.FLAGS
    with tempfile.TemporaryDirectory(prefix="kill_resume_") as name:
        result, claims = kill_and_resume(pathlib.Path(name), options.kills, np.random.default_rng(options.seed))
        if options.memory_config:
            peak, status = peak_memory_gb(options.memory_config, pathlib.Path(name) / "memory")
            result |= {"memory_config": options.memory_config, "peak_memory_gb": round(peak, 3)}
            claims[f"peak memory {peak:.2f} GB, at most {MAX_MEMORY_GB:g}"] = peak < MAX_MEMORY_GB
            claims[f"status {status} of the training measured for its memory"] = status == 0
    for claim, holds in claims.items():
        print(f"{'holds' if holds else 'FAILS'}  {claim}")
    if options.output:
        output = pathlib.Path(options.output)
        output.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(output, {**result, "claims": claims, **provenance()})
    return 0 if all(claims.values()) else 1


def kill_and_resume(folder: pathlib.Path, kills: int, rng: np.random.Generator) -> tuple[dict, dict[str, bool]]:
    """Figures and claims of an uninterrupted and a killed training in `folder`."""
    config, whole, killed = folder / "config.py", folder / "whole", folder / "killed"
    config.write_text(CONFIG)
    began = time.monotonic()
    process = _start(config, whole)
    _wait_for(process, _Grown(whole / "metrics.jsonl"))
    startup = time.monotonic() - began
    _require_success(process, whole)
    duration = time.monotonic() - began
    print(f"uninterrupted: {duration:.0f} s, of which {startup:.0f} s until the first steps were logged")

    total = _progress(whole / "metrics.jsonl")
    moments = _moments(kills, total, startup, (duration - startup) / total, rng)
    done: list[Kill] = []
    resumed: list[bool] = []
    for number, moment in enumerate(moments, start=1):
        process = _start(config, killed)
        kill = _kill(process, killed, moment)
        if done:
            resumed.append(_resumed_from_newest(killed, done[-1]))
        done.append(kill)
        print(f"kill {number}: after {kill.seconds:.1f} s, in a write: {kill.in_write}, newest {kill.newest}")
    process = _start(config, killed)
    _require_success(process, killed)
    resumed.append(_resumed_from_newest(killed, done[-1]))

    difference = _largest_difference(whole / "model.npz", killed / "model.npz")
    leftovers = [str(path.relative_to(killed)) for path in killed.rglob(_PARTIAL)]
    repeated = _repeated_lines(killed / "metrics.jsonl")
    in_write = sum(kill.in_write for kill in done)
    checkpoint = max((whole / "lifter").iterdir()).stat().st_size
    result = {
        "uninterrupted_seconds": round(duration, 1),
        "startup_seconds": round(startup, 1),
        "checkpoint_mb": round(checkpoint / 1e6, 1),
        "kills": [dataclasses.asdict(kill) | {"seconds": round(kill.seconds, 2)} for kill in done],
        "resumed": sum(resumed),
        "kills_during_write": in_write,
        "leftovers": leftovers,
        "repeated_log_lines": repeated,
        "largest_relative_difference": difference,
    }
    return result, {
        f"resumed from the newest checkpoint: {sum(resumed)} of {kills}": all(resumed),
        f"kills during a write: {in_write}, expected {WRITES}": in_write >= WRITES,
        f"temporaries left over: {len(leftovers)}": not leftovers,
        f"steps logged twice: {repeated}": not repeated,
        f"largest relative difference of the weights: {difference:.2g}": difference <= TOLERANCE,
    }


def _moments(kills: int, total: int, startup: float, step_seconds: float, rng: np.random.Generator) -> list[Moment]:
    """Moments, a fifth of them during the start and the others during the training, `WRITES` of these in writes."""
    starting = kills // 5
    # Without the last calls, after which the training would end before the kill.
    steps = np.sort(rng.integers(STEPS_PER_CALL, total - 5 * STEPS_PER_CALL, kills - starting))
    in_write = set(rng.choice(kills - starting, WRITES, replace=False).tolist())
    moments = [
        Moment(int(step), rng.uniform(0.0, STEPS_PER_CALL * step_seconds), number in in_write)
        for number, step in enumerate(steps)
    ]
    for place in rng.integers(0, len(moments) + 1, starting):
        moments.insert(place, Moment(0, rng.uniform(0.0, startup), in_write=False))
    return moments


def peak_memory_gb(config: str, workdir: pathlib.Path) -> tuple[float, int]:
    """Peak resident memory of the training process, and its exit status."""
    process = _start(pathlib.Path(config), workdir)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes on macOS, in kB on Linux.
    return usage.ru_maxrss * unit / 1e9, process.returncode


def _start(config: pathlib.Path, workdir: pathlib.Path) -> subprocess.Popen:
    with _log_of(workdir).open("wb") as log:
        command = [sys.executable, "-m", "tf_elepose.train", f"--config={config}", f"--workdir={workdir}"]
        return subprocess.Popen(command, stdout=log, stderr=log)


def _log_of(workdir: pathlib.Path) -> pathlib.Path:
    return workdir.with_name(workdir.name + ".log")


def _require_success(process: subprocess.Popen, workdir: pathlib.Path) -> None:
    if process.wait():
        last = _log_of(workdir).read_text(errors="replace").strip().splitlines()[-1:]
        raise ValueError(f"{workdir}: the training ended with status {process.returncode}: {' '.join(last)}")


def _wait_for(process: subprocess.Popen, condition: Callable[[], object], pause: float = 0.0005) -> None:
    """Waits until `condition` is true or the process ends; checks often enough to notice a write."""
    while process.poll() is None and not condition():
        time.sleep(pause)


def _kill(process: subprocess.Popen, workdir: pathlib.Path, moment: Moment) -> Kill:
    began = time.monotonic()
    if moment.steps:
        log = workdir / "metrics.jsonl"
        _wait_for(process, _Grown(log))
        _wait_for(process, lambda: _progress(log) >= moment.steps, pause=0.01)
    due = time.monotonic() + moment.seconds
    _wait_for(process, lambda: time.monotonic() >= due)
    if moment.in_write:
        _wait_for(process, lambda: _partials(workdir))
    process.send_signal(signal.SIGKILL)
    seconds = time.monotonic() - began
    if process.wait() != -signal.SIGKILL:
        _require_success(process, workdir)
        raise ValueError(f"{workdir}: the training ended before it could be killed; it is too short for so many kills")
    return Kill(seconds, bool(_partials(workdir)), {stage: _newest(workdir / stage) for stage in STAGES})


def _progress(path: pathlib.Path) -> int:
    """The number of logged steps in all stages together."""
    steps = {row["phase"]: row["step"] for row in read_metric_log(path)}
    return sum(steps.values())


class _Grown:
    """Whether a file has grown since it was smallest, because a resumed run first removes lines."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._smallest = self._size()

    def __call__(self) -> bool:
        size = self._size()
        self._smallest = min(self._smallest, size)
        return size > self._smallest

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0


def _partials(workdir: pathlib.Path) -> list[pathlib.Path]:
    """Temporary files of checkpoints."""
    return [path for stage in STAGES for path in (workdir / stage).glob(_PARTIAL)]


def _newest(folder: pathlib.Path) -> int:
    """The step of the newest checkpoint; -1 if there is none."""
    return max((int(path.stem.removeprefix("step-")) for path in folder.glob("step-*.npz")), default=-1)


def _resumed_from_newest(workdir: pathlib.Path, before: Kill) -> bool:
    """Whether the last process resumed each stage that it reached from its newest checkpoint."""
    log = _log_of(workdir).read_text(errors="replace")
    at = {stage: int(step) for stage, step in _RESUMED.findall(log)}
    return "error: " not in log and all(step == before.newest[stage] for stage, step in at.items())


def _largest_difference(path: pathlib.Path, other: pathlib.Path) -> float:
    arrays, others = files.read_npz(path), files.read_npz(other)
    if set(arrays) != set(others):
        raise ValueError(f"{path} and {other} hold different arrays")
    floats = [name for name, array in arrays.items() if array.dtype.kind == "f"]
    return max(
        float(np.max(np.abs(arrays[name] - others[name])) / max(float(np.max(np.abs(arrays[name]))), 1e-30))
        for name in floats
    )


def _repeated_lines(path: pathlib.Path) -> int:
    """The number of lines whose stage, step and kind of figures were logged before."""
    counts = collections.Counter((row["phase"], row["step"], tuple(sorted(row))) for row in read_metric_log(path))
    return sum(count - 1 for count in counts.values())


if __name__ == "__main__":
    commands.run(main, define_flags)
