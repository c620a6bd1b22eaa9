"""Loss terms: each gives one number an example; the method that calls them weights and averages them."""

from __future__ import annotations

import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.skeleton.anthropometry import BonePrior
from tf_elepose.skeleton.skeletons import Skeleton


def pose_distance(predicted: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Length [...] of the difference of two whole pose vectors [..., J, d] (the norm of ElePose eq. 9 and 10)."""
    difference = predicted - target
    return geometry.safe_norm(tf.reshape(difference, tf.concat([tf.shape(difference)[:-2], [-1]], axis=0)))


def mean_joint_distance(predicted: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Mean over the joints [...] of the distance of the joints of two poses [..., J, d]."""
    return tf.reduce_mean(geometry.safe_norm(predicted - target), axis=-1)


def absolute_error(predicted: tf.Tensor, target: tf.Tensor, seen: tf.Tensor | None = None) -> tf.Tensor:
    """Sum [...] of absolute coordinate differences of two poses [..., J, d] (the L1 norm of ElePose eq. 11).

    With `seen` [..., J], hidden joints add nothing.
    """
    difference = tf.abs(predicted - target)
    if seen is not None:
        difference = tf.where(seen[..., tf.newaxis], difference, 0.0)
    return tf.reduce_sum(difference, axis=(-2, -1))


def soft_ceiling(x: tf.Tensor, ceiling: float) -> tf.Tensor:
    """`x` up to `ceiling` (positive), above it ceiling (1 + log(x / ceiling)).

    Value and slope are continuous. Far from the data a flow's NLL grows so fast that a few poses would dominate the
    gradient of a whole batch.
    """
    beyond = tf.maximum(x, ceiling) / ceiling
    return tf.minimum(x, ceiling) + ceiling * tf.math.log(beyond)


def relative_bone_error(
    pose: tf.Tensor, skeleton: Skeleton, prior: BonePrior, seen: tf.Tensor | None = None
) -> tf.Tensor:
    """Twice the negative logarithm of ElePose eq. 8, without its constants: [...].

    Args:
      pose: [..., J, 3] any unit.
      skeleton: its bones.
      prior: expected bone lengths divided by their mean, and how much each varies.
      seen: [..., J] which joints are seen, not guessed; a bone with a guessed end adds nothing. All when None.

    Returns:
      sum over bones of ((bone length / mean bone length - expected) / deviation)^2.
    """
    lengths = geometry.bone_lengths(pose, skeleton)
    mean = tf.reduce_mean(lengths, axis=-1, keepdims=True)
    relative = tf.math.divide_no_nan(lengths, mean)
    squared = tf.square((relative - prior.lengths) / prior.deviations)
    if seen is not None:
        ends = (tf.gather(seen, skeleton.indices(tuple(bone[i] for bone in skeleton.bones)), axis=-1) for i in (0, 1))
        squared = tf.where(tf.logical_and(*ends), squared, 0.0)
    return tf.reduce_sum(squared, axis=-1)


def backward_knees(pose: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """How far the knees bend the wrong way, summed over the legs: [...], 0 to 2; 0 for right poses.

    An anatomical term against the depth mirror, which turns every knee around; see `geometry.knee_bend`.
    """
    return tf.reduce_sum(tf.nn.relu(-geometry.knee_bend(pose, skeleton)), axis=-1)


def scale_independent_error(projected: tf.Tensor, target: tf.Tensor, confidence: tf.Tensor) -> tf.Tensor:
    """CanonPose eq. 2 and 5: |(W / |W|_F - W_rep / |W_rep|_F) * C|_1, [...].

    Args:
      projected: W_rep [..., J, 2] any unit, root at the origin.
      target: W [..., J, 2] any unit, root at the origin.
      confidence: c [..., J] from 0; a joint of confidence 0 is not seen and adds nothing, not even to the norms.
    """
    seen = tf.cast(confidence > 0.0, projected.dtype)[..., tf.newaxis]
    difference = geometry.unit_size(seen * target) - geometry.unit_size(seen * projected)
    return tf.reduce_sum(confidence[..., tf.newaxis] * tf.abs(difference), axis=(-2, -1))


def backward_face(pose: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """L_angle of SVMAC (eq. 22 and 23): how far the face looks backwards, [...], 0 to 1; 0 for right poses.

    A term against the depth mirror, which puts the face on the body's back; see `geometry.face_turn`.
    """
    return tf.nn.relu(-geometry.face_turn(pose, skeleton))


def unequal_sides(pose: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """L_sym of SVMAC (eq. 21): mean [...] over the bone pairs of their lengths' squared difference."""
    lengths = geometry.bone_lengths(pose, skeleton)
    # The sum has each pair twice, from either side; bones in the middle are their own partners, with difference 0.
    difference = lengths - tf.gather(lengths, skeleton.bone_mirror, axis=-1)
    pairs = sum(bone != partner for bone, partner in enumerate(skeleton.bone_mirror)) // 2
    return 0.5 * tf.reduce_sum(tf.square(difference), axis=-1) / max(pairs, 1)


def weak_perspective_error(camera: tf.Tensor) -> tf.Tensor:
    """L_weakcam of SVMAC for one camera K [..., 2, 3] (eq. 17-19): |2 / trace(K K^T) K K^T - I|_F, [...].

    0 where the rows of K are at right angles and of equal length.
    """
    product = tf.matmul(camera, camera, transpose_b=True)
    trace = tf.linalg.trace(product)[..., tf.newaxis, tf.newaxis]
    difference = tf.math.divide_no_nan(2.0 * product, trace) - tf.eye(2)
    return geometry.safe_norm(tf.reshape(difference, tf.concat([tf.shape(difference)[:-2], [4]], axis=0)))


def known_pose_distance(predicted: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    """`mean_joint_distance` [...] to the true poses [..., J, 3] where they are known; 0 where a true pose is all zero,
    which stands for "not known": 3D supervision of a part of the data.
    """
    known = tf.reduce_any(tf.not_equal(truth, 0.0), axis=(-2, -1))
    return tf.where(known, mean_joint_distance(predicted, truth), 0.0)
