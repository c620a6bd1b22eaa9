"""Measures a trained method on a recording."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.data.identities import PERSON, PLACE
from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.recording import Recording, combined
from tf_elepose.evaluation.evaluation import Evaluation, evaluate_poses
from tf_elepose.methods.pose_model import PoseModel

LIKELIHOOD_VIEWS = 100
"""Projections that the likelihood of a pose is averaged over (section 4.3 of ElePose)."""


def clip_names(recording: Recording) -> np.ndarray:
    """Labels [N] of the clips: equal for the frames of one person in one clip, in all cameras.

    Numbers of people who were linked over time agree between cameras only if a clip shows one person. If it shows
    several, each camera's view of a person has a label of its own. If numbers are places in the lists of images, each
    person of each image has a label of its own.
    """
    if recording.identity == PLACE:
        return recording.tracks
    clip = whole_clips(recording)
    if recording.person is None:
        return clip
    person, columns = recording.person, [clip, recording.person]
    if recording.identity != PERSON:
        several = np.bincount(clip, person > 0) > 0
        columns.append(np.where(several[clip], recording.camera, 0))
    return combined(columns)


def clip_and_camera(recording: Recording) -> np.ndarray:
    """Labels [N] of clips and cameras: equal for the frames of one person in one clip of one camera."""
    return recording.tracks


def whole_clips(recording: Recording) -> np.ndarray:
    """Labels [N] of the clips with all people and cameras in them."""
    return combined([recording.subject, recording.clip])


def independent_clips(recording: Recording) -> np.ndarray:
    """Labels [N]: rows of different labels show different motions, so one can be held out while others are trained on.

    Each person of a clip, in all cameras, has a label. If it is not known who of one camera is who in another, each
    whole clip has a label; if numbers are places in the lists of images, each image has one.
    """
    clip = whole_clips(recording)
    if recording.identity == PLACE:
        return combined([clip, recording.frame])
    if recording.identity == PERSON or recording.person is None:
        return clip_names(recording)
    cameras = np.bincount(np.unique(np.stack([clip, recording.camera], axis=1), axis=0)[:, 0])
    return combined([clip, np.where(cameras[clip] > 1, 0, recording.person)])


def evaluate_method(
    method: PoseModel,
    recording: Recording,
    *,
    poses_2d: str = "gt",
    min_confidence: float = 0.0,
    rows: np.ndarray | None = None,
    joints: Sequence[str] | None = None,
    likelihood_views: int = 0,
    seed: int = 0,
) -> Evaluation:
    """Lifts the poses of `recording` and measures them against the truth in it.

    Args:
      method: trained.
      recording: with or without 3D poses.
      poses_2d: "gt" or "detected".
      min_confidence: joints that a detector trusts no more than this are taken as missing.
      rows: the rows to measure; all when None. All rows are normalised, so that a clip's scale is that of all its
        frames.
      joints: the joints that errors include; all when None.
      likelihood_views: projections per pose for its likelihood; 0 leaves the likelihood out.
      seed: of those projections.

    Returns:
      figures of the poses that can be lifted, and how many cannot.

    Raises:
      ValueError: no pose can be lifted.
    """
    return evaluate_keypoints(
        method, recording, recording.view(poses_2d, min_confidence), rows=rows, joints=joints,
        likelihood_views=likelihood_views, seed=seed,
    )  # fmt: skip


def evaluate_keypoints(
    method: PoseModel,
    recording: Recording,
    keypoints: Keypoints,
    *,
    rows: np.ndarray | None = None,
    joints: Sequence[str] | None = None,
    likelihood_views: int = 0,
    seed: int = 0,
) -> Evaluation:
    """Measures a method on 2D poses made earlier: `keypoints` of `recording`; the rest as in `evaluate_method`."""
    image, seen = method.normalized(keypoints.pixels, clip_and_camera(recording), keypoints.seen)
    confidence = keypoints.confidence
    if rows is not None:
        recording, image, seen = recording.select(rows), image[rows], seen[rows]
        confidence = None if confidence is None else confidence[rows]
    valid = np.any(seen, axis=1)
    if not valid.any():
        raise ValueError(f"{recording.source}: none of {len(valid)} poses can be lifted: too few joints are seen")
    if not valid.all():
        recording, image, seen = recording.select(valid), image[valid], seen[valid]
        confidence = None if confidence is None else confidence[valid]
    prediction = method.predict_normalized(image, seen, confidence)
    nll = method.likelihood_normalized(image, seen, views=likelihood_views, seed=seed) if likelihood_views else None
    lifted, skeleton = tf.constant(prediction.poses_3d), method.skeleton
    assert prediction.image is not None  # A method in Python always gives it.
    flat = np.pad(prediction.image, ((0, 0), (0, 0), (0, 1)))
    evaluation = evaluate_poses(
        skeleton,
        prediction.poses_3d,
        true_3d=recording.poses_3d,
        flat_3d=flat if recording.poses_3d is not None else None,
        seen=seen,
        joints=joints,
        invalid_poses=int((~valid).sum()),
        elevation=prediction.elevation,
        true_elevation=recording.elevation,
        nll=nll,
        action=recording.action,
        knees_forward=geometry.knee_bend(lifted, skeleton).numpy() if skeleton.legs else None,
        elbows_forward=geometry.elbow_bend(lifted, skeleton).numpy() if skeleton.arms else None,
    )
    return dataclasses.replace(evaluation, rows=np.flatnonzero(valid))


def spread_rows(recording: Recording, count: int) -> np.ndarray:
    """At most `count` rows, evenly spaced, for evaluations during training."""
    return np.linspace(0, len(recording) - 1, min(count, len(recording))).astype(int)
