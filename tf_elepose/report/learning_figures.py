"""Learning curves: a run's logged numbers against its steps."""

from __future__ import annotations

import math
import numbers
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tf_elepose.evaluation.measures import MEASURES
from tf_elepose.report.figures import WIDTH
from tf_elepose.skeleton.palette import LEFT, RIGHT, TRUNK

_SMOOTHED_FROM = 100  # Points; a curve of so many hides its trend in noise unless it is smoothed.
_BOOKKEEPING = ("step", "epoch", "time", "seconds", "wall_time", "samples_per_second", "steps_per_second")


def learning_curves(rows: Sequence[Mapping[str, Any]]) -> Figure | None:
    """A panel for each logged value against the step; names that differ only in `val_` or `train_` share a panel.

    Args:
      rows: one mapping a logged step, with "step" and named numbers; rows without a step are left out.

    Returns:
      The figure, or None when no value was logged at two steps or more.
    """
    panels = _curves(rows)
    if not panels:
        return None
    columns = min(2 if len(panels) <= 6 else 3, len(panels))
    lines = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(WIDTH, 0.4 + (2.9 if columns == 1 else 2.0) * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis, (name, series) in zip(axes, panels.items(), strict=False):
        for index, (label, (steps, values)) in enumerate(sorted(series.items())):
            _curve(
                axis, steps, values, label or "training", (LEFT, RIGHT, TRUNK)[index % 3], ("-", "--", ":")[index % 3]
            )
        axis.set_title(textwrap.fill(_in_words(name), 18))  # Longer lines would overlap the next panel's.
        axis.yaxis.get_major_formatter().set_useOffset(False)
        axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
        axis.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(_thousands))
        if len(series) > 1:
            axis.legend()
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    figure.supxlabel("training step", fontsize=9.5)
    return figure


def _curves(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """{panel: {series: (steps, values)}} of the finite numbers in `rows`."""
    points: dict[str, dict[str, dict[float, float]]] = {}
    for row in rows:
        if not _is_finite(row.get("step")):
            continue
        for name, value in row.items():
            if name in _BOOKKEEPING or not _is_finite(value):
                continue
            panel, series = _panel(name)
            points.setdefault(panel, {}).setdefault(series, {})[float(row["step"])] = float(value)
    curves: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    for panel, named in points.items():
        for series, by_step in named.items():
            if len(by_step) > 1:
                steps = np.array(sorted(by_step))
                curves.setdefault(panel, {})[series] = (steps, np.array([by_step[step] for step in steps]))
    return curves


def _panel(name: str) -> tuple[str, str]:
    """("nll", "validation") of "val_nll" or "val/nll"."""
    for prefix, series in (("validation", "validation"), ("val", "validation"), ("train", ""), ("test", "test")):
        if name.startswith((prefix + "_", prefix + "/")):
            return name[len(prefix) + 1 :], series
    return name, ""


def _is_finite(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def _curve(axis: Axes, steps: np.ndarray, values: np.ndarray, label: str, color: str, line: str) -> None:
    if len(values) < _SMOOTHED_FROM:
        marker = "o" if len(values) <= 12 else None
        axis.plot(steps, values, color=color, linestyle=line, linewidth=1.8, marker=marker, markersize=3.5, label=label)
        return
    axis.plot(steps, values, color=color, linewidth=0.6, alpha=0.25)
    half = len(values) // 50
    padded = np.pad(values, half, mode="edge")
    smooth = np.convolve(padded, np.full(2 * half + 1, 1.0 / (2 * half + 1)), mode="valid")
    axis.plot(steps, smooth, color=color, linestyle=line, linewidth=1.8, label=label)


def _in_words(name: str) -> str:
    for measure in MEASURES:
        if measure.key == name:
            return f"{measure.label}, {measure.unit}" if measure.unit else measure.label
    for ending, unit in (("_mm", "mm"), ("_deg", "degrees"), ("_percent", "%")):
        if name.endswith(ending):
            return f"{name.removesuffix(ending).replace('_', ' ')}, {unit}"
    return name.replace("_", " ")


def _thousands(value: float, _: int) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:g}"
