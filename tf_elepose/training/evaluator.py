"""A trained method measured on a recording."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tf_elepose import alignment, geometry
from tf_elepose.data.recording import Recording
from tf_elepose.evaluation import Evaluation, evaluate_poses
from tf_elepose.methods.base import Method

LIKELIHOOD_VIEWS = 100
"""Projections that the likelihood of a pose is averaged over (section 4.3 of ElePose)."""


def clip_names(recording: Recording) -> np.ndarray:
    """Labels [N] of the clips: equal for the frames of one clip in all cameras."""
    _, clip = np.unique(np.stack([recording.subject, recording.clip]), axis=1, return_inverse=True)
    return clip


def clip_and_camera(recording: Recording) -> np.ndarray:
    """Labels [N]: equal for the frames of one clip seen by one camera."""
    return clip_names(recording) * (int(recording.camera.max()) + 1) + recording.camera


def evaluate_method(
    method: Method,
    recording: Recording,
    *,
    poses_2d: str = "gt",
    rows: np.ndarray | None = None,
    likelihood_views: int = 0,
    seed: int = 0,
) -> Evaluation:
    """Lift the poses of `recording` and measure them against what it knows.

    Args:
      method: trained.
      recording: with or without 3D poses.
      poses_2d: "gt" or "detected".
      rows: which rows are measured; all when None. All are normalised, so that a clip's scale is that of the clip.
      likelihood_views: projections per pose for its likelihood; 0 leaves the likelihood out.
      seed: of those projections.
    """
    pixels = recording.keypoints(poses_2d)
    image, _ = method.normalizer.apply(pixels, clip_and_camera(recording))
    if rows is not None:
        recording, pixels, image = recording.select(rows), pixels[rows], image[rows]
    prediction = method.predict_normalized(image)
    nll = method.likelihood_normalized(image, views=likelihood_views, seed=seed) if likelihood_views else None
    lifted, skeleton = tf.constant(prediction.poses_3d), method.skeleton
    flat = alignment.root_center(pixels, skeleton.root_index)
    return evaluate_poses(
        skeleton,
        prediction.poses_3d,
        true_3d=recording.poses_3d,
        flat_3d=np.pad(flat, ((0, 0), (0, 0), (0, 1))) if recording.poses_3d is not None else None,
        elevation=prediction.elevation,
        true_elevation=recording.elevation,
        nll=nll,
        action=recording.action,
        knees_forward=geometry.knee_bend(lifted, skeleton).numpy() if skeleton.legs else None,
        elbows_forward=geometry.elbow_bend(lifted, skeleton).numpy() if skeleton.arms else None,
    )


def spread_rows(recording: Recording, count: int) -> np.ndarray:
    """At most `count` rows, evenly spaced: what is looked at during training."""
    return np.linspace(0, len(recording) - 1, min(count, len(recording))).astype(int)
