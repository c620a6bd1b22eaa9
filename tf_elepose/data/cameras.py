"""Static pinhole cameras about a person, and the errors of a detector that looks through them.

The world's frame is level: x and z horizontal, y down. Elevation and azimuth are degrees here, elevation positive for
a camera above the horizon that looks down; C clips with K cameras each.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.data.virtual_cameras import Rig
from tf_elepose.skeletons import Skeleton


def orientation(rig: Rig) -> tf.Tensor:
    """[C, K, 3, 3]: turns directions of the world into the camera's, Rz(roll) Rx(elevation) Ry(azimuth).

    Rx turns up, (0, -1, 0), towards -z: seen from above, a head is nearer than the feet below it.
    """
    azimuth, elevation, roll = (
        tf.constant(angle * (math.pi / 180.0), tf.float32) for angle in (rig.azimuth, rig.elevation, rig.roll)
    )
    return geometry.rotation_z(roll) @ geometry.rotation_x(elevation) @ geometry.rotation_y(azimuth)


def view(rig: Rig, poses: tf.Tensor) -> tf.Tensor:
    """`poses` [C, T, J, 3] mm in the world as each camera has them: [C, K, T, J, 3] mm in the camera frame."""
    aim = tf.constant(rig.aim[:, :, np.newaxis, np.newaxis], tf.float32)
    turned = geometry.rotate(orientation(rig)[:, :, tf.newaxis], poses[:, tf.newaxis] - aim)
    ahead = np.zeros((*rig.distance.shape, 1, 1, 3), np.float32)
    ahead[..., 2] = rig.distance[..., np.newaxis, np.newaxis]
    return turned + ahead


def pixels(poses: tf.Tensor, focal: float, principal_point: tuple[float, float]) -> tf.Tensor:
    """Where `poses` [..., J, 3] in the camera frame appear, [..., J, 2]: focal (x, y) / z + principal point."""
    return focal * geometry.project(poses, 0.0) + tf.constant(principal_point, tf.float32)


# Detectors are worst at the ends of limbs. Factors on the error, by the end of a joint's name.
_JOINT_ERROR = {"elbow": 1.25, "knee": 1.25, "wrist": 1.8, "ankle": 1.8}
_ERROR_PX = 2.0  # Standard deviation of x and y at mean confidence.
_OUTLIER_RATE = 0.005
_OUTLIER_PX = 60.0


def simulate_detections(
    rng: np.random.Generator, poses_2d: np.ndarray, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray]:
    """What a detector might have made of `poses_2d` [N, J, 2] pixels.

    The error of a joint grows as its confidence c falls, as 0.5 + 4 (1 - c); rare joints are far off, with half the
    confidence.

    Returns:
      Poses [N, J, 2] in pixels and confidences [N, J] from 0 to 1, both float32.
    """
    shape = poses_2d.shape[:-1]
    confidence = rng.beta(7.0, 1.0, shape).astype(np.float32)  # Mean 7 / 8, most close to 1.
    by_joint = [next((f for end, f in _JOINT_ERROR.items() if j.endswith(end)), 1.0) for j in skeleton.joints]
    deviation = _ERROR_PX * np.array(by_joint, np.float32) * (0.5 + 4.0 * (1.0 - confidence))
    outlier = rng.random(shape, np.float32) < _OUTLIER_RATE
    deviation = np.where(outlier, _OUTLIER_PX, deviation)
    confidence = np.where(outlier, 0.5 * confidence, confidence)
    noise = rng.standard_normal(poses_2d.shape, np.float32) * deviation[..., np.newaxis]
    return (poses_2d + noise).astype(np.float32), confidence.astype(np.float32)
