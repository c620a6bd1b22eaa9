"""Speed of lifting archives on Beam's DirectRunner and by `lift`: python -m benchmarks.speed.batch_lift [--poses=N]

The poses of ../shared/data/cmu_views.npz, repeated, are in 16 shards. The batch job (two worker processes of one thread
each) and `python -m tf_elepose.lift` (one process, two threads) take turns on them. The time of the job for a handful
of poses is its start-up. All poses of both are compared. This needs some GB of disk, in a temporary folder. Writes
benchmarks/results/batch_lift.json.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import flags

from benchmarks.speed.lift_speed import write_poses
from benchmarks.speed.processes import measured_group
from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.storage import files

TOLERANCE = 1e-5
"""Largest difference of a coordinate from `lift`'s, in unit scale."""

LIMIT = 1.3
"""Largest ratio of the job's time without its start-up to `lift`'s time."""

PART_ROWS = 1 << 16
"""The default of --part_rows."""

SHARDS = 16
WORKERS = 2


def define_flags() -> None:
    flags.DEFINE_string("data", "../shared/data/cmu_views.npz", "The views file whose poses are lifted.")
    flags.DEFINE_integer("poses", 1_000_000, "Number of poses in the archive.", lower_bound=SHARDS)
    flags.DEFINE_string("model", "cmu", "Model that lifts: a name or a path.")
    flags.DEFINE_integer("repeats", 1, "Number of turns; the result is their median.", lower_bound=1)
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    options = flags.FLAGS
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = pathlib.Path(name)
        few, many = (_archive(folder, options.data, poses) for poses in (WORKERS, options.poses))
        turns = []
        for number in range(options.repeats):
            started = measured_group(_job(few, folder / f"few{number}", options.model))
            batch = measured_group(_job(many, folder / f"out{number}", options.model))
            lifted = folder / "lifted.npz"
            lift = measured_group(
                [sys.executable, "-m", "tf_elepose.lift", f"shards:{many}", f"--model={options.model}",
                 f"--output={lifted}"]
            )  # fmt: skip
            turns.append({"start": started, "batch": batch, "lift": lift})
            print(turns[-1], flush=True)
        difference = largest_difference(folder / "out0", lifted)
        size = sum(path.stat().st_size for path in (folder / "out0").rglob("*.parquet"))
    medians = {
        what: {key: float(np.median([turn[what][key] for turn in turns])) for key in turns[0][what]}
        for what in turns[0]
    }
    results = {
        "batch_lift": medians, "poses": options.poses, "model": options.model, "workers": WORKERS,
        "largest_difference": difference, "output_bytes_a_pose": size / options.poses,
        "turns": turns, **provenance(),
    }  # fmt: skip
    print(markdown(results))
    files.write_json(pathlib.Path(options.results) / "batch_lift.json", results)
    if difference > TOLERANCE:
        print(f"a coordinate differs by {difference:g}, more than {TOLERANCE:g}", file=sys.stderr)
    if (ratio := _ratios(medians)[0]) > LIMIT:
        print(f"the job takes {ratio:.2f} times as long as lift, more than {LIMIT:g}", file=sys.stderr)
    return int(difference > TOLERANCE or ratio > LIMIT)


def _ratios(runs: Mapping[str, Mapping[str, float]]) -> tuple[float, float]:
    """Ratios of the job's time and processor time, both without its start-up, to those of `lift`."""
    seconds, cpu = ((runs["batch"][k] - runs["start"][k]) / runs["lift"][k] for k in ("seconds", "cpu_s"))
    return seconds, cpu


def _archive(folder: pathlib.Path, data: str, poses: int) -> pathlib.Path:
    """Writes shards of `poses` poses and returns their folder."""
    source, target = folder / "poses.npz", folder / f"shards{poses}"
    write_poses(data, str(source), poses)
    command = [sys.executable, "-m", "tf_elepose.convert", f"views:{source}", f"--output={target}"]
    shards = min(SHARDS, poses)
    subprocess.run([*command, f"--shards={shards}", "--option=check=off"], check=True, stdout=subprocess.DEVNULL)
    source.unlink()
    return target


def _job(archive: pathlib.Path, output: pathlib.Path, model: str) -> list[str]:
    return [
        sys.executable, "-m", "tf_elepose.batch_lift", f"--input={archive}", f"--output={output}", f"--model={model}",
        "--direct_running_mode=multi_processing", f"--direct_num_workers={WORKERS}",
    ]  # fmt: skip


def largest_difference(output: pathlib.Path, lifted: pathlib.Path) -> float:
    """Largest difference between a coordinate of the job's poses and `lift`'s, both in the order of the shards.

    Infinite if their numbers, `valid`, clips or frames differ.
    """
    from benchmarks.speed.batch_archive import read_lifted
    from tf_elepose.batch.results import read_poses
    from tf_elepose.skeleton.skeletons import H36M_17

    theirs = files.read_npz(lifted)
    mine = read_lifted(output)
    if mine.num_rows != len(theirs["poses_3d"]):
        return float("inf")
    alike = (
        (mine["valid"].to_numpy() == theirs["valid"]).all()
        and (mine["frame"].to_numpy() == theirs["frame"]).all()
        and mine["clip"].to_pylist() == theirs["clip"].tolist()
    )
    return float(np.abs(read_poses(mine, H36M_17) - theirs["poses_3d"]).max()) if alike else float("inf")


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table."""
    runs, poses = results["batch_lift"], results["poses"]
    ratio, cpu_ratio = _ratios(runs)
    names = {
        "batch": f"batch job, {results['workers']} worker processes of one thread each",
        "lift": "`lift`, one process of two threads",
        "start": "the job's start-up, one pose for each worker",
    }
    lines = ["| | seconds | processor seconds | poses a second | peak memory, all processes |", "|---|---|---|---|---|"]
    for what, label in names.items():
        run = runs[what]
        rate = "" if what == "start" else f"{poses / run['seconds']:,.0f}"
        lines.append(f"| {label} | {run['seconds']:.1f} | {run['cpu_s']:.1f} | {rate} | {run['memory_mb']:,.0f} MB |")
    return "\n".join(
        [
            *lines,
            "",
            f"{poses:,} poses, model `{results['model']}`. Without its start-up, the job takes {ratio:.2f} "
            f"times as long as `lift`, and {cpu_ratio:.2f} times the processor time. "
            f"Largest difference of a coordinate: {results['largest_difference']:.1g}. "
            f"A lifted pose takes {results['output_bytes_a_pose']:.0f} bytes on the disk.",
            "",
            *_expected(results),
        ]
    )


def _expected(results: Mapping[str, Any]) -> list[str]:
    """A table for other sizes, computed from the measured one."""
    runs, workers = results["batch_lift"], results["workers"]
    each = (runs["batch"]["cpu_s"] - runs["start"]["cpu_s"]) / results["poses"]
    start = runs["start"]["cpu_s"] / workers
    lines = [
        "| poses | workers, one core each | least time | written | parts | memory of all workers |",
        "|---|---|---|---|---|---|",
    ]
    for poses, count in ((10**6, 2), (10**8, 16), (10**9, 16), (10**9, 100), (10**10, 100)):
        hours = (start + each * poses / count) / 3600
        duration = f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"
        size, memory = results["output_bytes_a_pose"] * poses / 1e9, count * runs["batch"]["memory_mb"] / workers / 1e3
        lines.append(
            f"| {poses:,} | {count} | {duration} | {size:,.1f} GB | {-(-poses // PART_ROWS):,} | {memory:.1f} GB |"
        )
    return lines


if __name__ == "__main__":
    commands.run(main, define_flags)
