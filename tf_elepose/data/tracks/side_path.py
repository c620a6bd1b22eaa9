"""Finds the sides of legs and arms over time that cost least, by Viterbi's algorithm for both together.

Paths for one limb after the other are worse: where legs cross, a swap of the whole body costs nearly as little as a
swap of the arms alone, and the second limb cannot correct the choice for the first.
"""

from __future__ import annotations

import numpy as np

# Costs, as shares of the body's size like those of movement; chosen on the clips whose results are in docs/lift.md.
_CHANGE = 0.8  # A change of sides of one limb or of both; added to the cost of movement.
_EDGE = 1.0  # A path that begins or ends swapped: only one end of such a run is seen.
_SWAPPED = 0.01  # A swapped frame: without jumps, sides are kept; the longer of two parts decides.

_STATES = np.array([[False, False], [True, True], [True, False], [False, True]])  # Swapped limbs: legs, arms.
_PIECE = 4_096  # The costs of this many frames are prepared at a time.


def side_path(movement: list[np.ndarray], apart: np.ndarray) -> np.ndarray:
    """Finds the swapped limbs that cost least.

    Args:
            movement: for legs and for arms, the costs [4, T - 1] of the movement to each frame but the first, if sides
              change
        at neither this frame nor the one before, at this one, at the one before, or at both.
      apart: [T] cost of a frame in which only legs or only arms are swapped.

    Returns:
      Mask [T, 2].
    """
    before, here, after = (
        _STATES.reshape([4 if i == axis else 1 for i in range(3)] + [2]) for axis in range(3)
    )  # [4, 4, 4, 2] when combined: the state two frames before, one before, now.
    kind = (after ^ here) + 2 * (here ^ before)
    fixed = _CHANGE * (after != here).any(axis=-1) + _SWAPPED * after.any(axis=-1)
    single = (after[..., 0] != after[..., 1])[0, 0].astype(float)
    legs, arms = movement
    any_swapped = _STATES.any(axis=1)
    # [state of the first frame, of the second]; the velocity before the first frame is not known.
    turned = (_STATES[:, np.newaxis] ^ _STATES).astype(int)
    value = legs[turned[..., 0], 0] + arms[turned[..., 1], 0] + _CHANGE * turned.any(axis=-1)
    value = value + ((_EDGE + _SWAPPED) * any_swapped + apart[0] * single)[:, np.newaxis]
    value = value + _SWAPPED * any_swapped + apart[1] * single
    steps = len(apart) - 2
    chosen = np.empty((steps, 4, 4), np.int8)
    for start in range(0, steps, _PIECE):
        part = slice(start + 1, min(start + _PIECE, steps) + 1)
        costs = legs[:, part].T[:, kind[..., 0]] + arms[:, part].T[:, kind[..., 1]] + fixed
        costs += apart[part.start + 1 : part.stop + 1, np.newaxis, np.newaxis, np.newaxis] * single
        for step, cost in enumerate(costs, start):
            every = value[..., np.newaxis] + cost
            chosen[step] = every.argmin(axis=0)
            value = every.min(axis=0)
    last, state = np.unravel_index(np.argmin(value + _EDGE * any_swapped), value.shape)
    states = [int(state), int(last)]
    for choice in chosen[::-1]:
        states.append(int(choice[states[-1], states[-2]]))
    return _STATES[states[::-1]]
