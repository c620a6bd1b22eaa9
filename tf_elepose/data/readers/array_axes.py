"""Which of the two first axes of keypoints [., ., K, 2 or 3] is time, and which the people.

The shape does not say it: programs write [people, T, ...] (MHFormer, StridedTransformer) as well as [T, people,
...]. The keypoints do: from one frame to the next a person moves a small part of the own size, while two people of one
picture stand beside each other.
"""

from __future__ import annotations

import numpy as np

from tf_elepose.data.visibility import seen

AXES = {"people_frames": 1, "frames_people": 0}
"""{value of the option axes: the axis that is time}."""

SAMPLE = 1 << 14
"""The number of poses that are looked at."""

_LARGEST_STEP = 0.25  # Of the body's size, in a frame: 4 m/s at ten frames a second.
_CLEARLY = 2.0  # How much further other people must be than a person in the next frame.


def time_axis(sample: np.ndarray) -> int | None:
    """The axis, 0 or 1, of keypoints [A, B, K, 2 or 3] px that is time; None where they do not show it."""
    steps = [_step(np.moveaxis(sample, axis, 0)) for axis in (0, 1)]
    for axis in (0, 1):
        step, other = steps[axis], steps[1 - axis]
        further = other > (_CLEARLY * step if step > 0 else _LARGEST_STEP)  # Equal bodies may be copies in a frame.
        if step <= _LARGEST_STEP and (np.isnan(other) or further):
            return axis
    return None


def _step(poses: np.ndarray) -> float:
    """How far bodies are apart along the first axis of poses [A, ...], median, in body sizes; NaN where unknown."""
    places = np.asarray(poses[..., :2], np.float64)
    known = seen(places)
    count = known.sum(-1, keepdims=True)
    if len(poses) < 2 or not (count > 1).any():
        return float("nan")
    filled = np.where(known[..., np.newaxis], places, 0.0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        center = filled.sum(-2) / np.where(count > 1, count, np.nan)
        size = np.sqrt((np.where(known[..., np.newaxis], places - center[..., np.newaxis, :], 0.0) ** 2).sum((-2, -1)))
        # The joints' distance from their centre, root mean square, is about a quarter of the body's height.
        size = 4.0 * size / np.sqrt(count[..., 0])
        apart = np.linalg.norm(np.diff(center, axis=0), axis=-1) / size[1:]
    apart = apart[np.isfinite(apart)]
    return float(np.median(apart)) if apart.size else float("nan")
