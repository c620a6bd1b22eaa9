"""Relative bone lengths of bodies: stated by a skeleton, or estimated from 2D poses alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tf_elepose.skeleton.skeletons import Skeleton

PERCENTILE = 90.0
"""Percentile of a bone's lengths in a clip's images that counts as its true length.

A bone looks longest in the image when it lies across the line of sight, and in most clips every bone does so now and
then. The largest length itself may be an outlier, or come from the frame nearest to the camera."""

_FEWEST_POSES = 10
"""Clips of fewer poses (mostly single pictures) are treated as one clip: in one picture most bones look short."""

_SMALLEST_DEVIATION = 0.03
"""Its square is added to the variance over clips: clips that agree by chance must not fix a bone's length."""


@dataclasses.dataclass(frozen=True, eq=False)
class BonePrior:
    """The normal prior of ElePose eq. 8.

    Attributes:
      lengths: [bones] expected bone lengths relative to their mean, in the order of `Skeleton.bones`; mean 1.
      deviations: [bones] standard deviation of each length, scaled so that the mean of 1 / deviations^2 is 1; the
        weight of the loss term says how strongly the prior holds.
    """

    lengths: np.ndarray
    deviations: np.ndarray

    def to_dict(self) -> dict[str, list[float]]:
        return {field: [float(v) for v in getattr(self, field)] for field in ("lengths", "deviations")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BonePrior:
        return cls(np.asarray(values["lengths"], np.float32), np.asarray(values["deviations"], np.float32))


def stated_bone_prior(skeleton: Skeleton) -> BonePrior:
    """The bone lengths that the skeleton states, all with the same deviation (as in the paper).

    Raises:
      ValueError: the skeleton states no bone lengths.
    """
    if skeleton.bone_prior is None:
        raise ValueError(f"skeleton {skeleton.name!r} states no bone lengths; its bone prior must be estimated")
    lengths = np.asarray(skeleton.bone_prior, np.float32)
    return BonePrior(lengths / lengths.mean(), np.ones_like(lengths))


def estimate_bone_prior(
    normalized: np.ndarray,
    clips: np.ndarray,
    skeleton: Skeleton,
    percentile: float = PERCENTILE,
    seen: np.ndarray | None = None,
) -> BonePrior:
    """The bone prior, estimated from 2D poses alone.

    Every clip shows one body, whose proportions stay the same, and gives one estimate: the `percentile` of each bone's
    length in the image, left and right averaged, divided by the mean over bones. The prior is the mean of the clips'
    estimates, each weighted by its number of poses, and their standard deviation.

    Args:
      normalized: [N, J, 2] normalised poses of the training data.
      clips: [N] labels of their clips; all cameras of a clip have one label.
      skeleton: whose bones are measured.
      percentile: see `PERCENTILE`.
      seen: [N, J] which joints are known; all when None. A bone is measured where both its ends are seen. A clip is
        left out where a bone is measured on neither side of the body.

    Raises:
      ValueError: a bone has no length in any pose of a clip, or no clip shows every bone.
    """
    lengths = np.linalg.norm(skeleton.bone_matrix @ np.asarray(normalized, np.float32), axis=-1)
    measured = np.ones(lengths.shape, bool) if seen is None else seen.astype(int) @ np.abs(skeleton.bone_matrix.T) == 2
    names, member = np.unique(_joined_short_clips(clips), return_inverse=True)
    estimates, weights = [], []
    for clip, name in enumerate(names):
        rows = member == clip
        longest = _longest(lengths[rows], measured[rows], percentile)
        longest = _mean_of_both_sides(longest, longest[list(skeleton.bone_mirror)])
        if np.any(longest <= 0):
            child, parent = skeleton.bones[int(np.nanargmin(longest))]
            raise ValueError(f"clip {str(name)!r}: the bone from {parent!r} to {child!r} has no length in its poses")
        if np.isfinite(longest).all():
            estimates.append(longest / longest.mean())
            weights.append(rows.sum())
    if not estimates:
        raise ValueError("no clip shows every bone: bone lengths cannot be estimated; let the skeleton state them")
    mean = np.average(estimates, axis=0, weights=weights)
    spread = np.sqrt(np.average((np.array(estimates) - mean) ** 2, axis=0, weights=weights) + _SMALLEST_DEVIATION**2)
    spread *= np.sqrt(np.mean(1.0 / spread**2))
    return BonePrior((mean / mean.mean()).astype(np.float32), spread.astype(np.float32))


def _longest(lengths: np.ndarray, measured: np.ndarray, percentile: float) -> np.ndarray:
    """The `percentile` [B] of every bone's measured lengths [n, B]; NaN for a bone that is never measured."""
    if measured.all():
        return np.percentile(lengths, percentile, axis=0)
    columns = (lengths[measured[:, bone], bone] for bone in range(lengths.shape[1]))
    return np.array([np.percentile(column, percentile) if len(column) else np.nan for column in columns])


def _mean_of_both_sides(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The mean of both lengths [B]; where one is NaN, the other."""
    return np.where(np.isnan(one), other, np.where(np.isnan(other), one, 0.5 * (one + other)))


def _joined_short_clips(clips: np.ndarray) -> np.ndarray:
    """`clips` [N] with one label for all clips of fewer than `_FEWEST_POSES`."""
    names, member, count = np.unique(clips, return_inverse=True, return_counts=True)
    few = count < _FEWEST_POSES
    return np.where(few[member], names[few][0], np.asarray(clips)) if few.any() else clips
