"""Speed of lifting: python -m benchmarks.speed.lift_speed [--poses=1000,100000,1000000]

Every packaged model lifts views files of these numbers of poses with the command a user would type, with start-up,
reading and writing, with and without likelihoods; and one pose at a time from Python. The poses are those of
../shared/data/cmu_views.npz, repeated as often as needed. Writes benchmarks/results/lift_speed.json.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import flags

from benchmarks.studies.convert import measured
from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.storage import files

REPEATS = 3
"""Runs of every command; the median counts."""

_SINGLE = 200  # Poses lifted one at a time.

_FIELDS = ("poses_2d", "subject", "action", "clip", "camera", "frame", "split")

# A program for another process, because the peak memory of a command is at least that of the process that starts it.
_REPEATED = """
import sys
from benchmarks.speed.lift_speed import write_poses
write_poses(sys.argv[1], sys.argv[2], int(sys.argv[3]))
"""


def define_flags() -> None:
    flags.DEFINE_string("data", "../shared/data/cmu_views.npz", "The views file whose poses are lifted.")
    flags.DEFINE_list("poses", ["1000", "100000", "1000000"], "Numbers of poses in the files.")
    flags.DEFINE_list("models", [], "Packaged models; all of them when empty.")
    flags.DEFINE_integer("repeats", REPEATS, "Number of runs of every command.", lower_bound=1)
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    from tf_elepose.pretrained import pretrained_models

    options = flags.FLAGS
    models = options.models or list(pretrained_models())
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for poses in map(int, options.poses):
            source = folder / f"{poses}.npz"
            subprocess.run([sys.executable, "-c", _REPEATED, options.data, source, str(poses)], check=True)
            for model in models:
                for likelihood in (True, False):
                    taken = lift_repeatedly(source, folder / "lifted.npz", model, likelihood, options.repeats)
                    rows.append({"model": model, "poses": poses, "likelihood": likelihood, **taken})
                    print(rows[-1], flush=True)
        single = [
            {"model": model, "likelihood": likelihood, "ms": one_at_a_time(options.data, model, likelihood, _SINGLE)}
            for model in models
            for likelihood in (True, False)
        ]
    print(*single, sep="\n")
    results = {"repeats": options.repeats, "commands": rows, "single": single, **provenance()}
    files.write_json(pathlib.Path(options.results) / "lift_speed.json", results)
    return 0


def write_poses(source: str, target: str, poses: int) -> None:
    """Writes a views file of the first `poses` rows of another, repeated if it has fewer."""
    arrays = files.read_npz(source)
    rows = np.arange(poses) % len(arrays["poses_2d"])
    fields = {name: arrays[name][rows] for name in _FIELDS}
    # A repetition is another clip, because a clip has one pose for each frame and camera.
    fields["clip"] = np.char.add(
        fields["clip"], np.char.add("-", (np.arange(poses) // len(arrays["poses_2d"])).astype(str))
    )
    files.write_npz(target, fields)


def lift_repeatedly(
    source: pathlib.Path, target: pathlib.Path, model: str, likelihood: bool, repeats: int
) -> dict[str, float]:
    """Median seconds and largest peak memory, MB, of the command."""
    command = [sys.executable, "-m", "tf_elepose.lift", f"views:{source}", f"--model={model}", f"--output={target}"]
    runs = [measured(command + ([] if likelihood else ["--nolikelihood"])) for _ in range(repeats)]
    seconds, memory = zip(*runs, strict=True)
    return {"seconds": float(np.median(seconds)), "memory_mb": max(memory)}


def one_at_a_time(data: str, model: str, likelihood: bool, poses: int) -> float:
    """Median milliseconds from the keypoints of one pose to `Lifted`."""
    from tf_elepose.inference.lifter import Lifter

    with commands.without_startup_messages():
        lifter = Lifter(model, likelihood=likelihood)
    keypoints = files.read_npz(data)["poses_2d"][:poses]
    taken = []
    for pose in keypoints:
        began = time.perf_counter()
        lifter(pose[np.newaxis], convention="h36m_17")
        taken.append(1e3 * (time.perf_counter() - began))
    return float(np.median(taken))


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table."""
    single = {(row["model"], row["likelihood"]): row["ms"] for row in results["single"]}
    lines = [
        "| model | poses | with likelihood | without | poses/s with | without | peak memory with | without |",
        "|---" * 8 + "|",
    ]
    rows = {(row["model"], row["poses"], row["likelihood"]): row for row in results["commands"]}
    for model, poses in dict.fromkeys((model, poses) for model, poses, _ in rows):
        both = [rows[model, poses, likelihood] for likelihood in (True, False)]
        cells = [f"{row['seconds']:.1f} s" for row in both]
        cells += [f"{poses / row['seconds']:,.0f}" for row in both]
        cells += [f"{row['memory_mb']:.0f} MB" for row in both]
        lines.append(f"| `{model}` | {poses:,} | {' | '.join(cells)} |")
    for model in dict.fromkeys(model for model, _ in single):
        cells = [f"{single[model, likelihood]:.2f} ms" for likelihood in (True, False)]
        lines.append(f"| `{model}` | 1, from Python, without start-up | {' | '.join(cells)} | | | | |")
    return "\n".join(lines)


if __name__ == "__main__":
    commands.run(main, define_flags)
