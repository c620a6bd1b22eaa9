"""Simulates the errors of a detector of joints in images."""

from __future__ import annotations

import numpy as np

from tf_elepose.skeleton.skeletons import Skeleton

# Detectors are worst at the ends of limbs. Factors on the error, by the end of a joint's name.
_JOINT_ERROR = {"elbow": 1.25, "knee": 1.25, "wrist": 1.8, "ankle": 1.8}
_ERROR_PX = 2.0  # Standard deviation of x and y at mean confidence.
_OUTLIER_RATE = 0.005
_OUTLIER_PX = 60.0


def joint_error(skeleton: Skeleton) -> np.ndarray:
    """Factors [J] of each joint's error, relative to the joints that detectors find best."""
    factors = [next((f for end, f in _JOINT_ERROR.items() if j.endswith(end)), 1.0) for j in skeleton.joints]
    return np.array(factors, np.float32)


def simulate_detections(
    rng: np.random.Generator, poses_2d: np.ndarray, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray]:
    """Simulated detections of `poses_2d` [N, J, 2] px.

    The error of a joint with confidence c is proportional to 0.5 + 4 (1 - c). A few joints are far off and get half the
    confidence.

    Returns:
      Poses [N, J, 2] in pixels and confidences [N, J] from 0 to 1, both float32.
    """
    shape = poses_2d.shape[:-1]
    confidence = rng.beta(7.0, 1.0, shape).astype(np.float32)  # The mean is 7 / 8; most values are close to 1.
    deviation = _ERROR_PX * joint_error(skeleton) * (0.5 + 4.0 * (1.0 - confidence))
    outlier = rng.random(shape, np.float32) < _OUTLIER_RATE
    deviation = np.where(outlier, _OUTLIER_PX, deviation)
    confidence = np.where(outlier, 0.5 * confidence, confidence)
    noise = rng.standard_normal(poses_2d.shape, np.float32) * deviation[..., np.newaxis]
    return (poses_2d + noise).astype(np.float32), confidence.astype(np.float32)
