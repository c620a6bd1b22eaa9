"""SVMAC's training: one stage for generator and critic."""

from __future__ import annotations

import pathlib

import numpy as np
import tensorflow as tf

from tf_elepose.methods.svmac import SVMAC, SvmacObjective, new_generator
from tf_elepose.nn import pca
from tf_elepose.nn.critic import Critic
from tf_elepose.recipes.run import Run
from tf_elepose.recipes.svmac.data import SvmacData, prepare
from tf_elepose.recipes.svmac.settings import SvmacSettings
from tf_elepose.training.stage import Stage
from tf_elepose.training.strategy import precision_of


class SvmacRun(Run):
    """Trains generator and critic."""

    prepare = staticmethod(prepare)

    def __init__(
        self, folder: pathlib.Path, data: SvmacData, settings: SvmacSettings, strategy: tf.distribute.Strategy
    ) -> None:
        """Builds networks and stage; arguments and errors as in `Run`."""
        super().__init__(folder, data, settings, strategy)
        generator, skeleton, normalizer = settings.generator, data.skeleton, data.normalizer
        weights, arrays = dict(generator.term_weights), {"image": data.image}
        if data.pose is None:
            weights["supervision"] = 0.0
        else:
            arrays["pose"] = data.pose
            weights["supervision"] /= settings.supervised_share  # The mean over the poses whose truth is known.
        flat, _ = data.coordinates(np.arange(len(data.image)), flip=settings.flip)
        subspace = pca.fit_pca(flat, settings.bases) if settings.bases else pca.fit_coordinates(flat)
        precision = precision_of(generator.precision)
        with strategy.scope():
            network = new_generator(
                skeleton, normalizer, width=generator.width, batch_norm=generator.batch_norm,
                dropout=generator.dropout, dropout_in_camera=generator.dropout_in_camera, precision=precision,
                seed=settings.seed,
            )  # fmt: skip
            critic = Critic(
                subspace, blocks=generator.critic_blocks, width=generator.critic_width, precision=precision,
                seed=settings.seed,
            )  # fmt: skip
            critic.build()
            self._model = SVMAC(skeleton, normalizer, network, flip_average=generator.flip_average)
            self._objective = SvmacObjective(
                self._model, critic, term_weights=weights, angles=generator.angles, critic_steps=generator.critic_steps
            )
        self._stage = Stage(
            "generator", folder, self._objective,
            data.batches("generator", arrays, settings.generator_batch_size, settings.seed + 1, flip=settings.flip),
            strategy, settings.generator_stage, evaluate=self.watch, writes=self.writes,
        )  # fmt: skip

    @property
    def stages(self) -> list[Stage]:
        return [self._stage]

    @property
    def model(self) -> SVMAC:
        return self._model
