"""The part filler: a hidden part of the body from the 3D pose of the rest (LInKs: lift, then fill)."""

from __future__ import annotations

import tensorflow as tf

from tf_elepose.nn.blocks import ResidualNetwork

_BLOCKS = 3
"""Residual blocks; as many as between input and depths in ElePose's lifter, and in LInKs' published code."""


class PartFiller(ResidualNetwork):
    """Predicts the 3D joints of one part of the body from those of the rest; untrained, all near the root."""

    def __init__(
        self,
        num_seen: int,
        num_filled: int,
        *,
        width: int,
        precision: str = "float32",
        seed: int = 0,
        name: str = "filler",
        **kwargs,
    ) -> None:
        """Args:
        num_seen, num_filled: number of joints of the seen part, and of the part to fill.
        width: of every hidden layer; 1024 in the paper.
        precision: "float32", or "mixed_bfloat16" for the hidden layers' matrix products.
        seed: of the first weights.
        """
        super().__init__(
            3 * num_seen,
            3 * num_filled,
            width=width,
            depth=_BLOCKS,
            activated=False,
            precision=precision,
            seed=seed,
            name=name,
            **kwargs,
        )
        self.num_seen, self.num_filled, self.width = num_seen, num_filled, width

    def call(self, pose):
        """The hidden joints [B, num_filled, 3] from the seen joints `pose` [B, num_seen, 3]; both camera frame, unit
        scale, the whole pose's root at the origin.
        """
        return tf.reshape(self.respond(tf.reshape(pose, [-1, 3 * self.num_seen])), [-1, self.num_filled, 3])
