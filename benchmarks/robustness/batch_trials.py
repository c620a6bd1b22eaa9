"""Trials of batch lifting: python -m benchmarks.robustness.batch_trials [--poses=30000] [--kills=5]

An archive in all formats, in which one record in a hundred is damaged, is lifted without interruption. Every undamaged
record has to be lifted as `Lifter` lifts it, and only the damaged ones have to be dead letters, each with its reason.
The same job is then started several times, each time into a new folder, and all of its processes are killed with
SIGKILL at a random moment: up to a second after a random number of parts was written, the first time after none. The
same command, run again, has to make the same files, byte for byte. Exit status 1 when a claim does not hold. Writes
benchmarks/results/batch_trials.json.
"""

from __future__ import annotations

import pathlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags

from benchmarks.speed.processes import Group, measured_group
from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.storage import files

if TYPE_CHECKING:  # The pages show the results without Arrow.
    from benchmarks.speed.batch_archive import Archive

SHARE = 0.01
TOLERANCE = 1e-5
"""Largest difference of a coordinate, in unit scale."""


def define_flags() -> None:
    flags.DEFINE_string("data", "../shared/data/cmu_views.npz", "The views file whose poses are lifted.")
    flags.DEFINE_integer("poses", 60_000, "Number of poses in the archive.", lower_bound=1000)
    flags.DEFINE_string("model", "cmu", "Model that lifts: a name or a path.")
    flags.DEFINE_integer("kills", 5, "Number of jobs that are killed.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Seed for the choice of damaged records and of the moments of the kills.")
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    from benchmarks.speed.batch_archive import unaccounted, write_archive

    options = flags.FLAGS
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = pathlib.Path(name).resolve()
        poses = np.resize(files.read_npz(options.data)["poses_2d"], (options.poses, H36M_17.num_joints, 2))
        archive = write_archive(folder / "in", poses, H36M_17, shards=4, share=SHARE, seed=options.seed)
        whole = measured_group(_job(archive, folder / "whole", options.model))
        wrong = [
            *unaccounted(archive, folder / "whole"),
            *_not_as_lifted(archive, folder / "whole", poses, options.model),
        ]
        manifest = files.read_json(folder / "whole" / "manifest.json")
        parts = len(manifest["parts"])
        moments = [0, *sorted(rng.integers(1, parts, options.kills - 1).tolist())]
        kills = [
            _killed(archive, folder, options.model, number, least, float(rng.uniform(0.0, 1.0)))
            for number, least in enumerate(moments)
        ]
    results = {
        "batch_trials": kills, "poses": options.poses, "model": options.model, "spoilt": len(archive.damaged),
        "reasons": manifest["reasons"], "lifted": manifest["lifted"], "parts": parts, "wrong": len(wrong),
        "uninterrupted_s": whole["seconds"], **provenance(),
    }  # fmt: skip
    print(markdown(results))
    files.write_json(pathlib.Path(options.results) / "batch_trials.json", results)
    for problem in wrong[:20]:
        print(problem, file=sys.stderr)
    return int(bool(wrong) or not all(kill["same"] for kill in kills))


def _job(archive: Archive, output: pathlib.Path, model: str) -> list[str]:
    return [
        sys.executable, "-m", "tf_elepose.batch_lift", *(f"--input={given}" for given in archive.inputs),
        f"--output={output}", f"--model={model}", "--part_rows=1024", "--direct_running_mode=multi_processing",
        "--direct_num_workers=2",
    ]  # fmt: skip


def _not_as_lifted(archive: Archive, output: pathlib.Path, poses: np.ndarray, model: str) -> list[str]:
    """Problems of the lifted poses of a job; empty if there are none."""
    from benchmarks.speed.batch_archive import read_lifted
    from tf_elepose.batch.results import read_poses
    from tf_elepose.inference.lifter import Lifter

    table = read_lifted(output)
    valid, frames = table["valid"].to_numpy(), table["frame"].to_numpy()
    good = sorted(set(range(len(poses))) - archive.damaged_frames)
    if sorted(frames[valid].tolist()) != good:
        return [f"expected {len(good)} valid poses, each once; got {int(valid.sum())}, or others"]
    expected = Lifter(model)(poses, convention=H36M_17).poses_3d[frames[valid]]
    difference = float(np.abs(read_poses(table, H36M_17)[valid] - expected).max())
    return [] if difference <= TOLERANCE else [f"a coordinate differs by {difference:g}"]


def _killed(
    archive: Archive, folder: pathlib.Path, model: str, number: int, least: int, seconds: float
) -> dict[str, Any]:
    """Kills a job `seconds` after it has written `least` parts, runs it again, and returns what was found."""
    output = folder / f"killed{number}"
    group = Group(_job(archive, output, model), folder / "log")
    while len(list(output.glob("lifted/*.parquet"))) < least and group.wait(0.02) is None:
        pass
    ended = group.wait(seconds)
    group.kill()
    took = time.monotonic() - group.began
    parts = len(list(output.glob("lifted/*.parquet")))
    halves = len(list(output.rglob("*.partial")))
    complete = (output / "manifest.json").exists()
    again = measured_group(_job(archive, output, model))
    same = _parts(output) == _parts(folder / "whole") and not list(output.rglob("*.partial"))
    manifests = [files.read_json(path / "manifest.json") for path in (output, folder / "whole")]
    same &= all(manifests[0][key] == manifests[1][key] for key in ("parts", "records", "lifted", "reasons"))
    row = {
        "after_s": round(took, 1), "ended_before": ended is not None, "parts": parts, "half_written": halves,
        "complete": complete, "again_s": round(again["seconds"], 1), "same": same,
    }  # fmt: skip
    print(row, flush=True)
    return row


def _parts(output: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(output)): path.read_bytes() for path in sorted(output.rglob("*.parquet"))}


def markdown(results: Mapping[str, Any]) -> str:
    """The results as tables."""
    counts = Counter(results["reasons"])
    lines = ["| reason of dead letters | records |", "|---|---|"]
    lines += [f"| {reason} | {count:,} |" for reason, count in counts.most_common()]
    lines += [
        "",
        f"{results['poses']:,} records, {results['spoilt']:,} of them damaged; lifted: {results['lifted']:,}; "
        f"undamaged records lifted differently from `Lifter`, or damaged ones without their reason: "
        f"{results['wrong']}.",
        "",
        "| killed after | complete parts | half-written files | same files after the second run |",
        "|---|---|---|---|",
    ]
    for kill in results["batch_trials"]:
        same = "yes" if kill["same"] else "NO"
        lines.append(f"| {kill['after_s']:.1f} s | {kill['parts']} | {kill['half_written']} | {same} |")
    return "\n".join(
        [
            *lines,
            "",
            f"Uninterrupted, the job takes {results['uninterrupted_s']:.0f} s; it writes {results['parts']} parts.",
        ]
    )


if __name__ == "__main__":
    commands.run(main, define_flags)
