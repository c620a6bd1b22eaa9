"""Figures of an evaluation: each function takes plain arrays and returns one matplotlib figure.

Left limbs are dark blue and solid, right limbs orange and dashed, the trunk is charcoal: they also differ without
colour and for colour-blind readers (the blue and the orange differ in lightness). Figures are sized to be read on a
telephone and have no title: the page that shows them has captions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from tf_elepose.evaluation import metrics
from tf_elepose.evaluation.measures import REFUSED
from tf_elepose.skeleton.palette import GRID, INK, LEFT, MUTED, RIGHT, TRUNK, TRUTH, side_of
from tf_elepose.skeleton.skeletons import Skeleton

WIDTH = 5.6  # Inches; at 9 points the text stays readable when a telephone shows the figure 340 points wide.

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # Comes with matplotlib: the figures look the same on every machine.
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9AA1AC",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "figure.dpi": 100,
    "savefig.dpi": 170,
    "hatch.linewidth": 0.9,
}

MIN_POSES_A_BOX = 5
"""Fewest poses in a box of `likelihood_boxes`: quartiles of fewer mean nothing."""

_MAX_POINTS = 4000  # More dots only make a scatter plot darker.


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Applies the style of the figures; make and save them in this context."""
    with matplotlib.rc_context(_STYLE):
        yield


def joint_error_bars(joint_errors_mm: np.ndarray, skeleton: Skeleton) -> Figure:
    """Mean error [N, J] of every joint in mm, with a whisker up to the error that nine poses in ten stay below."""
    mean, high = joint_errors_mm.mean(axis=0), np.percentile(joint_errors_mm, 90, axis=0)
    figure = Figure(figsize=(WIDTH, 0.9 + 0.24 * skeleton.num_joints), layout="constrained")
    axis = figure.subplots()
    places = np.arange(skeleton.num_joints)
    for side, color, hatch in (("left", LEFT, ""), ("right", RIGHT, "////"), ("trunk", TRUNK, "")):
        chosen = [i for i, joint in enumerate(skeleton.joints) if side_of(joint, skeleton) == side]
        axis.barh(
            places[chosen],
            mean[chosen],
            height=0.68,
            color=color,
            hatch=hatch,
            edgecolor="white",
            linewidth=0,
            label=side,
        )
    axis.hlines(places, mean, high, color=MUTED, linewidth=1.2)
    axis.plot(high, places, "|", color=MUTED, markersize=6, label="9 in 10 below")
    axis.set_yticks(places, [joint.replace("_", " ") for joint in skeleton.joints])
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0, labelcolor=INK)
    axis.set_xlabel("error after least-squares scale, mm")
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(
        handles[1:] + handles[:1],
        labels[1:] + labels[:1],
        loc="outside upper left",
        ncols=4,
        handlelength=1.4,
        columnspacing=1.4,
    )
    return figure


def elevation_scatter(predicted: np.ndarray, true: np.ndarray) -> Figure:
    """Predicted against true camera elevation, [N] degrees each, with the line where both are equal."""
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    axis = figure.subplots()
    chosen = _thinned(len(predicted))
    axis.scatter(true[chosen], predicted[chosen], s=7, color=LEFT, alpha=0.25, linewidths=0, rasterized=True)
    low, high = _padded(np.concatenate([predicted[chosen], true[chosen]]))
    axis.plot([low, high], [low, high], color=INK, linewidth=1.2, linestyle="--", label="predicted = true")
    axis.set(
        xlim=(low, high), ylim=(low, high), xlabel="true elevation, degrees", ylabel="predicted elevation, degrees"
    )
    axis.set_aspect("equal")
    axis.legend(loc="upper left")
    return figure


def elevation_histogram(predicted: np.ndarray) -> Figure:
    """Histogram of the predicted camera elevations [N] degrees, for data without true ones."""
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axis = figure.subplots()
    axis.hist(predicted, bins=min(40, max(5, len(predicted) // 10)), color=LEFT, edgecolor="white", linewidth=0.5)
    axis.axvline(float(predicted.mean()), color=INK, linewidth=1.2, linestyle="--", label="mean")
    axis.set(xlabel="predicted elevation, degrees (positive looks down)", ylabel="poses")
    axis.legend()
    return figure


def likelihood_boxes(nll: np.ndarray, pa_mpjpe_mm: np.ndarray) -> Figure | None:
    """NLL [N] of poses in 5 mm bins of PA-MPJPE [N], and below it the number of poses a bin: ElePose's figure 5.

    Returns:
      The figure, or None when no bin holds `MIN_POSES_A_BOX`.
    """
    edges = np.arange(20.0, 121.0, 5.0)  # The paper's bins; `bins` has one more, for poses below 20 mm.
    bins = np.digitize(pa_mpjpe_mm, edges)
    counts = np.bincount(bins, minlength=len(edges) + 1)
    filled = np.flatnonzero(counts >= MIN_POSES_A_BOX)
    if filled.size == 0:
        return None
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    upper.boxplot(
        [nll[bins == index] for index in filled], positions=filled, widths=0.66, showfliers=False, patch_artist=True,
        manage_ticks=False, boxprops={"facecolor": "#BBD0EA", "edgecolor": LEFT},
        medianprops={"color": INK, "linewidth": 1.6},
        whiskerprops={"color": LEFT}, capprops={"color": LEFT},
    )  # fmt: skip
    upper.set_ylabel("negative log-likelihood, nats")
    lower.bar(np.arange(len(counts)), counts, width=0.66, color=TRUTH)
    lower.set_ylabel("poses")
    lower.set_xlabel("PA-MPJPE, mm (bins of 5 mm)")
    # Edge k lies between the places k and k + 1.
    shown = [k for k in range(len(edges)) if k % 4 == 0]
    lower.set_xticks([k + 0.5 for k in shown], [f"{edges[k]:.0f}" for k in shown])
    upper.tick_params(axis="x", length=0, labelbottom=False)
    used = np.flatnonzero(counts)
    lower.set_xlim(used[0] - 0.8, used[-1] + 0.8)
    return figure


def rejection_curve(nll: np.ndarray, pa_mpjpe_mm: np.ndarray) -> Figure:
    """Mean PA-MPJPE of the poses that are kept when the least likely ones are refused (risk-coverage curve); `nll` and
    `pa_mpjpe_mm` are [N].
    """
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axis = figure.subplots()
    kept = np.arange(1, len(nll) + 1)
    chosen = np.unique(np.linspace(max(1, len(nll) // 20), len(nll), 200).astype(int)) - 1
    for values, label, color, line in (
        (nll, "most likely poses kept", LEFT, "-"),
        (pa_mpjpe_mm, "if errors were known", MUTED, ":"),
    ):
        mean = np.cumsum(pa_mpjpe_mm[np.argsort(values, kind="stable")]) / kept
        axis.plot(
            100.0 * kept[chosen] / len(nll), mean[chosen], color=color, linestyle=line, linewidth=2.0, label=label
        )
    axis.axhline(float(pa_mpjpe_mm.mean()), color=RIGHT, linestyle="--", linewidth=1.4, label="all poses")
    refused = [percent for percent in REFUSED if percent * len(nll) >= 100]  # Else the share is less than a pose.
    axis.plot(
        [100 - percent for percent in refused],
        [metrics.mean_of_kept(nll, pa_mpjpe_mm, percent / 100) for percent in refused],
        "o", color=LEFT, markersize=5, label=f"{', '.join(map(str, REFUSED))} % refused",
    )  # fmt: skip
    axis.set(xlabel="poses kept, %", ylabel="mean PA-MPJPE, mm", xlim=(0, 100))
    axis.set_ylim(bottom=0)
    axis.legend(loc="lower right")
    return figure


def correct_curves(joint_errors_mm: np.ndarray, aligned_errors_mm: np.ndarray) -> Figure:
    """Share of right joints (PCK) and of right whole poses (CanonPose's figure 5) against the threshold.

    Args:
      joint_errors_mm: [N, J] after least-squares scale.
      aligned_errors_mm: [N, J] after Procrustes.
    """
    thresholds = np.arange(0.0, metrics.CPS_LIMIT_MM + 1.0, 2.0)
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axis = figure.subplots()
    for errors, label, color, line in (
        (joint_errors_mm.ravel(), "joints right (scaled)", LEFT, "-"),
        (aligned_errors_mm.max(axis=-1), "whole poses right (aligned)", RIGHT, "--"),
    ):
        share = 100.0 * np.searchsorted(np.sort(errors), thresholds, side="left") / errors.size
        axis.plot(thresholds, share, color=color, linestyle=line, linewidth=2.0, label=label)
    axis.axvline(metrics.PCK_THRESHOLD_MM, color=MUTED, linewidth=1.0, linestyle=":")
    axis.annotate(
        f"{metrics.PCK_THRESHOLD_MM:.0f} mm", (metrics.PCK_THRESHOLD_MM - 4, 3), color=MUTED, fontsize=9, ha="right"
    )
    axis.set(xlabel="threshold, mm", ylabel="right, %", xlim=(0, metrics.CPS_LIMIT_MM), ylim=(0, 101))
    axis.legend(loc="lower right")
    return figure


def _thinned(n: int) -> np.ndarray:
    return np.unique(np.linspace(0, n - 1, min(n, _MAX_POINTS)).astype(int))


def _padded(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin
