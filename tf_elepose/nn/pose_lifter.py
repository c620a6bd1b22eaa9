"""The lifter of supervised learning: a 3D pose from a 2D pose."""

from __future__ import annotations

import keras
import tensorflow as tf

from tf_elepose.nn import blocks, seeds

_BLOCKS = 3
"""As many as the depths of ElePose's lifter go through, so that the two can be compared."""


class PoseLifter(keras.Model):
    """3D pose from a normalised 2D pose: the trunk of ElePose's lifter, with all coordinates at its end.

    Martinez et al. ("A simple yet effective baseline for 3d human pose estimation", ICCV 2017) have the same blocks,
    two of them, with batch normalisation and dropout. The network says how the pose differs from one that is flat at
    the camera's `distance`; theirs says the pose.
    """

    def __init__(
        self,
        num_joints: int,
        *,
        width: int,
        input_deviation: float,
        distance: float,
        precision: str = "float32",
        seed: int = 0,
        name: str = "lifter",
        **kwargs,
    ) -> None:
        """Args:
        num_joints: J.
        width: of every hidden layer; 1024 in the paper.
        input_deviation: standard deviation of the coordinates it will see; they are divided by it.
        distance: from which a normalised image shows a body of unit size.
        precision: "float32", or "mixed_bfloat16" for the hidden layers' matrix products.
        seed: of the first weights.
        """
        super().__init__(name=name, **kwargs)
        self.num_joints = num_joints
        self.input_deviation = input_deviation
        self.distance = distance
        self.upscale = blocks.dense(width, seeds.derive(seed, 0), "upscale", precision)
        self.blocks = [
            blocks.ResidualBlock(width, seed=seeds.derive(seed, i + 1), dtype=precision, name=f"block_{i}")
            for i in range(_BLOCKS)
        ]
        # Small at first, so that the flat pose stands; float32, for its numbers are places.
        self.head = blocks.dense(3 * num_joints, seeds.derive(seed, _BLOCKS + 1), "head", scale=0.01)

    def build(self, input_shape=None) -> None:
        width = self.upscale.units
        self.upscale.build((None, 2 * self.num_joints))
        for block in self.blocks:
            block.build((None, width))
        self.head.build((None, width))
        self.built = True

    def call(self, image):
        """3D pose [B, J, 3] (camera frame, unit scale, not centred) of poses `image` [B, J, 2]."""
        features = self.upscale(tf.reshape(image, [-1, 2 * self.num_joints]) / self.input_deviation)
        for block in self.blocks:
            features = block(features)
        flat = tf.pad(self.distance * image, [[0, 0], [0, 0], [0, 1]])
        return flat + tf.reshape(self.head(features), [-1, self.num_joints, 3])
