"""Building blocks shared by the networks."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import keras

from tf_elepose.nn import seeds

LEAKY_SLOPE = 0.01
"""Slope of the leaky ReLU for negative inputs; PyTorch's default, which the published methods use (Keras has 0.3)."""


def dense(
    units: int, seed: int, name: str, dtype: str = "float32", scale: float = 1.0, use_bias: bool = True
) -> keras.layers.Dense:
    """A fully connected layer with He initialisation from `seed`, its deviation multiplied by `scale`."""
    initializer = keras.initializers.VarianceScaling(2.0 * scale**2, "fan_in", "truncated_normal", seed=seed)
    return keras.layers.Dense(units, kernel_initializer=initializer, name=name, dtype=dtype, use_bias=use_bias)


class ResidualBlock(keras.layers.Layer):
    """x + f(f(x)), f a fully connected layer with leaky ReLU: the block of Martinez et al. (ICCV 2017).

    It has no batch normalisation and no dropout, like ElePose's published code.
    """

    def __init__(self, width: int, *, seed: int, dtype: str = "float32", **kwargs) -> None:
        super().__init__(dtype=dtype, **kwargs)
        self.first = dense(width, seeds.derive(seed, 0), "first", dtype)
        # Half the deviation: the sum that a stack of blocks adds to its input then stays as large as the input.
        self.second = dense(width, seeds.derive(seed, 1), "second", dtype, scale=0.5)

    def build(self, input_shape) -> None:
        self.first.build(input_shape)
        self.second.build(input_shape)
        self.built = True

    def call(self, x):
        """[..., width] to [..., width]."""
        y = keras.ops.leaky_relu(self.first(x), LEAKY_SLOPE)
        return x + keras.ops.leaky_relu(self.second(y), LEAKY_SLOPE)


class ResidualNetwork(keras.Model):
    """Upscaling to a width, residual blocks, and a head: numbers [B, inputs] to numbers [B, outputs].

    By default the head's weights start small: callers add its outputs to a first guess, which then hardly changes at
    the start. The head is float32 under mixed precision too, because its outputs are positions and angles.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int,
        depth: int,
        activated: bool = True,
        head_scale: float = 0.01,
        head_bias: bool = True,
        precision: str = "float32",
        seed: int = 0,
        name: str,
        **kwargs,
    ) -> None:
        """Args:
        inputs, outputs: numbers a row.
        width, depth: of the hidden layers, and how many residual blocks there are.
        activated: leaky ReLU after upscaling.
        head_scale: factor on the standard deviation of the head's first weights.
        head_bias: whether the head has a bias.
        precision: "float32", or "mixed_bfloat16" for the hidden layers' matrix products.
        seed: of the first weights.
        """
        super().__init__(name=name, **kwargs)
        self.inputs_a_row = inputs
        self.width = width
        self.activated = activated
        self.upscale = dense(width, seeds.derive(seed, 0), "upscale", precision)
        self.blocks = [
            ResidualBlock(width, seed=seeds.derive(seed, i + 1), dtype=precision, name=f"block_{i}")
            for i in range(depth)
        ]
        self.head = dense(outputs, seeds.derive(seed, depth + 1), "head", scale=head_scale, use_bias=head_bias)

    def build(self, input_shape=None) -> None:
        self.upscale.build((None, self.inputs_a_row))
        for layer in (*self.blocks, self.head):
            layer.build((None, self.upscale.units))
        self.built = True

    def respond(self, inputs):
        """[B, inputs] to [B, outputs]; subclasses define `call`."""
        features = self.upscale(inputs)
        if self.activated:
            features = keras.ops.leaky_relu(features, LEAKY_SLOPE)
        for block in self.blocks:
            features = block(features)
        return self.head(features)


class BranchedNetwork(keras.Model):
    """Upscaling to a width and residual blocks that all branches share; then for each its own blocks and a head."""

    def __init__(
        self,
        inputs: int,
        heads: Mapping[str, int],
        *,
        width: int,
        shared: int,
        depth: int,
        activated: bool = False,
        scales: Mapping[str, float],
        precision: str = "float32",
        seed: int = 0,
        name: str,
        **kwargs,
    ) -> None:
        """Args:
        inputs: numbers a row.
        heads: {branch: numbers a row}.
        width, shared, depth: of the hidden layers; how many residual blocks are shared, and how many a branch has.
        activated: leaky ReLU after upscaling.
        scales: {branch: factor on the standard deviation of its head's first weights}.
        precision: "float32", or "mixed_bfloat16" for the hidden layers' matrix products. Heads stay float32.
        seed: of the first weights.
        """
        super().__init__(name=name, **kwargs)
        self.inputs_a_row = inputs
        self.width = width
        self.activated = activated
        self.precision = precision
        parts = itertools.count()

        def next_seed() -> int:
            return seeds.derive(seed, next(parts))

        def path(name: str, count: int) -> list[ResidualBlock]:
            return [ResidualBlock(width, seed=next_seed(), dtype=precision, name=f"{name}_{i}") for i in range(count)]

        self.upscale = dense(width, next_seed(), "upscale", precision)
        self.shared_blocks = path("shared", shared)
        self.branches = {branch: path(branch, depth) for branch in heads}
        self.heads = {
            branch: dense(outputs, next_seed(), f"{branch}_head", scale=scales[branch])
            for branch, outputs in heads.items()
        }

    def build(self, input_shape=None) -> None:
        self.upscale.build((None, self.inputs_a_row))
        for layer in (*self.shared_blocks, *itertools.chain(*self.branches.values()), *self.heads.values()):
            layer.build((None, self.upscale.units))
        self.built = True

    def respond(self, inputs) -> dict:
        """[B, inputs] to {branch: [B, its numbers]}; subclasses define `call`."""
        features = self.upscale(inputs)
        if self.activated:
            features = keras.ops.leaky_relu(features, LEAKY_SLOPE)
        for block in self.shared_blocks:
            features = block(features)
        outputs = {}
        for branch, blocks in self.branches.items():
            own = features
            for block in blocks:
                own = block(own)
            outputs[branch] = self.heads[branch](own)
        return outputs
