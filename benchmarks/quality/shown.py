"""A table of trained rows as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
import numbers
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.made_with import made_with
from benchmarks.quality.tables import TABLES
from benchmarks.quality.training import sign_is_right

COLUMNS = {
    "prior_variance_share": ("Variance in the bases, %", 2),
    "pa_mpjpe_mm": ("PA-MPJPE, mm", 1),
    "pa_mpjpe_reflected_mm": ("PA-MPJPE, mirror allowed, mm", 1),
    "n_mpjpe_mm": ("N-MPJPE, mm", 1),
    "n_mpjpe_norm_ratio_mm": ("N-MPJPE, norm ratio, mm", 1),
    "pck_150": ("PCK@150, %", 1),
    "auc_150": ("AUC, %", 1),
    "pck_150_norm_ratio": ("PCK@150, norm ratio, %", 1),
    "auc_150_norm_ratio": ("AUC, norm ratio, %", 1),
    "pa_pck_150": ("PCK@150, aligned, %", 1),
    "pa_auc_150": ("AUC, aligned, %", 1),
    "cps": ("CPS, mm", 1),
    "cps_unaligned": ("CPS, not aligned, mm", 1),
    "depth_correlation": ("Depth correlation", 3),
    "elevation_mean_deg": ("Elevation, mean, °", 1),
    "elevation_mean_true_deg": ("True mean, °", 1),
    "elevation_correlation": ("Elevation correlation", 2),
    "nll_pa_spearman": ("NLL to PA, Spearman", 2),
    "training_seconds": ("Training, s", 0),
}
"""Columns that a table can have: {key of metrics.json: (heading, decimals)}."""

_FACTORS = {"prior_variance_share": 100.0}


def markdown(results: Mapping[str, Any]) -> str:
    """The table of `results`, the content of quality_NAME.json; labels name wrong depths.

    Rows with the same label become one row with their mean and standard deviation.
    """
    rows, columns = results["rows"], TABLES[results["table"]].columns
    shown = [key for key in columns if any(key in row["metrics"] for row in rows)]
    lines = ["| | " + " | ".join(COLUMNS[key][0] for key in shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for label in dict.fromkeys(row["label"] for row in rows):
        own = [row for row in rows if row["label"] == label]
        lines.append(_seeds(label, own, shown) if len(own) > 1 else _single(own[0], shown))
        if paper := own[0].get("expected"):
            lines.append(_line(f"{label}, the paper", [_number(key, paper.get(key)) for key in shown]))
    if len(rows) > 1 and all(row["label"].startswith("seed ") for row in rows):
        lines += _spread(rows, shown)
    return "\n".join(lines)


def made(results: Mapping[str, Any]) -> str:
    """The line below the table."""
    return made_with([row["metrics"] for row in results["rows"] if "hardware" in row["metrics"]])


def table_csv(results: Mapping[str, Any]) -> str:
    """CSV with a line for each trained row: label, seed, config, overrides, and every measured number."""
    rows = results["rows"]
    flat = [{k: v for k, v in row["metrics"].items() if isinstance(v, (str, numbers.Real))} for row in rows]
    keys = list(dict.fromkeys(key for values in flat for key in values))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["label", "seed", "config", "overrides", *keys])
    for row, values in zip(rows, flat, strict=True):
        facts = [row["label"], row.get("seed", 0), row["config"], " ".join(row["overrides"])]
        writer.writerow([*facts, *(values.get(key, "") for key in keys)])
    return text.getvalue()


def usable(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The metrics of the rows whose training ended without failure and with right depths."""
    return [row["metrics"] for row in rows if "failed" not in row["metrics"] and sign_is_right(row["metrics"])]


def _single(row: Mapping[str, Any], shown: Sequence[str]) -> str:
    metrics, label = row["metrics"], row["label"]
    if "failed" in metrics:
        return _line(label, ["failed"] + [""] * (len(shown) - 1))
    if not sign_is_right(metrics):
        label += f" ({metrics['depth_sign']})"
    return _line(label, [_number(key, metrics.get(key)) for key in shown])


def _seeds(label: str, rows: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> str:
    """A line with mean and standard deviation over the seeds with right depths, and their number."""
    right = usable(rows)
    if not right:
        return _line(f"{label} ({len(rows)} seeds)", ["failed"] + [""] * (len(shown) - 1))
    count = f"{len(rows)} seeds" if len(right) == len(rows) else f"{len(right)} of {len(rows)} seeds, the others failed"
    cells = []
    for key in shown:
        values = [metrics[key] for metrics in right if key in metrics]
        cell = _number(key, statistics.mean(values)) if len(values) == len(right) else ""
        if cell and len(values) > 1 and max(values) > min(values):
            cell += f" ± {_number(key, statistics.stdev(values))}"
        cells.append(cell)
    return _line(f"{label} ({count})", cells)


def _spread(rows: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> list[str]:
    """Lines with mean and standard deviation of rows that have different labels, over those with right depths."""
    right = usable(rows)
    if len(right) < 2:
        return []
    of = "" if len(right) == len(rows) else f" of the {len(right)} right ones"
    lines = []
    for label, function in (("mean", statistics.mean), ("standard deviation", statistics.stdev)):
        all_have = [all(key in metrics for metrics in right) for key in shown]
        values = [function([m[key] for m in right]) if has else None for key, has in zip(shown, all_have, strict=True)]
        lines.append(_line(label + of, [_number(k, v, least=1) for k, v in zip(shown, values, strict=True)]))
    return lines


def _number(key: str, value: float | None, least: int = 0) -> str:
    if value is None:
        return ""
    return f"{_FACTORS.get(key, 1.0) * value:.{max(COLUMNS[key][1], least)}f}"


def _line(label: str, cells: Sequence[str]) -> str:
    return f"| {label} | " + " | ".join(cells) + " |"
