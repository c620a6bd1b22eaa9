"""Latency and throughput of every format: python -m benchmarks.inference [--torch_python=PATH]

One model (see speed/inference_files.py) as Keras, SavedModel, TFLite in four precisions, ONNX and PyTorch, each in
its own process with one thread and with two. They take turns. The limit for batch 1 is the bandwidth at which weights
can be read, for larger batches the processor's arithmetic; both are measured in the same run (robustness/limits.py).
Then the same file of poses is lifted from the shell by `tf_elepose.lift` and by a PyTorch program. Writes
benchmarks/results/inference.json.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import flags

from benchmarks import pytorch_flag, turns
from benchmarks.robustness import limits
from benchmarks.speed.inference_worker import SIGNATURE
from benchmarks.speed.step_task import SIZES
from benchmarks.studies.convert import measured
from tf_elepose.cli import commands
from tf_elepose.storage import files

THREADS = (1, 2)
PRECISIONS = {"float32": 4.0, "float16": 2.0, "int8_dynamic": 1.0, "int8": 1.0}
"""TFLite's precisions, and the bytes of a weight in each."""

_SHELL_BATCH = 5000  # Poses that are written at a time.


def define_flags() -> None:
    flags.DEFINE_multi_enum(
        "sizes",
        ["paper", "code", "default"],
        SIZES,
        "Sizes of networks to measure; benchmarks/speed/step_task.py lists them.",
    )
    flags.DEFINE_integer("rounds", 5, "Number of turns of every variant.", lower_bound=1)
    flags.DEFINE_list("batches", ["1", "256", "4096"], "Batch sizes: poses in one call.")
    flags.DEFINE_integer(
        "repeats", 100, "Calls with one pose in a turn; larger batches are called less often.", lower_bound=1
    )
    flags.DEFINE_list("poses", ["1000", "100000"], "Number of poses in the files that the command lifts.")
    pytorch_flag.define()
    flags.DEFINE_integer("width", 0, "Width of all hidden layers; that of the size when 0. For trials.")
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    from tf_elepose.cli.provenance import provenance

    options = flags.FLAGS
    pathlib.Path(options.results).mkdir(parents=True, exist_ok=True)
    torch_python = pytorch_flag.found()
    rows, shell, limit_rows = [], [], []
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            command = [sys.executable, "-m", "benchmarks.speed.inference_files", size, name, str(options.width)]
            done = subprocess.run(command, cwd=turns.ROOT, capture_output=True, text=True)
            if done.returncode:
                raise ValueError(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1]}")
            parameters = parameters_of(folder / "task.npz")
            batches = [int(batch) for batch in options.batches]
            found = measure(folder, batches, options.rounds, options.repeats, torch_python)
            limit_rows.append({"size": size, "parameters": parameters, **machine_limits(4 * parameters)})
            rows += [{"size": size, **row} for row in found]
            shell += [{"size": size, **row} for row in from_shell(folder, options, torch_python)]
    made = {"rounds": options.rounds, "inference": rows, "limits": limit_rows, "shell": shell, **provenance()}
    files.write_json(pathlib.Path(options.results) / "inference.json", made)
    return 0


def parameters_of(task: pathlib.Path) -> int:
    """The number of weights in the lifter's matrices: one pose reads each once, for two operations."""
    weights = files.read_npz(task)
    return sum(values.size for name, values in weights.items() if "/lifter/" in name and name.endswith("/kernel"))


def machine_limits(weight_bytes: int) -> dict[str, dict[str, float]]:
    """GEMM peaks, GFLOP/s, and GB/s of reading matrices of float32, float16 and int8, by the number of threads."""
    found = {}
    for threads in THREADS:
        with limits.worker(threads) as worker:
            found[str(threads)] = worker.ask("gemm") | {
                f"read_{width}": worker.ask("read", size=int(weight_bytes * width / 4))["gb_per_s"]
                for width in (4, 2, 1)
            }
    return found


def variants(folder: pathlib.Path, torch_python: str | None) -> dict[str, dict[str, Any]]:
    """{name: its module, arguments and file}."""
    ours = {
        "Keras, tf.function": ("keras", "model.npz"),
        "SavedModel signature": ("saved_model", "saved_model/1"),
        **{f"TFLite, {p}": ("tflite", f"tflite/{SIGNATURE}_{p}_batch.tflite") for p in PRECISIONS},
        "onnxruntime": ("onnx", f"onnx/{SIGNATURE}.onnx"),
    }
    found = {}
    for threads in THREADS:
        for name, (kind, file) in ours.items():
            found[f"{name}, {threads}"] = {
                "module": "benchmarks.speed.inference_worker",
                "kind": kind,
                "file": folder / file,
            }
        for kind in ("eager", "trace", "compile") if torch_python else ():
            found[f"PyTorch {kind}, {threads}"] = {
                "module": "benchmarks.pytorch.inference_worker", "kind": kind, "file": folder / "task.npz",
                "python": torch_python,
            }  # fmt: skip
    return found


def measure(
    folder: pathlib.Path, batches: list[int], rounds: int, repeats: int, torch_python: str | None
) -> list[dict[str, Any]]:
    """A row a variant and number of threads."""
    wanted = variants(folder, torch_python)
    truth = None
    rows = []
    with contextlib.ExitStack() as stack:
        workers = {}
        for name, what in wanted.items():
            threads = name.rpartition(", ")[2]
            workers[name] = stack.enter_context(turns.Worker(
                what["module"], what["kind"], str(what["file"]), str(folder / "inputs.npz"), threads,
                python=what.get("python", sys.executable),
            ))  # fmt: skip
        differs = {}
        for name, worker in workers.items():
            worker.ask("answer", batch=64, output=str(folder / "said.npy"))
            said = np.load(folder / "said.npy")
            truth = said if truth is None else truth
            differs[name] = float(np.abs(said - truth).max())
        taken: dict[str, dict[int, list[float]]] = {name: {} for name in workers}
        for batch in batches:
            count = max(2, round(repeats / max(1, batch) ** 0.5))
            asked = {"batch": batch, "repeats": count}
            works = {name: functools.partial(_times, worker, asked) for name, worker in workers.items()}
            for name, parts in turns.in_turn(works, rounds).items():
                taken[name][batch] = [ms for part in parts for ms in part]
            print(batch, {name: round(float(np.median(taken[name][batch])), 3) for name in workers}, flush=True)
        for name, worker in workers.items():
            kind, _, threads = name.rpartition(", ")
            path = wanted[name]["file"]
            size = sum(p.stat().st_size for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file())
            rows.append({
                "variant": kind, "threads": int(threads), "file_mb": size / 2**20,
                "load_s": worker.facts["load_s"], "memory_mb": worker.ask("memory")["memory_mb"],
                "largest_difference": differs[name],
                "batches": {
                    str(batch): {
                        "p50_ms": float(np.percentile(values, 50)), "p95_ms": float(np.percentile(values, 95)),
                        "poses_per_s": 1e3 * batch / float(np.median(values)),
                    }
                    for batch, values in taken[name].items()
                },
            })  # fmt: skip
    return rows


def _times(worker: turns.Worker, asked: Mapping[str, int], number: int) -> list[float]:
    del number
    return worker.ask("run", **asked)["ms"]


def from_shell(folder: pathlib.Path, options: Any, torch_python: str | None) -> list[dict[str, Any]]:
    """Seconds and memory of lifting files of poses from the shell; the two programs take turns."""
    rows = []
    for poses in map(int, options.poses):
        write_views(folder / "inputs.npz", folder / "views.npz", poses)
        programs = {
            "tf_elepose.lift": [
                sys.executable, "-m", "tf_elepose.lift", f"views:{folder}/views.npz", f"--model={folder}/bundle",
                f"--output={folder}/ours.npz",
            ],
            "PyTorch program": [
                torch_python, "-m", "benchmarks.pytorch.lift", folder / "task.npz", folder / "views.npz",
                folder / "theirs.npz",
            ],
        }  # fmt: skip
        if torch_python is None:
            del programs["PyTorch program"]
        found = turns.in_turn(
            {name: lambda _, command=command: measured(list(map(str, command))) for name, command in programs.items()},
            min(3, options.rounds),
        )
        for name, runs in found.items():
            seconds, memory = zip(*runs, strict=True)
            rows.append(
                {"program": name, "poses": poses, "seconds": float(np.median(seconds)), "memory_mb": max(memory)}
            )
            print(rows[-1], flush=True)
    return rows


def write_views(inputs: pathlib.Path, target: pathlib.Path, poses: int) -> None:
    """Writes a views file of `poses` of the inputs' poses, in clips of a thousand frames."""
    keypoints = files.read_npz(inputs)["keypoints"]
    rows = np.arange(poses)
    text = {name: np.full(poses, "a") for name in ("subject", "action")} | {"split": np.full(poses, "test")}
    fields = {"clip": np.char.mod("%d", rows // 1000), "frame": rows % 1000, "camera": np.zeros(poses, np.int32)}
    files.write_npz(target, {"poses_2d": keypoints[rows % len(keypoints)], **text, **fields})


def bytes_a_weight(variant: str) -> float:
    """Bytes of a weight in memory; TFLite's float16 files are unpacked to float32 when they are opened."""
    return 1.0 if "int8" in variant else 4.0


def markdown(results: Mapping[str, Any]) -> str:
    """The results as tables."""
    lines = []
    limit_of = {row["size"]: row for row in results["limits"]}
    for size, machine in limit_of.items():
        rows = [row for row in results["inference"] if row["size"] == size]
        batches = list(rows[0]["batches"])
        lines += [f"Size `{size}`, {machine['parameters'] / 1e6:.2f} million weights in matrices:", ""]
        lines.append(
            "| | threads | file, MB | load, s | memory, MB | one pose p50 / p95, ms | of the bandwidth | "
            + " | ".join(f"batch {int(batch):,}, poses/s | of the GEMM peak" for batch in batches[1:]) + " |"
        )  # fmt: skip
        lines.append("|---" * (7 + 2 * (len(batches) - 1)) + "|")
        for row in rows:
            lines.append(_line(row, machine))
        lines.append("")
        for threads in map(str, THREADS):
            told = machine[threads]
            lines.append(
                f"{threads} thread{'s' if threads != '1' else ''}: GEMM peak {told['float32']:.0f} GFLOP/s float32, "
                f"{told['bfloat16']:.0f} bfloat16; these weights are read at {told['read_4']:.1f} GB/s as float32, at "
                f"{told['read_1']:.1f} GB/s as int8."
            )
        lines.append("")
    lines += ["| from the shell | size | poses | seconds | memory, MB |", "|---|---|---|---|---|"]
    for row in results["shell"]:
        lines.append(
            f"| {row['program']} | {row['size']} | {row['poses']:,} | {row['seconds']:.2f} | {row['memory_mb']:.0f} |"
        )
    return "\n".join(lines)


def _line(row: Mapping[str, Any], machine: Mapping[str, Any]) -> str:
    told, width = machine[str(row["threads"])], bytes_a_weight(row["variant"])
    first, *rest = row["batches"].values()
    share = width * machine["parameters"] / (1e6 * first["p50_ms"]) / told[f"read_{width:.0f}"]
    cells = [
        row["variant"], str(row["threads"]), f"{row['file_mb']:.1f}", f"{row['load_s']:.2f}",
        f"{row['memory_mb']:.0f}", f"{first['p50_ms']:.3f} / {first['p95_ms']:.3f}", f"{100 * share:.0f} %",
    ]  # fmt: skip
    for batch in rest:
        gflops = 2e-9 * machine["parameters"] * batch["poses_per_s"]
        cells += [f"{batch['poses_per_s']:,.0f}", f"{100 * gflops / told['float32']:.0f} %"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    commands.run(main, define_flags)
