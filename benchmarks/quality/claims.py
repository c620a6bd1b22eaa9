"""Claims of the papers and of this package, compared with the measured results."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.quality.shown import usable
from benchmarks.quality.tables import (
    AT_FULL_LENGTH,
    DETECTIONS,
    EXACT,
    FULL,
    LEFT_OUT,
    NO_NOISE,
    SUBJECTS,
    SUPERVISED_SHARE,
)
from benchmarks.quality.uncertainty import RANDOM

Results = Mapping[str, Any]

BASES_RANGE = (15, 30)
"""Where figure 4 should have its minimum: with fewer bases the paper's errors exceed 100 mm, with 31 they rise."""

SUPERVISED_MM = 27.3
"""PA-MPJPE of supervised lifting of this width in a study before this package, in less time."""

FIXED_RATIO = 1.5
"""Least ratio of the fixed elevation prior's error to ElePose's."""

SPEARMAN = 0.35
"""Least rank correlation of likelihood and error."""

REFUSAL_GAIN = 0.1
"""Least share of the error that disappears when the least likely fifth of the poses is refused."""


AT_MOST = {EXACT: {"pa_mpjpe_mm": 30.0, "n_mpjpe_mm": 40.0}, DETECTIONS: {"pa_mpjpe_mm": 48.0, "n_mpjpe_mm": 64.0}}
"""Largest errors, mm, in the mean over seeds."""

ELEVATION_CORRELATION = 0.75
"""Least correlation of predicted and true elevation with exact 2D."""

SPREAD = 0.05
"""Bound on the standard deviation of PA-MPJPE over seeds, as a share of its mean."""

LEFT_OUT_RATIO = 1.3
"""Largest ratio of the error on a person who was left out to that of supervised training on the same split."""


SVMAC_MM = 60.0
"""Largest PA-MPJPE of SVMAC with any seed."""

SUPERVISION_GAIN = 0.2
"""Least share of SVMAC's error that disappears with 5 % of the 3D poses."""


@dataclasses.dataclass(frozen=True)
class Claim:
    """A statement, the measured result, and whether the statement holds; None if that is unclear."""

    statement: str
    measured: str
    holds: bool | None


def claims(results: Mapping[str, Results]) -> list[Claim]:
    """Claims about every table in `results` {name: content of quality_NAME.json} that has any."""
    made: list[Claim] = []
    for name, function in _OF_TABLE.items():
        if name in results:
            made += function(results[name])
    return made


def markdown(made: Sequence[Claim]) -> str:
    """A Markdown table with a row for each claim."""
    lines = ["| Claim | Measured | Holds |", "|---|---|---|"]
    text = {True: "yes", False: "**no**", None: "unclear"}
    lines += [f"| {claim.statement} | {claim.measured} | {text[claim.holds]} |" for claim in made]
    return "\n".join(lines)


def best_bases(results: Results) -> tuple[int, float] | None:
    """The number of PCA bases with the least mean PA-MPJPE, and this error; None when no training has right depths."""
    means = {int(label.split()[0]): statistics.mean(errors) for label, errors in _errors(results["rows"]).items()}
    return min(means.items(), key=lambda item: item[1]) if means else None


def _ablation(results: Results) -> Iterator[Claim]:
    where = "table 5, at full length" if results["table"] == "ablation_full" else "table 5"
    errors = _errors(results["rows"])
    steps = (
        ("Bones help", "base + bones", "base"),
        ("Elevation helps, without PCA", "base + bones + elevation", "base + bones"),
        ("PCA helps, without elevation", "base + bones + PCA", "base + bones"),
        ("Elevation helps, with PCA", FULL, "base + bones + PCA"),
        ("PCA helps, with elevation", FULL, "base + bones + elevation"),
    )
    for statement, better, worse in steps:
        if better not in errors:
            yield Claim(f"{statement} ({where})", f"{better}: depths wrong in every training", False)
        elif worse not in errors:
            yield Claim(f"{statement} ({where})", f"{worse}: depths wrong in every training", True)
        else:
            text = f"{_summary(errors[better])} mm instead of {_summary(errors[worse])} mm"
            yield Claim(f"{statement} ({where})", text, _is_lower(errors[better], errors[worse]))
    if FULL in errors:
        others = [values for label, values in errors.items() if label != FULL]
        text, best = f"{_summary(errors[FULL])} mm", True
        if others:
            nearest = min(others, key=statistics.mean)
            text, best = f"{text}, the next best {_summary(nearest)} mm", _is_lower(errors[FULL], nearest)
        yield Claim(f"Everything together is best ({where})", text, best)


def _settings(results: Results) -> Iterator[Claim]:
    errors, labels = _errors(results["rows"]), {row["label"] for row in results["rows"]}
    if {NO_NOISE, f"{NO_NOISE}, no PCA"} <= labels:
        statement = "PCA helps where the prior is trained without noise, as in the paper (one seed)"
        yield _ratio(statement, errors, NO_NOISE, f"{NO_NOISE}, no PCA", 1.0)


def _pca(results: Results) -> Iterator[Claim]:
    if (best := best_bases(results)) is not None:
        low, high = BASES_RANGE
        statement = f"The best number of PCA bases lies between {low} and {high} (figure 4)"
        yield Claim(statement, f"{best[0]} bases, {best[1]:.1f} mm", low <= best[0] <= high)


def _lines(results: Results) -> Iterator[Claim]:
    found = {row["label"]: row["metrics"] for row in results["rows"] if usable([row])}
    label = "supervised, ElePose's width and epochs"
    if label in found:
        error, seconds = found[label]["pa_mpjpe_mm"], found[label].get("training_seconds")
        text = f"{error:.1f} mm" + (f" after {seconds:.0f} s" if seconds else "")
        if seconds and "training_seconds" in found.get("ElePose", {}):
            text += f" (ElePose {found['ElePose']['training_seconds']:.0f} s)"
        yield Claim(f"Supervised at ElePose's width reaches {SUPERVISED_MM} mm PA-MPJPE", text, error <= SUPERVISED_MM)
    if {"ElePose", "fixed elevation prior"} <= set(found):
        for key, name in (("pa_mpjpe_mm", "PA-MPJPE"), ("n_mpjpe_mm", "N-MPJPE")):
            fixed, own = found["fixed elevation prior"][key], found["ElePose"][key]
            statement = f"A fixed elevation prior is at least {FIXED_RATIO} times worse than ElePose in {name}"
            yield Claim(statement, f"{fixed:.1f} to {own:.1f} mm, {fixed / own:.2f} times", fixed >= FIXED_RATIO * own)


def _detections(results: Results) -> Iterator[Claim]:
    for label, bounds in AT_MOST.items():
        for length in (label, AT_FULL_LENGTH.format(label)):
            yield from _dependable([row for row in results["rows"] if row["label"] == length], length, bounds)
    errors, labels = _errors(results["rows"]), {row["label"] for row in results["rows"]}
    for subject in SUBJECTS:
        own, line = (LEFT_OUT.format(subject=subject, line=line) for line in ("ElePose", "supervised"))
        if own in labels and line in labels:
            statement = f"{subject}, left out of training: at most {LEFT_OUT_RATIO} times the supervised error"
            yield _ratio(statement, errors, own, line, LEFT_OUT_RATIO)


def _dependable(rows: Sequence[Mapping[str, Any]], label: str, bounds: Mapping[str, float]) -> Iterator[Claim]:
    """Claims about trainings that differ in their seed; `bounds` are those of their mean errors."""
    right = usable(rows)
    if rows:
        statement = f"The sign of depth is right in every training ({label})"
        yield Claim(statement, f"{len(right)} of {len(rows)}", len(right) == len(rows))
    if not right:
        return
    for key, bound in bounds.items():
        errors, name = [metrics[key] for metrics in right], key.removesuffix("_mm").upper().replace("_", "-")
        yield Claim(
            f"{name} at most {bound:.0f} mm ({label})", f"{_summary(errors)} mm", statistics.mean(errors) <= bound
        )
    if label.startswith(EXACT):
        found = statistics.mean(metrics["elevation_correlation"] for metrics in right)
        statement = f"Predicted and true elevation correlate by at least {ELEVATION_CORRELATION} ({label})"
        yield Claim(statement, f"{found:.3f}", found >= ELEVATION_CORRELATION)
    if len(right) > 1:
        errors = [metrics["pa_mpjpe_mm"] for metrics in right]
        share = statistics.stdev(errors) / statistics.mean(errors)
        text = f"{100 * share:.1f} %; {min(errors):.1f} to {max(errors):.1f} mm"
        yield Claim(f"PA-MPJPE spreads by less than {100 * SPREAD:.0f} % ({label})", text, share < SPREAD)


def _svmac(results: Results) -> Iterator[Claim]:
    """Claims about table 4 of SVMAC."""
    own = [row for row in results["rows"] if row["label"] == "n = 2"]
    errors, labels = _errors(results["rows"]), {row["label"] for row in results["rows"]}
    if own:
        statement = f"SVMAC reaches {SVMAC_MM:.0f} mm PA-MPJPE with the right sign, whatever the seed"
        found = errors.get("n = 2", [])
        text = f"{_summary(found)} mm in {len(found)} of {len(own)}" if found else "in none"
        yield Claim(statement, text, len(found) == len(own) and max(found) <= SVMAC_MM)
    for better, worse in (("n = 2", "n = 1"), ("n = 1", "without critic"), ("n = 3", "n = 2")):
        if {better, worse} <= labels:
            yield _ratio(f"N{better[1:]} is better than {worse} (table 4 of SVMAC)", errors, better, worse, 1.0)
    if {SUPERVISED_SHARE, "n = 2"} <= labels:
        statement = f"3D poses of 5 % of the data make SVMAC at least {100 * SUPERVISION_GAIN:.0f} % better"
        yield _ratio(statement, errors, SUPERVISED_SHARE, "n = 2", 1.0 - SUPERVISION_GAIN)


def _ratio(statement: str, errors: Mapping[str, list[float]], one: str, other: str, bound: float) -> Claim:
    """The claim that the mean of `one` is at most `bound` times that of `other`; wrong depths count as worst."""
    if one not in errors:
        return Claim(statement, f"{one}: depths wrong in every training", False)
    if other not in errors:
        return Claim(statement, f"{_summary(errors[one])} mm; {other}: depths wrong in every training", True)
    ratio = statistics.mean(errors[one]) / statistics.mean(errors[other])
    return Claim(
        statement, f"{_summary(errors[one])} mm to {_summary(errors[other])} mm, {ratio:.2f} times", ratio <= bound
    )


def _uncertainty(results: Results) -> Iterator[Claim]:
    (row,) = (row for row in results["uncertainty"] if row["label"] == RANDOM)
    spearman, error, kept = row["nll_pa_spearman"], row["pa_mpjpe_mm"], row["pa_mpjpe_refused_20_mm"]
    statement = f"Likelihood and error go together: Spearman at least {SPEARMAN}"
    yield Claim(statement, f"{spearman:.2f}", spearman >= SPEARMAN)
    statement = f"Refusing the least likely 20 % of the poses lowers PA-MPJPE by at least {100 * REFUSAL_GAIN:.0f} %"
    gain = 1.0 - kept / error
    yield Claim(statement, f"{error:.1f} to {kept:.1f} mm, {100 * gain:.0f} % less", gain >= REFUSAL_GAIN)


_OF_TABLE = {
    "ablation": _ablation,
    "ablation_full": _ablation,
    "settings": _settings,
    "pca": _pca,
    "lines": _lines,
    "detections": _detections,
    "svmac": _svmac,
    "uncertainty": _uncertainty,
}

TABLES_USED = tuple(_OF_TABLE)
"""Tables about which there are claims."""


def _errors(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """{label: PA-MPJPE of its trainings with right depths}; a label without such trainings is left out."""
    errors: dict[str, list[float]] = {}
    for row in rows:
        for metrics in usable([row]):
            errors.setdefault(row["label"], []).append(metrics["pa_mpjpe_mm"])
    return errors


def _is_lower(errors: Sequence[float], others: Sequence[float]) -> bool | None:
    """Whether the mean is lower; None when the difference is within the spread of seeds."""
    gain = statistics.mean(others) - statistics.mean(errors)
    spread = math.hypot(*(statistics.stdev(values) for values in (errors, others) if len(values) > 1))
    return None if abs(gain) < spread else gain > 0


def _summary(errors: Sequence[float]) -> str:
    spread = f" ± {statistics.stdev(errors):.1f}" if len(errors) > 1 else ""
    return f"{statistics.mean(errors):.1f}{spread}"
