"""Names, units and explanations of the figures of an evaluation."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping
from typing import Any

from tf_elepose.evaluation.depth_sign import VERDICTS, sign_verdict


@dataclasses.dataclass(frozen=True)
class Measure:
    """Name, unit and explanation of a key of metrics.json.

    Attributes:
      key: in `Evaluation.summary()`.
      label: its name in tables.
      unit: "" for a number without one.
      how: what was aligned or scaled, in a few words; fits a terminal line.
      explanation: one or two plain sentences for a reader who does not know the field.
      digits: after the decimal point.
    """

    key: str
    label: str
    unit: str
    how: str
    explanation: str
    digits: int = 1

    def text(self, value: float) -> str:
        """`value` with its unit, as tables and pages show it."""
        number = f"{value:,.{self.digits}f}"
        if self.unit in ("%", "°"):
            return number + self.unit
        return f"{number} {self.unit}".strip()


REFUSED = (10, 20, 30)
"""Percentages of the least likely poses; the error is also given without each of these."""

MEASURES = (
    Measure("poses", "Poses", "", "how many were measured", "How many poses the figures below are averaged over.", 0),
    Measure(
        "invalid_poses", "Poses not lifted", "", "too few joints, or no extent",
        "How many further poses show too little to be lifted; no figure below includes them.", 0,
    ),
    Measure(
        "joints_hidden_share", "Joints hidden", "", "share of the 2D poses' joints, 0 to 1",
        "How many of the 2D joints were missing; the model filled them in.", 3,
    ),
    Measure(
        "pa_mpjpe_mm", "PA-MPJPE", "mm", "shift, rotation and scale fitted",
        "Mean distance between a predicted joint and the true one after the whole pose has been moved, turned and "
        "scaled to fit: the error of the body's shape. Smaller is better.",
    ),
    Measure(
        "pa_mpjpe_reflected_mm", "PA-MPJPE, mirror allowed", "mm", "as above; mirroring allowed too",
        "PA-MPJPE, but a pose with all its depths reversed counts as right, as in ElePose's published code. A value "
        "far below PA-MPJPE means that poses are mirrored.",
    ),
    Measure(
        "pa_mpjpe_seen_mm", "PA-MPJPE, seen joints", "mm", "of joints that the 2D pose shows",
        "PA-MPJPE of those joints that were seen.",
    ),
    Measure(
        "pa_mpjpe_hidden_mm", "PA-MPJPE, hidden joints", "mm", "of joints that the 2D pose hides",
        "PA-MPJPE of those joints that were hidden: both their place in the image and their depth are guesses.",
    ),
    Measure(
        "flat_pa_mpjpe_mm", "PA-MPJPE of a flat pose", "mm", "the 2D input with depth 0",
        "What the 2D input alone would score, without any depth. A useful model is well below it.",
    ),
    Measure(
        "n_mpjpe_mm", "N-MPJPE", "mm", "root at 0, least-squares scale",
        "Mean joint distance in the camera's frame after fitting nothing but the size (least squares, as VideoPose3D "
        "and MMPose do): the orientation must be right as well.",
    ),
    Measure(
        "n_mpjpe_norm_ratio_mm", "N-MPJPE, norm ratio", "mm", "root at 0, scale |true| / |predicted|",
        "N-MPJPE with the scale rule of ElePose's published code: the ratio of the two poses' sizes.",
    ),
    Measure(
        "pck_150", "PCK@150", "%", "least-squares scale, within 150 mm",
        "Share of joints that lie within 150 mm of their true place. Larger is better.",
    ),
    Measure(
        "auc_150", "AUC", "%", "mean PCK over 0, 5 ... 150 mm",
        "PCK averaged over 31 thresholds from 0 to 150 mm. Perfect poses reach 96.8%: nothing is nearer than 0 mm.",
    ),
    Measure(
        "pck_150_norm_ratio", "PCK@150, norm ratio", "%", "scale |true| / |predicted|, 150 mm",
        "PCK@150 with the scale rule of ElePose's published code.",
    ),
    Measure(
        "auc_150_norm_ratio", "AUC, norm ratio", "%", "as above, over 0, 5 ... 150 mm",
        "AUC with the scale rule of ElePose's published code.",
    ),
    Measure(
        "pa_pck_150", "PCK@150, aligned", "%", "Procrustes, within 150 mm",
        "Share of joints that lie within 150 mm of their true place after the whole pose has been moved, turned and "
        "scaled to fit.",
    ),
    Measure(
        "pa_auc_150", "AUC, aligned", "%", "Procrustes, over 0, 5 ... 150 mm",
        "AUC after the whole pose has been moved, turned and scaled to fit.",
    ),
    Measure(
        "cps", "CPS", "mm", "Procrustes; whole pose right; 0 to 300",
        "Correct Poses Score of CanonPose: a pose is right at a threshold when all its joints are within it; the score "
        "is the area under that curve up to 300 mm. Larger is better, 300 at most.",
    ),
    Measure(
        "cps_unaligned", "CPS, not aligned", "mm", "scale |true| / |predicted|; 0 to 301",
        "CPS as ElePose's published code computes it: without turning the poses to fit each other.",
    ),
    Measure(
        "depth_correlation", "Depth correlation", "", "predicted against true depth, pooled",
        "How well predicted depths follow the true ones: 1 is perfect, 0 unrelated or mixed, negative mirrored.", 3,
    ),
    Measure(
        "elevation_mean_deg", "Camera elevation, mean", "°", "predicted; positive looks down",
        "Mean predicted height of the camera above the horizon, as an angle.",
    ),
    Measure(
        "elevation_std_deg", "Camera elevation, deviation", "°", "predicted, standard deviation",
        "How much the predicted elevation varies between poses.",
    ),
    Measure(
        "elevation_mean_true_deg", "True elevation, mean", "°", "from the data's cameras",
        "What the mean elevation should be.",
    ),
    Measure(
        "elevation_correlation", "Elevation correlation", "", "predicted against true elevation",
        "How well the predicted elevation of single poses follows the true one: 1 is perfect.", 3,
    ),
    Measure(
        "nll_mean", "NLL, mean", "nats", "of the poses' projections, by the prior",
        "Mean negative log-likelihood of the predicted poses, seen from other sides, under the learned prior. Smaller "
        "is more plausible.", 2,
    ),
    Measure(
        "nll_pa_spearman", "NLL and PA-MPJPE", "", "Spearman's rank correlation",
        "Whether unlikely poses are also the wrong ones: 1 if the likelihood ranks poses exactly by their error, 0 if "
        "likelihood and error are unrelated.", 3,
    ),
    *(
        Measure(
            f"pa_mpjpe_refused_{refused}_mm", f"PA-MPJPE, {refused}% refused", "mm",
            f"of the {100 - refused}% likeliest poses",
            f"PA-MPJPE of the poses that are left when the least likely {refused} % are refused.",
        )
        for refused in REFUSED
    ),
    Measure(
        "knees_forward_share", "Knees that bend forwards", "", "share of all knees, 0 to 1",
        "Human knees bend forwards, so mirrored depths show here even without true 3D poses: about 1 is right, about 0 "
        "mirrored, 0.5 mixed or flat.", 3,
    ),
    Measure(
        "elbows_forward_share", "Elbows that bend forwards", "", "share of all elbows, 0 to 1",
        "Human elbows bend forwards too: about 1 is right, about 0 mirrored. No training term rewards it, so it shows "
        "whether the whole body is the right way round.", 3,
    ),
)  # fmt: skip
"""Every flat key of `Evaluation.summary()`, in the order of tables."""

ACTION_MEASURES = ("poses", "pa_mpjpe_mm", "n_mpjpe_mm", "pck_150")
"""The keys of a row by action."""


def get_measure(key: str) -> Measure:
    """The measure of `key`; ValueError when there is none."""
    for measure in MEASURES:
        if measure.key == key:
            return measure
    raise ValueError(f"no measure {key!r}; measures are {', '.join(measure.key for measure in MEASURES)}")


def summary_table(summary: Mapping[str, Any]) -> str:
    """`Evaluation.summary()` as plain text of at most 80 columns."""
    present = [measure for measure in MEASURES if measure.key in summary]
    lines = [f"{m.label:<28}{m.text(summary[m.key]):>11}  {m.how}".rstrip() for m in present]
    verdict = sign_verdict(summary)
    lines += ["", *textwrap.wrap(f"Depth sign: {verdict}. {VERDICTS[verdict]}", 80)]
    if by_action := summary.get("by_action"):
        lines += ["", *_action_rows(by_action)]
    return "\n".join(lines)


def _action_rows(by_action: Mapping[str, Mapping[str, float]]) -> list[str]:
    columns = [get_measure(key) for key in ACTION_MEASURES if any(key in row for row in by_action.values())]
    width = min(max(len("Action"), *map(len, by_action)), 24)
    heads = [f"{m.label}, {m.unit}" if m.unit else m.label for m in columns]
    lines = [f"{'Action':<{width}}" + "".join(f"{head:>14}" for head in heads)]
    for action, row in by_action.items():
        name = action if len(action) <= width else action[: width - 1] + "…"
        lines.append(f"{name:<{width}}" + "".join(f"{row[m.key]:>14,.{m.digits}f}" for m in columns))
    return lines
