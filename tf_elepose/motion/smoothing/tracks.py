"""Smooths lifted poses, person by person."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from tf_elepose.motion.lifted import Lifted
from tf_elepose.motion.sampling import interpolate, sampling
from tf_elepose.motion.smoothing.butterworth import butterworth
from tf_elepose.motion.smoothing.one_euro import one_euro

FILTERS: Mapping[str, Mapping[str, float]] = {
    "one_euro": {"min_cutoff": 2.0, "beta": 4.0, "d_cutoff": 1.0},
    "butterworth": {"cutoff": 6.0},
}
"""{method: {option: default}}; cutoffs in Hz, beta in Hz / (m/s), or Hz / (1/s) for poses without a size.

6 Hz: Winter's and the usual cutoff for walking. d_cutoff: the paper's. min_cutoff and beta: of the values tried on a
person at 60 frames a second with noise of 10 mm (docs/motion_files.md), those that remove most jitter while their lag
leaves the poses no less accurate than with the noise.
"""

MAX_GAP = 5
"""Most missing poses in a row that smoothing bridges: a fifth of a second at 25 frames a second.

In so short a time a joint moves nearly in a straight line; over a longer time its path cannot be guessed.
"""

_SPEED_UNITS = {"mm": 1000.0, "unit": 1.0}  # A metre, or a length from root to head, which is of similar size.


def smooth(lifted: Lifted, method: str, *, max_gap: int = MAX_GAP, **options: float) -> Lifted:
    """Smooths `poses_3d` of `lifted` over time, each track on its own; all other fields stay.

    Poses that are not valid have no influence and stay unchanged. Up to `max_gap` missing or invalid poses in a row are
    bridged: the 1 Euro filter takes the longer time into account, Butterworth's filters a straight line between the
    poses around the gap; the line itself is not part of the result. After a longer gap the filter starts anew, because
    poses on one side of it tell nothing about the other side.

    Args:
      lifted: poses with a frame rate.
      method: "one_euro" (causal: fit for live use, lags a little) or "butterworth" (no lag, needs the whole clip).
      max_gap: in poses; where only every k-th frame was lifted, in steps of k frames.
      **options: the method's options, see `FILTERS`.

    Raises:
      ValueError: an unknown method or option, a cutoff not between 0 and half the poses a second, no frame rate, or
        two poses of one person in one frame.
    """
    if method not in FILTERS:
        raise ValueError(f"smoothing: expected {' or '.join(FILTERS)}; got {method!r}")
    if not (isinstance(max_gap, int) and max_gap >= 0):
        raise ValueError(f"smoothing: max_gap: expected an integer from 0; got {max_gap!r}")
    step, rate = sampling(lifted)
    settings = _settings(method, options, rate)
    poses = lifted.poses_3d.copy()
    for _, rows in lifted.tracks():
        rows = rows[lifted.valid[rows]]
        places = lifted.frame[rows].astype(np.int64) // step
        for run in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(places) > max_gap + 1) + 1):
            if len(run) > 1:
                poses[rows[run]] = _filtered(lifted, rows[run], places[run] - places[run[0]], rate, method, settings)
    return dataclasses.replace(lifted, poses_3d=poses)


def _filtered(
    lifted: Lifted, rows: np.ndarray, places: np.ndarray, rate: float, method: str, settings: Mapping[str, float]
) -> np.ndarray:
    """The filtered poses [n, J, 3] of `rows` [n], at `places` [n] on the grid of `rate` places a second."""
    poses = lifted.poses_3d[rows].astype(np.float64)
    if method == "one_euro":
        beta = settings["beta"] / _SPEED_UNITS[lifted.unit]
        return one_euro(poses, places / rate, **{**settings, "beta": beta})
    even = interpolate(places, poses, np.arange(places[-1] + 1))
    return butterworth(even, rate=rate, **settings)[places]


def _settings(method: str, options: Mapping[str, float], rate: float) -> dict[str, float]:
    """All options of `method`: its defaults, replaced by `options`, checked."""
    if unknown := sorted(set(options) - set(FILTERS[method])):
        raise ValueError(
            f"smoothing: {method} has no {', '.join(unknown)}; its options are {', '.join(FILTERS[method])}"
        )
    settings = {**FILTERS[method], **options}
    for name, value in settings.items():
        if not (isinstance(value, (int, float)) and math.isfinite(value) and value >= 0):
            raise ValueError(f"smoothing: {method}: {name}: expected a number from 0; got {value!r}")
        if name.endswith("cutoff") and not 0 < value < rate / 2:
            raise ValueError(
                f"smoothing: {method}: {name}: expected Hz above 0 and below {rate / 2:g}, half the {rate:g} poses a "
                f"second; got {value:g}"
            )
    return settings
