"""Finds which of the two first axes of keypoints [., ., K, 2 or 3] is time; the other is that of the people.

The shape does not show it: some programs write [people, T, ...] (MHFormer, StridedTransformer), others [T, people,
...]. The keypoints show it: from one frame to the next a person moves by a small part of its size, while two people in
one picture stand beside each other.
"""

from __future__ import annotations

import numpy as np

from tf_elepose.data.visibility import seen

AXES = {"people_frames": 1, "frames_people": 0}
"""{value of the option axes: the axis that is time}."""

SAMPLE = 1 << 14
"""The axes are judged by this many poses."""

_LARGEST_STEP = 0.25  # Largest step in a frame, in body sizes: 4 m/s at ten frames a second.
_CLEARLY = 2.0  # Other people must be farther away than the same person in the next frame by this factor.


def time_axis(sample: np.ndarray) -> int | None:
    """Finds the axis, 0 or 1, of keypoints [A, B, K, 2 or 3] px that is time; None where they do not show it."""
    steps = [_step(np.moveaxis(sample, axis, 0)) for axis in (0, 1)]
    for axis in (0, 1):
        step, other = steps[axis], steps[1 - axis]
        further = other > (_CLEARLY * step if step > 0 else _LARGEST_STEP)  # Equal bodies may be copies in one frame.
        if step <= _LARGEST_STEP and (np.isnan(other) or further):
            return axis
    return None


def _step(poses: np.ndarray) -> float:
    """Median distance of neighbouring bodies along the first axis of poses [A, ...], in body sizes; NaN if unknown."""
    places = np.asarray(poses[..., :2], np.float64)
    known = seen(places)
    count = known.sum(-1, keepdims=True)
    if len(poses) < 2 or not (count > 1).any():
        return float("nan")
    filled = np.where(known[..., np.newaxis], places, 0.0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        center = filled.sum(-2) / np.where(count > 1, count, np.nan)
        size = np.sqrt((np.where(known[..., np.newaxis], places - center[..., np.newaxis, :], 0.0) ** 2).sum((-2, -1)))
        # The root mean square distance of joints from their centre is about a quarter of the body's height.
        size = 4.0 * size / np.sqrt(count[..., 0])
        apart = np.linalg.norm(np.diff(center, axis=0), axis=-1) / size[1:]
    apart = apart[np.isfinite(apart)]
    return float(np.median(apart)) if apart.size else float("nan")
