"""SVMAC's generator: depths and a weak-perspective camera from a 2D pose."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tf_elepose.nn import blocks, seeds
from tf_elepose.nn.batch_norm import SyncBatchNorm

Uniform = Callable[[int, list], tf.Tensor]
"""(number of the layer, shape) to random numbers from 0 to 1: what dropout draws."""

_FRONT = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], np.float32)


class Generator(keras.Model):
    """GEN (section 3.1, figure 2): a fully connected layer and a residual block that two paths of two blocks share.

    Each hidden layer is followed by batch normalisation, leaky ReLU and dropout; `batch_norm` False and `dropout` 0
    switch the first and the last off.
    """

    def __init__(
        self,
        num_joints: int,
        *,
        width: int,
        input_deviation: float,
        distance: float,
        batch_norm: bool,
        dropout: float,
        dropout_in_camera: bool = True,
        precision: str = "float32",
        seed: int = 0,
        name: str = "generator",
        **kwargs,
    ) -> None:
        """Builds the network with its first weights.

        Args:
          num_joints: N.
          width: of every hidden layer.
          input_deviation: standard deviation of the input coordinates; they are divided by it.
          distance: the paper's c; an untrained generator's cameras stand that far from the pose.
          batch_norm: normalise hidden layers.
          dropout: share of each hidden layer that is dropped in training.
          dropout_in_camera: whether layers of the path that predicts the camera are dropped, too.
          precision: "float32", or "mixed_bfloat16" for the hidden layers' matrix products.
          seed: of the first weights.

        Raises:
          ValueError: a dropout out of its range.
        """
        super().__init__(name=name, **kwargs)
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"dropout must be at least 0 and below 1; got {dropout}")
        self.num_joints = num_joints
        self.input_deviation = input_deviation
        self.distance = distance
        self.dropout = dropout
        self.batch_norm = batch_norm
        parts = itertools.count()

        def layer(name: str, scale: float = 1.0) -> _Hidden:
            part = next(parts)
            rate = dropout if dropout_in_camera or not name.startswith("camera") else 0.0
            return _Hidden(
                width, number=part, batch_norm=batch_norm, dropout=rate, scale=scale, dtype=precision,
                seed=seeds.derive(seed, part), name=name,
            )  # fmt: skip

        def path(name: str, count: int) -> list[tuple[_Hidden, _Hidden]]:
            # The second at half the deviation, as in blocks.ResidualBlock.
            return [(layer(f"{name}_{i}_first"), layer(f"{name}_{i}_second", 0.5)) for i in range(count)]

        self.upscale = layer("upscale")
        self._paths = {name: path(name, count) for name, count in (("shared", 1), ("pose", 2), ("camera", 2))}
        self.hidden = [one for pairs in self._paths.values() for pair in pairs for one in pair]
        # Float32, and small at first: a nearly flat pose seen from the front.
        self.pose_head = blocks.dense(num_joints, seeds.derive(seed, next(parts)), "pose_head", scale=0.01)
        self.camera_head = blocks.dense(_FRONT.size, seeds.derive(seed, next(parts)), "camera_head", scale=0.01)

    @property
    def width(self) -> int:
        return self.upscale.dense.units

    def build(self, input_shape=None) -> None:
        self.upscale.build((None, 2 * self.num_joints))
        for layer in (*self.hidden, self.pose_head, self.camera_head):
            layer.build((None, self.width))
        self.built = True

    def call(self, x, training: bool = False, uniform: Uniform | None = None):
        """Depths D [B, N] relative to the root, and cameras K [B, 2, 3], of poses x [B, N, 2].

        Args:
          x: mean joint-root distance 1 / c.
          training: normalise by the batch's statistics and apply dropout.
          uniform: draws dropout's random numbers; needed in training with dropout.
        """
        flat = tf.reshape(x, [-1, 2 * self.num_joints]) / self.input_deviation
        features = self.upscale(flat, training=training, uniform=uniform)
        features = self._through("shared", features, training, uniform)
        depths = self.pose_head(self._through("pose", features, training, uniform))
        camera = self.camera_head(self._through("camera", features, training, uniform))
        return depths, (tf.constant(_FRONT) + tf.reshape(camera, [-1, *_FRONT.shape])) / self.distance

    def _through(self, path: str, features: tf.Tensor, training: bool, uniform: Uniform | None) -> tf.Tensor:
        for first, second in self._paths[path]:
            change = second(first(features, training=training, uniform=uniform), training=training, uniform=uniform)
            features = features + change
        return features


class _Hidden(keras.layers.Layer):
    """A fully connected layer, batch normalisation, leaky ReLU, dropout."""

    def __init__(
        self, width: int, *, number: int, batch_norm: bool, dropout: float, scale: float, seed: int, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.number = number
        self.rate = dropout
        # Normalisation would remove a bias again.
        self.dense = blocks.dense(
            width, seed, "dense", kwargs["dtype"], scale=1.0 if batch_norm else scale, use_bias=not batch_norm
        )
        self.norm = SyncBatchNorm(name="norm") if batch_norm else None

    def build(self, input_shape) -> None:
        self.dense.build(input_shape)
        if self.norm is not None:
            self.norm.build((None, self.dense.units))
        self.built = True

    def call(self, x, training: bool = False, uniform: Uniform | None = None):
        """[B, any] to [B, width]."""
        y = self.dense(x)
        if self.norm is not None:
            y = self.norm(y, training=training)
        y = tf.nn.leaky_relu(y, blocks.LEAKY_SLOPE)
        if training and self.rate:
            if uniform is None:
                raise ValueError("generator: dropout needs random numbers in training")
            kept = uniform(self.number, [tf.shape(y)[0], self.dense.units]) >= self.rate
            y = tf.where(kept, y / (1.0 - self.rate), tf.zeros_like(y))
        return y
