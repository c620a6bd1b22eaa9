"""The skeleton morphing network: moves a detector's joints to where a data set puts them."""

from __future__ import annotations

import tensorflow as tf

from tf_elepose.nn.blocks import ResidualNetwork

_BLOCKS = 2


class PoseMorpher(ResidualNetwork):
    """Section 4.2 of CanonPose: the offset from detected to the data set's 2D joints.

    Its inputs are joints and confidences, not images.
    """

    def __init__(
        self,
        num_joints: int,
        *,
        width: int,
        input_deviation: float,
        precision: str = "float32",
        seed: int = 0,
        name: str = "morpher",
        **kwargs,
    ) -> None:
        """Args:
        num_joints: J.
        width: of the hidden layers.
        input_deviation: standard deviation of the input coordinates; they are divided by it.
        precision: "float32", or "mixed_bfloat16" for the hidden layers' matrix products.
        seed: of the first weights.
        """
        super().__init__(
            3 * num_joints,
            2 * num_joints,
            width=width,
            depth=_BLOCKS,
            precision=precision,
            seed=seed,
            name=name,
            **kwargs,
        )
        self.num_joints = num_joints
        self.input_deviation = input_deviation

    def call(self, image, confidence):
        """The data set's pose [B, J, 2] for the detected pose `image` [B, J, 2], both about the detected root, in units
        of the normaliser. Joints whose `confidence` [B, J] is 0 have no influence.
        """
        pose = tf.where(confidence[..., tf.newaxis] > 0.0, image, 0.0)
        flat = tf.reshape(pose, [-1, 2 * self.num_joints]) / self.input_deviation
        moved = self.respond(tf.concat([flat, confidence - 1.0], axis=-1))
        return image + self.input_deviation * tf.reshape(moved, [-1, self.num_joints, 2])
