"""One small network that does at once what completer and lifter do one after the other; it is taught by them."""

from __future__ import annotations

import keras
import tensorflow as tf

from tf_elepose.nn import blocks, seeds
from tf_elepose.nn.completer import PoseStatistics, conditional_mean

_ITERATIONS = 16
"""Of the solver that guesses hidden joints. The network corrects the guess: more do not make it better, and every pose,
complete or not, has to wait for them."""


class PoseStudent(keras.Model):
    """Depths, the camera's elevation and a corrected 2D pose from a 2D pose of which joints may be hidden.

    Hidden joints are first guessed as the mean of a normal distribution given the seen ones (see nn/completer.py); the
    network is told the guess and which joints are guesses.
    """

    def __init__(
        self,
        num_joints: int,
        statistics: PoseStatistics,
        *,
        width: int,
        depth: int,
        precision: str = "float32",
        seed: int = 0,
        name: str = "student",
        **kwargs,
    ) -> None:
        """Args:
        num_joints: J.
        statistics: of the training poses.
        width, depth: of the hidden layers, and how many residual blocks there are.
        precision: "float32", or "mixed_bfloat16" for the hidden layers' matrix products.
        seed: of the first weights.
        """
        super().__init__(name=name, **kwargs)
        self.num_joints = num_joints
        self._fitted = statistics
        self.upscale = blocks.dense(width, seeds.derive(seed, 0), "upscale", precision)
        self.blocks = [
            blocks.ResidualBlock(width, seed=seeds.derive(seed, i + 1), dtype=precision, name=f"block_{i}")
            for i in range(depth)
        ]
        # Small at first: a flat, level pose as it was seen. float32, for its numbers are places and angles.
        self.head = blocks.dense(3 * num_joints + 1, seeds.derive(seed, depth + 1), "head", scale=0.01)

    def build(self, input_shape=None) -> None:
        self.mean, self.precision, self.deviation = self._fitted.add_to(self)
        width = self.upscale.units
        self.upscale.build((None, 3 * self.num_joints))
        for block in self.blocks:
            block.build((None, width))
        self.head.build((None, width))
        self.built = True

    def call(self, image, seen):
        """Args: normalised poses `image` [B, J, 2], any finite numbers where not `seen` [B, J].

        Returns:
          the whole corrected pose [B, J, 2], depth offsets [B, J] (units of the normaliser) and the camera's elevation
          above the horizon [B], radians.
        """
        shown = tf.cast(seen, tf.float32)
        deviation = tf.convert_to_tensor(self.deviation)
        known = tf.where(seen[..., tf.newaxis], image, 0.0) / deviation
        mean, precision = tf.convert_to_tensor(self.mean), tf.convert_to_tensor(self.precision)
        whole = conditional_mean(known, shown, mean, precision, _ITERATIONS)
        # About its middle: the root is a joint like the others, and may be a guess.
        flat = tf.reshape(whole - tf.reduce_mean(whole, axis=-2, keepdims=True), [-1, 2 * self.num_joints])
        features = self.upscale(tf.concat([flat, shown - 1.0], axis=-1))
        features = keras.ops.leaky_relu(features, blocks.LEAKY_SLOPE)
        for block in self.blocks:
            features = block(features)
        said = self.head(features)
        moved = tf.reshape(said[..., : 2 * self.num_joints], [-1, self.num_joints, 2])
        return deviation * (whole + moved), said[..., 2 * self.num_joints : -1], said[..., -1]
