"""A trained model that is not exported, from a workdir or a model.npz, run by TensorFlow."""

from __future__ import annotations

import hashlib
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.inference.model import LiftingModel
from tf_elepose.motion.prediction import Prediction
from tf_elepose.storage import files

_BATCH = 1024


class TrainedModel(LiftingModel):
    """A trained model with its networks; the constructor imports TensorFlow.

    Attributes:
      trained: the model with its networks.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Loads a model.

        Args:
          path: of a finished workdir, or of a model.npz.

        Raises:
          ValueError: no model there, or a file that is not one of this program's.
        """
        from tf_elepose.training import workdir

        path = pathlib.Path(path)
        self.trained = workdir.load_model(path)
        file = path / "model.npz" if path.is_dir() else path
        self.name = self.trained.name
        self.fingerprint = "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()
        self.skeleton = self.trained.skeleton
        config = file.with_name("config.json")
        trained = files.read_json(config) if config.exists() else {}
        self.min_confidence = float(trained.get("min_confidence", 0.0))
        self.likelihood_quantiles = self.trained.likelihood_quantiles
        self.needs_groups = self.trained.normalizer.rule == "clip"
        self._nll: Any = None

    def lift(
        self,
        keypoints: Keypoints,
        groups: np.ndarray | None = None,
        *,
        likelihood: bool,
        progress: Callable[[int], None] | None = None,
    ) -> Prediction:
        """See `LiftingModel.lift`."""
        lifted = self.trained.predict(keypoints.pixels, groups, keypoints.seen, keypoints.confidence)
        nll = self._likelihood(lifted.poses_3d, lifted.elevation) if likelihood else None
        parts = [part for part in (lifted.poses_3d, lifted.elevation, nll, lifted.rotation) if part is not None]
        finite = [np.isfinite(part).all(axis=tuple(range(1, part.ndim))) for part in parts]
        valid = np.logical_and.reduce([lifted.valid, *finite])
        if progress is not None:
            progress(len(keypoints))

        def kept(values: np.ndarray | None) -> np.ndarray | None:
            zero = np.float32(0.0)
            return None if values is None else np.where(valid.reshape(-1, *[1] * (values.ndim - 1)), values, zero)

        poses = np.where(valid[:, np.newaxis, np.newaxis], lifted.poses_3d, np.float32(0.0))
        return Prediction(poses, kept(lifted.elevation), valid, lifted.image, kept(lifted.rotation), kept(nll))

    def _likelihood(self, poses: np.ndarray, elevation: np.ndarray | None) -> np.ndarray | None:
        """`PoseModel.view_likelihood` of poses [N, J, 3] and elevations [N] degrees."""
        import tensorflow as tf

        if self._nll is None:
            self._nll = tf.function(self.trained.view_likelihood, autograph=False, reduce_retracing=True)
        found = []
        for first in range(0, max(len(poses), 1), _BATCH):  # Zero poses give one empty batch.
            rows = slice(first, first + _BATCH)
            angle = None if elevation is None else tf.constant(np.deg2rad(elevation[rows]), tf.float32)
            found.append(self._nll(tf.constant(poses[rows], tf.float32), angle))
        return None if found[0] is None else np.concatenate([np.asarray(part) for part in found])
