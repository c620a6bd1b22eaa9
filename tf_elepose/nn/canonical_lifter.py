"""CanonPose's lifter: a pose in a coordinate system of its own, and the rotation from there to the camera."""

from __future__ import annotations

import math
from typing import Unpack

import keras
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.nn.blocks import BranchedTrunk, HiddenLayers
from tf_elepose.nn.pose_statistics import PoseStatistics


class CanonicalLifter(keras.Model):
    """Section 3.5 and figure 3: 2D pose and confidences to a canonical 3D pose and an axis-angle rotation.

    Upscaling without activation and one residual block, then two more for each of pose and rotation, as in the
    published code.
    """

    def __init__(
        self,
        num_joints: int,
        root_index: int,
        statistics: PoseStatistics,
        *,
        confidences: bool,
        name: str = "lifter",
        **layers: Unpack[HiddenLayers],
    ) -> None:
        """Builds the network with its first weights.

        Args:
          num_joints, root_index: J, and which of them is the root.
          statistics: of the training poses; hidden joints are guessed from them.
          confidences: whether the confidences are an input (section 3.3).
          layers: `width`, `precision` and `seed` of the hidden layers, see `HiddenLayers`; the paper's width is 1024.
        """
        super().__init__(name=name)
        self.trunk = BranchedTrunk(
            (3 if confidences else 2) * num_joints,
            {"pose": 3 * num_joints, "rotation": 3},
            shared=1,
            depth=2,
            scales={"pose": 1.0, "rotation": 0.1},  # Rotations start near the identity.
            **layers,
        )
        self.trunk_layers = self.trunk.layers
        self.width = self.trunk.width
        self.num_joints = num_joints
        self.root_index = root_index
        self.confidences = confidences
        self._fitted = statistics

    def build(self, input_shape=None) -> None:
        self.distribution = self._fitted.add_to(self)
        self.trunk.build()
        self.built = True

    def call(self, image, confidence):
        """The canonical pose X [B, J, 3], root at the origin, any unit; and the rotation vector [B, 3], radians.

        Args:
          image: [B, J, 2] complete poses, root at the origin; their size does not matter.
          confidence: [B, J] 0 to 1; 0 for joints that are guesses.
        """
        # Divided by the Frobenius norm (section 3.1), then brought to unit variance.
        unit = math.sqrt(2.0 * self.num_joints) * geometry.unit_size(image)
        inputs = [tf.reshape(unit, [-1, 2 * self.num_joints])]
        if self.confidences:
            inputs.append(confidence - 1.0)
        outputs = self.trunk(tf.concat(inputs, axis=-1))
        X = tf.reshape(outputs["pose"], [-1, self.num_joints, 3])
        return geometry.center(X, self.root_index), outputs["rotation"]

    def guess(self, image, seen):
        """All joints [B, J, 2] of normalised poses `image` [B, J, 2]; a joint that is not `seen` [B, J] is the mean of
        a normal distribution, given the seen joints (nn/pose_statistics.py).
        """
        return tf.convert_to_tensor(self.distribution.deviation) * self.distribution.guess(image, seen)
