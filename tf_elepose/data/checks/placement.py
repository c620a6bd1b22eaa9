"""Tests whether poses stand in their pictures as people do, in a window of one camera's view of one clip.

Only seen joints count; a test that sees too few of them returns None. `sanity` applies the tests to whole recordings.
"""

from __future__ import annotations

import numpy as np

from tf_elepose.data.checks.plausibility import FEWEST_ROWS, SeenPoses, mean_of, sizes_of
from tf_elepose.skeleton.skeletons import Skeleton

# Thresholds, chosen on CMU's motions (cameras at -5 to 90 degrees, rolled by up to 30 degrees, people off the optical
# axis) and on the treadmill. Of the poses of a clip in which people stand, walk or sit, at most 26 % look as if they
# lay; 41 % in cameras above 50 degrees. With x and y exchanged, 91 to 100 % do, if the camera is held upright.
_LIES = np.cos(np.radians(40))  # Cosine between the axis of a body that lies on its side and the image's x axis.
_FORESHORTENED = 1.0  # A body whose trunk and legs are together shorter than it is wide is seen along its axis.
_HANG = 0.1  # In most poses of 96 % of those clips, wrists are below the shoulders by this share of the trunk.
_HALF = 0.5
_MOST_POSES = 0.6  # A window is wrong if this share of its poses is wrong.
_AT_ORIGIN = 0.03  # Distance of the hips from (0, 0), relative to the pose's size.
_NEARLY_ALL = 0.9
# Detectors guess joints outside the picture: hips and legs of people at a desk lie below it, by up to its height.
_BESIDE, _BELOW = 0.25, 2.0  # Joints further outside are wrong; in widths and heights of the picture.
_MANY_JOINTS = 1 / 3


def lying(poses: SeenPoses, skeleton: Skeleton) -> bool | None:
    """Whether most bodies in the window lie on their side; None where too few can be seen, or where it is left open.

    A body lies if its trunk and legs point to the same side, within 40 degrees of the image's x axis, and its arms
    point towards the feet, as hanging arms do. So people who crawl, swim or hold a plank are not taken for people in a
    turned picture. Bodies that are seen along their axis (by a camera above them) are not judged: they may point
    anywhere. The question is left open where most trunks lie, but legs or arms do not: these may be people in a plank,
    or people in a turned picture who sit or reach up.
    """
    top = [limb[0] for limb in skeleton.arms] or [skeleton.head]
    middle = [limb[0] for limb in skeleton.legs] or [skeleton.root]
    axes = [([skeleton.head], top)] if skeleton.arms else []
    axes += [(top, middle)] + ([(middle, [limb[2] for limb in skeleton.legs])] if skeleton.legs else [])
    parts = [mean_of(poses, lower, skeleton) - mean_of(poses, upper, skeleton) for upper, lower in axes]
    if skeleton.arms:  # The head counts only where nothing below the shoulders is seen.
        head, *body = parts
        known = np.asarray(np.any([np.isfinite(part).all(axis=1) for part in body], axis=0))
        parts = [np.where(known[:, np.newaxis], np.nan, head), *body]
    lengths = np.linalg.norm(parts, axis=-1)
    known = np.isfinite(lengths)
    along = known & (np.nan_to_num(lengths).sum(axis=0) > _FORESHORTENED * _widths(poses, skeleton))
    rows = along.any(axis=0)
    if rows.sum() < FEWEST_ROWS:
        return None
    cosines = np.array(parts)[..., 0] / np.maximum(lengths, 1e-9)
    hang = _arms_hang(poses, skeleton)
    ways = [((~known | (way * cosines > _LIES)).all(axis=0) & hang)[rows].mean() for way in (1, -1)]
    if max(ways) >= _MOST_POSES:
        return True
    trunk = np.abs(cosines[known.argmax(axis=0), np.arange(len(rows))])  # Or the first part that is seen.
    return None if np.mean(trunk[rows] > _LIES) >= _HALF else False


def hips_at_origin(poses: SeenPoses, skeleton: Skeleton) -> bool | None:
    """Whether the middle of the hips is at (0, 0) in nearly all poses; such coordinates are not places in a picture."""
    hips = [limb[0] for limb in skeleton.legs] or [skeleton.root]
    rows = poses.seen[:, list(skeleton.indices(tuple(hips)))].all(axis=1)
    if not rows.any():  # One pose tells: (0, 0) is the corner of a picture.
        return None
    seen = SeenPoses(poses.name, poses.values[rows], poses.seen[rows])
    distance = np.linalg.norm(mean_of(seen, hips, skeleton), axis=1)
    return bool(np.mean(distance <= _AT_ORIGIN * sizes_of(seen.values, seen.seen)) >= _NEARLY_ALL)


def outside(poses: SeenPoses, skeleton: Skeleton) -> bool | None:
    """Whether most poses have a third of their joints far outside the picture; None where its size is not known."""
    del skeleton
    if poses.pictures is None:
        return None
    rows = poses.seen.any(axis=1) & np.isfinite(poses.pictures).all(axis=1)
    if rows.sum() < FEWEST_ROWS:
        return None
    share = poses.values[rows] / poses.pictures[rows, np.newaxis]
    x, y = share[..., 0], share[..., 1]
    far = (np.abs(x - 0.5) > 0.5 + _BESIDE) | (y < -_BESIDE) | (y > 1 + _BELOW)
    seen = poses.seen[rows]
    of_row = (far & seen).sum(axis=1) / seen.sum(axis=1)
    return bool(np.mean(of_row >= _MANY_JOINTS) >= _MOST_POSES)


def _arms_hang(poses: SeenPoses, skeleton: Skeleton) -> np.ndarray:
    """Mask [n] of poses whose wrists are nearer to the feet than their shoulders; True where this cannot be seen."""
    if not (skeleton.arms and skeleton.legs):
        return np.ones(len(poses.values), bool)
    shoulders = mean_of(poses, [limb[0] for limb in skeleton.arms], skeleton)
    trunk = mean_of(poses, [limb[0] for limb in skeleton.legs], skeleton) - shoulders
    arms = mean_of(poses, [limb[2] for limb in skeleton.arms], skeleton) - shoulders
    return ~(np.sum(arms * trunk, axis=1) <= _HANG * np.sum(trunk**2, axis=1))


def _widths(poses: SeenPoses, skeleton: Skeleton) -> np.ndarray:
    """The larger distance [n] between two shoulders and between two hips; 0 where neither is seen."""
    widths = np.zeros(len(poses.values))
    for limbs in (skeleton.arms, skeleton.legs):
        if len(limbs) == 2:
            left, right = (skeleton.index(limb[0]) for limb in limbs)
            both = poses.seen[:, left] & poses.seen[:, right]
            width = np.linalg.norm(poses.values[:, left] - poses.values[:, right], axis=-1)
            widths = np.maximum(widths, np.where(both, width, 0.0))
    return widths
