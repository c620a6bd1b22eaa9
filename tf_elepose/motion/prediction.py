"""A model's answer about 2D poses, as arrays; every model answers with it, whatever runs the model."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A model's answer about N 2D poses; its numbers are 0 where not valid.

    Attributes:
      poses_3d: [N, J, 3] camera frame, root at the origin, unit scale (about one from root to head).
      elevation: [N] degrees of the camera above the horizon, positive looking down; None where it is not predicted.
      valid: [N] False for a pose that could not be lifted: too few joints, no extent, or joints missing and a model
        that was not taught to complete them.
      image: [N, J, 2] the normalised 2D poses that were lifted, hidden joints completed; None from a model that runs
        outside TensorFlow's Python code.
      rotation: [N, 3, 3] that brings canonical poses into the camera's frame; None where the model knows no other
        frame than the camera's.
      nll: [N] negative log-likelihood, nats, comparable with the model's `likelihood_quantiles`; None where the model
        knows no density, or nobody asked for it.
    """

    poses_3d: np.ndarray
    elevation: np.ndarray | None
    valid: np.ndarray
    image: np.ndarray | None = None
    rotation: np.ndarray | None = None
    nll: np.ndarray | None = None

    @property
    def canonical(self) -> np.ndarray | None:
        """[N, J, 3] the poses turned back, in the coordinate system that training found; None without `rotation`."""
        return None if self.rotation is None else self.poses_3d @ self.rotation
