"""The skeleton morphing network: moves a detector's joints to where a data set puts them."""

from __future__ import annotations

from typing import Unpack

import keras
import tensorflow as tf

from tf_elepose.nn.blocks import HiddenLayers, ResidualTrunk

_BLOCKS = 2


class PoseMorpher(keras.Model):
    """Section 4.2 of CanonPose: the offset from detected to the data set's 2D joints.

    Its inputs are joints and confidences, not images.
    """

    def __init__(
        self, num_joints: int, *, input_deviation: float, name: str = "morpher", **layers: Unpack[HiddenLayers]
    ) -> None:
        """Builds the network with its first weights.

        Args:
          num_joints: J.
          input_deviation: standard deviation of the input coordinates; they are divided by it.
          layers: `width`, `precision` and `seed` of the hidden layers, see `HiddenLayers`.
        """
        super().__init__(name=name)
        self.trunk = ResidualTrunk(3 * num_joints, 2 * num_joints, depth=_BLOCKS, **layers)
        self.trunk_layers = self.trunk.layers
        self.width = self.trunk.width
        self.num_joints = num_joints
        self.input_deviation = input_deviation

    def build(self, input_shape=None) -> None:
        self.trunk.build()
        self.built = True

    def call(self, image, confidence):
        """The data set's pose [B, J, 2] for the detected pose `image` [B, J, 2], both about the detected root, in units
        of the normalizer. Joints whose `confidence` [B, J] is 0 have no influence.
        """
        pose = tf.where(confidence[..., tf.newaxis] > 0.0, image, 0.0)
        flat = tf.reshape(pose, [-1, 2 * self.num_joints]) / self.input_deviation
        moved = self.trunk(tf.concat([flat, confidence - 1.0], axis=-1))
        return image + self.input_deviation * tf.reshape(moved, [-1, self.num_joints, 2])
