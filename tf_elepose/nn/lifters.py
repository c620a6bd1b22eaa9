"""Lifters: what a 2D pose tells about the third dimension."""

from __future__ import annotations

import itertools

import keras
import tensorflow as tf

from tf_elepose.nn import blocks, seeds

ARCHITECTURES = ("code", "paper")


class DepthElevationLifter(keras.Model):
    """ElePose's lifting network: depth offsets and the camera's elevation from a normalised 2D pose.

    Two architectures are known under that name:
      "code"   (published code) upscaling without activation, one residual block shared by both branches, then two
               more blocks for each of depth and elevation.
      "paper"  (section 3) upscaling with leaky ReLU, then two separate paths of three residual blocks.
    """

    def __init__(
        self,
        num_joints: int,
        *,
        width: int,
        arch: str,
        input_deviation: float,
        precision: str = "float32",
        seed: int = 0,
        name: str = "lifter",
        **kwargs,
    ) -> None:
        """Args:
        num_joints: J.
        width: of every hidden layer; 1024 in the paper.
        arch: "code" or "paper".
        input_deviation: standard deviation of the coordinates it will see; they are divided by it.
        precision: "float32", or "mixed_bfloat16" for the hidden layers' matrix products.
        seed: of the first weights.
        """
        super().__init__(name=name, **kwargs)
        if arch not in ARCHITECTURES:
            raise ValueError(f"unknown lifter architecture {arch!r}; expected one of {', '.join(ARCHITECTURES)}")
        self.num_joints = num_joints
        self.width = width
        self.arch = arch
        self.input_deviation = input_deviation
        self.precision = precision
        parts = itertools.count()

        def next_seed() -> int:
            return seeds.derive(seed, next(parts))

        self.upscale = blocks.dense(width, next_seed(), "upscale", precision)
        shared, branch = (1, 2) if arch == "code" else (0, 3)

        def path(of: str, count: int) -> list[blocks.ResidualBlock]:
            return [
                blocks.ResidualBlock(width, seed=next_seed(), dtype=precision, name=f"{of}_{i}") for i in range(count)
            ]

        self.shared_blocks = path("shared", shared)
        self.depth_blocks = path("depth", branch)
        self.elevation_blocks = path("elevation", branch)
        # Heads stay float32 under mixed precision, for depths and angles are used in geometry. They start small: a
        # first pose that is nearly flat and level, not one far outside what the prior knows.
        self.depth_head = blocks.dense(num_joints, next_seed(), "depth_head", scale=0.01)
        self.elevation_head = blocks.dense(1, next_seed(), "elevation_head", scale=0.01)

    def build(self, input_shape=None) -> None:
        width = self.upscale.units
        self.upscale.build((None, 2 * self.num_joints))
        for layer in (*self.shared_blocks, *self.depth_blocks, *self.elevation_blocks):
            layer.build((None, width))
        self.depth_head.build((None, width))
        self.elevation_head.build((None, width))
        self.built = True

    def call(self, image):
        """Depth offsets [B, J] (units of the normaliser) and elevation [B] (radians) of poses `image` [B, J, 2].

        The elevation e is the angle of the rotation about x that levels the pose: negative for a camera above the
        horizon looking down.
        """
        features = self._features(image)
        return self._depth(features), self._elevation(features)

    def _features(self, image):
        features = self.upscale(tf.reshape(image, [-1, 2 * self.num_joints]) / self.input_deviation)
        if self.arch == "paper":
            features = keras.ops.leaky_relu(features, blocks.LEAKY_SLOPE)
        for block in self.shared_blocks:
            features = block(features)
        return features

    def _depth(self, features):
        for block in self.depth_blocks:
            features = block(features)
        return self.depth_head(features)

    def _elevation(self, features):
        for block in self.elevation_blocks:
            features = block(features)
        return self.elevation_head(features)[..., 0]
