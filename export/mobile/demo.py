"""A short clip of keypoints for the samples: people of the built-in synthetic motion, in any convention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_elepose.data.synthetic import synthesize
from tf_elepose.skeleton.conventions import find_convention
from tf_elepose.skeleton.conversion import Convention, Conversion, conversion
from tf_elepose.skeleton.skeletons import H36M_17

ACTIVITIES = ("walking", "reaching", "squatting")
"""The clip's activities, one after the other, each of one person in front of one camera."""

FRAME_RATE = 25.0
_FRAMES = 75  # Frames of an activity: three seconds, after which walkers leave the image.
_SEED = 3


def clip(convention: str, keypoints: Sequence[str]) -> dict[str, Any]:
    """Keypoints in the samples' format: joints by name, frames [T, K] of [x, y] px, or None for joints not seen.

    Args:
      convention: the convention's name; if it is unknown, only joints with the synthetic people's names are seen.
      keypoints: the convention's joints, in order.
    """
    known = find_convention(convention)
    if known is None or known.joints != tuple(keypoints):
        known = Convention(convention, tuple(keypoints))
    recording = synthesize(H36M_17, seed=_SEED, subjects=3, takes=1, frames=_FRAMES, frame_rate=FRAME_RATE, cameras=1)
    rows = [np.flatnonzero(recording.action == activity)[:_FRAMES] for activity in ACTIVITIES]
    poses = _as_keypoints(conversion(known, H36M_17), recording.poses_2d[np.concatenate(rows)])
    frames = [
        [None if np.isnan(point).any() else [round(float(value), 1) for value in point] for point in pose]
        for pose in poses
    ]
    return {"joints": list(keypoints), "frame_rate": FRAME_RATE, "frames": frames}


def _as_keypoints(converted: Conversion, poses: np.ndarray) -> np.ndarray:
    """Keypoints [T, K, 2] that the conversion maps to `poses` [T, J, 2], NaN where unknown.

    Joints with equal names are equal. The others are the least-squares solution for the joints that are computed from
    them (for example, both eyes are at the end of the head).
    """
    named = [converted.target.index(joint) if joint in converted.target else None for joint in converted.source]
    result = np.full((len(poses), len(converted.source), 2), np.nan)
    for axis, recipes in enumerate((converted.recipes, converted.recipes_y)):
        weights = np.zeros((len(converted.target), len(converted.source)))
        for row, recipe in enumerate(recipes):
            for joint, weight in (recipe or {}).items():
                weights[row, converted.source.index(joint)] = weight
        same = [place is not None for place in named]
        result[:, same, axis] = poses[:, [place for place in named if place is not None], axis]
        used = ~np.array(same) & (weights != 0).any(axis=0)
        rest = poses[..., axis] - result[:, same, axis] @ weights[:, same].T
        rows = (weights[:, used] != 0).any(axis=1)
        result[:, used, axis] = rest[:, rows] @ np.linalg.pinv(weights[rows][:, used]).T
    return result
