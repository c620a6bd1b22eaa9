"""RealNVP (Dinh et al., ICLR 2017) of TensorFlow Probability bijectors around Keras subnets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from tf_elepose.nn import seeds

_CLAMP = 2.0
"""Bound on the logarithm of a coupling's scale: one block stretches by at most e^2, as in ElePose's code."""


class FixedRotation(tfb.Bijector):
    """y = x W^T with a constant orthogonal W: mixes the coordinates between couplings, log-determinant 0.

    TFP's own linear bijectors invert by a solve, which TFLite and ONNX lack; here the inverse is the transpose.
    """

    def __init__(self, matrix: tf.Tensor, name: str = "rotation") -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self._matrix = tf.convert_to_tensor(matrix)
            super().__init__(
                forward_min_event_ndims=1,
                is_constant_jacobian=True,
                dtype=self._matrix.dtype,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype):
        return {}

    def _forward(self, x):
        return tf.matmul(x, self._matrix, transpose_b=True)

    def _inverse(self, y):
        return tf.matmul(y, self._matrix)

    def _forward_log_det_jacobian(self, x):
        return tf.zeros([], x.dtype)


class CouplingBlock(keras.layers.Layer):
    """A block of the flow: affine coupling, affine map of every coordinate, fixed rotation.

    With x = [x_a, x_b] and (s, t) = subnet(x_a):
      y = [x_a, x_b exp(s) + t],  then  W (exp(l) y + m),
    s softly clamped to +-2, l and m learned (as in Glow's actnorm; the latents arrive whitened, so the identity is
    the right start), W a random rotation that never changes. The subnet's last layer starts at zero: a new block
    is a rotation.
    """

    def __init__(self, size: int, *, width: int, layers: int, seed: int, **kwargs) -> None:
        super().__init__(**kwargs)
        if size < 2:
            raise ValueError(f"a coupling splits its input in two and needs at least 2 dimensions; got {size}")
        self.size = size
        self.kept = size // 2
        self.seed = seed
        self.hidden = [
            keras.layers.Dense(
                width,
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(seed=seeds.derive(seed, i)),
                name=f"hidden_{i}",
            )
            for i in range(layers)
        ]
        self.head = keras.layers.Dense(2 * (size - self.kept), kernel_initializer="zeros", name="head")

    def build(self, input_shape=None) -> None:
        inputs = self.kept
        for layer in (*self.hidden, self.head):
            layer.build((None, inputs))
            inputs = layer.units
        self.log_scale = self.add_weight(shape=(self.size,), initializer="zeros", name="log_scale")
        self.shift = self.add_weight(shape=(self.size,), initializer="zeros", name="shift")
        rotation = _random_rotation(self.size, self.seed)
        self.rotation = self.add_weight(
            shape=rotation.shape, initializer=lambda shape, dtype: tf.constant(rotation, dtype), name="rotation",
            trainable=False,
        )  # fmt: skip
        self.built = True

    def subnet(self, x_a: tf.Tensor, half: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """t and s [..., size - kept] from x_a [..., kept]; with `half` products of hidden layers are bfloat16."""
        features = x_a
        for number, layer in enumerate(self.hidden):
            # The first layer has few inputs; a rounded pose would cost more than it gains.
            features = _in_bfloat16(layer, features) if half and number else layer(features)
        log_scale, shift = tf.split(self.head(features), 2, axis=-1)
        return shift, _CLAMP * tf.tanh(log_scale / _CLAMP)

    def forward(self, x: tf.Tensor, half: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """A step from data [..., size] towards latents, and the coupling's s, which sums to its log-determinant.

        Equals `bijectors` applied one after the other. Those compute the subnet twice, for the value and for the
        log-determinant; each time they read the variables again, so the graph optimiser cannot merge the two.
        """
        x_a, x_b = x[..., : self.kept], x[..., self.kept :]
        shift, log_scale = self.subnet(x_a, half)
        y = tf.concat([x_a, x_b * tf.exp(log_scale) + shift], axis=-1)
        # W (exp(l) y + m) as one matrix and one vector: constants in an exported model.
        rotation, scale = tf.convert_to_tensor(self.rotation), tf.exp(tf.convert_to_tensor(self.log_scale))
        moved = tf.linalg.matvec(rotation, tf.convert_to_tensor(self.shift))
        return tf.matmul(y, rotation * scale, transpose_b=True) + moved, log_scale

    def bijectors(self) -> list[tfb.Bijector]:
        """The bijectors from data towards latents, in the order they are applied."""
        return [
            tfb.RealNVP(
                num_masked=self.kept, shift_and_log_scale_fn=lambda x_a, *_, **__: self.subnet(x_a), name="coupling"
            ),
            # Not tfb.Scale: its log-determinant is wrong in TFLite with a dynamic batch.
            tfb.ScaleMatvecDiag(scale_diag=tf.exp(tf.convert_to_tensor(self.log_scale)), name="scale"),
            tfb.Shift(tf.convert_to_tensor(self.shift), name="shift"),
            FixedRotation(tf.convert_to_tensor(self.rotation)),
        ]


class RealNVP(keras.Model):
    """A density on R^K: a chain of coupling blocks that turns data into standard normal latents."""

    def __init__(
        self,
        size: int,
        *,
        blocks: int,
        width: int,
        layers: int,
        seed: int,
        name: str = "flow",
        **kwargs,
    ) -> None:
        """Builds the flow with its first weights.

        Args:
          size: K.
          blocks: coupling blocks; 8 in ElePose.
          width, layers: hidden layers of every subnet; 2 of 1024 in ElePose's paper, 1 in its code.
          seed: of the fixed rotations.

        Raises:
          ValueError: a number out of its range.
        """
        super().__init__(name=name, **kwargs)
        for what, value, least in (("blocks", blocks, 1), ("width", width, 1), ("layers", layers, 0)):
            if value < least:
                raise ValueError(f"flow: {what} must be at least {least}; got {value}")
        self.size = size
        self.coupling_blocks = [
            CouplingBlock(size, width=width, layers=layers, seed=seeds.derive(seed, i), name=f"block_{i}")
            for i in range(blocks)
        ]

    def build(self, input_shape=None) -> None:
        for block in self.coupling_blocks:
            block.build()
        self.built = True

    def bijector(self) -> tfb.Bijector:
        """Latents to data, x = g(z) of ElePose eq. 1.

        Rebuilt for every trace: its parameters are read when it is built.
        """
        steps = [step for block in self.coupling_blocks for step in block.bijectors()]
        return tfb.Invert(tfb.Chain(steps[::-1], name="data_to_latent"), name="latent_to_data")

    def distribution(self) -> tfd.TransformedDistribution:
        """ElePose eq. 1 as a TFP distribution over [K]."""
        # Independent normals, not MultivariateNormalDiag: ONNX has no BroadcastArgs.
        base = tfd.Independent(tfd.Normal(tf.zeros(self.size), tf.ones(self.size)), 1)
        return tfd.TransformedDistribution(base, self.bijector(), name="pose_density")

    def call(self, x, half: bool = False):
        """log p(x) [...] of x [..., K], as `distribution` gives it, in half the time; `half` as in `subnet`."""
        log_scales, volume = 0.0, -0.5 * self.size * math.log(2.0 * math.pi)
        for block in self.coupling_blocks:
            x, log_scale = block.forward(x, half)
            log_scales += log_scale  # Added up first: one sum over coordinates at the end.
            volume += tf.reduce_sum(tf.convert_to_tensor(block.log_scale))
        return tf.reduce_sum(log_scales, axis=-1) - 0.5 * tf.reduce_sum(tf.square(x), axis=-1) + volume

    def from_normal(self, z: tf.Tensor) -> tf.Tensor:
        """Data [..., K] of standard normal latents [..., K]."""
        return self.bijector().forward(z)


class IndependentFlows(keras.Model):
    """The density of several independent vectors, joined to one: each has a flow of its own."""

    def __init__(self, sizes: Sequence[int], *, seed: int, name: str = "flow", **options) -> None:
        """Builds a flow for each part of a vector. The lengths `sizes` add up to K. Others as in `RealNVP`."""
        super().__init__(name=name)
        self.sizes = list(sizes)
        self.size = sum(sizes)
        self.flows = [
            RealNVP(size, seed=seeds.derive(seed, i), name=f"part_{i}", **options) for i, size in enumerate(sizes)
        ]

    def build(self, input_shape=None) -> None:
        for flow in self.flows:
            flow.build()
        self.built = True

    def call(self, x, half: bool = False):
        """log p(x) [...] of x [..., K]: the sum over the parts; `half` as in `RealNVP`."""
        parts = tf.split(x, self.sizes, axis=-1)
        return tf.add_n([flow(part, half=half) for flow, part in zip(self.flows, parts, strict=True)])

    def from_normal(self, z: tf.Tensor) -> tf.Tensor:
        """Data [..., K] of standard normal latents [..., K]."""
        parts = tf.split(z, self.sizes, axis=-1)
        return tf.concat([flow.from_normal(part) for flow, part in zip(self.flows, parts, strict=True)], axis=-1)


def _in_bfloat16(layer: keras.layers.Dense, x: tf.Tensor) -> tf.Tensor:
    """The output of `layer` for x [..., inputs], its matrix product in bfloat16; bias, ReLU and result are float32."""
    product = tf.matmul(tf.cast(x, tf.bfloat16), tf.cast(tf.convert_to_tensor(layer.kernel), tf.bfloat16))
    return tf.nn.relu(tf.cast(product, tf.float32) + tf.convert_to_tensor(layer.bias))


def _random_rotation(size: int, seed: int) -> np.ndarray:
    """A rotation drawn uniformly (Haar) from SO(size)."""
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))
    q *= np.sign(np.diag(r))
    if np.linalg.det(q) < 0:
        q[:, 0] *= -1.0
    return q.astype(np.float32)
