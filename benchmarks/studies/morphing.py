"""The gain by moving a detector's joints: python -m benchmarks.studies.morphing

The simulated detections of ../shared/data/cmu_views.npz get the layout of a detector with COCO's joints: hips farther
out and up, root, spine and thorax computed from hips and shoulders, the head at the ears. A morphing network learns on
one subject where the data set puts these joints (`tf_elepose.morph`) and moves those of the other subjects. Writes
benchmarks/results/morphing.json.
"""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import flags

from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.data.recording import Recording
from tf_elepose.data.sources import load_source
from tf_elepose.recipes.morph import morph
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.storage import files

OUT, UP, TO_HEAD = 0.15, 0.10, 0.35
"""Moves of the hips, as shares of their distance and of the trunk, and of the head, as a share of nose to top."""


def define_flags() -> None:
    flags.DEFINE_string("data", "views:../shared/data/cmu_views.npz", "Views with exact and detected 2D poses.")
    flags.DEFINE_string("subject", "S01", "Subject whose poses the network learns from.")
    flags.DEFINE_float("epochs", 30.0, "Passes over the subject's poses.")
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    options = flags.FLAGS
    truth = load_source(options.data, H36M_17, check="off")
    started = time.monotonic()
    result, figures = morph(coco_like(truth), truth, [options.subject], width=256, epochs=options.epochs, seed=0)
    found = {
        "learnt_from": int((truth.subject == options.subject).sum()),
        "subject": options.subject,
        "seconds": time.monotonic() - started,
        "others": by_subject(coco_like(truth), result),
        **figures,
    }
    files.write_json(pathlib.Path(options.results) / "morphing.json", {**found, **provenance()})
    print(markdown(found))
    return 0


def coco_like(recording: Recording) -> Recording:
    """`recording` with its detections in the layout of COCO's joints."""
    assert recording.poses_2d_detected is not None  # `main` loads views with detections.
    skeleton, poses = recording.skeleton, recording.poses_2d_detected.copy()

    def at(joint: str) -> int:
        return skeleton.index(joint)

    given = poses.copy()
    across = given[:, at("l_hip")] - given[:, at("r_hip")]
    trunk = given[:, at("thorax")] - given[:, at("root")]
    for joint, sign in (("l_hip", 1.0), ("r_hip", -1.0)):
        poses[:, at(joint)] += sign * OUT * across + UP * trunk
    middles = {"root": ("l_hip", "r_hip"), "thorax": ("l_shoulder", "r_shoulder"), "spine": ("root", "thorax")}
    for joint, sources in middles.items():
        poses[:, at(joint)] = np.mean([poses[:, at(source)] for source in sources], axis=0)
    poses[:, at("head")] = given[:, at("nose")] + TO_HEAD * (given[:, at("head")] - given[:, at("nose")])
    return dataclasses.replace(recording, poses_2d_detected=poses)


def by_subject(detections: Recording, result: Recording) -> list[dict[str, Any]]:
    """Mean distance, px, of each subject's detected and moved joints from the exact ones."""
    rows = []
    for subject in np.unique(result.subject):
        there, moved = detections.select(detections.subject == subject), result.select(result.subject == subject)
        distances = [np.linalg.norm(r.poses_2d_detected - r.poses_2d, axis=-1).mean() for r in (there, moved)]
        rows.append({"subject": str(subject), "poses": len(moved)})
        rows[-1] |= {"before_px": float(distances[0]), "after_px": float(distances[1])}
    return rows


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table."""
    lines = ["| subject | poses | as detected, px | moved, px |", "|---|---|---|---|"]
    for row in results["others"]:
        lines.append(f"| {row['subject']} | {row['poses']:,} | {row['before_px']:.1f} | {row['after_px']:.1f} |")
    learnt = f"Learnt from {results['learnt_from']:,} poses of {results['subject']} in {results['seconds']:.0f} s."
    return "\n".join([*lines, "", learnt])


if __name__ == "__main__":
    commands.run(main, define_flags, tensorflow=True)
