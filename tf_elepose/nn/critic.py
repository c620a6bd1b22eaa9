"""A critic of 2D poses, and the penalty that keeps its slope at one (WGAN-GP, Gulrajani et al., NeurIPS 2017)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

import keras
import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.nn import pca
from tf_elepose.nn.blocks import HiddenLayers, ResidualTrunk


class Critic(keras.Model):
    """D (section 3.3 of SVMAC): a fully connected layer, residual blocks (two in the paper), a fully connected layer,
    leaky ReLUs.

    The more a pose looks like the data, the larger its score. There is no batch normalisation: the penalty is on the
    slope at each pose, and normalisation would make a score depend on the others.

    Its inputs are whitened coordinates, in which small differences between poses weigh as much as large ones; the slope
    is measured there. (In the paper the critic's input is the pose.)
    """

    def __init__(
        self, subspace: pca.Subspace, *, blocks: int = 2, name: str = "critic", **layers: Unpack[HiddenLayers]
    ) -> None:
        """Builds the network with its first weights.

        Args:
          subspace: the coordinates, fitted to the data.
          blocks: how many residual blocks there are.
          layers: `width`, `precision` and `seed` of the hidden layers, see `HiddenLayers`.
        """
        super().__init__(name=name)
        # Only differences of scores matter, so a bias in the head would have no gradient.
        self.trunk = ResidualTrunk(subspace.size, 1, depth=blocks, head_scale=1.0, head_bias=False, **layers)
        self.trunk_layers = self.trunk.layers
        self.width = self.trunk.width
        self.subspace = subspace

    def build(self, input_shape=None) -> None:
        def constant(name: str, value: np.ndarray):
            return self.add_weight(
                shape=value.shape,
                initializer=lambda shape, dtype: tf.constant(value, dtype),
                name=name,
                trainable=False,
            )

        self.mean = constant("mean", self.subspace.mean)
        self.basis = constant("basis", self.subspace.basis)
        self.deviation = constant("deviation", self.subspace.deviation)
        self.trunk.build()
        self.built = True

    def latents(self, image: tf.Tensor) -> tf.Tensor:
        """The critic's inputs [B, K] from normalised poses [B, J, 2]; each has unit variance in the data."""
        centred = tf.reshape(image, [-1, self.subspace.mean.size]) - self.mean.value
        return tf.matmul(centred, self.basis.value, transpose_b=True) / self.deviation.value

    def call(self, latents):
        """Scores [B] of `latents` [B, K]."""
        return self.trunk(latents)[..., 0]


def slope(score: Callable[[tf.Tensor], tf.Tensor], latents: tf.Tensor) -> tf.Tensor:
    """Length [B] of the gradient of `score` at each row of `latents` [B, K]; a row's score depends on no other row."""
    with tf.GradientTape() as tape:
        tape.watch(latents)
        scores = score(latents)
    return geometry.safe_norm(tape.gradient(scores, latents))


def gradient_penalty(slopes: tf.Tensor) -> tf.Tensor:
    """(|gradient| - 1)^2 [B] from the gradients' lengths `slopes` [B]."""
    return tf.square(slopes - 1.0)
