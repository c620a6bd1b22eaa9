"""Where a part of the body that nobody saw is, from the 3D pose of the rest (LInKs: lift, then fill)."""

from __future__ import annotations

import tensorflow as tf

from tf_elepose.nn.blocks import ResidualNetwork

_BLOCKS = 3
"""As many as the depths of ElePose's lifter go through; those of LInKs' published code too."""


class PartFiller(ResidualNetwork):
    """3D joints from the 3D joints of another part of the body; at first all near the root."""

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
        num_seen, num_filled: joints of the part that is there, and of the part that is not.
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
        """The missing joints [B, num_filled, 3] for the joints `pose` [B, num_seen, 3] of the rest; both camera frame,
        unit scale, the whole pose's root at the origin.
        """
        return tf.reshape(self.respond(tf.reshape(pose, [-1, 3 * self.num_seen])), [-1, self.num_filled, 3])
