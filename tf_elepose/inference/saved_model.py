"""A model from the SavedModel of a bundle, run by TensorFlow: for workers with TensorFlow, also on GPUs and TPUs."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Callable

import numpy as np

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.inference.bundle import WITH_LIKELIHOOD, WITHOUT, ExportedModel
from tf_elepose.motion.prediction import Prediction

_BATCH = 4096  # Poses at a time; the last ones of a call are padded, so that TensorFlow traces one shape only.
_FILE = re.compile(r"saved_model/(\d+)/saved_model\.pb")


class ServedModel(ExportedModel):
    """A model run from its SavedModel; the constructor imports TensorFlow."""

    def __init__(
        self, folder: str | os.PathLike[str], *, likelihood: bool = True, threads: int = 2, name: str | None = None
    ) -> None:
        """Opens a bundle.

        Args:
          folder: with metadata.json and saved_model/.
          likelihood: whether likelihoods will be wanted.
          threads: of one operation, and number of operations at a time.
          name: the model's; the bundle's own when None.

        Raises:
          ValueError: as for `ExportedModel`; no SavedModel, or one whose checksum differs.
        """
        super().__init__(folder, name)
        versions = [int(match[1]) for file in self.listed if (match := _FILE.fullmatch(file))]
        if not versions:
            raise ValueError(f"{self.folder}: has no SavedModel: export with --formats=saved_model")
        self.file = pathlib.Path(self.folder, "saved_model", str(max(versions)))
        for file in self.listed:
            if file.startswith(f"saved_model/{max(versions)}/"):
                self.read(file)
        import tensorflow as tf

        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        except RuntimeError:
            pass  # TensorFlow runs already, and keeps its threads.
        self._loaded = tf.saved_model.load(str(self.file))
        found = self._loaded.signatures
        self._lift = next(found[name] for name in (WITH_LIKELIHOOD if likelihood else WITHOUT) if name in found)

    def lift(
        self,
        keypoints: Keypoints,
        groups: np.ndarray | None = None,
        *,
        likelihood: bool,
        progress: Callable[[int], None] | None = None,
    ) -> Prediction:
        """See `LiftingModel.lift`; each pose is lifted by itself, and `groups` have no influence."""
        import tensorflow as tf

        del groups
        n, pixels = len(keypoints), self.placed(keypoints)
        trust = self.trust(keypoints.seen, keypoints.confidence)
        parts: list[dict[str, np.ndarray]] = []
        for first in range(0, max(n, 1), _BATCH):
            rows = slice(first, min(first + _BATCH, n))
            count = max(rows.stop - first, 0)
            padded = _BATCH - count if n > _BATCH else int(n == 0)
            given = {
                "keypoints": pixels[rows],
                "confidence": trust[rows],
                "root_head_mm": np.zeros(count, np.float32),
            }
            tensors = {
                name: tf.constant(np.pad(values, [(0, padded)] + [(0, 0)] * (values.ndim - 1)), tf.float32)
                for name, values in given.items()
            }
            parts.append({name: value.numpy()[:count] for name, value in self._lift(**tensors).items()})
            if progress is not None:
                progress(rows.stop)
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        nll = found.get("nll") if likelihood else None
        return Prediction(
            found["poses_3d"],
            found.get("elevation_deg"),
            found["valid"],
            rotation=found.get("camera_rotation"),
            nll=nll,
        )
