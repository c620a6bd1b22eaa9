"""The possible gain by a detector's confidences: python -m benchmarks.robustness.detector_noise [--workdir=DIR]

Measures, on views with exact and detected 2D poses (../shared/data/cmu_views.npz), how detection errors depend on the
confidence, how much more exact the best linear weights could make a mean than equal weights, and the error of the hips
in one camera, at the body's true distance. With --workdir, also the errors of a model trained on the detections, on the
test split, with and without the joints of low confidence. Writes benchmarks/results/detector_noise.json.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import flags

from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.data.recording import Recording
from tf_elepose.data.sources import load_source
from tf_elepose.evaluation import metrics
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.storage import files

DOUBTED = 0.5
"""Joints with no higher confidence are left out."""

FAR_PX = 25.0
"""Errors above this are gross mistakes; the detector's noise is smaller."""

HIPS = ("l_hip", "r_hip")


def define_flags() -> None:
    flags.DEFINE_string("data", "views:../shared/data/cmu_views.npz", "Views with exact and detected 2D poses.")
    flags.DEFINE_string("workdir", None, "A finished CanonPose run on the detections.")
    flags.DEFINE_float("focal_px", 1145.0, "Focal length of the cameras.")
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    options = flags.FLAGS
    recording = load_source(options.data, H36M_17, check="off")
    test = recording.of_split("test")
    found: dict[str, Any] = confidence_and_error(recording) | {"hips_mm": hips_noise(test, options.focal_px)}
    if options.workdir:
        found["models"] = model_figures(options.workdir, test)
    files.write_json(
        pathlib.Path(options.results) / "detector_noise.json", {"doubted": DOUBTED, **found, **provenance()}
    )
    print(markdown(found | {"doubted": DOUBTED}))
    return 0


def confidence_and_error(recording: Recording) -> dict[str, Any]:
    """Errors in px by tenths of the confidence, their rank correlation, and the gain by the best weights."""
    assert recording.confidence is not None  # `main` loads detections.
    error, trust = errors_px(recording).ravel(), recording.confidence.ravel()
    edges = np.quantile(trust, np.linspace(0.0, 1.0, 11))
    tenth = np.clip(np.searchsorted(edges, trust, side="right") - 1, 0, 9)
    rows = [
        {
            "from": float(edges[i]),
            "to": float(edges[i + 1]),
            "mean_px": float(error[tenth == i].mean()),
            "rms_px": float(np.sqrt(np.mean(error[tenth == i] ** 2))),
            "far_share": float(np.mean(error[tenth == i] > FAR_PX)),
        }
        for i in range(10)
    ]
    sure, correlation = trust > DOUBTED, metrics.spearman(trust, error)
    assert correlation is not None  # Neither is constant.
    return {
        "spearman": float(correlation),
        "far_share": float(np.mean(error > FAR_PX)),
        "far_that_is_doubted": float(np.mean(~sure[error > FAR_PX])),
        "doubted_share": float(np.mean(~sure)),
        "tenths": rows,
        "best_weights": best_weights(error, tenth),
        "best_weights_of_the_sure": best_weights(error[sure], tenth[sure]),
    }


def best_weights(error: np.ndarray, group: np.ndarray) -> float:
    """The share by which weights of 1 / variance make a mean's deviation smaller than equal weights.

    Each of the errors [N] has the variance of its `group` [N].
    """
    variance = np.array([np.mean(error[group == i] ** 2) for i in np.unique(group)])
    share = np.array([np.mean(group == i) for i in np.unique(group)])
    return float(1.0 - 1.0 / np.sqrt(np.sum(share / variance) * np.sum(share * variance)))


def hips_noise(recording: Recording, focal_px: float) -> dict[str, float]:
    """Root mean square error, mm, of the detected hips relative to the detected root, of all and of confident hips.

    Errors are across the line of sight, at the root's true distance. "sure" has the hips whose confidence and the
    root's are over `DOUBTED`.
    """
    skeleton = recording.skeleton
    root, hips = skeleton.root_index, [skeleton.index(joint) for joint in HIPS]
    assert recording.poses_3d is not None and recording.confidence is not None  # `main` loads both.
    off = recording.poses_2d_detected - recording.poses_2d
    scale = recording.poses_3d[:, root, 2] / focal_px
    distance = np.linalg.norm(off[:, hips] - off[:, [root]], axis=-1) * scale[:, np.newaxis]
    trust = recording.confidence
    sure = (trust[:, hips] > DOUBTED) & (trust[:, [root]] > DOUBTED)
    return {"all": float(np.sqrt(np.mean(distance**2))), "sure": float(np.sqrt(np.mean(distance[sure] ** 2)))}


def model_figures(workdir: str, test: Recording) -> list[dict[str, Any]]:
    """Errors of a model, with and without joints of low confidence, for poses with and without gross mistakes."""
    from tf_elepose.recipes.canonpose.canonical_space import hips_deviation_mm
    from tf_elepose.training.evaluator import evaluate_keypoints
    from tf_elepose.training.workdir import load_model

    method, far = load_model(workdir), np.any(errors_px(test) > FAR_PX, axis=1)
    rows = []
    for threshold in (0.0, DOUBTED):
        keypoints = test.view("detected", threshold)
        predicted = evaluate_keypoints(method, test, keypoints)
        mistaken = far[predicted.rows]
        rows.append({"min_confidence": threshold, "mistaken_share": float(far.mean())})
        for name, values in (("pa", predicted.pa_mpjpe_mm), ("n", predicted.n_mpjpe_mm)):
            assert values is not None  # `main` loads views with 3D poses.
            parts = {"all": values, "mistaken": values[mistaken], "others": values[~mistaken]}
            rows[-1] |= {f"{name}_{of}_mm": float(part.mean()) for of, part in parts.items()}
        rows[-1]["canonical_hips_std_mm"] = hips_deviation_mm(method, test, keypoints)
    return rows


def errors_px(recording: Recording) -> np.ndarray:
    """Distances [N, J], px, of the detected joints from the exact ones."""
    return np.linalg.norm(recording.poses_2d_detected - recording.poses_2d, axis=-1)


def markdown(results: Mapping[str, Any]) -> str:
    """The results as tables and sentences."""
    lines = ["| confidence | mean error, px | root mean square, px | gross mistakes |", "|---|---|---|---|"]
    for row in results["tenths"]:
        cells = f"{row['mean_px']:.1f} | {row['rms_px']:.1f} | {100 * row['far_share']:.1f} %"
        lines.append(f"| {row['from']:.2f} to {row['to']:.2f} | {cells} |")
    doubted, best, sure = results["doubted"], results["best_weights"], results["best_weights_of_the_sure"]
    hips = results["hips_mm"]
    lines += [
        "",
        f"The rank correlation of confidence and error is {results['spearman']:.2f}. The best weights make a mean "
        f"{100 * best:.0f} % more exact than equal weights; among joints of confidence over {doubted:g}, "
        f"{100 * sure:.0f} %. Of the gross "
        f"mistakes (over {FAR_PX:g} px, {100 * results['far_share']:.1f} % of the joints), "
        f"{100 * results['far_that_is_doubted']:.0f} % have a confidence below {doubted:g}; of all joints, "
        f"{100 * results['doubted_share']:.1f} % do. In one camera, the hips have an error of {hips['all']:.0f} mm "
        f"(root mean square, relative to the root), and of {hips['sure']:.0f} mm if hip and root have a confidence "
        f"over {doubted:g}.",
    ]
    if "models" in results:
        head = ["joints", "PA-MPJPE, mm", "N-MPJPE, mm", "PA, poses with a gross mistake", "PA, others", "hips' sd, mm"]
        lines += ["", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        keys = ("pa_all_mm", "n_all_mm", "pa_mistaken_mm", "pa_others_mm", "canonical_hips_std_mm")
        for row in results["models"]:
            label = f"of confidence over {row['min_confidence']:g}" if row["min_confidence"] else "all"
            lines.append(f"| {label} | " + " | ".join(f"{row[key]:.1f}" for key in keys) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    commands.run(main, define_flags, tensorflow=True)
