"""Evaluate a trained model: python -m tf_elepose.evaluate --workdir=DIR [--data=SOURCE] [--option=key=value ...]

Prints a table; --output writes metrics.json, --figures an HTML report with its figures.
"""

from __future__ import annotations

import importlib.util
import pathlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import flags, logging

from tf_elepose.cli import commands, source_flags

if TYPE_CHECKING:  # They bring TensorFlow and Matplotlib.
    import numpy as np

    from tf_elepose.data.keypoints import Keypoints
    from tf_elepose.data.recording import Recording
    from tf_elepose.methods.pose_model import PoseModel


def define_flags() -> None:
    flags.DEFINE_string("workdir", None, "Folder of a finished run, or a model file in it.", required=True)
    flags.DEFINE_string("data", None, "SOURCE to evaluate on; that of the training when not given.")
    flags.DEFINE_string("split", None, "Split of the data; when not given test, or train where there is no test.")
    flags.DEFINE_enum(
        "poses_2d",
        None,
        ["gt", "detected"],
        "2D poses to lift, gt or detected; as in the config (test_poses_2d) when not given.",
    )
    flags.DEFINE_float(
        "min_confidence",
        None,
        "Joints with no higher confidence count as missing; the threshold of the training if not given.",
    )
    flags.DEFINE_float(
        "hidden_joints",
        None,
        "Joints to hide in every pose: a share below 1 or a number; that of the training if not given.",
    )
    flags.DEFINE_enum("hidden_half", None, ["legs", "torso"], "Half of every body to hide as a whole.")
    flags.DEFINE_string(
        "joints", None, "Joints that errors are averaged over: a protocol (mpi_inf_3dhp) or names; all if not given."
    )
    flags.DEFINE_string("output", None, "File for the figures as JSON.")
    flags.DEFINE_string("figures", None, "Folder for the HTML report and its figures.")
    source_flags.define_flags()
    flags.DEFINE_integer(
        "likelihood_views",
        None,
        "Number of projections that the likelihood of a pose is averaged over (100); 0 computes none.",
    )


def main(argv: list[str]) -> int:
    del argv
    from tf_elepose.cli.provenance import provenance
    from tf_elepose.data.missing import hide_half, hide_joints
    from tf_elepose.data.sources import load_source
    from tf_elepose.evaluation import depth_sign
    from tf_elepose.evaluation.evaluation import PROTOCOL_JOINTS
    from tf_elepose.recipes.config_parts import evaluated_kind
    from tf_elepose.storage import files
    from tf_elepose.training import workdir
    from tf_elepose.training.evaluator import LIKELIHOOD_VIEWS, evaluate_keypoints

    options = flags.FLAGS
    if options.figures and importlib.util.find_spec("matplotlib") is None:
        raise ValueError("--figures needs matplotlib, which comes with pip install 'tf_elepose[report]'")
    views = LIKELIHOOD_VIEWS if options.likelihood_views is None else options.likelihood_views
    if views < 0:
        raise ValueError(f"--likelihood_views must not be negative; got {views}")
    folder = pathlib.Path(options.workdir)
    method, trained = workdir.load_model_and_info(folder)
    config = files.read_json((folder if folder.is_dir() else folder.parent) / "config.json")
    source = options.data or config["data"]
    source_options = (config["data_options"] if source == config["data"] else {}) | source_flags.options_from_flags()
    kind = options.poses_2d or evaluated_kind(config)
    min_confidence = config.get("min_confidence", 0.0) if options.min_confidence is None else options.min_confidence
    hidden = config.get("hidden_joints", 0.0) if options.hidden_joints is None else options.hidden_joints
    joints = None if options.joints is None else PROTOCOL_JOINTS.get(options.joints, options.joints.split(","))
    recording = load_source(source, method.skeleton, **source_options)
    recording = hide_joints(recording, hidden, seed=config["seed"])
    recording = hide_half(recording, options.hidden_half) if options.hidden_half else recording
    split = options.split or ("test" if (recording.split == "test").any() else "train")
    recording = recording.of_split(split)
    # With the seed of the training, the figures on its data equal those of its metrics.json.
    keypoints = recording.view(kind, min_confidence)
    evaluation = evaluate_keypoints(
        method, recording, keypoints, joints=joints, likelihood_views=views, seed=config["seed"]
    )
    canonical, hips = _canonical(method, recording, keypoints)
    made = provenance()
    print(evaluation.table())
    if hips:
        print(f"Canonical hips of one moment's views: {hips['canonical_hips_std_mm']:.1f} mm from their mean (sd)")
    if options.output:
        output = pathlib.Path(options.output)
        output.parent.mkdir(parents=True, exist_ok=True)
        summary = evaluation.summary()
        verdict = depth_sign.sign_verdict(summary)
        facts = {"model": str(folder), "data": source, "split": split, "poses_2d": origin_of(recording, kind)}
        facts |= {"min_confidence": min_confidence, "hidden_joints": hidden, "joints": options.joints or "all", **made}
        facts |= {"hidden_half": options.hidden_half} if options.hidden_half else {}
        files.write_json(output, {**summary, **hips, "depth_sign": verdict, **facts})
    if options.figures:
        from tf_elepose.report.report import write_report

        origin = ORIGINS[origin_of(recording, kind)]
        facts = {"Model": str(folder), "Data": source, "Split": split, "2D poses": origin}
        facts |= {"Trained": in_words(trained), "Evaluated": in_words(made)}
        page = write_report(
            pathlib.Path(options.figures),
            evaluation,
            recording.skeleton,
            title=f"{method.title} on {recording.source}",
            history=_history(folder),
            facts=facts,
            canonical=canonical,
            hips_deviation_mm=hips.get("canonical_hips_std_mm"),
            poses_2d=_only_seen(keypoints)[slice(None) if evaluation.rows is None else evaluation.rows],
        )
        print(f"report: {page}", file=sys.stderr)
    return 0


ORIGINS = {
    "gt": "true (gt)",
    "detected": "a detector's",
    "given": "as in the source, which does not say where they come from",
}
"""{word in metrics.json for where 2D poses come from: the words on the page of figures}."""


def origin_of(recording: Recording, kind: str) -> str:
    """Says where the 2D poses of a kind come from, as one of `ORIGINS`.

    If a source has only one array of 2D poses, "gt" means this array. With confidences, the poses are a detector's.
    Without confidences and without 3D poses, they may be a detector's.
    """
    if kind == "detected" or recording.poses_2d_detected is not None:
        return kind
    if recording.confidence is not None:
        return "detected"
    return "gt" if recording.poses_3d is not None else "given"


def _only_seen(keypoints: Keypoints) -> np.ndarray:
    """The 2D poses [N, J, 2] with NaN for joints that are not seen."""
    import numpy as np

    return np.where(keypoints.seen[..., np.newaxis], keypoints.pixels, np.nan)


def in_words(values: Mapping[str, Any]) -> str:
    """Plain values for a reader, one a line: {"training_seconds": 2.5} is "training seconds: 2.5"."""

    def text(value: Any) -> str:
        if isinstance(value, Mapping):
            return ", ".join(f"{key} {text(inner)}" for key, inner in value.items())
        return ", ".join(map(text, value)) if isinstance(value, (list, tuple)) else str(value)

    return "\n".join(f"{key.replace('_', ' ')}: {text(value)}" for key, value in values.items())


def _canonical(
    method: PoseModel, recording: Recording, keypoints: Keypoints
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """{camera: canonical pose [J, 3] mm} of the middle one of the moments that most cameras see, and the deviation of
    the hips between the views of all moments; both empty where there are none.
    """
    import numpy as np

    from tf_elepose.recipes.canonpose.canonical_space import canonical_poses, hips_deviation

    if not method.has_canonical or recording.poses_3d is None or len(set(recording.camera.tolist())) < 2:
        return {}, {}
    try:
        found, poses = canonical_poses(method, recording, keypoints)
    except ValueError as error:  # No two rows are of one moment, or nobody says who is who across the cameras.
        logging.warning("canonical poses of one moment's views are not compared: %s", error)
        return {}, {}
    count = np.isfinite(poses).all(axis=(2, 3)).sum(axis=1)
    most = np.flatnonzero(count == count.max())
    named = {
        f"camera {camera}": pose
        for camera, pose in zip(found.cameras, poses[most[len(most) // 2]], strict=True)
        if np.isfinite(pose).all()
    }
    deviation = hips_deviation(poses, recording.skeleton)
    return named, {"canonical_hips_std_mm": deviation} if np.isfinite(deviation) else {}


def _history(folder: pathlib.Path) -> dict[str, list[Mapping[str, Any]]]:
    """{phase: rows} of a run's metrics.jsonl."""
    from tf_elepose.training.metric_log import read_metric_log

    history: dict[str, list[Mapping[str, Any]]] = {}
    for row in read_metric_log(folder / "metrics.jsonl") if (folder / "metrics.jsonl").exists() else []:
        history.setdefault(row.get("phase", "training"), []).append(row)
    return history


if __name__ == "__main__":
    commands.run(main, define_flags, tensorflow=True)
