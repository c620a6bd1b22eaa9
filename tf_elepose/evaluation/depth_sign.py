"""Judges whether the depths of lifted poses have the right sign.

In one image a pose and its depth mirror look nearly alike, so an unsupervised run can settle in the mirror, or mirror
some poses and not others. Errors that allow reflections hide it. `sign_verdict` decides from the figures of an
evaluation; `VERDICTS` explains each verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MIN_CORRELATION = 0.3
"""Depth correlation beyond which depths follow the truth (above) or its mirror (below minus this).

Runs that settled have an absolute value of 0.67 or more, mixtures stay about 0. Mirroring 30 % of otherwise right poses
gives 0.35, which `MAX_REFLECTION_GAIN` catches."""

MAX_REFLECTION_GAIN = 0.2
"""Largest share of PA-MPJPE by which allowing reflections may lower it before poses count as mirrored.

Noise alone, up to 100 mm a joint in depth, gains less than 0.01. Mirroring 10 % of exact poses gains 0.3, of poses
with 70 mm of error 0.13. The mirrored run on detections gained 0.26 (122.7 to 90.3 mm)."""

MIN_FORWARD = 0.7
"""Smallest share of knees, and of elbows, that bend forwards in right depths; in mirrored depths at most 1 minus this.

Exact poses of the CMU motion have 0.98 of the knees and 0.99 of the elbows, flat ones 0.50; mirroring 30 % of the poses
gives 0.7. The loss term `knees`, where it has a weight, makes knees bend forwards, perhaps in a mirrored body too. No
term does so for elbows: they are an independent check."""

VERDICTS = {
    "right": "The depths are the right way round.",
    "mirrored": "The depths are mirrored: near and far are exchanged. Do not use this model.",
    "mixed": "Some poses are right, some are mirrored in depth. Do not use this model.",
    "unclear": "The predicted depths are unrelated to the true ones, and mirroring them does not help either.",
    "unknown": "The sign of the depths cannot be judged: there are no true 3D poses, knees or elbows.",
}
"""The verdicts of `sign_verdict`, explained."""


def sign_verdict(summary: Mapping[str, Any]) -> str:
    """Judges the depths of an evaluation: `right`, `mirrored`, `mixed`, `unclear` or `unknown`; see `VERDICTS`.

    Args:
      summary: `Evaluation.summary()`, or metrics.json read back. Where the 3D truth was known, depth_correlation,
        pa_mpjpe_mm and pa_mpjpe_reflected_mm decide; otherwise knees_forward_share and elbows_forward_share do.
    """
    if "pa_mpjpe_mm" in summary:
        return _from_truth(summary)
    shares = [float(summary[key]) for key in ("knees_forward_share", "elbows_forward_share") if key in summary]
    return _from_shares(shares) if shares else "unknown"


def _from_truth(summary: Mapping[str, Any]) -> str:
    correlation = float(summary.get("depth_correlation", 0.0))  # Absent when no predicted depth varies.
    error, reflected = float(summary["pa_mpjpe_mm"]), float(summary["pa_mpjpe_reflected_mm"])
    if correlation <= -MIN_CORRELATION:
        return "mirrored"
    if error - reflected > MAX_REFLECTION_GAIN * error:
        return "mixed"
    return "right" if correlation >= MIN_CORRELATION else "unclear"


def _from_shares(shares: list[float]) -> str:
    if min(shares) >= MIN_FORWARD:
        return "right"
    return "mirrored" if max(shares) <= 1.0 - MIN_FORWARD else "mixed"
