"""Tests whether poses look like people, in a window of one camera's view of one clip, without labels.

Only seen joints count; a test that sees too few of them returns None. `sanity` applies the tests to whole recordings,
and `benchmarks/robustness/sanity.py` measures how often they are wrong.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_elepose.skeleton.skeletons import Skeleton

FEWEST_ROWS = 10
"""A test judges a window only if at least this many rows show the joints that it needs."""

# Thresholds, chosen on the clips of benchmarks/robustness/sanity.py.
_UPSIDE_DOWN = -0.5  # Median cosine between the body's axis and the image's. It is 0 for people who lie.
_OTHER_SIDE = -0.1  # Correlation between the widths of hips and shoulders.
_NARROW = 0.04  # Smaller widths (relative to the pose's size) are those of a body seen from the side: not judged.
_NORMALISED = 1.5  # No pose in pixels is this small.
_MIRRORED = 0.8  # Share of the poses with such knees; in clips without a mistake it is at most 0.01.
_TIMES = 3.0  # Factor by which a bone may be longer or shorter than expected.
_NOT_FORESHORTENED = 80  # Percentile of the bones in an image; from above only shoulders and hips keep their length.
# In an image a bone can be very short, but a length of almost 0 means that the file has the same joint twice.
_NO_LENGTH = 1 / 100
# Conventions place the ends of neck and head differently: the middle of the eyes is a third as far from the nose as the
# top of the head is. So bones shorter than this share of the mean have no lower bound.
_SHORT_BONE = 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class SeenPoses:
    """One array of poses of a recording: its name, the poses [N, J, 2 or 3], and a mask [N, J] of the seen joints.

    `pictures` is [N, 2], the width and height of each pose's picture in px, or None where it is not known.
    """

    name: str
    values: np.ndarray
    seen: np.ndarray
    pictures: np.ndarray | None = None

    def rows(self, rows: np.ndarray) -> SeenPoses:
        pictures = None if self.pictures is None else self.pictures[rows]
        return SeenPoses(self.name, self.values[rows].astype(np.float64), self.seen[rows], pictures)


def flipped_y(poses: SeenPoses, skeleton: Skeleton) -> bool | None:
    """Whether most bodies in the window are upside down; None where too few can be seen."""
    top = [limb[0] for limb in skeleton.arms] or [skeleton.head]
    middle = [limb[0] for limb in skeleton.legs] or [skeleton.root]
    axes = [(top, middle)] + ([(middle, [limb[2] for limb in skeleton.legs])] if skeleton.legs else [])
    cosines = []
    for upper, lower in axes:
        down = mean_of(poses, lower, skeleton) - mean_of(poses, upper, skeleton)
        cosines.append(down[:, 1] / np.maximum(np.linalg.norm(down[:, :2], axis=1), 1e-9))
    known = np.isfinite(cosines)
    rows = known.any(axis=0)
    if rows.sum() < FEWEST_ROWS:
        return None
    of_row = np.where(known, cosines, 0.0).sum(axis=0)[rows] / known.sum(axis=0)[rows]
    return bool(np.median(of_row) < _UPSIDE_DOWN)


def swapped_sides(poses: SeenPoses, skeleton: Skeleton) -> bool | None:
    """Whether hips and shoulders disagree about which side is left; None where this cannot be seen.

    Widths (left minus right) are measured across the trunk, so that a rolled camera or a flipped axis changes nothing,
    and divided by the pose's size. When a body turns, the widths of hips and shoulders change sign together. The
    largest tenth of the widths is clipped, so that a few wrong joints do not decide.
    """
    if not (skeleton.arms and skeleton.legs):
        return None
    ends = [limb[0] for limb in (*skeleton.arms, *skeleton.legs)]
    index = list(skeleton.indices(tuple(ends)))
    rows = poses.seen[:, index].all(axis=1)
    if rows.sum() < FEWEST_ROWS:
        return None
    pose, seen = poses.values[rows][..., :2], poses.seen[rows]
    l_shoulder, r_shoulder, l_hip, r_hip = (pose[:, i] for i in index)
    trunk = l_shoulder + r_shoulder - l_hip - r_hip
    across = np.stack([-trunk[:, 1], trunk[:, 0]], axis=1)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    size = sizes_of(pose, seen)
    hips, shoulders = (
        _without_outliers(np.sum((left - right) * across, axis=1) / size)
        for left, right in ((l_hip, r_hip), (l_shoulder, r_shoulder))
    )
    widths = [np.sqrt(np.mean(width**2)) for width in (hips, shoulders)]
    if min(widths) < _NARROW:
        return None
    return bool(np.mean(hips * shoulders) / (widths[0] * widths[1]) < _OTHER_SIDE)


def normalised(poses: SeenPoses, skeleton: Skeleton) -> bool | None:
    """Whether coordinates lie within [0, 1] or [-1, 1], which is impossible for pixels."""
    del skeleton
    seen = poses.values[poses.seen]
    if len(seen) == 0:
        return None
    return bool(_percentile(np.abs(seen).ravel(), 99) <= _NORMALISED)


def bone_ratios(poses: SeenPoses, skeleton: Skeleton) -> np.ndarray:
    """Ratios [bones] of each bone's median length in the window to its expected length; NaN where it is hardly seen.

    The expected length is that of the skeleton's prior. Its scale is that of the median bone; in an image it is that of
    one of the longer bones, because bones may be foreshortened (trunk and legs are, seen from above). Without a prior,
    the expected length is that of the bone on the other side. In an image that bone may be foreshortened, too; then
    the smaller of the ratios to it and to the median bone is used.
    """
    matrix = skeleton.bone_matrix
    lengths = np.linalg.norm(matrix @ poses.values, axis=-1)
    both = (poses.seen @ (matrix != 0).T.astype(int)) == 2
    lengths[~both] = np.nan
    lengths[:, both.sum(axis=0) < FEWEST_ROWS] = np.nan
    usual = _medians(lengths)
    if not np.isfinite(usual).any():
        return usual
    if skeleton.bone_prior is not None:
        ratios = usual / np.asarray(skeleton.bone_prior)
        scale = np.nanmedian(ratios) if poses.values.shape[-1] == 3 else np.nanpercentile(ratios, _NOT_FORESHORTENED)
        return ratios / max(float(scale), 1e-9)
    ratios = usual / np.maximum(usual[list(skeleton.bone_mirror)], 1e-9)
    if poses.values.shape[-1] == 3:
        return ratios
    return np.minimum(ratios, np.maximum(usual / max(float(np.nanmedian(usual)), 1e-9), 1.0))


def bone_bounds(poses: SeenPoses, skeleton: Skeleton) -> tuple[np.ndarray, float]:
    """The smallest [bones] and the largest possible `bone_ratios`; in an image a bone may be foreshortened."""
    shortest = np.full(skeleton.num_bones, _NO_LENGTH)
    if poses.values.shape[-1] == 3:
        prior = np.ones(skeleton.num_bones) if skeleton.bone_prior is None else np.asarray(skeleton.bone_prior)
        shortest[prior >= _SHORT_BONE * prior.mean()] = 1 / _TIMES
    return shortest, _TIMES


def bent_backwards(poses: SeenPoses, skeleton: Skeleton) -> str | None:
    """Finds limbs of 3D poses that bend the wrong way: "arms" if only the elbows do, "legs" if only the knees do."""
    wrong = [name for name, bends in _bends(poses.values, skeleton).items() if np.sum(bends) < 0]
    return wrong[0] if len(wrong) == 1 else None


def mirrored(poses: SeenPoses, skeleton: Skeleton) -> bool | None:
    """Whether knees and elbows of nearly all 3D poses bend the wrong way, as those of a mirrored body do."""
    if not (skeleton.arms and skeleton.legs) or len(poses.values) < FEWEST_ROWS:
        return None
    bends = _bends(poses.values, skeleton)
    return bool(np.mean(bends["legs"] < 0) >= _MIRRORED and np.sum(bends["arms"]) < 0)


def _bends(values: np.ndarray, skeleton: Skeleton) -> dict[str, np.ndarray]:
    """How far [n] the "legs" and the "arms" of 3D poses bend the right way; negative where they bend the wrong way."""
    (l_shoulder, r_shoulder), (l_hip, r_hip) = (
        [values[:, skeleton.index(limb[0])] for limb in limbs] for limbs in (skeleton.arms, skeleton.legs)
    )
    up = l_shoulder + r_shoulder - l_hip - r_hip
    found = {}
    # With y down, left x up points to the body's front. Knees point to the front, elbows to the back.
    for name, limbs, left, way in (
        ("legs", skeleton.legs, l_hip - r_hip, 1),
        ("arms", skeleton.arms, l_shoulder - r_shoulder, -1),
    ):
        front = np.cross(left, up)
        found[name] = way * sum(
            np.sum((2 * values[:, middle] - values[:, first] - values[:, last]) * front, axis=1)
            for first, middle, last in (skeleton.indices(limb) for limb in limbs)
        )
    return found


def mean_of(poses: SeenPoses, joints: list[str], skeleton: Skeleton) -> np.ndarray:
    """The mean position [n, d] of the seen ones of `joints`; NaN where none is seen."""
    index = list(skeleton.indices(tuple(joints)))
    seen = poses.seen[:, index, np.newaxis]
    count = seen.sum(axis=1)
    total = np.where(seen, poses.values[:, index], 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def sizes_of(pose: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Sizes [n] of the poses: the mean distance of the seen joints from their mean position."""
    known = seen[..., np.newaxis]
    count = known.sum(axis=1, keepdims=True)
    middle = np.where(known, pose, 0.0).sum(axis=1, keepdims=True) / count
    distance = np.where(seen, np.linalg.norm(pose - middle, axis=-1), 0.0)
    return np.maximum(distance.sum(axis=1) / count[:, 0, 0], 1e-9)


def _medians(values: np.ndarray) -> np.ndarray:
    """Medians [columns] of `values` [n, columns] without their NaNs; NaN for a column that has only NaNs.

    Much faster than np.nanmedian.
    """
    ordered = np.sort(values, axis=0)  # NaN last.
    count = np.isfinite(ordered).sum(axis=0)
    middle = np.maximum(np.stack([(count - 1) // 2, count // 2]), 0)
    return np.take_along_axis(ordered, middle, axis=0).mean(axis=0)


def _percentile(values: np.ndarray, percent: float) -> float:
    """The percentile of `values` [n]; much faster than np.percentile for small arrays."""
    place = percent / 100.0 * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    ordered = np.partition(values, (below, above))
    return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def _without_outliers(width: np.ndarray) -> np.ndarray:
    edge = _percentile(np.abs(width), 90)
    return np.clip(width, -edge, edge)
