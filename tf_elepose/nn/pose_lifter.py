"""The lifter of supervised learning: a 3D pose from a 2D pose."""

from __future__ import annotations

from typing import Unpack

import keras
import tensorflow as tf

from tf_elepose.nn.blocks import HiddenLayers, ResidualTrunk

_BLOCKS = 3
"""Residual blocks; as many as between input and depths in ElePose's lifter, so that the two can be compared."""


class PoseLifter(keras.Model):
    """3D pose from a normalised 2D pose: the trunk of ElePose's lifter, with all coordinates as its output.

    Martinez et al. ("A simple yet effective baseline for 3d human pose estimation", ICCV 2017) have the same blocks,
    two of them, with batch normalisation and dropout. This network predicts how the pose differs from a flat pose at
    the camera's `distance`; theirs predicts the pose itself.
    """

    def __init__(
        self,
        num_joints: int,
        *,
        input_deviation: float,
        distance: float,
        name: str = "lifter",
        **layers: Unpack[HiddenLayers],
    ) -> None:
        """Builds the network with its first weights.

        Args:
          num_joints: J.
          input_deviation: standard deviation of the input coordinates; they are divided by it.
          distance: from the camera, at which a body of unit size has the normalised image's size.
          layers: `width`, `precision` and `seed` of the hidden layers, see `HiddenLayers`; the paper's width is 1024.
        """
        super().__init__(name=name)
        self.trunk = ResidualTrunk(2 * num_joints, 3 * num_joints, depth=_BLOCKS, activated=False, **layers)
        self.trunk_layers = self.trunk.layers
        self.width = self.trunk.width
        self.num_joints = num_joints
        self.input_deviation = input_deviation
        self.distance = distance

    def build(self, input_shape=None) -> None:
        self.trunk.build()
        self.built = True

    def call(self, image):
        """3D pose [B, J, 3] (camera frame, unit scale, not centred) of poses `image` [B, J, 2]."""
        moved = self.trunk(tf.reshape(image, [-1, 2 * self.num_joints]) / self.input_deviation)
        flat = tf.pad(self.distance * image, [[0, 0], [0, 0], [0, 1]])
        return flat + tf.reshape(moved, [-1, self.num_joints, 3])
