"""Speed of reading large files: python -m benchmarks.studies.convert [--poses=1000000]

Writes a COCO results file of this number of poses, converts it with the command a user would type, and opens a views
file with a fifth of them, all in a temporary folder (some GB of disk). Writes benchmarks/results/convert.json.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import flags

from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.skeleton.conventions import get_convention
from tf_elepose.storage import files

_TOGETHER = 10_000  # Poses made at a time.

_OPEN = """
import sys, time
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17
began = time.perf_counter()
load_source(sys.argv[1], H36M_17, check="off")
print(time.perf_counter() - began)
"""


def define_flags() -> None:
    flags.DEFINE_integer("poses", 1_000_000, "Number of poses in the COCO file.", lower_bound=10)
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    poses = flags.FLAGS.poses
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_coco(folder / "results.json", poses)
        command = [sys.executable, "-m", "tf_elepose.convert", f"coco:{folder}/results.json"]
        seconds, memory = measured([*command, f"--output={folder}/views.npz"])
        row = {"poses": poses, "file_mb": (folder / "results.json").stat().st_size / 2**20, "memory_mb": memory}
        rows = [{"what": "COCO results to views, check included", **row, "seconds": seconds}]
        print(rows[-1], flush=True)
        shrink(folder / "views.npz", folder / "fifth.npz", poses // 5)
        opened = [
            float(subprocess.run(
                [sys.executable, "-c", _OPEN, f"views:{folder}/fifth.npz"], check=True, capture_output=True, text=True
            ).stdout)
            for _ in range(3)
        ]  # fmt: skip
        row = {"poses": poses // 5, "file_mb": (folder / "fifth.npz").stat().st_size / 2**20}
        rows.append({"what": "views opened, median of three", **row, "seconds": sorted(opened)[1]})
        print(rows[-1], flush=True)
    results = pathlib.Path(flags.FLAGS.results)
    files.write_json(results / "convert.json", {"conversions": rows, **provenance()})
    return 0


def write_coco(path: pathlib.Path, poses: int) -> None:
    """Writes a results file of standing people, one pose an image."""
    rng = np.random.default_rng(0)
    joints = get_convention("coco_17").num_joints
    with path.open("w", encoding="utf-8") as file:
        for first in range(0, poses, _TOGETHER):
            count = min(_TOGETHER, poses - first)
            values = np.concatenate(
                [rng.normal(500.0, 120.0, (count, joints, 2)), rng.uniform(0.2, 1.0, (count, joints, 1))], axis=-1
            )
            lines = [
                f'{{"image_id":{first + i},"category_id":1,"keypoints":[{",".join(f"{v:.5f}" for v in pose)}],'
                f'"score":0.9}}'
                for i, pose in enumerate(values.reshape(count, -1))
            ]
            file.write("[" if first == 0 else ",\n")
            file.write(",\n".join(lines))
        file.write("]\n")


def shrink(source: pathlib.Path, target: pathlib.Path, rows: int) -> None:
    """Writes the first `rows` rows of a views file as another views file."""
    arrays = files.read_npz(source)
    fields = {name: array for name, array in arrays.items() if name not in ("keypoints", "image_size")}
    files.write_npz(target, {**arrays, **{name: array[:rows] for name, array in fields.items()}})


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory, MB, of a command, with its start-up."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # Otherwise Popen would assume that it still runs.
    if status:
        raise ValueError(f"{' '.join(command)}: ended with status {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table."""
    lines = ["| | poses | file, MB | seconds | peak memory, MB |", "|---|---|---|---|---|"]
    for row in results["conversions"]:
        memory = f"{row['memory_mb']:.0f}" if "memory_mb" in row else ""
        lines.append(f"| {row['what']} | {row['poses']:,} | {row['file_mb']:.0f} | {row['seconds']:.1f} | {memory} |")
    return "\n".join(lines)


if __name__ == "__main__":
    commands.run(main, define_flags)
