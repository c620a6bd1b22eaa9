"""Building blocks shared by the networks."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import NotRequired, TypedDict

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


class HiddenLayers(TypedDict):
    """The caller's choices for a network's hidden layers, as keyword arguments; the network passes them to its trunk.

    width: of every hidden layer.
    precision: "float32" when left out, or "mixed_bfloat16" for the hidden layers' matrix products.
    seed: of the first weights; 0 when left out.
    """

    width: int
    precision: NotRequired[str]
    seed: NotRequired[int]


class ResidualTrunk:
    """Upscaling to a width, residual blocks, and a head: numbers [B, inputs] to numbers [B, outputs].

    By default the head's weights start small: callers add its outputs to a first guess, which then hardly changes at
    the start. The head is float32 under mixed precision too, because its outputs are positions and angles.

    A trunk is a part of a network, and no Keras layer: its layers are the network's own, named as such in files.
    The network keeps `layers` in an attribute, and calls `build` where it is built itself.
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
    ) -> None:
        """Makes the layers, without weights.

        Args:
          inputs, outputs: how many numbers a row has.
          width, precision, seed: see `HiddenLayers`.
          depth: how many residual blocks there are.
          activated: leaky ReLU after upscaling.
          head_scale: factor on the standard deviation of the head's first weights.
          head_bias: whether the head has a bias.
        """
        self.inputs = inputs
        self.width = width
        self.activated = activated
        self.upscale = dense(width, seeds.derive(seed, 0), "upscale", precision)
        self.blocks = [
            ResidualBlock(width, seed=seeds.derive(seed, i + 1), dtype=precision, name=f"block_{i}")
            for i in range(depth)
        ]
        self.head = dense(outputs, seeds.derive(seed, depth + 1), "head", scale=head_scale, use_bias=head_bias)

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """All layers. Keras finds layers in a network's attributes that are layers or lists, not in other objects."""
        return [self.upscale, *self.blocks, self.head]

    def build(self) -> None:
        """Make the weights, under the name of the network that is being built."""
        _build(self.layers, self.inputs, self.width)

    def __call__(self, inputs):
        """[B, inputs] to [B, outputs]."""
        return self.head(_through(self.blocks, _upscaled(self.upscale, inputs, self.activated)))


class BranchedTrunk:
    """Upscaling to a width and residual blocks that all branches share; then for each its own blocks and a head.

    A part of a network, like `ResidualTrunk`.
    """

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
    ) -> None:
        """Makes the layers, without weights.

        Args:
          inputs: how many numbers a row has.
          heads: {branch: how many numbers a row of its output has}.
          width, precision, seed: see `HiddenLayers`. Heads stay float32.
          shared, depth: how many residual blocks are shared, and how many a branch has.
          activated: leaky ReLU after upscaling.
          scales: {branch: factor on the standard deviation of its head's first weights}.
        """
        self.inputs = inputs
        self.width = width
        self.activated = activated
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

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """All layers, as in `ResidualTrunk`."""
        own = itertools.chain.from_iterable(self.branches.values())
        return [self.upscale, *self.shared_blocks, *own, *self.heads.values()]

    def build(self) -> None:
        """Make the weights, under the name of the network that is being built."""
        _build(self.layers, self.inputs, self.width)

    def __call__(self, inputs) -> dict:
        """[B, inputs] to {branch: [B, its numbers]}."""
        features = _through(self.shared_blocks, _upscaled(self.upscale, inputs, self.activated))
        return {branch: self.heads[branch](_through(blocks, features)) for branch, blocks in self.branches.items()}


def _build(layers: list[keras.layers.Layer], inputs: int, width: int) -> None:
    """Builds `layers`, the first for rows of `inputs` numbers, the others for rows of `width`."""
    for number, layer in enumerate(layers):
        layer.build((None, width if number else inputs))


def _upscaled(layer: keras.layers.Dense, inputs, activated: bool):
    """[B, inputs] to [B, width]."""
    features = layer(inputs)
    return keras.ops.leaky_relu(features, LEAKY_SLOPE) if activated else features


def _through(blocks: Iterable[ResidualBlock], features):
    """[B, width] to [B, width], one block after the other."""
    for block in blocks:
        features = block(features)
    return features
