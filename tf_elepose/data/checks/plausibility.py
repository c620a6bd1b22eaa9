"""Whether poses look like people: tests of a window of one camera's view of one clip, without labels.

Only joints that are seen count; a test that has too little to see says None. `sanity` looks at whole recordings with
them, and `benchmarks/robustness/sanity.py` measures how often they are wrong.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_elepose.skeleton.skeletons import Skeleton

FEWEST_ROWS = 10
"""A window in which fewer rows show the joints that a test is about is not judged."""

# Thresholds, chosen on the clips of benchmarks/robustness/sanity.py.
_UPSIDE_DOWN = -0.5  # Median cosine between the body's axis and the image's. People who lie are at 0.
_OTHER_SIDE = -0.1  # Correlation of the hips' with the shoulders' width.
_NARROW = 0.04  # Widths, relative to the pose's size, that a body seen exactly from the side has; they tell nothing.
_NORMALISED = 1.5  # Poses of this many pixels do not exist.
_TIMES = 3.0  # A bone may differ so much from what is expected, either way.
# In an image a bone can be as short as one likes, in a whole clip too; one without any length joins a joint to itself.
_NO_LENGTH = 1 / 100
# Conventions end the neck and the head in different places: a midpoint of the eyes is a third as far from the nose as
# the top of the head is. Bones shorter than this (of the mean) may be shorter still.
_SHORT_BONE = 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class SeenPoses:
    """One of a recording's arrays: its name, poses [N, J, 2 or 3] and which joints they have [N, J]."""

    name: str
    values: np.ndarray
    seen: np.ndarray

    def rows(self, rows: np.ndarray) -> SeenPoses:
        return SeenPoses(self.name, self.values[rows].astype(np.float64), self.seen[rows])


def flipped_y(poses: SeenPoses, skeleton: Skeleton) -> bool | None:
    """Whether most bodies in the window stand on their heads; None where too few can be seen."""
    top = [limb[0] for limb in skeleton.arms] or [skeleton.head]
    middle = [limb[0] for limb in skeleton.legs] or [skeleton.root]
    axes = [(top, middle)] + ([(middle, [limb[2] for limb in skeleton.legs])] if skeleton.legs else [])
    cosines = []
    for upper, lower in axes:
        down = _mean_of(poses, lower, skeleton) - _mean_of(poses, upper, skeleton)
        cosines.append(down[:, 1] / np.maximum(np.linalg.norm(down[:, :2], axis=1), 1e-9))
    known = np.isfinite(cosines)
    rows = known.any(axis=0)
    if rows.sum() < FEWEST_ROWS:
        return None
    of_row = np.where(known, cosines, 0.0).sum(axis=0)[rows] / known.sum(axis=0)[rows]
    return bool(np.median(of_row) < _UPSIDE_DOWN)


def swapped_sides(poses: SeenPoses, skeleton: Skeleton) -> bool | None:
    """Whether hips and shoulders disagree about which side is left; None where they do not tell.

    Widths are taken across the trunk, so that a rolled camera or a flipped axis changes nothing, relative to the
    pose's size. That of a body turning in the image changes sign for hips and shoulders alike. The largest tenth are
    cut off at the tenth's edge: a few mistaken joints shall not decide.
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
    size = _size(pose, seen)
    hips, shoulders = (
        _without_outliers(np.sum((left - right) * across, axis=1) / size)
        for left, right in ((l_hip, r_hip), (l_shoulder, r_shoulder))
    )
    widths = [np.sqrt(np.mean(width**2)) for width in (hips, shoulders)]
    if min(widths) < _NARROW:
        return None
    return bool(np.mean(hips * shoulders) / (widths[0] * widths[1]) < _OTHER_SIDE)


def normalised(poses: SeenPoses, skeleton: Skeleton) -> bool | None:
    """Whether coordinates run from 0 to 1 or from -1 to 1, as no pixels do."""
    del skeleton
    seen = poses.values[poses.seen]
    if len(seen) == 0:
        return None
    return bool(_percentile(np.abs(seen).ravel(), 99) <= _NORMALISED)


def bone_ratios(poses: SeenPoses, skeleton: Skeleton) -> np.ndarray:
    """[bones] median length of each bone in the window relative to what is expected; NaN where it is hardly seen.

    Expected is the skeleton's prior, at the scale of the median bone. Without a prior it is the left or right partner;
    in an image that one may be foreshortened, and the smaller of the ratios to partner and to median bone counts.
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
        return ratios / max(float(np.nanmedian(ratios)), 1e-9)
    ratios = usual / np.maximum(usual[list(skeleton.bone_mirror)], 1e-9)
    if poses.values.shape[-1] == 3:
        return ratios
    return np.minimum(ratios, np.maximum(usual / max(float(np.nanmedian(usual)), 1e-9), 1.0))


def bone_bounds(poses: SeenPoses, skeleton: Skeleton) -> tuple[np.ndarray, float]:
    """[bones] smallest and the largest of `bone_ratios` that are possible: in an image a bone may be foreshortened."""
    shortest = np.full(skeleton.num_bones, _NO_LENGTH)
    if poses.values.shape[-1] == 3:
        prior = np.ones(skeleton.num_bones) if skeleton.bone_prior is None else np.asarray(skeleton.bone_prior)
        shortest[prior >= _SHORT_BONE * prior.mean()] = 1 / _TIMES
    return shortest, _TIMES


def bent_backwards(poses: SeenPoses, skeleton: Skeleton) -> str | None:
    """ "arms" or "legs", when in these 3D poses elbows bend forwards or knees backwards, and only those."""
    values = poses.values
    (l_shoulder, r_shoulder), (l_hip, r_hip) = (
        [values[:, skeleton.index(limb[0])] for limb in limbs] for limbs in (skeleton.arms, skeleton.legs)
    )
    up = l_shoulder + r_shoulder - l_hip - r_hip
    wrong = []
    # In a frame with y down the body's front is left x up. Knees point to the front, elbows to the back.
    for name, limbs, left, way in (
        ("legs", skeleton.legs, l_hip - r_hip, 1),
        ("arms", skeleton.arms, l_shoulder - r_shoulder, -1),
    ):
        front = np.cross(left, up)
        bends = [
            np.sum((2 * values[:, middle] - values[:, first] - values[:, last]) * front, axis=1)
            for first, middle, last in (skeleton.indices(limb) for limb in limbs)
        ]
        if way * np.sum(bends) < 0:
            wrong.append(name)
    return wrong[0] if len(wrong) == 1 else None


def _mean_of(poses: SeenPoses, joints: list[str], skeleton: Skeleton) -> np.ndarray:
    """[n, d] mean of those of `joints` that are seen; NaN without any."""
    index = list(skeleton.indices(tuple(joints)))
    seen = poses.seen[:, index, np.newaxis]
    count = seen.sum(axis=1)
    total = np.where(seen, poses.values[:, index], 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _size(pose: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """[n] mean distance of the seen joints from their middle."""
    known = seen[..., np.newaxis]
    count = known.sum(axis=1, keepdims=True)
    middle = np.where(known, pose, 0.0).sum(axis=1, keepdims=True) / count
    distance = np.where(seen, np.linalg.norm(pose - middle, axis=-1), 0.0)
    return np.maximum(distance.sum(axis=1) / count[:, 0, 0], 1e-9)


def _medians(values: np.ndarray) -> np.ndarray:
    """[columns] medians of the numbers in each column of `values` [n, columns]; NaN where there is none.

    Many times as fast as np.nanmedian.
    """
    ordered = np.sort(values, axis=0)  # NaN last.
    count = np.isfinite(ordered).sum(axis=0)
    middle = np.maximum(np.stack([(count - 1) // 2, count // 2]), 0)
    return np.take_along_axis(ordered, middle, axis=0).mean(axis=0)


def _percentile(values: np.ndarray, percent: float) -> float:
    """As np.percentile of `values` [n], which spends most of its time on what small arrays do not need."""
    place = percent / 100.0 * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    ordered = np.partition(values, (below, above))
    return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def _without_outliers(width: np.ndarray) -> np.ndarray:
    edge = _percentile(np.abs(width), 90)
    return np.clip(width, -edge, edge)
