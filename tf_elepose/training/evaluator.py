"""A trained method measured on a recording."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.data.recording import Recording
from tf_elepose.evaluation import Evaluation, evaluate_poses
from tf_elepose.methods.base import Method
from tf_elepose.methods.elepose import ElePose

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
    likelihood_views: int = 0,
    seed: int = 0,
) -> Evaluation:
    """Lift the poses of `recording` and measure them against what it knows.

    Args:
      method: trained.
      recording: with or without 3D poses.
      poses_2d: "gt" or "detected".
      likelihood_views: projections per pose for its likelihood; 0 leaves the likelihood out.
      seed: of those projections.
    """
    pixels = recording.keypoints(poses_2d)
    groups = clip_and_camera(recording)
    prediction = method.predict(pixels, groups)
    nll = None
    if likelihood_views and isinstance(method, ElePose):
        nll = negative_log_likelihood(method, pixels, groups, views=likelihood_views, seed=seed)
    lifted, skeleton = tf.constant(prediction.poses_3d), method.skeleton
    root = method.skeleton.root_index
    flat = np.concatenate([pixels - pixels[:, root : root + 1], np.zeros_like(pixels[..., :1])], axis=-1)
    return evaluate_poses(
        method.skeleton,
        prediction.poses_3d,
        true_3d=recording.poses_3d,
        flat_3d=flat if recording.poses_3d is not None else None,
        elevation=prediction.elevation,
        true_elevation=recording.elevation,
        nll=nll,
        action=recording.action,
        knees_forward=geometry.knee_bend(lifted, skeleton).numpy() if skeleton.legs else None,
        elbows_forward=geometry.elbow_bend(lifted, skeleton).numpy() if skeleton.arms else None,
    )


def negative_log_likelihood(
    method: ElePose, pixels: np.ndarray, groups: np.ndarray, *, views: int, seed: int, batch_size: int = 1024
) -> np.ndarray:
    """Mean NLL [N] over `views` random projections of the lifted poses; see `ElePose.negative_log_likelihood`."""
    image, _ = method.normalizer.apply(pixels, groups)
    spec = tf.TensorSpec([None, *image.shape[1:]], tf.float32)
    compiled = tf.function(
        lambda batch, number: method.negative_log_likelihood(batch, number, views),
        input_signature=[spec, tf.TensorSpec([2], tf.int32)],
    )
    parts = [
        compiled(tf.constant(image[first : first + batch_size]), tf.constant([seed, first], tf.int32)).numpy()
        for first in range(0, len(image), batch_size)
    ]
    return np.concatenate(parts)


def subset(recording: Recording, count: int) -> Recording:
    """At most `count` rows, evenly spaced: what is looked at during training."""
    if len(recording) <= count:
        return recording
    return recording.select(np.linspace(0, len(recording) - 1, count).astype(int))
