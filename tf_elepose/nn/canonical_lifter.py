"""CanonPose's lifter: a pose in a coordinate system of its own, and how the camera is turned against it."""

from __future__ import annotations

import itertools
import math

import keras
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.nn import blocks, seeds
from tf_elepose.nn.completer import PoseStatistics, conditional_mean


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
        width: int,
        confidences: bool,
        precision: str = "float32",
        seed: int = 0,
        name: str = "lifter",
        **kwargs,
    ) -> None:
        """Args:
        num_joints, root_index: J, and which of them is the root.
        statistics: of the training poses; hidden joints are guessed from them.
        width: of every hidden layer; 1024 in the paper.
        confidences: whether the confidences are an input (section 3.3).
        precision: "float32", or "mixed_bfloat16" for the hidden layers' matrix products.
        seed: of the first weights.
        """
        super().__init__(name=name, **kwargs)
        self.num_joints = num_joints
        self.root_index = root_index
        self.confidences = confidences
        self.precision = precision
        self._fitted = statistics
        parts = itertools.count()

        def next_seed() -> int:
            return seeds.derive(seed, next(parts))

        def path(of: str, count: int) -> list[blocks.ResidualBlock]:
            return [
                blocks.ResidualBlock(width, seed=next_seed(), dtype=precision, name=f"{of}_{i}") for i in range(count)
            ]

        self.upscale = blocks.dense(width, next_seed(), "upscale", precision)
        self.shared_blocks = path("shared", 1)
        self.pose_blocks = path("pose", 2)
        self.rotation_blocks = path("rotation", 2)
        # Heads stay float32 under mixed precision: they are places and angles. Rotations start near none.
        self.pose_head = blocks.dense(3 * num_joints, next_seed(), "pose_head")
        self.rotation_head = blocks.dense(3, next_seed(), "rotation_head", scale=0.1)

    def build(self, input_shape=None) -> None:
        self.mean, self.inverse_covariance, self.deviation = self._fitted.add_to(self)
        width = self.upscale.units
        self.upscale.build((None, (3 if self.confidences else 2) * self.num_joints))
        for layer in (*self.shared_blocks, *self.pose_blocks, *self.rotation_blocks):
            layer.build((None, width))
        self.pose_head.build((None, width))
        self.rotation_head.build((None, width))
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
        features = self.upscale(tf.concat(inputs, axis=-1))
        for block in self.shared_blocks:
            features = block(features)
        pose = rotation = features
        for block in self.pose_blocks:
            pose = block(pose)
        for block in self.rotation_blocks:
            rotation = block(rotation)
        X = tf.reshape(self.pose_head(pose), [-1, self.num_joints, 3])
        return geometry.center(X, self.root_index), self.rotation_head(rotation)

    def guess(self, image, seen):
        """All joints [B, J, 2] of normalised poses `image` [B, J, 2], those not `seen` [B, J] as the mean of a normal
        distribution given the others (nn/completer.py).
        """
        deviation, shown = tf.convert_to_tensor(self.deviation), tf.cast(seen, tf.float32)
        known = tf.where(seen[..., tf.newaxis], image, 0.0) / deviation
        mean, precision = tf.convert_to_tensor(self.mean), tf.convert_to_tensor(self.inverse_covariance)
        return deviation * conditional_mean(known, shown, mean, precision)
