"""The figures of the tables: bars of the ablation and of the baselines, PA-MPJPE over the number of PCA bases."""

from __future__ import annotations

import io
import pathlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.ticker
from matplotlib.figure import Figure

from benchmarks.quality import uncertainty
from benchmarks.quality.shown import usable
from tf_elepose.report import figures, pose_figures
from tf_elepose.storage import files

if TYPE_CHECKING:
    from tf_elepose.data.recording import Recording
    from tf_elepose.evaluation.evaluation import Evaluation

PAPERS_RANGE = (22, 30)
"""Bases among which the paper's figure 4 has its best (section 4.4)."""


def bars(rows: Sequence[Mapping[str, Any]]) -> Figure | None:
    """Bars of PA-MPJPE and N-MPJPE for every label: the mean over seeds, with a whisker of one standard deviation.

    A label without right depths has no bar. None when no label has right depths.
    """
    labels = list(dict.fromkeys(row["label"] for row in rows))
    right = {label: usable([row for row in rows if row["label"] == label]) for label in labels}
    keys = (("pa_mpjpe_mm", "PA-MPJPE", figures.LEFT, ""), ("n_mpjpe_mm", "N-MPJPE", figures.TRUTH, "////"))
    if not any(right.values()):
        return None
    figure = Figure(figsize=(figures.WIDTH, 1.0 + 0.46 * len(labels)), layout="constrained")
    axis = figure.subplots()
    for offset, (key, name, color, hatch) in zip((-0.19, 0.19), keys, strict=True):
        for place, label in enumerate(labels):
            values = [metrics[key] for metrics in right[label] if key in metrics]
            if not values:
                continue
            mean, spread = statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0
            axis.barh(place + offset, mean, height=0.36, color=color, hatch=hatch, edgecolor="white", linewidth=0)
            if spread:
                axis.errorbar(mean, place + offset, xerr=spread, color=figures.INK, linewidth=1.2, capsize=2.5)
            axis.annotate(f" {mean:.1f}", (mean + spread, place + offset), va="center", fontsize=8.5)
        axis.barh([0], [0], color=color, hatch=hatch, edgecolor="white", linewidth=0, label=name)
    for place, label in enumerate(labels):
        if not right[label]:
            axis.annotate(" failed", (0, place), va="center", fontsize=8.5, color=figures.MUTED)
    axis.set_yticks(range(len(labels)), [label.replace(", ", ",\n") for label in labels])
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0, labelcolor=figures.INK)
    axis.set_xlabel("error, mm")
    axis.margins(x=0.09)
    figure.legend(loc="outside upper left", ncols=2, handlelength=1.6)
    return figure


def bases(rows: Sequence[Mapping[str, Any]]) -> Figure | None:
    """Figure 4: PA-MPJPE over the number of PCA bases, a dot for each training and a line through the means.

    Trainings with wrong depths are open dots and count in no mean. None when no training has an error.
    """
    points = [(int(row["label"].split()[0]), row) for row in rows if "pa_mpjpe_mm" in row["metrics"]]
    if not points:
        return None
    right = {n: usable([row for own, row in points if own == n]) for n in sorted({n for n, _ in points})}
    means = {n: statistics.mean(m["pa_mpjpe_mm"] for m in metrics) for n, metrics in right.items() if metrics}
    figure = Figure(figsize=(figures.WIDTH, 3.6), layout="constrained")
    axis = figure.subplots()
    axis.axvspan(*PAPERS_RANGE, color=figures.GRID, zorder=0, label="best in the paper")
    axis.plot(list(means), list(means.values()), "-", color=figures.LEFT, linewidth=2.0, label="mean of the trainings")
    for name, chosen, face in (
        ("a training", [p for p in points if usable([p[1]])], figures.LEFT),
        ("its depths are wrong", [p for p in points if not usable([p[1]])], "white"),
    ):
        if chosen:
            errors = [row["metrics"]["pa_mpjpe_mm"] for _, row in chosen]
            axis.plot([n for n, _ in chosen], errors, "o", color=figures.LEFT, markerfacecolor=face, label=name)
    axis.xaxis.set_major_locator(matplotlib.ticker.FixedLocator(sorted(right)))
    axis.set(xlabel="PCA bases", ylabel="PA-MPJPE, mm", ylim=(0, None))
    axis.legend(loc="best")
    return figure


_DRAWN: dict[str, Callable[[Sequence[Mapping[str, Any]]], Figure | None]] = {
    "ablation": bars,
    "ablation_full": bars,
    "elevation": bars,
    "lines": bars,
    "pca": bases,
}


def draw(results: Mapping[str, Any], folder: pathlib.Path) -> None:
    """Writes quality_NAME.png of a table that has a figure; removes an older one when nothing can be drawn."""
    if results["table"] not in _DRAWN:
        return
    path = folder / f"quality_{results['table']}.png"
    with figures.style():
        figure = _DRAWN[results["table"]](results["rows"])
        if figure is None:
            path.unlink(missing_ok=True)
        else:
            _save(figure, path)


def draw_uncertainty(evaluation: Evaluation, recording: Recording, kind: str, folder: pathlib.Path) -> None:
    """Writes quality_boxes.png (figure 5), quality_refusal.png (risk and coverage) and quality_poses.png (figure 3)."""
    nll, error = evaluation.nll, evaluation.pa_mpjpe_mm
    assert nll is not None and error is not None  # `uncertainty.measure` checked.
    with figures.style():
        drawn = {
            "boxes": figures.likelihood_boxes(nll, error),
            "refusal": figures.rejection_curve(nll, error),
            "poses": pose_figures.pose_gallery(uncertainty.examples(evaluation, recording, kind), recording.skeleton),
        }
        for name, figure in drawn.items():
            if figure is not None:
                _save(figure, folder / f"quality_{name}.png")


def _save(figure: Figure, path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white")
    files.write_bytes(path, buffer.getvalue())
