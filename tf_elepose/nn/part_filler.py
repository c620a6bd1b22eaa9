"""Where a part of the body that nobody saw is, from the 3D pose of the rest (LInKs: lift, then fill)."""

from __future__ import annotations

import keras
import tensorflow as tf

from tf_elepose.nn import blocks, seeds

_BLOCKS = 3
"""As many as the depths of ElePose's lifter go through; those of LInKs' published code too."""


class PartFiller(keras.Model):
    """3D joints from the 3D joints of another part of the body: the trunk of the lifters."""

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
        super().__init__(name=name, **kwargs)
        self.num_seen, self.num_filled, self.width = num_seen, num_filled, width
        self.upscale = blocks.dense(width, seeds.derive(seed, 0), "upscale", precision)
        self.blocks = [
            blocks.ResidualBlock(width, seed=seeds.derive(seed, i + 1), dtype=precision, name=f"block_{i}")
            for i in range(_BLOCKS)
        ]
        # Small at first: about the root. float32, for its numbers are places.
        self.head = blocks.dense(3 * num_filled, seeds.derive(seed, _BLOCKS + 1), "head", scale=0.01)

    def build(self, input_shape=None) -> None:
        self.upscale.build((None, 3 * self.num_seen))
        for block in self.blocks:
            block.build((None, self.width))
        self.head.build((None, self.width))
        self.built = True

    def call(self, pose):
        """The missing joints [B, num_filled, 3] for the joints `pose` [B, num_seen, 3] of the rest; both camera frame,
        unit scale, the whole pose's root at the origin.
        """
        features = self.upscale(tf.reshape(pose, [-1, 3 * self.num_seen]))
        for block in self.blocks:
            features = block(features)
        return tf.reshape(self.head(features), [-1, self.num_filled, 3])
