"""Repairs sides: finds runs of frames in which a detector swapped left and right, by the limbs' jumps.

A swap turns the vector r from a right joint to its left partner into -r and keeps the middle of the two. When a person
moves, r changes smoothly, even through zero where legs cross. So the swaps of a limb are the path s_t = +-1 that
minimises

    sum over t and pairs of min(|r'_t - r'_{t-1} - (r'_{t-1} - r'_{t-2})| / size, CAP) w_t,   r'_t = s_t r_t,

plus costs for every change of s and for a path that begins or ends swapped (data/tracks/side_path.py). w_t measures
whether the body's middle moves smoothly: where it jumps (a cut, another person, a wrong detection) nothing can be
inferred, w is 0 and sides stay as they are. Detectors mostly swap whole bodies, so that a change of legs and arms at
once costs no more than one of either.

Jumps do not show everything, so two other facts are used. First, swapped limbs may drift back, if the detector smooths
or hesitates: hips or shoulders then pass through zero faster than a body turns. Then the frames before and after the
drift are compared, and not those between (data/tracks/trunk.py). Second, hips and shoulders point the same way: to
swap one limb alone in frames in which they do has a cost. A run without a jump at either end is not changed, because a
person who quickly turns round, and back later, looks the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tf_elepose.data.corrections import side_order
from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.tracks.side_path import side_path
from tf_elepose.data.tracks.trunk import OPPOSED, across_drifts, agreement, drifts_of, keep_jumps
from tf_elepose.skeleton.skeletons import Skeleton

CHOICES = ("repair", "keep")

LIMBS = ("legs", "arms")
"""The columns of masks of swapped limbs; legs include feet and arms include hands, where the skeleton has them."""

MAX_GAP = 5
"""Number of steps (of the track's usual length) that a joint or a frame may be missing; a longer gap starts a new
track."""

FEWEST_FRAMES = 10
"""Stretches of fewer frames are not changed."""

# Shares of the body's size (the mean distance of its joints from their mean); chosen on the clips whose results are in
# docs/lift.md.
_CAP = 1.0  # Largest cost of a pair that jumps: one joint that is far off must not decide.
_APART = 0.1  # Cost of a frame in which one limb is swapped although hips and shoulders agree, for a full product.
# w falls where the middle's unsteadiness is above the first of these values, and is 0 at twice the value. Half of the
# median unsteadiness of the track is added to the value, because tracks jitter. The bound on the median excludes tracks
# of few frames a second, in which every step is a jump.
_UNSTEADY, _OF_USUAL, _MOST_USUAL = 0.08, 0.5, 0.08


def repair_sides(
    keypoints: Keypoints, tracks: np.ndarray, frames: np.ndarray, skeleton: Skeleton
) -> tuple[Keypoints, np.ndarray]:
    """Corrects left and right where a detector swapped them for a while, track by track.

    The sides of most frames of a track are assumed to be right. So a track that is swapped from beginning to end is not
    changed, and if the longer part of a track is swapped, the shorter part is changed by mistake. A gap of more than
    `MAX_GAP` steps, or two rows of one frame, divide a track into parts, and each part is treated as a track.

    Args:
      keypoints: of N rows; joints that are not seen are not looked at, but move with their limb.
      tracks: [N] labels, one for each person in a clip of a camera; rows in any order.
      frames: [N] integers.
      skeleton: says what its legs and arms are; without either nothing is changed.

    Returns:
      The keypoints with swapped joints changed back, and a mask [N, 2] of the rows in which `LIMBS` were swapped.

    Raises:
      ValueError: arrays whose shapes do not fit each other or the skeleton.
    """
    rows, joints = len(keypoints), skeleton.num_joints
    expected = {"keypoints": (rows, joints, 2), "tracks": (rows,), "frames": (rows,)}
    for (name, shape), array in zip(expected.items(), (keypoints.pixels, tracks, frames), strict=True):
        if np.shape(array) != shape:
            raise ValueError(f"repair_sides: {name}: expected {list(shape)}; got {list(np.shape(array))}")
    swapped = np.zeros((rows, len(LIMBS)), bool)
    seen = keypoints.seen & np.isfinite(keypoints.pixels).all(axis=-1)
    poses = np.where(seen[..., np.newaxis], keypoints.pixels, 0.0).astype(np.float64)
    orders, roots = _orders(skeleton), _roots(skeleton)
    alone = [i for i, partner in enumerate(skeleton.mirror) if i == partner]
    order = np.lexsort((frames, tracks))
    for track in np.split(order, np.flatnonzero(np.diff(tracks[order])) + 1):
        step = np.diff(frames[track])
        usual = np.median(step) if len(step) else 1
        for stretch in np.split(track, np.flatnonzero((step > MAX_GAP * usual) | (step == 0)) + 1):
            if len(stretch) >= FEWEST_FRAMES:
                pace = np.diff(frames[stretch], prepend=frames[stretch[0]] - usual) / usual
                swapped[stretch] = _swapped(poses[stretch], seen[stretch], pace, orders, roots, alone)
    arrays = [array for array in (keypoints.pixels, keypoints.seen, keypoints.confidence) if array is not None]
    return Keypoints(*_apply(swapped, orders, *arrays)), swapped


def disagreeing(keypoints: Keypoints, skeleton: Skeleton) -> np.ndarray:
    """Mask [N] of rows seen clearly from the front or the back in which hips and shoulders show opposite sides.

    Legs or arms are swapped there, or the body is twisted by more than a right angle.
    """
    roots, seen = _roots(skeleton), keypoints.seen & np.isfinite(keypoints.pixels).all(axis=-1)
    if len(roots) < len(LIMBS):
        return np.zeros(len(seen), bool)
    poses = np.where(seen[..., np.newaxis], keypoints.pixels, 0.0).astype(np.float64)
    one, other = (poses[:, left] - poses[:, right] for left, right in roots.values())
    both = seen[:, np.array(list(roots.values())).reshape(-1)].all(axis=1)
    count = np.maximum(seen.sum(axis=1), 1)
    middle = poses.sum(axis=1) / count[:, np.newaxis]
    distance = np.where(seen, np.linalg.norm(poses - middle[:, np.newaxis], axis=-1), 0.0)
    return both & ((one * other).sum(axis=-1) < -OPPOSED * (distance.sum(axis=1) / count) ** 2)


def repair_summary(
    swapped: np.ndarray, tracks: Iterable[tuple[str, np.ndarray]], opposed: np.ndarray | None = None
) -> str:
    """Says in one line in how many poses of which tracks (name and rows) sides were changed, given the mask [N, 2]; and
    where arms and legs disagree afterwards, given the mask [N] of `disagreeing`.
    """
    changed = np.any(swapped, axis=1)
    rows_of = dict(tracks)
    found = _most(changed, rows_of)
    after = "" if opposed is None else _opposed_text(opposed, rows_of)
    if not found:
        return f"sides: none of {len(swapped):,} poses has left and right swapped for a while; nothing changed{after}"
    limbs = ", ".join(f"{limbs} {count:,}" for limbs, count in zip(LIMBS, swapped.sum(axis=0), strict=True) if count)
    return (
        f"sides: left and right changed in {changed.sum():,} of {len(swapped):,} poses ({limbs}), where they jumped; "
        f"{len(found)} of {len(rows_of)} tracks: {_named(found)}{after}"
    )


def _most(mask: np.ndarray, rows_of: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Counts the poses in `mask` of each track; the track with most comes first."""
    counts = {name: int(mask[rows].sum()) for name, rows in rows_of.items()}
    return {name: count for name, count in sorted(counts.items(), key=lambda item: -item[1]) if count}


def _named(found: Mapping[str, int]) -> str:
    shown = [f"{name} {count:,}" for name, count in list(found.items())[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")


def _opposed_text(opposed: np.ndarray, rows_of: Mapping[str, np.ndarray]) -> str:
    found = _most(opposed, rows_of)
    if not found:
        return ""
    return f"; arms and legs disagree about left and right in {opposed.sum():,} poses: {_named(found)}"


_SHOWN = 5  # A summary names at most this many tracks, those with the most changes.


def _apply(swapped: np.ndarray, orders: Mapping[str, np.ndarray], *arrays: np.ndarray) -> list[np.ndarray]:
    """Copies of `arrays` [N, J, ...] with the joints of swapped limbs [N, 2] changed."""
    out = [np.array(array) for array in arrays]
    for limbs, rows in zip(LIMBS, swapped.T, strict=True):
        if rows.any():
            for array in out:
                array[rows] = array[rows][:, orders[limbs]]
    return out


def _orders(skeleton: Skeleton) -> dict[str, np.ndarray]:
    """Returns the permutation of the joints that swaps each limb's sides."""
    return {limbs: np.array(side_order(skeleton, limbs, skeleton.name)) for limbs in LIMBS if getattr(skeleton, limbs)}


def _roots(skeleton: Skeleton) -> dict[str, tuple[int, int]]:
    """Returns the first joints of legs and arms: left and right hip, left and right shoulder."""
    found = {}
    for limbs in LIMBS:
        if getattr(skeleton, limbs):
            left, right = skeleton.indices([chain[0] for chain in getattr(skeleton, limbs)])
            found[limbs] = (left, right)
    return found


def _swapped(
    poses: np.ndarray,
    seen: np.ndarray,
    pace: np.ndarray,
    orders: Mapping[str, np.ndarray],
    roots: Mapping[str, tuple[int, int]],
    alone: list[int],
) -> np.ndarray:
    """Mask [T, 2] of the swapped limbs in a stretch of poses [T, J, 2], seen [T, J].

    `pace` [T] is the number of steps from the frame before; `orders` and `roots` are those of the skeleton; `alone`
    lists the joints without a side.
    """
    count = seen.sum(axis=1)
    middle = poses.sum(axis=1, where=seen[..., np.newaxis]) / np.maximum(count, 1)[:, np.newaxis]
    distance = np.linalg.norm(poses - middle[:, np.newaxis], axis=-1)
    size = np.median((distance.sum(axis=1, where=seen) / np.maximum(count, 1))[count > 1]) if (count > 1).any() else 0.0
    swapped = np.zeros((len(poses), len(LIMBS)), bool)
    if size <= 0.0:
        return swapped
    pairs: dict[str, np.ndarray] = {}
    known: dict[str, np.ndarray] = {}
    root: dict[str, int] = {}
    middles, middles_known = [], []
    for limbs, order in orders.items():
        left = roots[limbs][0]
        one = np.flatnonzero(order > np.arange(len(order)))
        one = one if left in one else order[one]  # Vectors of hips and of shoulders that can be compared.
        both = np.concatenate([poses[:, one], poses[:, order[one]]], axis=-1) / size
        both, known[limbs] = _held(both, seen[:, one] & seen[:, order[one]])
        pairs[limbs] = both[..., :2] - both[..., 2:]
        root[limbs] = int(np.flatnonzero(one == left)[0])
        middles.append((both[..., :2] + both[..., 2:]) / 2)
        middles_known.append(known[limbs])
    values, mask = _held(poses[:, alone] / size, seen[:, alone])
    middles.append(values)
    middles_known.append(mask)
    weight = _steadiness(np.concatenate(middles, axis=1), np.concatenate(middles_known, axis=1), pace)
    trunk = {limbs: (pairs[limbs][:, root[limbs]], known[limbs][:, root[limbs]]) for limbs in pairs}
    drifts = drifts_of(trunk)
    movement = [
        across_drifts(
            _costs(pairs[limbs], known[limbs], pace) * weight, pairs[limbs], known[limbs], drifts[limbs], _CAP
        )
        if limbs in pairs
        else np.array([[0.0], [np.inf], [np.inf], [np.inf]]).repeat(len(poses) - 1, axis=1)
        for limbs in LIMBS
    ]
    apart = _APART * np.maximum(agreement(trunk), 0.0) if len(trunk) > 1 else np.zeros(len(poses))
    return keep_jumps(side_path(movement, apart), [drifts.get(limbs, np.zeros(0, int)) for limbs in LIMBS])


def _held(values: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fills unknown `values` [T, P, d] with the last known ones, if these are at most `MAX_GAP` frames old."""
    time = np.arange(len(known))[:, np.newaxis]
    last = np.maximum.accumulate(np.where(known, time, -1), axis=0)
    held = np.take_along_axis(values, np.maximum(last, 0)[..., np.newaxis], axis=0)
    return held, (last >= 0) & (time - last <= MAX_GAP)


def _velocity_kept(known: np.ndarray, pace: np.ndarray) -> np.ndarray:
    """Factor [T - 1, P] from the last step's movement to the expected next one; 0 where there is no last step."""
    kept = np.zeros((len(known) - 1, known.shape[1]))
    kept[1:] = known[:-2] * np.minimum(pace[2:] / pace[1:-1], 1.0)[:, np.newaxis]
    return kept


def _before(values: np.ndarray) -> np.ndarray:
    """`values` [T, ...] two frames before, for every frame but the first; for the second frame, the first."""
    return np.concatenate([values[:1], values[:-2]])


def _steadiness(middles: np.ndarray, known: np.ndarray, pace: np.ndarray) -> np.ndarray:
    """The weight w [T - 1]: 1 where the body's middle [T, M, 2] moves smoothly between frames, 0 where it jumps."""
    both = known[1:] & known[:-1]
    step = middles[1:] - middles[:-1]
    expected = _velocity_kept(known, pace)[..., np.newaxis] * (middles[:-1] - _before(middles))
    jump = np.minimum(np.linalg.norm(step, axis=-1), np.linalg.norm(step - expected, axis=-1))
    count = both.sum(axis=1)
    unsteady = jump.sum(axis=1, where=both) / np.maximum(count, 1) / np.maximum(pace[1:], 1.0)
    usual = np.median(unsteady[count > 0]) if count.any() else 0.0
    weight = np.clip(2.0 - unsteady / (_UNSTEADY + min(_OF_USUAL * usual, _MOST_USUAL)), 0.0, 1.0)
    return np.minimum(weight, np.concatenate([weight[:1], weight[:-1]]))  # The velocity comes from the step before.


def _costs(pairs: np.ndarray, known: np.ndarray, pace: np.ndarray) -> np.ndarray:
    """The costs [4, T - 1] of the movement of pairs r [T, P, 2] to each frame, without weights.

    Rows: nothing changed at this frame nor at the one before, changed at this one, at the one before, at both.
    """
    both = (known[1:] & known[:-1]) / np.maximum(pace[1:], 1.0)[:, np.newaxis]
    kept = _velocity_kept(known, pace)[..., np.newaxis]
    here, last, before = pairs[1:], (1.0 + kept) * pairs[:-1], kept * _before(pairs)
    jumps = [
        np.linalg.norm(changed * here - last + changed_before * before, axis=-1)
        for changed_before in (1.0, -1.0)
        for changed in (1.0, -1.0)
    ]
    return np.stack([(np.minimum(jump, _CAP) * both).sum(axis=1) for jump in jumps])
