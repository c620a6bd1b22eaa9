"""Building blocks shared by the lifters."""

from __future__ import annotations

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

    As in ElePose's published code there is no batch normalisation and no dropout.
    """

    def __init__(self, width: int, *, seed: int, dtype: str = "float32", **kwargs) -> None:
        super().__init__(dtype=dtype, **kwargs)
        self.first = dense(width, seeds.derive(seed, 0), "first", dtype)
        # Half the deviation: what a stack of blocks adds to its input then stays of the input's size.
        self.second = dense(width, seeds.derive(seed, 1), "second", dtype, scale=0.5)

    def build(self, input_shape) -> None:
        self.first.build(input_shape)
        self.second.build(input_shape)
        self.built = True

    def call(self, x):
        """[..., width] to [..., width]."""
        y = keras.ops.leaky_relu(self.first(x), LEAKY_SLOPE)
        return x + keras.ops.leaky_relu(self.second(y), LEAKY_SLOPE)
