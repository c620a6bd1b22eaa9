"""Time of each kind of operation in a training step: python -m benchmarks.speed.step_profile [--size=paper]

TensorFlow's profiler records some steps of the lifter's loop, as `benchmarks.train_step` measures it in bfloat16. The
times of operations are summed by kind; two operations may run at the same time. Writes
benchmarks/results/step_profile.json.
"""

from __future__ import annotations

import pathlib
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from absl import flags

from benchmarks.speed.step_task import SIZES
from tf_elepose.cli import commands
from tf_elepose.storage import files

KINDS = {
    "matrix products": ("MatMul", "NativeFusedMatMul", "BatchMatMulV2"),
    "to bfloat16 and back": ("Cast",),
    "Adam": ("ResourceApplyAdam",),
    "clipping and weight decay": ("L2Loss", "Mul", "AddV2"),
    "activations and biases, backwards too": (
        "LeakyRelu", "LeakyReluGrad", "Relu", "ReluGrad", "BiasAdd", "BiasAddGrad",
    ),
}  # fmt: skip
"""Kinds of operations by TensorFlow's names; clipping also has the sums and products of the loss, which are far
smaller."""

_STEPS = 8


def define_flags() -> None:
    flags.DEFINE_enum("size", "paper", SIZES, "Size of the networks; benchmarks/speed/step_task.py lists them.")
    flags.DEFINE_enum("precision", "mixed_bfloat16", ["float32", "mixed_bfloat16"], "Precision of the hidden layers.")
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    from benchmarks.speed.step_task import write_task
    from benchmarks.speed.step_worker import make_loop
    from tf_elepose.cli.provenance import provenance

    options = flags.FLAGS
    with tempfile.TemporaryDirectory() as name:
        task = pathlib.Path(name) / "task.npz"
        write_task(task, options.size)
        loop = make_loop(str(task), precision=options.precision)
        loop.run(0, 2)
        loop.run(2, 2)  # The first call of a loop may trace it once more.
        seconds, events = profiled(lambda: loop.run(4, _STEPS), pathlib.Path(name) / "profile")
    results = {
        "size": options.size, "precision": options.precision, "step_ms": 1e3 * seconds / _STEPS,
        "kinds": by_kind(events, _STEPS), **provenance(),
    }  # fmt: skip
    print(markdown(results))
    files.write_json(pathlib.Path(options.results) / "step_profile.json", results)
    return 0


def profiled(work: Callable[[], object], folder: pathlib.Path) -> tuple[float, list[tuple[str, float]]]:
    """Seconds of `work`, and (operation, milliseconds) of every operation that TensorFlow ran in this time."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    tf.profiler.experimental.start(str(folder))
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    tf.profiler.experimental.stop()
    (path,) = folder.glob("**/*.xplane.pb")
    space = xplane_pb2.XSpace()
    space.ParseFromString(path.read_bytes())
    events = []
    for plane in space.planes:
        names = {key: value.name for key, value in plane.event_metadata.items()}
        for line in plane.lines:
            events += [(names[event.metadata_id], 1e-9 * event.duration_ps) for event in line.events]
    return seconds, events


def by_kind(events: Iterable[tuple[str, float]], steps: int) -> dict[str, float]:
    """Milliseconds a step for each of `KINDS` and for all other operations.

    Args:
      events: (name, milliseconds); operations are called PATH:OPERATION; other events enclose operations.
      steps: number of steps in `events`.
    """
    kinds = {operation: kind for kind, operations in KINDS.items() for operation in operations}
    spent = dict.fromkeys((*KINDS, "all else"), 0.0)
    for name, milliseconds in events:
        _, colon, operation = name.rpartition(":")
        if colon and "::" not in name and " " not in name:
            spent[kinds.get(operation.removeprefix("_Mkl"), "all else")] += milliseconds / steps
    return spent


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table."""
    total = sum(results["kinds"].values())
    lines = [f"| {results['size']}, {results['precision']} | ms, summed | share |", "|---|---|---|"]
    lines += [f"| {kind} | {ms:.1f} | {100 * ms / total:.0f} % |" for kind, ms in results["kinds"].items()]
    return "\n".join([*lines, "", f"The step as a whole takes {results['step_ms']:.0f} ms while it is profiled."])


if __name__ == "__main__":
    commands.run(main, define_flags)
