"""Errors with each way of scaling poses: python -m benchmarks.studies.body_size [--model=cmu]

Poses of the test split of ../shared/data/cmu_views.npz are lifted and scaled to the person's true chain of bones
(`tf_elepose.motion.body_size`; the median over the track) in three ways: each pose by its own chain, as `--height`
does; all poses of a track by the median of their chains; and each pose by its best scale. Writes
benchmarks/results/body_size.json.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import flags

from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.data.sources import load_source
from tf_elepose.evaluation.alignment import least_squares_scale, root_center
from tf_elepose.inference.lifter import Lifter
from tf_elepose.motion.body_size import chain_length
from tf_elepose.motion.lifted import Lifted
from tf_elepose.storage import files

KINDS = {"gt": "exact", "detected": "a simulated detector's"}


def define_flags() -> None:
    flags.DEFINE_string("data", "views:../shared/data/cmu_views.npz", "Views with true 3D poses.")
    flags.DEFINE_string("model", "cmu", "Model that lifts: a name or a path.")
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    options = flags.FLAGS
    with commands.without_startup_messages():
        lifter = Lifter(options.model, likelihood=False)
    test = load_source(options.data, lifter.skeleton, check="off").of_split("test")
    rows = []
    for kind in KINDS:
        rows.append({"poses": kind, **errors(lifter.lift_recording(test, poses_2d=kind), test.poses_3d)})
        print(rows[-1], flush=True)
    results = {"model": options.model, "scaled": rows, **provenance()}
    files.write_json(pathlib.Path(options.results) / "body_size.json", results)
    return 0


def errors(lifted: Lifted, poses_3d: Any) -> dict[str, Any]:
    """MPJPE, mm, of the valid lifted poses from true poses [N, J, 3] mm, with each way of scaling."""
    skeleton = lifted.skeleton
    valid = np.flatnonzero(lifted.valid)
    lifted, true = lifted.select(valid), root_center(np.asarray(poses_3d)[valid], skeleton.root_index)
    own, real = (chain_length(poses.astype(np.float64), skeleton) for poses in (lifted.poses_3d, true))
    body, usual = np.zeros(len(lifted)), np.zeros(len(lifted))
    for _, rows in lifted.tracks():
        body[rows], usual[rows] = np.median(real[rows]), np.median(own[rows])
    scales = {"pose": body / own, "track": body / usual, "best": least_squares_scale(lifted.poses_3d, true)}
    found = {
        f"{name}_mm": float(np.linalg.norm(lifted.poses_3d * scale[:, None, None] - true, axis=-1).mean())
        for name, scale in scales.items()
    }
    return {"count": len(lifted), **found}


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table."""
    lines = [
        f"| MPJPE of `{results['model']}`, mm, 2D poses | every pose by itself | the track's median | "
        "best scale for each pose |",
        "|---" * 4 + "|",
    ]
    for row in results["scaled"]:
        cells = [f"{row[f'{name}_mm']:.1f}" for name in ("pose", "track", "best")]
        lines.append(f"| {KINDS[row['poses']]}, {row['count']:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    commands.run(main, define_flags)
