"""What a method says of poses: as arrays, and as tensors of the graph."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a method says of N poses.

    Attributes:
      poses_3d: [N, J, 3] camera frame, root at the origin, unit scale (about one from root to head).
      elevation: [N] degrees of the camera above the horizon, positive looking down; None where it is not predicted.
      valid: [N] False for a pose that could not be lifted: too few joints, no extent, or joints missing and a model
        that was not taught to complete them. Its numbers are 0.
      image: [N, J, 2] the normalised 2D poses that were lifted, hidden joints completed.
      rotation: [N, 3, 3] that brings canonical poses into the camera's frame; None where the method knows no other
        frame than the camera's.
    """

    poses_3d: np.ndarray
    elevation: np.ndarray | None
    valid: np.ndarray
    image: np.ndarray
    rotation: np.ndarray | None = None

    @property
    def canonical(self) -> np.ndarray | None:
        """[N, J, 3] the poses turned back, in the coordinate system that training found; None without `rotation`."""
        return None if self.rotation is None else self.poses_3d @ self.rotation


class Said(NamedTuple):
    """What a method says of B normalised poses, as tensors.

    Attributes:
      image: [B, J, 2] the poses with hidden joints completed.
      poses: [B, J, 3] camera frame, root at the origin.
      elevation: [B] radians, as in `Prediction`; None where it is not predicted.
      rotation: [B, 3, 3] as in `Prediction`.
    """

    image: tf.Tensor
    poses: tf.Tensor
    elevation: tf.Tensor | None = None
    rotation: tf.Tensor | None = None
