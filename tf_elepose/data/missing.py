"""Joints hidden on purpose, to see what a method makes of poses that are not complete."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_elepose.data.recording import Recording
from tf_elepose.skeletons import MIN_JOINTS


def hide_joints(recording: Recording, hidden: float | int, *, seed: int) -> Recording:
    """`recording` with joints hidden at random, in its 2D poses and detections alike; its 3D poses stay.

    Args:
      recording: complete or not.
      hidden: a share of the joints below 1, each joint hidden with that probability; or from 1 on a number of joints,
        hidden in every pose.
      seed: of the choice.

    Raises:
      ValueError: a share or number out of range.
    """
    n, joints = recording.poses_2d.shape[:2]
    if not 0 <= hidden <= joints - MIN_JOINTS or (hidden >= 1 and hidden != int(hidden)):
        raise ValueError(
            f"hidden joints: expected a share below 1 or a number of joints up to {joints - MIN_JOINTS}; got {hidden}"
        )
    if not hidden:
        return recording
    coins = np.random.default_rng(seed).random((n, joints))
    kept = coins >= hidden if hidden < 1 else coins.argsort(axis=1).argsort(axis=1) >= hidden
    changes = {"visible": kept if recording.visible is None else kept & recording.visible}
    changes["poses_2d"] = np.where(changes["visible"][..., np.newaxis], recording.poses_2d, np.float32(0.0))
    if recording.confidence is not None:
        changes["confidence"] = np.where(kept, recording.confidence, np.float32(0.0))
    elif recording.poses_2d_detected is not None:
        changes["confidence"] = kept.astype(np.float32)
    if recording.poses_2d_detected is not None:
        changes["poses_2d_detected"] = np.where(kept[..., np.newaxis], recording.poses_2d_detected, np.float32(0.0))
    return dataclasses.replace(recording, **changes)
