"""Errors of the packaged models: python -m benchmarks.studies.pretrained [--bundle=DIR]

Lifts the test split of ../shared/data/cmu_views.npz (exact, detected, joints hidden) and the treadmill recording with
every model that comes with the package, and, with --bundle, with every precision of a complete export. Writes
benchmarks/results/pretrained.json; `python -m benchmarks.pages` makes the page and the model cards from it.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import flags

from benchmarks.studies import treadmill
from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.data.missing import hide_joints
from tf_elepose.data.sources import load_source
from tf_elepose.evaluation import depth_sign
from tf_elepose.evaluation.evaluation import evaluate_poses
from tf_elepose.inference.lifter import Lifter
from tf_elepose.inference.tflite_model import PRECISIONS
from tf_elepose.pretrained import pretrained_models
from tf_elepose.skeleton.skeletons import get_skeleton
from tf_elepose.storage import files

HIDDEN = 0.2


def define_flags() -> None:
    flags.DEFINE_string("data", "views:../shared/data/cmu_views.npz", "The views whose test split is lifted.")
    flags.DEFINE_string(
        "bundle", None, "Complete export of the first model; the error of each of its precisions is measured."
    )
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    test = load_source(flags.FLAGS.data, get_skeleton("h36m_17"), check="off").of_split("test")
    walker = treadmill.load()
    rows = []
    for name, folder in pretrained_models().items():
        sizes = {path.stem: path.stat().st_size for path in sorted(folder.rglob("*.tflite"))}
        rows.append({"model": name, "bytes": sizes, **accuracy(Lifter(name), test, walker)})
        print(rows[-1], flush=True)
    precisions = []
    for precision in PRECISIONS if flags.FLAGS.bundle else ():
        predicted = Lifter(flags.FLAGS.bundle, precision=precision).lift_recording(test, poses_2d="gt")
        precisions.append({"precision": precision, "pa_mpjpe_mm": _pa(predicted, test)})
        print(precisions[-1], flush=True)
    floor = float(np.mean([treadmill.pa_mpjpe(walker.agreeing, given).mean() for given in walker.given]))
    results = {
        "pretrained": rows,
        "precisions": precisions,
        "treadmill_agreeing_against_given_mm": floor,
        "treadmill_swapped": int(walker.swapped.sum()),
        **provenance(),
    }
    files.write_json(pathlib.Path(flags.FLAGS.results) / "pretrained.json", results)
    return 0


def accuracy(lifter: Lifter, test: Any, walker: treadmill.Treadmill) -> dict[str, Any]:
    """A model's errors on the test split and on the treadmill."""
    found: dict[str, Any] = {}
    for kind, recording, poses_2d in (
        ("exact", test, "gt"), ("detected", test, "detected"), ("hidden", hide_joints(test, HIDDEN, seed=0), "gt"),
    ):  # fmt: skip
        predicted = lifter.lift_recording(recording, poses_2d=poses_2d)
        summary = evaluate_poses(
            test.skeleton, predicted.poses_3d, true_3d=test.poses_3d, elevation=predicted.elevation,
            true_elevation=test.elevation, nll=None if predicted.percentile is None else -predicted.percentile,
        ).summary()  # fmt: skip
        keys = ("pa_mpjpe_mm", "n_mpjpe_mm", "pck_150", "elevation_correlation", "nll_pa_spearman")
        found[kind] = {key: summary[key] for key in keys if key in summary}
    cameras = []
    for camera, (view, given) in enumerate(zip(walker.views, walker.given, strict=True)):
        row: dict[str, Any] = {"camera": camera + 1}
        for sides in ("keep", "repair"):
            predicted = lifter.lift_recording(view, sides=sides)
            row[f"given_{sides}"] = float(treadmill.pa_mpjpe(predicted.poses_3d, given).mean())
            row[f"agreeing_{sides}"] = float(treadmill.pa_mpjpe(predicted.poses_3d, walker.agreeing).mean())
            row[f"undisturbed_{sides}"] = float(treadmill.pa_mpjpe(predicted.poses_3d, given)[~walker.swapped].mean())
        summary = evaluate_poses(test.skeleton, predicted.poses_3d, true_3d=view.poses_3d).summary()
        row["depth_sign"] = depth_sign.sign_verdict(summary)
        row["percentile"] = None if predicted.percentile is None else float(np.median(predicted.percentile))
        cameras.append(row)
    return found | {"treadmill": cameras}


def _pa(predicted: Any, test: Any) -> float:
    return float(evaluate_poses(test.skeleton, predicted.poses_3d, true_3d=test.poses_3d).summary()["pa_mpjpe_mm"])


def markdown(results: Mapping[str, Any]) -> str:
    """The results as tables."""
    lines = [
        "| | files, MB | exact 2D | detected 2D | a fifth of the joints hidden | elevation correlation, exact 2D | "
        "percentile to PA-MPJPE, Spearman, detected 2D |",
        "|---" * 7 + "|",
    ]
    for row in results["pretrained"]:
        errors = " | ".join(
            f"{row[kind]['pa_mpjpe_mm']:.1f} / {row[kind]['n_mpjpe_mm']:.1f}"
            for kind in ("exact", "detected", "hidden")
        )
        spearman = row["detected"].get("nll_pa_spearman")
        rank = "" if spearman is None else f"{spearman:.2f}"
        sizes = " + ".join(f"{size / 1e6:.2f}" for size in row["bytes"].values())
        lines.append(
            f"| `{row['model']}` | {sizes} | {errors} | {row['exact']['elevation_correlation']:.2f} | {rank} |"
        )
    lines += [
        "",
        "Files: with and without likelihoods. Errors are PA-MPJPE / N-MPJPE, mm, on the test split of the CMU views.",
        "",
    ]
    lines += [
        "| treadmill, PA-MPJPE, mm | " + " | ".join(f"camera {n}" for n in range(1, 5)) + " | mean |", "|---" * 6 + "|",
    ]  # fmt: skip
    kinds = {
        "given_keep": "against the given reference",
        "given_repair": "the same, `--sides=repair`",
        "undisturbed_repair": "the same, only moments without swapped sides",
        "agreeing_repair": "against sides as the views agree, `--sides=repair`",
    }
    for row in results["pretrained"]:
        for key, words in kinds.items():
            values = [camera[key] for camera in row["treadmill"]]
            cells = " | ".join(f"{value:.0f}" for value in (*values, np.mean(values)))
            lines.append(f"| `{row['model']}`, {words} | {cells} |")
        signs = " | ".join(camera["depth_sign"] for camera in row["treadmill"])
        lines.append(f"| `{row['model']}`, depth sign | {signs} | |")
    floor, swapped = results["treadmill_agreeing_against_given_mm"], results["treadmill_swapped"]
    lines += [
        "",
        f"In {swapped} of 100 moments the detector swapped left and right in one camera, so the given "
        "reference is wrong for all cameras: even the poses triangulated with the sides on which the four views agree "
        f"are {floor:.0f} mm from it, in the mean of all moments and cameras.",
    ]
    if results["precisions"]:
        whole = results["precisions"][0]["pa_mpjpe_mm"]
        lines += ["", "| precision | PA-MPJPE, mm | difference from float32, mm |", "|---|---|---|"]
        lines += [
            f"| {row['precision']} | {row['pa_mpjpe_mm']:.2f} | {row['pa_mpjpe_mm'] - whole:+.2f} |"
            for row in results["precisions"]
        ]
    return "\n".join(lines)


def card(results: Mapping[str, Any], name: str, facts: Mapping[str, Any]) -> str:
    """The model card of one packaged model; `facts` is its metadata.json."""
    row = next(row for row in results["pretrained"] if row["model"] == name)
    of_one = {**results, "pretrained": [row], "precisions": []}
    return f"""# {name}

Lifts 2D keypoints of one person to 3D: `python -m tf_elepose.lift INPUT --model={name} --output=poses.npz`.

- **Made by** configs/pretrained.py of tf_elepose: a student of an ElePose (Wandt, Little, Rhodin, CVPR 2022) that was
  trained on 2D poses alone. No 3D label was used.
- **Data**: {facts["data"]}
- **Licence**: Apache-2.0, with the terms of the data.
- **In**: keypoints of any convention that the package knows, converted to {facts["convention"]}; any scale; joints may
  be missing.
- **Out**: poses in the camera's frame, {facts["axes"]}, root at the origin, about one unit from root to head; the
  camera's elevation; how usual the pose is among the training poses.
- **Limits**: the training data are a handful of adults in everyday motion and sports, without lying people, children,
  wheelchairs, animals, or cameras that look steeply up or down. The model does not predict where a body stands, how
  large it is and how limbs are twisted. Not for decisions about people's health or safety. A low percentile means that
  a pose is unlike the training poses.

{markdown(of_one)}
"""


if __name__ == "__main__":
    commands.run(main, define_flags)
