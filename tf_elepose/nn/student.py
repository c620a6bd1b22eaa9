"""The student: one small network that learns from a completer and a lifter to do the work of both."""

from __future__ import annotations

from typing import Unpack

import keras
import tensorflow as tf

from tf_elepose.nn.blocks import HiddenLayers, ResidualTrunk
from tf_elepose.nn.pose_statistics import PoseStatistics, describe

_ITERATIONS = 12
"""Steps of the solver that guesses hidden joints. The network corrects the guess, so more steps do not make it better,
and they cost time for every pose, complete or not."""


class PoseStudent(keras.Model):
    """Depths, the camera's elevation and a corrected 2D pose from a 2D pose with or without hidden joints.

    Hidden joints are first guessed as the mean of a normal distribution given the seen joints (nn/pose_statistics.py);
    the network's inputs are the guess and which joints are guesses.
    """

    def __init__(
        self,
        num_joints: int,
        statistics: PoseStatistics,
        *,
        depth: int,
        name: str = "student",
        **layers: Unpack[HiddenLayers],
    ) -> None:
        """Builds the network with its first weights.

        Args:
          num_joints: J.
          statistics: of the training poses.
          depth: how many residual blocks there are.
          layers: `width`, `precision` and `seed` of the hidden layers, see `HiddenLayers`.
        """
        super().__init__(name=name)
        self.trunk = ResidualTrunk(3 * num_joints, 3 * num_joints + 1, depth=depth, **layers)
        self.trunk_layers = self.trunk.layers
        self.width = self.trunk.width
        self.num_joints = num_joints
        self._fitted = statistics

    def build(self, input_shape=None) -> None:
        self.distribution = self._fitted.add_to(self)
        self.trunk.build()
        self.built = True

    def call(self, image, seen):
        """Corrects and lifts normalised poses `image` [B, J, 2]; joints that are not `seen` [B, J] may have any finite
        numbers.

        Returns:
          the whole corrected pose [B, J, 2], depth offsets [B, J] (units of the normalizer) and the camera's elevation
          above the horizon [B], radians.
        """
        whole = self.distribution.guess(image, seen, _ITERATIONS)
        outputs = self.trunk(describe(whole, seen))
        moved = tf.reshape(outputs[..., : 2 * self.num_joints], [-1, self.num_joints, 2])
        corrected = tf.convert_to_tensor(self.distribution.deviation) * (whole + moved)
        return corrected, outputs[..., 2 * self.num_joints : -1], outputs[..., -1]
