"""Finds whether hips and shoulders agree over time, and where they drift from one side to the other.

Lengths are shares of the body's size, as in side_repair.py; the constants were chosen on the clips that
benchmarks/robustness/sides.py names.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_FULL = 0.2  # About two thirds of the product of hips and shoulders of a person who faces the camera.
_DRIFT = 3  # Frames from the middle of a drift to the compared frames; a drift has at most five frames.
_ACROSS = 0.15  # Least distance of hips or of shoulders in those frames: in profile nothing shows which side is left.
_RESTS, _MORE = 5, 0.4  # Frames from the middle to the frames without movement, and the largest movement there.
_OPPOSITE = 0.5  # Least cosine between the direction before a drift and the opposite of that after it.
_LONG_STEP = 0.125
"""In tracks whose median step of hips or shoulders is longer, drifts are not searched for: with few frames a second, a
turn is as short as a drift. In clips of 30 frames a second this step is 0.05 to 0.12, mostly the detector's noise."""

OPPOSED = _FULL / 2
"""Hips and shoulders whose product is below the negative of this show opposite sides."""

Trunk = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""The vectors [T, 2] from right to left hip and from right to left shoulder, and the frames [T] that show them."""


def agreement(trunk: Trunk) -> np.ndarray:
    """How well hips and shoulders agree [T]: from -1 to 1, near 0 in profile. 0 in all frames of a track whose legs and
    arms disagree most of the time, because nothing shows which of them are right.
    """
    (one, one_known), (other, other_known) = trunk.values()
    found = np.where(one_known & other_known, np.clip((one * other).sum(axis=-1) / _FULL, -1.0, 1.0), 0.0)
    return found if found.sum() > 0.0 else np.zeros(len(found))


def drifts_of(trunk: Trunk) -> dict[str, np.ndarray]:
    """Frames in the middle of drifts of legs and of arms, alone or together.

    At such a frame hips or shoulders pass through zero. In the frames `_DRIFT` before and after it they point in
    opposite directions, are clearly apart and hardly move.
    """
    together = np.zeros(0, int)
    if len(trunk) > 1:
        vectors, known = zip(*trunk.values(), strict=True)
        together = _middles(np.concatenate(vectors, axis=-1), np.all(known, axis=0))
    found = {}
    if any(_usual_step(across, known) > _LONG_STEP for across, known in trunk.values()):
        return {limbs: np.zeros(0, int) for limbs in trunk}
    for limbs, (across, known) in trunk.items():
        alone = _middles(across, known)
        near = np.abs(alone[:, np.newaxis] - together).min(axis=1, initial=_DRIFT) < _DRIFT
        found[limbs] = np.union1d(alone[~near], together)
    return found


def _usual_step(across: np.ndarray, known: np.ndarray) -> float:
    """The median length of a step of `across` [T, d]."""
    steps = np.linalg.norm(np.diff(across, axis=0), axis=-1)[known[1:] & known[:-1]]
    return float(np.median(steps)) if len(steps) else 0.0


def _middles(across: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Frames in the middle of drifts of the vectors `across` [T, d]; only `known` [T] vectors are used."""
    size = len(across) - 2 * _RESTS
    if size <= 0:
        return np.zeros(0, int)
    length = np.linalg.norm(across, axis=-1)
    first, before, here, after, last = (
        slice(_RESTS + i, _RESTS + i + size) for i in (-_RESTS, -_DRIFT, 0, _DRIFT, _RESTS)
    )
    least = np.minimum(length[before], length[after])
    near = np.min([length[_RESTS + i : _RESTS + i + size] for i in range(1 - _DRIFT, _DRIFT)], axis=0)
    # A body that turns goes on turning: at an even pace by two thirds of the way from here to `after`.
    more = [np.linalg.norm(across[far] - across[near_by], axis=-1) for far, near_by in ((first, before), (last, after))]
    rests = more[0] + more[1] < _MORE * (length[before] + length[after])
    opposite = (across[before] * across[after]).sum(axis=-1) < -_OPPOSITE * length[before] * length[after]
    middle = rests & opposite & (least > _ACROSS) & (length[here] <= 0.5 * least) & (length[here] <= near)
    found = np.flatnonzero(middle & known[before] & known[here] & known[after]) + _RESTS
    return found[np.diff(found, prepend=-_DRIFT) >= _DRIFT]  # The first of two that are equally near.


def across_drifts(
    costs: np.ndarray, pairs: np.ndarray, known: np.ndarray, drifts: np.ndarray, cap: float
) -> np.ndarray:
    """Changes `costs` [4, T - 1] of side_repair.py, those of one limb's pairs r [T, P, 2].

    Movement during `drifts` then costs nothing; movement from before to after a drift costs at most `cap` for each
    pair.
    """
    out = costs.copy()
    for middle in drifts:
        before, after = middle - _DRIFT, middle + _DRIFT
        both = known[before] & known[after]
        stays, turns = (
            np.minimum(np.linalg.norm(pairs[after] - sign * pairs[before], axis=-1), cap)[both].sum()
            for sign in (1.0, -1.0)
        )
        # Velocities, too: the velocity before the step that follows a drift is that of a frame within it.
        out[:, before : after + 1] = 0.0
        out[:, middle - 1] = [stays, turns, stays, turns]
    return out


def keep_jumps(swapped: np.ndarray, drifts: list[np.ndarray]) -> np.ndarray:
    """Removes runs without a jump at either end from the mask `swapped` [T, limbs].

    Such runs begin and end within `drifts` (of each limb) or with the track. Swaps of the other limb in the same frames
    are removed, too.
    """
    runs = [
        np.flatnonzero(np.diff(np.concatenate([[False], limb, [False]]))).reshape(-1, 2).tolist() for limb in swapped.T
    ]
    doubtful = [
        (begin, end)
        for of_limb, middles in zip(runs, drifts, strict=True)
        for begin, end in of_limb
        if all(edge in (0, len(swapped)) or np.any(np.abs(middles - edge) < _RESTS) for edge in (begin, end))
    ]
    out = swapped.copy()
    for column, of_limb in enumerate(runs):
        for begin, end in of_limb:
            if any(abs(begin - one) <= _RESTS and abs(end - other) <= _RESTS for one, other in doubtful):
                out[begin:end, column] = False
    return out
