"""How well the canonical poses of one moment's views agree (CanonPose section 4.6 and figure 7)."""

from __future__ import annotations

import numpy as np

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.moments import Moments, moments
from tf_elepose.data.recording import Recording
from tf_elepose.methods.pose_model import PoseModel
from tf_elepose.skeleton.skeletons import Skeleton
from tf_elepose.training.evaluator import clip_and_camera

HIPS = ("l_hip", "r_hip")


def canonical_poses(method: PoseModel, recording: Recording, keypoints: Keypoints) -> tuple[Moments, np.ndarray]:
    """The moments of `recording` and their canonical poses [M, V, J, 3], each as large as the true body, mm; NaN for
    views that are missing or cannot be lifted.

    Args:
      method: a trained model that `has_canonical`.
      recording: with 3D poses.
      keypoints: its 2D poses.

    Raises:
      ValueError: a method without canonical poses, no true poses, or no moment that two cameras see.
    """
    if not method.has_canonical:
        raise ValueError(f"{method.title}: has no canonical poses")
    if recording.poses_3d is None:
        raise ValueError(f"{recording.source}: has no 3D poses: how large its bodies are is not known")
    found = moments(recording)
    groups = clip_and_camera(recording)
    X = method.predict(keypoints.pixels, groups, keypoints.seen, keypoints.confidence).canonical
    assert X is not None
    root = recording.skeleton.root_index
    true = recording.poses_3d - recording.poses_3d[:, root : root + 1]
    size = np.linalg.norm(X, axis=(1, 2))
    X = X * (np.linalg.norm(true, axis=(1, 2)) / np.where(size > 0, size, np.nan))[:, np.newaxis, np.newaxis]
    return found, np.where(found.present[..., np.newaxis, np.newaxis], X[np.maximum(found.rows, 0)], np.nan)


def spread_between_views(poses: np.ndarray) -> np.ndarray:
    """Standard deviation [J] of the joints of `poses` [M, V, J, 3] between the views of a moment: the root of the mean
    squared distance from the moment's mean, over n - 1. Views that are NaN, and moments with one view, do not count.
    """
    present = np.all(np.isfinite(poses), axis=(2, 3))
    poses, present = poses[present.sum(axis=1) >= 2], present[present.sum(axis=1) >= 2]
    if len(poses) == 0:
        return np.full(poses.shape[2], np.nan)
    squared = np.sum((poses - np.nanmean(poses, axis=1, keepdims=True)) ** 2, axis=-1)
    return np.sqrt(np.nansum(squared, axis=(0, 1)) / (present.sum() - len(present)))


def hips_deviation_mm(method: PoseModel, recording: Recording, keypoints: Keypoints) -> float:
    """Standard deviation, mm, of the canonical hips between the views of a moment, see `spread_between_views`."""
    _, poses = canonical_poses(method, recording, keypoints)
    return hips_deviation(poses, recording.skeleton)


def hips_deviation(poses: np.ndarray, skeleton: Skeleton) -> float:
    """`hips_deviation_mm` of canonical poses [M, V, J, 3]; NaN where no moment has two of them."""
    hips = [skeleton.index(joint) for joint in HIPS if joint in skeleton.joints]
    return float(np.sqrt(np.mean(spread_between_views(poses[:, :, hips]) ** 2))) if hips else float("nan")
