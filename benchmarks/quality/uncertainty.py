"""Whether a trained model knows when it is wrong, and its best and worst poses: figures 3 and 5 of ElePose."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.made_with import made_with
from tf_elepose.cli.provenance import provenance
from tf_elepose.evaluation import metrics
from tf_elepose.evaluation.measures import REFUSED
from tf_elepose.recipes.config_parts import evaluated_kind
from tf_elepose.report import pose_figures
from tf_elepose.storage import files

if TYPE_CHECKING:  # They bring TensorFlow.
    from tf_elepose.data.recording import Recording
    from tf_elepose.evaluation.evaluation import Evaluation

BANDS = (0, 5, 10, 20, 30, 50, 75, 100)
"""Edges of the bands of percentiles."""

EXAMPLES = 5
"""Kinds of movement whose best and worst pose are drawn."""

RANDOM, FIXED, PERFECT = "100 random projections", "percentile of `lift`", "if errors were known"


def measure(folder: pathlib.Path) -> tuple[dict[str, Any], Evaluation, Recording]:
    """The content of quality_uncertainty.json for the model in `folder`, and the data of its figures.

    The model is evaluated on the test split of its own data.

    Raises:
      ValueError: there is no model, or its test poses have no 3D truth.
    """
    from tf_elepose.data.sources import load_source
    from tf_elepose.inference.lifter import Lifter
    from tf_elepose.training import workdir
    from tf_elepose.training.evaluator import LIKELIHOOD_VIEWS, evaluate_method

    method, trained = workdir.load_model_and_info(folder)
    config = files.read_json(folder / "config.json")
    recording = load_source(config["data"], method.skeleton, **config["data_options"])
    recording = recording.of_split("test" if (recording.split == "test").any() else "train")
    evaluation = evaluate_method(
        method,
        recording,
        poses_2d=evaluated_kind(config),
        min_confidence=config["min_confidence"],
        likelihood_views=LIKELIHOOD_VIEWS,
        seed=config["seed"],
    )
    if evaluation.pa_mpjpe_mm is None or evaluation.nll is None:
        raise ValueError(f"{folder}: expected a method that knows likelihoods, and test poses with 3D truth")
    assert evaluation.rows is not None  # `evaluate_method` always says which rows it could lift.
    recording = recording.select(evaluation.rows)
    lifted = Lifter(folder).lift_recording(recording, poses_2d=evaluated_kind(config))
    assert lifted.percentile is not None  # The evaluation has likelihoods, so the method has a density.
    error = evaluation.pa_mpjpe_mm
    rows = [(RANDOM, evaluation.nll), (FIXED, 100.0 - lifted.percentile), (PERFECT, error)]
    results = {
        "uncertainty": [_reliability(label, doubt, error) for label, doubt in rows],
        "bands": _bands(lifted.percentile, error),
        "poses": len(error),
        "trained": trained,
        **provenance(),
    }
    return results, evaluation, recording


def examples(evaluation: Evaluation, recording: Recording, kind: str) -> dict[str, list[pose_figures.Example]]:
    """Figure 3 as {"best": poses, "worst": poses}: those with the least and the largest PA-MPJPE of each action.

    The actions are the `EXAMPLES` with most poses.
    """
    error, aligned, true = evaluation.pa_mpjpe_mm, evaluation.aligned_mm, evaluation.true_mm
    assert error is not None and aligned is not None and true is not None  # `measure` checked.
    names, counts = np.unique(recording.action, return_counts=True)
    image = recording.view(kind).pixels
    gallery: dict[str, list[pose_figures.Example]] = {"best": [], "worst": []}
    for name in names[np.argsort(-counts, kind="stable")][:EXAMPLES]:
        own = np.flatnonzero(recording.action == name)
        for end, row in (("best", own[error[own].argmin()]), ("worst", own[error[own].argmax()])):
            title = f"{name}\n{error[row]:.0f} mm"
            gallery[end].append(pose_figures.Example(title, image[row], aligned[row], true[row]))
    return gallery


def markdown(results: Mapping[str, Any]) -> str:
    """Both tables: the gain from refusing poses, and the error by the percentile that users see."""
    heads = ["Poses ranked by", "Spearman with PA-MPJPE", "all", *(f"{percent} % refused" for percent in REFUSED)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in results["uncertainty"]:
        kept = [row[f"pa_mpjpe_refused_{percent}_mm"] for percent in REFUSED]
        gains = [f"{value:.1f} ({100 * (value / row['pa_mpjpe_mm'] - 1):+.0f} %)" for value in kept]
        cells = [row["label"], f"{row['nll_pa_spearman']:.2f}", f"{row['pa_mpjpe_mm']:.1f}", *gains]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| Percentile | Test poses, % | PA-MPJPE, mm |", "|---|---|---|"]
    for band in results["bands"]:
        error = "" if band["pa_mpjpe_mm"] is None else f"{band['pa_mpjpe_mm']:.1f}"
        lines.append(f"| {band['from']} to {band['to']} | {band['poses_percent']:.1f} | {error} |")
    return "\n".join(lines)


def made(results: Mapping[str, Any]) -> str:
    """The line below the tables."""
    return made_with([results["trained"], results])


def _reliability(label: str, doubt: np.ndarray, error: np.ndarray) -> dict[str, Any]:
    kept = {f"pa_mpjpe_refused_{p}_mm": metrics.mean_of_kept(doubt, error, p / 100) for p in REFUSED}
    spearman = metrics.spearman(doubt, error)
    return {"label": label, "nll_pa_spearman": spearman or 0.0, "pa_mpjpe_mm": float(error.mean()), **kept}


def _bands(percentile: np.ndarray, error: np.ndarray) -> list[dict[str, Any]]:
    bands = []
    for low, high in itertools.pairwise(BANDS):
        inside = (percentile >= low) & ((percentile < high) | (high == BANDS[-1]))
        mean = float(error[inside].mean()) if inside.any() else None
        bands.append({"from": low, "to": high, "poses_percent": 100.0 * float(inside.mean()), "pa_mpjpe_mm": mean})
    return bands
