"""The prior p(x) of normalised 2D poses: a linear subspace, then a flow on its whitened latents."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tf_elepose.nn import flow, pca


class PosePrior(keras.Model):
    """Density of 2D poses [..., J, 2] (ElePose section 3, "Stabilized Normalizing Flows").

    log p(x) is the density of the pose's image in the subspace: the flow's log-density of the whitened latents minus
    the sum of log deviations of the whitening. It includes all constants, unlike ElePose's published code. Where the
    subspace has independent parts, each has a flow of its own.
    """

    def __init__(
        self,
        subspace: pca.Subspace,
        *,
        blocks: int,
        width: int,
        layers: int,
        seed: int = 0,
        name: str = "prior",
        **kwargs,
    ) -> None:
        """Builds the prior on the fitted `subspace`; other arguments as in `flow.RealNVP`."""
        super().__init__(name=name, **kwargs)
        self._fitted = subspace
        self.settings = {"blocks": blocks, "width": width, "layers": layers, "seed": seed}
        self.explained = subspace.explained
        self.groups = subspace.groups
        options = {**self.settings, "name": "flow"}
        if subspace.groups:
            self.flow = flow.IndependentFlows(subspace.groups, **options)
        else:
            self.flow = flow.RealNVP(subspace.size, **options)

    def build(self, input_shape=None) -> None:
        def constant(name: str, value: np.ndarray):
            return self.add_weight(
                shape=value.shape,
                initializer=lambda shape, dtype: tf.constant(value, dtype),
                name=name,
                trainable=False,
            )

        self.mean = constant("mean", self._fitted.mean)
        self.basis = constant("basis", self._fitted.basis)
        self.deviation = constant("deviation", self._fitted.deviation)
        self.flow.build()
        self.built = True

    @property
    def subspace_variables(self) -> tuple[keras.Variable, ...]:
        """Mean, basis and deviation of the subspace, which training leaves unchanged."""
        return self.mean, self.basis, self.deviation

    def latents(self, image: tf.Tensor) -> tf.Tensor:
        """Whitened subspace coordinates [..., K] of poses [..., J, 2]; unit variance on the training data."""
        flat = tf.reshape(image, tf.concat([tf.shape(image)[:-2], [self._fitted.mean.size]], axis=0))
        centred = flat - tf.convert_to_tensor(self.mean)
        return tf.matmul(centred, tf.convert_to_tensor(self.basis), transpose_b=True) / tf.convert_to_tensor(
            self.deviation
        )

    def from_latents(self, latents: tf.Tensor) -> tf.Tensor:
        """Poses [..., J, 2] in the subspace, from their whitened coordinates `latents` [..., K]."""
        flat = tf.matmul(latents * tf.convert_to_tensor(self.deviation), tf.convert_to_tensor(self.basis))
        flat = flat + tf.convert_to_tensor(self.mean)
        return tf.reshape(flat, tf.concat([tf.shape(flat)[:-1], [self._fitted.mean.size // 2, 2]], axis=0))

    def log_prob(self, image: tf.Tensor, half: bool = False) -> tf.Tensor:
        """log p [...] of normalised poses [..., J, 2] in the subspace (ElePose eq. 1).

        `half` is that of `latent_log_prob`.
        """
        return self.latent_log_prob(self.latents(image), half)

    def latent_log_prob(self, latents: tf.Tensor, half: bool = False) -> tf.Tensor:
        """log p [...] of the poses with whitened coordinates `latents` [..., K]; with `half` the matrix products
        between hidden layers are bfloat16, precise enough for a gradient.
        """
        return self.flow(latents, half=half) + self.log_volume()

    def log_volume(self) -> tf.Tensor:
        """Logarithm [] of the whitening's determinant: log p(pose) = log p(latents) + log_volume()."""
        return -tf.reduce_sum(tf.math.log(tf.convert_to_tensor(self.deviation)))

    def sample(self, count: int, seed: tf.Tensor) -> tf.Tensor:
        """`count` poses [count, J, 2] drawn from the prior; `seed` [2] int as for tf.random.stateless_normal."""
        noise = tf.random.stateless_normal([count, self._fitted.size], seed)
        return self.from_latents(self.flow.from_normal(noise))

    def call(self, image):
        return self.log_prob(image)
