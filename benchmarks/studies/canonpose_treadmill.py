"""CanonPose on one clip of real detections: python -m benchmarks.studies.canonpose_treadmill --output=DIR

Trains configs/canonpose_treadmill.py in DIR, unless DIR has the model already, and lifts the test frames of each camera
with it and with the packaged models, whose training data have no treadmill. Writes
benchmarks/results/canonpose_treadmill.json.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

from absl import flags

from benchmarks.quality.rows import Row
from benchmarks.quality.training import train
from tf_elepose.cli import commands
from tf_elepose.data.recording import Recording
from tf_elepose.data.sources import load_source
from tf_elepose.evaluation.evaluation import evaluate_poses
from tf_elepose.inference.lifter import Lifter
from tf_elepose.pretrained import pretrained_models
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.storage import files

CONFIG = "configs/canonpose_treadmill.py"


def define_flags() -> None:
    flags.DEFINE_string("output", None, "Folder for the run.", required=True)
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    folder = pathlib.Path(flags.FLAGS.output)
    metrics = train(Row("CanonPose", CONFIG), folder)
    config = files.read_json(folder / "config.json")
    test = load_source(config["data"], H36M_17, check="off", **config["data_options"]).of_split("test")
    rows = [{"model": "CanonPose, trained on the first frames", **_chosen(metrics)}]
    rows += [{"model": f"`{name}`", **_chosen(lifted(Lifter(name), test))} for name in pretrained_models()]
    made = {key: metrics[key] for key in ("date", "hardware", "versions", "commit")}
    results = {"canonpose_treadmill": rows, "poses": len(test), "seconds": metrics["training_seconds"], **made}
    files.write_json(pathlib.Path(flags.FLAGS.results) / "canonpose_treadmill.json", results)
    print(markdown(results))
    return 0


def lifted(lifter: Lifter, test: Recording) -> dict[str, Any]:
    """A packaged model's figures on the frames that CanonPose is tested on."""
    predicted = lifter.lift_recording(test, poses_2d="detected")
    return evaluate_poses(test.skeleton, predicted.poses_3d, true_3d=test.poses_3d).summary()


def _chosen(summary: Mapping[str, Any]) -> dict[str, float]:
    return {key: summary[key] for key in ("pa_mpjpe_mm", "n_mpjpe_mm", "depth_correlation")}


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table."""
    lines = ["| | PA-MPJPE, mm | N-MPJPE, mm | depth correlation |", "|---|---|---|---|"]
    for row in results["canonpose_treadmill"]:
        lines.append(
            f"| {row['model']} | {row['pa_mpjpe_mm']:.1f} | {row['n_mpjpe_mm']:.1f} | {row['depth_correlation']:.2f} |"
        )
    note = f"{results['poses']} test poses of four cameras; {results['seconds']:.0f} s of training."
    return "\n".join([*lines, "", note])


if __name__ == "__main__":
    commands.run(main, define_flags)
