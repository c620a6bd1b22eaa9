"""Hides joints on purpose, to measure how a method works with incomplete poses."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_elepose.data.recording import Recording
from tf_elepose.skeleton.skeletons import MIN_JOINTS


def hide_joints(recording: Recording, hidden: float | int, *, seed: int) -> Recording:
    """Hides random joints of `recording`, the same ones in 2D poses and detections; 3D poses stay as they are.

    Args:
      recording: complete or not.
      hidden: below 1: the probability with which each joint is hidden; from 1 on: how many joints are hidden in every
        pose.
      seed: of the random choice.

    Raises:
      ValueError: `hidden` is out of range.
    """
    n, joints = recording.poses_2d.shape[:2]
    if not 0 <= hidden <= joints - MIN_JOINTS or (hidden >= 1 and hidden != int(hidden)):
        raise ValueError(
            f"hidden joints: expected a share below 1 or a number of joints up to {joints - MIN_JOINTS}; got {hidden}"
        )
    if not hidden:
        return recording
    coins = np.random.default_rng(seed).random((n, joints))
    return _showing(recording, coins >= hidden if hidden < 1 else coins.argsort(axis=1).argsort(axis=1) >= hidden)


def hide_half(recording: Recording, half: str) -> Recording:
    """Hides a whole half of every body, "legs" or "torso"; see `Skeleton.halves` and `hide_joints`.

    Raises:
      ValueError: `half` is another word, or the skeleton names no legs.
    """
    halves = recording.skeleton.halves
    if half not in halves:
        raise ValueError(f"hidden half: expected {' or '.join(halves)}; got {half!r}")
    kept = np.ones(recording.poses_2d.shape[:2], bool)
    kept[:, recording.skeleton.indices(halves[half])] = False
    return _showing(recording, kept)


def _showing(recording: Recording, kept: np.ndarray) -> Recording:
    """Hides the joints of `recording` that are not `kept` [N, J]."""
    changes = {"visible": kept if recording.visible is None else kept & recording.visible}
    changes["poses_2d"] = np.where(changes["visible"][..., np.newaxis], recording.poses_2d, np.float32(0.0))
    if recording.confidence is not None:
        changes["confidence"] = np.where(kept, recording.confidence, np.float32(0.0))
    elif recording.poses_2d_detected is not None:
        changes["confidence"] = kept.astype(np.float32)
    if recording.poses_2d_detected is not None:
        changes["poses_2d_detected"] = np.where(kept[..., np.newaxis], recording.poses_2d_detected, np.float32(0.0))
    return dataclasses.replace(recording, **changes)
