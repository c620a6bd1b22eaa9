"""Relative bone lengths of bodies that were only ever seen in 2D."""

from __future__ import annotations

import numpy as np

from tf_elepose.skeletons import Skeleton

PERCENTILE = 98.0
"""Percentile of a bone's lengths in the image that counts as its true length.

A bone is never longer in the image than when it lies across the line of sight, and among many poses and views every
bone does so now and then. The largest length would be an outlier's or the nearest person's."""


def estimate_bone_prior(normalized: np.ndarray, skeleton: Skeleton, percentile: float = PERCENTILE) -> np.ndarray:
    """Bone lengths relative to their mean, from 2D poses alone.

    Args:
      normalized: [N, J, 2] normalised poses of the training data, many views and postures.
      skeleton: its bones; left and right ones get the same length.
      percentile: see `PERCENTILE`.

    Returns:
      [bones] float32 with mean 1, in the order of `skeleton.bones`.

    Raises:
      ValueError: a bone that has no length in any pose.
    """
    bones = skeleton.bone_matrix @ np.asarray(normalized, np.float32)
    length = np.percentile(np.linalg.norm(bones, axis=-1), percentile, axis=0)
    length = 0.5 * (length + length[list(skeleton.bone_mirror)])
    if np.any(length <= 0):
        child, parent = skeleton.bones[int(np.argmin(length))]
        raise ValueError(f"the bone from {parent!r} to {child!r} has no length in the training poses")
    return (length / length.mean()).astype(np.float32)
