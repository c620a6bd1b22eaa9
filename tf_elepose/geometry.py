"""Rotations, the camera, and measures of a body's geometry: pure TensorFlow functions.

The camera frame is x right, y down, z forward (right-handed). Poses are [..., J, 3] centred on their root and in
units of the normalizer; `distance` (the paper's D) is how far in front of the camera the root stands, in the same
units. Angles are radians.
"""

from __future__ import annotations

import tensorflow as tf

from tf_elepose.skeleton.skeletons import Skeleton

MIN_DEPTH = 1.0
"""Smallest distance from the camera a joint may have: below eq. 3, "w_j is clipped to be larger than one"."""

UP = (0.0, -1.0, 0.0)
"""The upward direction of a level pose in the camera frame, where y points down."""

_SMALL_ANGLE = 1e-2  # Radians; below it the first two terms of a series are exact in float32.

_TINY = 1e-12  # Squared length below which a vector counts as zero; far above float32's smallest normal number.


def safe_norm(x: tf.Tensor, axis: int | tuple[int, ...] = -1, keepdims: bool = False) -> tf.Tensor:
    """Euclidean length along `axis` with gradient 0, not NaN, at the zero vector."""
    squared = tf.reduce_sum(tf.square(x), axis=axis, keepdims=keepdims)
    # Not tf.where: it is slow in TFLite, and so is the broadcasting of the constant it would need.
    return tf.cast(squared >= _TINY, squared.dtype) * tf.sqrt(tf.maximum(squared, _TINY))


def frobenius_norm(x: tf.Tensor) -> tf.Tensor:
    """Frobenius norm [...] of matrices [..., J, d]; gradient 0 at the zero matrix."""
    return safe_norm(x, axis=(-2, -1))


def unit_size(pose: tf.Tensor) -> tf.Tensor:
    """`pose` [..., J, d] divided by its Frobenius norm; 0 where the norm is 0."""
    return tf.math.divide_no_nan(pose, frobenius_norm(pose)[..., tf.newaxis, tf.newaxis])


def _matrix(rows: list[list[tf.Tensor]]) -> tf.Tensor:
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def rotation_x(angle: tf.Tensor) -> tf.Tensor:
    """Rotation by `angle` [...] about x (elevation): [..., 3, 3], y turns towards z."""
    c, s, one, zero = tf.cos(angle), tf.sin(angle), tf.ones_like(angle), tf.zeros_like(angle)
    return _matrix([[one, zero, zero], [zero, c, -s], [zero, s, c]])


def rotation_y(angle: tf.Tensor) -> tf.Tensor:
    """Rotation by `angle` [...] about y (azimuth): [..., 3, 3], z turns towards x."""
    c, s, one, zero = tf.cos(angle), tf.sin(angle), tf.ones_like(angle), tf.zeros_like(angle)
    return _matrix([[c, zero, s], [zero, one, zero], [-s, zero, c]])


def rotation_z(angle: tf.Tensor) -> tf.Tensor:
    """Rotation by `angle` [...] about z (roll): [..., 3, 3], x turns towards y."""
    c, s, one, zero = tf.cos(angle), tf.sin(angle), tf.ones_like(angle), tf.zeros_like(angle)
    return _matrix([[c, -s, zero], [s, c, zero], [zero, zero, one]])


def rotation_vector(vector: tf.Tensor) -> tf.Tensor:
    """Rotation by |vector| radians about the axis `vector` [..., 3]: [..., 3, 3].

    Rodrigues' formula, CanonPose eq. 3-4: R = I + sin(t) A + (1 - cos(t)) A^2, A w = axis x w; with t the length of the
    vector and its own cross-product matrix K = t A, R = I + (sin(t) / t) K + ((1 - cos(t)) / t^2) K^2. Value and
    gradient are right at the zero vector, where there is no axis.
    """
    squared = tf.reduce_sum(tf.square(vector), axis=-1)[..., tf.newaxis, tf.newaxis]
    is_small = squared < _SMALL_ANGLE**2
    safe = tf.where(is_small, tf.ones_like(squared), squared)
    angle = tf.sqrt(safe)
    first = tf.where(is_small, 1.0 - squared / 6.0, tf.sin(angle) / angle)
    # 1 - cos(t) = 2 sin(t / 2)^2, without the difference of two numbers near 1.
    second = tf.where(is_small, 0.5 - squared / 24.0, 2.0 * tf.square(tf.sin(0.5 * angle)) / safe)
    x, y, z = (vector[..., axis] for axis in range(3))
    zero = tf.zeros_like(x)
    cross = _matrix([[zero, -z, y], [z, zero, -x], [-y, x, zero]])
    # K^2 = v v^T - t^2 I.
    product = vector[..., :, tf.newaxis] * vector[..., tf.newaxis, :] - squared * tf.eye(3)
    return tf.eye(3) + first * cross + second * product


def rotate(rotation: tf.Tensor, pose: tf.Tensor) -> tf.Tensor:
    """Every joint of `pose` [..., J, 3] turned by `rotation` [..., 3, 3]: R y, with joints as rows."""
    return _turn(pose, rotation)


def rotate_back(rotation: tf.Tensor, pose: tf.Tensor) -> tf.Tensor:
    """The inverse of `rotate`: R^T y."""
    return _turn(pose, tf.linalg.matrix_transpose(rotation))


def _turn(pose: tf.Tensor, rotation: tf.Tensor) -> tf.Tensor:
    """R y for each joint y, written out: batched products with 3x3 matrices cost several times as much."""
    x, y, z = (pose[..., axis] for axis in range(3))
    rows = ([rotation[..., i, j, tf.newaxis] for j in range(3)] for i in range(3))
    return tf.stack([a * x + b * y + c * z for a, b, c in rows], axis=-1)


def center(pose: tf.Tensor, root_index: int) -> tf.Tensor:
    """`pose` [..., J, d] moved so that its root lies at the origin."""
    return pose - pose[..., root_index : root_index + 1, :]


def back_project(image: tf.Tensor, depth_offset: tf.Tensor, distance: float, root_index: int) -> tf.Tensor:
    """ElePose eq. 2: the 3D pose, centred on its root, of a 2D pose with known depths.

    Args:
      image: [..., J, 2] on the normalised image plane, root at the origin.
      depth_offset: [..., J] the d_j; the root's is taken as 0.
      distance: the paper's D; w_j = d_j + D, clipped to be at least `MIN_DEPTH`.
      root_index: place of the root on the joint axis.

    Returns:
      [..., J, 3]: y_j = [u_j w_j, v_j w_j, w_j - D].
    """
    offset = depth_offset * (1.0 - tf.one_hot(root_index, image.shape[-2]))
    depth = tf.maximum(offset + distance, MIN_DEPTH)[..., tf.newaxis]
    return tf.concat([image * depth, depth - distance], axis=-1)


def project(pose: tf.Tensor, distance: float) -> tf.Tensor:
    """ElePose eq. 3: `pose` [..., J, 3], centred on its root, seen from `distance`: [..., J, 2] on the image plane.

    Joints nearer than `MIN_DEPTH` are treated as being that far away, as in `back_project`.
    """
    return pose[..., :2] / tf.maximum(pose[..., 2:] + distance, MIN_DEPTH)


def observe(camera: tf.Tensor, pose: tf.Tensor) -> tf.Tensor:
    """K y: the image [..., J, 2] of `pose` [..., J, 3] in the weak-perspective `camera` K [..., 2, 3]."""
    x, y, z = (pose[..., axis] for axis in range(3))
    rows = ([camera[..., i, j, tf.newaxis] for j in range(3)] for i in range(2))
    return tf.stack([a * x + b * y + c * z for a, b, c in rows], axis=-1)


def flip(pose: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """The pose [..., J, 2 or 3] of the mirrored person: x negated, left and right joints swapped."""
    mirrored = tf.gather(pose, skeleton.mirror, axis=-2)
    return tf.concat([-mirrored[..., :1], mirrored[..., 1:]], axis=-1)


def bone_lengths(pose: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """Lengths [..., B] of the bones of `pose` [..., J, 2 or 3], in the order of `skeleton.bones`."""
    children = tf.gather(pose, skeleton.indices(tuple(c for c, _ in skeleton.bones)), axis=-2)
    parents = tf.gather(pose, skeleton.indices(tuple(p for _, p in skeleton.bones)), axis=-2)
    return safe_norm(children - parents)


def knee_bend(pose: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """Direction and amount in which each knee of `pose` [..., J, 3] is bent: [..., 2] within -1 and 1, left first.

    The sine of the angle from thigh to shank, measured about the axis across the hips. Knees are hinges that bend one
    way: with right depths a bent leg gives a positive number whatever the hip does, with mirrored depths its negative.
    0 for a straight leg, and where a thigh, a shank or the hips have no extent.

    Raises:
      ValueError: the skeleton names no legs.
    """
    return _hinge(pose, skeleton, skeleton.legs, "legs")


def elbow_bend(pose: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """Direction and amount in which each elbow of `pose` [..., J, 3] is bent: [..., 2] within -1 and 1, left first.

    Measured like `knee_bend`, about the axis across the shoulders; positive for forearms bent forwards. Upper arms can
    twist, so the sign is less certain than a knee's: 99 % of the elbows in the CMU motion are positive.

    Raises:
      ValueError: the skeleton names no arms.
    """
    return -_hinge(pose, skeleton, skeleton.arms, "arms")


def face_turn(pose: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """Direction in which the face of `pose` [..., J, 3] looks (SVMAC, eq. 22): [...] within -1 and 1.

    With v from neck to nose and w from the right to the left shoulder: (v_x w_z - v_z w_x) / (|v| |w|), which is
    positive for a nose on the body's front, and changes sign in the depth mirror. (Eq. 22 has the sign of a z axis that
    points the other way; eq. 23, which uses the term, has this one: z forward.) 0 where v or w has no extent.

    Raises:
      ValueError: the skeleton has no joint "nose", or names no arms.
    """
    if not skeleton.arms:
        raise ValueError(f"skeleton {skeleton.name!r} names no arms; the direction of its face needs them")
    nose = skeleton.index("nose")
    neck = skeleton.parents[nose]
    if neck is None:
        raise ValueError(f"skeleton {skeleton.name!r}: its nose has no parent; the neck was expected there")
    places = skeleton.indices(("nose", neck, skeleton.arms[0][0], skeleton.arms[1][0]))
    nose_at, neck_at, left, right = (pose[..., place, :] for place in places)
    v, w = _unit(nose_at - neck_at), _unit(left - right)
    return v[..., 0] * w[..., 2] - v[..., 2] * w[..., 0]


def _hinge(pose: tf.Tensor, skeleton: Skeleton, limbs: tuple[tuple[str, str, str], ...], what: str) -> tf.Tensor:
    """Sine of the angle from each limb's upper to its lower part, about the axis from the right to the left limb."""
    if not limbs:
        raise ValueError(f"skeleton {skeleton.name!r} names no {what}; the direction in which they bend needs them")
    top, middle, end = (tf.gather(pose, skeleton.indices((limbs[0][i], limbs[1][i])), axis=-2) for i in range(3))
    across = top[..., :1, :] - top[..., 1:, :]
    upper, lower, axis = _unit(middle - top), _unit(end - middle), _unit(across)
    return tf.reduce_sum(tf.linalg.cross(upper, lower) * axis, axis=-1)


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return tf.math.divide_no_nan(vector, safe_norm(vector, keepdims=True))
