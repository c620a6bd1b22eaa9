"""The sides of legs and arms over time that cost least: Viterbi's algorithm over both at once.

One limb after the other finds worse paths: where legs cross, a swap of the whole body is nearly as cheap as one of the
arms alone, and what the first limb has been given the second cannot take back.
"""

from __future__ import annotations

import numpy as np

# Costs, as shares of the body's size like those of movement; chosen on the clips whose results are in docs/lift.md.
_CHANGE = 0.8  # Of a change of sides of one limb or of both, added to the cost of movement.
_EDGE = 1.0  # Of a path that begins or ends swapped: only one end of such a run can be seen.
_SWAPPED = 0.01  # Of a swapped frame: without jumps the detector's sides stay; the longer of two parts decides.

_STATES = np.array([[False, False], [True, True], [True, False], [False, True]])  # Swapped limbs: legs, arms.
_PIECE = 4_096  # Frames whose costs are laid out at once.


def side_path(movement: list[np.ndarray], apart: np.ndarray) -> np.ndarray:
    """Finds the swapped limbs that cost least.

    Args:
      movement: of legs and of arms the costs [4, T - 1] to each frame but the first: nothing changed at this frame nor
        at the one before, changed at this one, at the one before, at both.
      apart: [T] cost of a frame in which one of them is swapped and the other is not.

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
    # [state of the first frame, of the second]; of the velocity before the first nothing is known.
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
