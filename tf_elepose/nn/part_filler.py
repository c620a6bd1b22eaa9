"""The part filler: a hidden part of the body from the 3D pose of the rest (LInKs: lift, then fill)."""

from __future__ import annotations

from typing import Unpack

import keras
import tensorflow as tf

from tf_elepose.nn.blocks import HiddenLayers, ResidualTrunk

_BLOCKS = 3
"""Residual blocks; as many as between input and depths in ElePose's lifter, and in LInKs' published code."""


class PartFiller(keras.Model):
    """Predicts the 3D joints of one part of the body from those of the rest; untrained, all near the root."""

    def __init__(self, num_seen: int, num_filled: int, *, name: str = "filler", **layers: Unpack[HiddenLayers]) -> None:
        """Builds the network with its first weights.

        Args:
          num_seen, num_filled: number of joints of the seen part, and of the part to fill.
          layers: `width`, `precision` and `seed` of the hidden layers, see `HiddenLayers`; the paper's width is 1024.
        """
        super().__init__(name=name)
        self.trunk = ResidualTrunk(3 * num_seen, 3 * num_filled, depth=_BLOCKS, activated=False, **layers)
        self.trunk_layers = self.trunk.layers
        self.width = self.trunk.width
        self.num_seen, self.num_filled = num_seen, num_filled

    def build(self, input_shape=None) -> None:
        self.trunk.build()
        self.built = True

    def call(self, pose):
        """The hidden joints [B, num_filled, 3] from the seen joints `pose` [B, num_seen, 3]; both camera frame, unit
        scale, the whole pose's root at the origin.
        """
        return tf.reshape(self.trunk(tf.reshape(pose, [-1, 3 * self.num_seen])), [-1, self.num_filled, 3])
