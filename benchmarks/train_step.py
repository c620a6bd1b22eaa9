"""Samples a second of the lifter's step beside PyTorch: python -m benchmarks.train_step [--torch_python=PATH]

Compares this package (graph and XLA, float32 and bfloat16 products, one thread an operation) with an independent
PyTorch implementation of the same step (benchmarks/pytorch; eager, torch.compile, bfloat16 autocast, fused Adam). Each
variant has its own process, with the same networks, first weights and poses. They take turns (A B C ... A B C ...), so
that a machine's drift affects all of them. First, loss terms and gradients of one batch with the same random numbers
show whether both compute the same. Writes benchmarks/results/train_step.json. PyTorch is left out, with a printed line,
if --torch_python has none.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from absl import flags

from benchmarks import pytorch_flag, turns
from benchmarks.robustness import limits
from benchmarks.speed.step_task import SIZES
from tf_elepose.cli import commands
from tf_elepose.storage import files

ENVIRONMENT = "environment"
"""Key of a variant's environment variables."""
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1"}
"""Several operations run at the same time, on one core each, instead of one operation on all cores."""

OURS = {
    "TensorFlow graph, float32": {},
    "TensorFlow XLA, float32": {"jit_compile": True},
    "TensorFlow graph, bfloat16": {"precision": "mixed_bfloat16"},
    "TensorFlow graph, bfloat16, one thread an operation": {"precision": "mixed_bfloat16", ENVIRONMENT: ONE_THREAD},
    "TensorFlow XLA, bfloat16": {"jit_compile": True, "precision": "mixed_bfloat16"},
}
THEIRS = {
    "PyTorch eager, float32": {},
    "PyTorch eager, float32, fused Adam": {"fused": True},
    "PyTorch compile, float32": {"compile": True, "fused": True},
    "PyTorch eager, bfloat16": {"half": True, "fused": True},
    "PyTorch compile, bfloat16": {"compile": True, "half": True, "fused": True},
}
"""Variants of PyTorch; the first is its default, the others are faster settings."""

# Programs for other processes: this process stays small and has no threads of libraries.
_WRITE = """
import sys, pathlib
from benchmarks.speed import step_task
width, batch_size = (int(text) or None for text in sys.argv[3:])
step_task.write_task(pathlib.Path(sys.argv[1]), sys.argv[2], width=width, batch_size=batch_size)
"""
_COMPARE = """
import json, sys
from benchmarks.train_step import compared
print(json.dumps(compared(sys.argv[1], sys.argv[2])))
"""


def define_flags() -> None:
    flags.DEFINE_integer("rounds", 7, "Number of measurements of every variant.", lower_bound=1)
    flags.DEFINE_float("seconds", 4.0, "Approximate seconds of a measurement; the number of steps follows from it.")
    flags.DEFINE_multi_enum("sizes", list(SIZES), SIZES, "Sizes of networks; benchmarks/speed/step_task.py lists them.")
    pytorch_flag.define()
    flags.DEFINE_multi_string("variants", [], "Measure only variants whose name contains one of these texts.")
    flags.DEFINE_integer("width", 0, "Width of all hidden layers; that of the size when 0. For trials.")
    flags.DEFINE_integer("batch_size", 0, "Poses in a batch; that of the size when 0. For trials.")
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    from tf_elepose.cli.provenance import provenance

    options = flags.FLAGS
    pathlib.Path(options.results).mkdir(parents=True, exist_ok=True)
    theirs = pytorch_flag.found()
    variants = {name: arguments for name, arguments in {**OURS, **(THEIRS if theirs else {})}.items() if _wanted(name)}
    rows, parity, facts = [], {}, {}
    with tempfile.TemporaryDirectory() as name:
        for size in options.sizes:
            path = pathlib.Path(name) / f"{size}.npz"
            _python(_WRITE, path, size, options.width, options.batch_size)
            if theirs:
                parity[size] = json.loads(_python(_COMPARE, path, options.torch_python))
                print(f"{size}: terms and gradients of the two implementations differ by {parity[size]}", flush=True)
            measured, said = measure(path, variants, options.rounds, options.seconds, options.torch_python)
            facts |= said
            rows += [{"size": size, **row} for row in measured]
    made = {"rounds": options.rounds, "rows": rows, "parity": parity, "limits": limits.gemm_peaks(), **provenance()}
    made["versions"] |= facts
    files.write_json(pathlib.Path(options.results) / "train_step.json", made)
    return 0


def measure(
    path: pathlib.Path, variants: Mapping[str, Mapping[str, Any]], rounds: int, seconds: float, torch_python: str
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """A row for each variant, and the versions of the libraries."""
    settings = _settings(path)
    with contextlib.ExitStack() as stack:
        workers, steps, versions = {}, {}, {}
        for name, arguments in variants.items():
            is_ours = name in OURS
            options = {key: value for key, value in arguments.items() if key != ENVIRONMENT}
            workers[name] = stack.enter_context(turns.Worker(
                "benchmarks.speed.step_worker" if is_ours else "benchmarks.pytorch.step_worker",
                str(path), json.dumps(options), python=sys.executable if is_ours else torch_python,
                **arguments.get(ENVIRONMENT, {}),
            ))  # fmt: skip
            versions |= {key: value for key, value in workers[name].facts.items() if key == "torch"}
            for _ in range(2):  # The first call of a loop may trace it once more.
                taken = workers[name].ask("run", steps=3)["seconds"]
            steps[name] = max(3, round(seconds * 3 / taken))
            print(f"{name}: first step after {workers[name].started_s:.1f} s", flush=True)

        def rate(name: str) -> float:
            taken = workers[name].ask("run", steps=steps[name])["seconds"]
            return settings["batch_size"] * steps[name] / taken

        rates = turns.in_turn({name: lambda _, name=name: rate(name) for name in variants}, rounds)
        memory = {name: worker.ask("memory")["memory_mb"] for name, worker in workers.items()}
    base = rates[base_of(variants)]
    rows = [
        {
            "variant": name,
            "width": settings["size"]["width"],
            "batch_size": settings["batch_size"],
            "samples_per_second": round(statistics.median(rates[name])),
            "lowest": round(min(rates[name])),
            "highest": round(max(rates[name])),
            "ratio": round(turns.median_ratio(rates[name], base), 2),
            "first_step_s": round(workers[name].started_s, 1),
            "memory_mb": round(memory[name]),
            "gflops": round(statistics.median(rates[name]) * settings["operations"] / 1e9, 1),
        }
        for name in variants
    ]
    for row in rows:
        print(row, flush=True)
    return rows, versions


def base_of(variants: Mapping[str, Any]) -> str:
    """The variant that ratios are relative to: PyTorch's default, or the first variant if PyTorch is left out."""
    plain = next(iter(THEIRS))
    return plain if plain in variants else next(iter(variants))


def compared(task: str, torch_python: str) -> dict[str, float]:
    """The largest differences of the two implementations, see `step_task.differences`."""
    from benchmarks.speed import step_task

    with tempfile.TemporaryDirectory() as name:
        perturbed, batch, said = (pathlib.Path(name) / f"{part}.npz" for part in ("task", "batch", "said"))
        ours = step_task.write_comparison(pathlib.Path(task), perturbed, batch)
        with turns.Worker("benchmarks.pytorch.step_worker", str(perturbed), "{}", python=torch_python) as worker:
            worker.ask("compare", path=str(batch), output=str(said))
        return step_task.differences(ours, files.read_npz(said))


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table."""
    peaks = results.get("limits", {})
    lines = [
        "| size | | samples/s, median (range) | ratio | GFLOP/s | of the matrix peak | first step, s | memory, MB |",
        "|---" * 8 + "|",
    ]
    for row in results["rows"]:
        rate = f"{row['samples_per_second']:,} ({row['lowest']:,} to {row['highest']:,})"
        size = f"{row['size']} ({row['width']}, batch {row['batch_size']:,})"
        peak = peaks.get("bfloat16" if "bfloat16" in row["variant"] else "float32")
        share = f"{100 * row['gflops'] / peak:.0f} %" if peak else ""
        lines.append(
            f"| {size} | {row['variant']} | {rate} | {row['ratio']:.2f} | {row['gflops']:.0f} | {share} | "
            f"{row['first_step_s']:.1f} | {row['memory_mb']:,} |"
        )
    for size, worst in results.get("parity", {}).items():
        lines += [
            "",
            f"Same batch, weights and random numbers, `{size}`: loss terms of the two programs differ by "
            f"{worst['terms']:.1g} of the largest, gradients by {worst['gradients']:.1g}.",
        ]
    return "\n".join(lines)


def _wanted(name: str) -> bool:
    parts = flags.FLAGS.variants
    return not parts or any(part in name for part in parts)


def _settings(path: pathlib.Path) -> dict[str, Any]:
    from benchmarks.speed import step_task

    settings, _, _ = step_task.read_task(path)
    return settings | {"operations": step_task.operations(settings)}


def _python(program: str, *arguments: Any) -> str:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=turns.ROOT)
    if done.returncode:
        raise ValueError(f"ended with status {done.returncode}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


if __name__ == "__main__":
    commands.run(main, define_flags)
