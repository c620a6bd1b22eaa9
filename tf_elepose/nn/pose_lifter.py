"""The lifter of supervised learning: a 3D pose from a 2D pose."""

from __future__ import annotations

import tensorflow as tf

from tf_elepose.nn.blocks import ResidualNetwork

_BLOCKS = 3
"""Residual blocks; as many as between input and depths in ElePose's lifter, so that the two can be compared."""


class PoseLifter(ResidualNetwork):
    """3D pose from a normalised 2D pose: the trunk of ElePose's lifter, with all coordinates as its output.

    Martinez et al. ("A simple yet effective baseline for 3d human pose estimation", ICCV 2017) have the same blocks,
    two of them, with batch normalisation and dropout. This network predicts how the pose differs from a flat pose at
    the camera's `distance`; theirs predicts the pose itself.
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
        input_deviation: standard deviation of the input coordinates; they are divided by it.
        distance: from the camera, at which a body of unit size has the normalised image's size.
        precision: "float32", or "mixed_bfloat16" for the hidden layers' matrix products.
        seed: of the first weights.
        """
        super().__init__(
            2 * num_joints,
            3 * num_joints,
            width=width,
            depth=_BLOCKS,
            activated=False,
            precision=precision,
            seed=seed,
            name=name,
            **kwargs,
        )
        self.num_joints = num_joints
        self.input_deviation = input_deviation
        self.distance = distance

    def call(self, image):
        """3D pose [B, J, 3] (camera frame, unit scale, not centred) of poses `image` [B, J, 2]."""
        moved = self.respond(tf.reshape(image, [-1, 2 * self.num_joints]) / self.input_deviation)
        flat = tf.pad(self.distance * image, [[0, 0], [0, 0], [0, 1]])
        return flat + tf.reshape(moved, [-1, self.num_joints, 3])
