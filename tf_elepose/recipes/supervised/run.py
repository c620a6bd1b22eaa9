"""Supervised training: one stage, on pairs of 2D and 3D poses."""

from __future__ import annotations

import pathlib

import tensorflow as tf

from tf_elepose.methods.supervised import Supervised, SupervisedObjective, new_pose_lifter
from tf_elepose.recipes.run import Run
from tf_elepose.recipes.supervised.data import SupervisedData, prepare
from tf_elepose.recipes.supervised.settings import SupervisedSettings
from tf_elepose.training.stage import Stage
from tf_elepose.training.strategy import precision_of


class SupervisedRun(Run):
    """Trains the lifter."""

    prepare = staticmethod(prepare)

    def __init__(
        self,
        folder: pathlib.Path,
        data: SupervisedData,
        settings: SupervisedSettings,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """Builds network and stage; arguments and errors as in `Run`."""
        super().__init__(folder, data, settings, strategy)
        lifter = settings.lifter
        with strategy.scope():
            network = new_pose_lifter(
                data.skeleton, data.normalizer, width=lifter.width, precision=precision_of(lifter.precision),
                seed=settings.seed,
            )  # fmt: skip
            self._model = Supervised(data.skeleton, data.normalizer, network, flip_average=lifter.flip_average)
            objective = SupervisedObjective(self._model)
        # Detections with their noise: the true poses are known, so the lifter learns to correct the noise.
        arrays = {"image": data.detected, "pose": data.pose}
        self._stage = Stage(
            "lifter", folder, objective,
            data.batches("lifter", arrays, settings.lifter_batch_size, settings.seed + 1, flip=settings.flip),
            strategy, settings.lifter_stage, evaluate=self.watch, writes=self.writes,
        )  # fmt: skip

    @property
    def stages(self) -> list[Stage]:
        return [self._stage]

    @property
    def model(self) -> Supervised:
        return self._model
