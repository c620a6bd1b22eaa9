"""SVMAC from a recording to a trained model."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.data.recording import Recording
from tf_elepose.methods.svmac import SVMAC
from tf_elepose.nn import pca
from tf_elepose.recipes.run import Run, RunSettings
from tf_elepose.recipes.true_poses import partly_known, unit_poses
from tf_elepose.training.stage import Stage, StageSettings


@dataclasses.dataclass(frozen=True)
class SvmacSettings(RunSettings):
    """What a config says about an SVMAC run; plain values, besides those of all runs.

    Attributes:
      generator: keywords of `SVMAC`: angles, width, term_weights, ...
      generator_batch_size, generator_stage: how generator and critic are trained.
      bases: PCA bases that the critic sees; 0 for all coordinates.
      supervised_share: of the training poses whose 3D pose is learnt from; see the term "supervision".
    """

    generator: Mapping[str, Any]
    generator_batch_size: int
    generator_stage: StageSettings
    bases: int
    supervised_share: float


class SvmacRun(Run):
    """One stage: generator and critic."""

    def __init__(
        self,
        folder: pathlib.Path,
        recording: Recording,
        settings: SvmacSettings,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """Args: as `Run` has them.

        Raises:
          ValueError: data that cannot be trained on, with hidden joints too, or settings that do not fit them.
        """
        super().__init__(folder, recording, settings, strategy)
        self._require_whole_poses()
        weights, share = dict(settings.generator["term_weights"]), settings.supervised_share
        arrays = {"image": self._image}
        if share:
            truth = unit_poses(self._normalizer, self._train, self._groups)
            arrays["pose"] = partly_known(truth, share, settings.seed)
            weights["supervision"] /= share  # The mean over the poses whose truth is known.
        else:
            weights["supervision"] = 0.0
        with strategy.scope():
            self._method = SVMAC(
                self._train.skeleton, self._normalizer, self._subspace(settings.bases), seed=settings.seed,
                **{**settings.generator, "term_weights": weights},
            )  # fmt: skip
        self._stage = Stage(
            "generator", folder, self._method,
            self._batches("generator", arrays, settings.generator_batch_size, settings.seed + 1),
            strategy, settings.generator_stage, evaluate=self.watch, writes=self.writes,
        )  # fmt: skip

    def _subspace(self, bases: int) -> pca.Subspace:
        image = self._image
        if self._common.flip:
            image = np.concatenate([image, geometry.flip(tf.constant(image), self._train.skeleton).numpy()])
        flat = image.reshape(len(image), -1)
        return pca.fit_pca(flat, bases) if bases else pca.fit_coordinates(flat)

    @property
    def stages(self) -> list[Stage]:
        return [self._stage]

    @property
    def method(self) -> SVMAC:
        return self._method
