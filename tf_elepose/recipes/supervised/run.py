"""Supervised learning from a recording to a trained model."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tf_elepose.data.recording import Recording
from tf_elepose.methods.supervised import Supervised
from tf_elepose.recipes.run import Run, RunSettings
from tf_elepose.recipes.true_poses import unit_poses
from tf_elepose.training.stage import Stage, StageSettings


@dataclasses.dataclass(frozen=True)
class SupervisedSettings(RunSettings):
    """What a config says about a supervised run; plain values, besides those of all runs.

    Attributes:
      lifter: keywords of `Supervised`: width, flip_average, precision.
      lifter_batch_size, lifter_stage: how the lifter is trained.
    """

    lifter: Mapping[str, Any]
    lifter_batch_size: int
    lifter_stage: StageSettings


class SupervisedRun(Run):
    """One stage: the lifter, on pairs of 2D and 3D poses."""

    def __init__(
        self,
        folder: pathlib.Path,
        recording: Recording,
        settings: SupervisedSettings,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """Args: as `Run` has them.

        Raises:
          ValueError: data that cannot be trained on, without 3D poses or with hidden joints too, or settings that do
            not fit them.
        """
        super().__init__(folder, recording, settings, strategy)
        self._require_whole_poses()
        # Detections as they are, and not denoised: the truth is known, and the lifter shall learn to see through them.
        arrays = {"image": self._detected, "pose": unit_poses(self._normalizer, self._train, self._groups)}
        with strategy.scope():
            self._method = Supervised(self._train.skeleton, self._normalizer, seed=settings.seed, **settings.lifter)
        self._stage = Stage(
            "lifter", folder, self._method,
            self._batches("lifter", arrays, settings.lifter_batch_size, settings.seed + 1),
            strategy, settings.lifter_stage, evaluate=self.watch, writes=self.writes,
        )  # fmt: skip

    @property
    def stages(self) -> list[Stage]:
        return [self._stage]

    @property
    def method(self) -> Supervised:
        return self._method
