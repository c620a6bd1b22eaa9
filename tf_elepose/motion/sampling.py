"""The even grid of time on which the frames of a clip lie."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tf_elepose.motion.lifted import Lifted


class Sampling(NamedTuple):
    """An even grid that all frame numbers lie on.

    Attributes:
      step: frames from one place of the grid to the next; above 1 where only every second, third, ... frame was lifted.
      rate: places a second, Hz: the clip's frames a second over `step`.
    """

    step: int
    rate: float


def sampling(lifted: Lifted) -> Sampling:
    """The widest grid that has a place for every pose of every track.

    Raises:
      ValueError: the frame rate is not known or not above 0, or a track has two poses of one frame.
    """
    if lifted.frame_rate is None:
        raise ValueError(f"{lifted.source}: expected frames with a frame rate; got none: give it with --fps")
    if not (math.isfinite(lifted.frame_rate) and lifted.frame_rate > 0):
        raise ValueError(f"{lifted.source}: expected a frame rate above 0; got {lifted.frame_rate}: give it with --fps")
    step = 0
    for name, rows in lifted.tracks():
        frames = lifted.frame[rows].astype(np.int64)
        apart = np.diff(frames)
        if not apart.all():
            raise ValueError(
                f"{lifted.source}: {name}: frame {frames[:-1][apart == 0][0]}: expected one pose; got more"
            )
        step = math.gcd(step, int(np.gcd.reduce(apart)))
    step = step or 1  # No track has two poses.
    return Sampling(step, lifted.frame_rate / step)


def interpolate(places: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Linear interpolation [m, ...] at `wanted` [m] of `values` [n, ...] at the rising `places` [n].

    Exact where a wanted place is one of `places`; before the first and after the last it is the nearest value.
    """
    after = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
    before = np.maximum(after - 1, 0)
    width = np.maximum(places[after] - places[before], 1)
    share = np.clip((wanted - places[before]) / width, 0.0, 1.0).reshape(-1, *[1] * (values.ndim - 1))
    return (1.0 - share) * values[before] + share * values[after]
