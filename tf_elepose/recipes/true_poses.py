"""True 3D poses in the unit scale of models."""

from __future__ import annotations

import numpy as np

from tf_elepose.data.recording import Recording
from tf_elepose.normalization import Normalizer


def unit_poses(normalizer: Normalizer, recording: Recording, groups: np.ndarray) -> np.ndarray:
    """The recording's 3D poses [N, J, 3], roots at the origin, in units of a root-head length.

    By the normalizer's rule this length is the mean over the recording ("dataset"), the mean over a clip and camera,
    labelled by `groups` [N] ("clip"), or an estimate from the pose's own mean joint-root distance ("pose").

    Raises:
      ValueError: a recording without 3D poses, or with some that have no extent.
    """
    if recording.poses_3d is None:
        raise ValueError(f"{recording.source}: has no poses_3d; supervised learning needs a 3D pose for each 2D pose")
    skeleton = normalizer.skeleton
    poses = recording.poses_3d.astype(np.float64)
    poses -= poses[:, skeleton.root_index, np.newaxis]
    head = np.linalg.norm(poses[:, skeleton.index(skeleton.head)], axis=-1)
    if normalizer.rule == "clip":
        names, member = np.unique(groups, return_inverse=True)
        size = (np.bincount(member, head, minlength=len(names)) / np.bincount(member, minlength=len(names)))[member]
    elif normalizer.rule == "pose":
        spread = np.linalg.norm(poses, axis=-1).mean(axis=-1)
        size = spread * (head.mean() / max(spread.mean(), np.finfo(float).tiny))
    else:
        size = np.full(len(poses), head.mean())
    if not np.all(size > 0):
        raise ValueError(f"{recording.source}: poses_3d: pose {int(np.argmin(size))} has no extent")
    return (poses / size[:, np.newaxis, np.newaxis]).astype(np.float32)


def partly_known(poses: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Keeps a random share of `poses` [N, J, 3] and sets the others to zero, which means "not known".

    Raises:
      ValueError: a share outside 0 to 1, or one that keeps no pose.
    """
    count = round(share * len(poses)) if 0.0 <= share <= 1.0 else 0
    if count == 0:
        raise ValueError(f"supervised_share: expected over 0 and up to 1, of {len(poses)} poses; got {share}")
    kept = np.random.default_rng(seed).permutation(len(poses))[:count]
    result = np.zeros_like(poses)
    result[kept] = poses[kept]
    return result
