"""A lifter for each part of the body, independent of the other parts (LInKs)."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_elepose.nn import seeds
from tf_elepose.nn.lifters import DepthElevationLifter


class PartLifter(keras.Model):
    """Depth offsets and elevation, as `DepthElevationLifter` gives them, from one lifter a part of the pose.

    Each lifter's input is the joints of its part; it gives their depths and a camera elevation. A pose has one camera,
    so the mean of the parts' elevations is used.
    """

    def __init__(
        self,
        num_joints: int,
        parts: Sequence[Sequence[int]],
        names: Sequence[str],
        *,
        width: int,
        arch: str,
        input_deviation: float,
        precision: str = "float32",
        seed: int = 0,
        name: str = "lifter",
        **kwargs,
    ) -> None:
        """Builds a lifter for each part, with its first weights.

        Args:
          num_joints: J.
          parts: the joints of each part; no joint is in two. A joint in no part, such as the root, gets depth 0.
          names: of the parts.
          width, arch, input_deviation, precision, seed: of each part's lifter.
        """
        super().__init__(name=name, **kwargs)
        self.num_joints = num_joints
        self.width = width
        self.arch = arch
        self.parts = [list(part) for part in parts]
        self.lifters = [
            DepthElevationLifter(
                len(part),
                width=width,
                arch=arch,
                input_deviation=input_deviation,
                precision=precision,
                seed=seeds.derive(seed, i),
                name=part_name,
            )
            for i, (part, part_name) in enumerate(zip(parts, names, strict=True))
        ]

    def build(self, input_shape=None) -> None:
        for lifter in self.lifters:
            lifter.build()
        self.built = True

    def call(self, image):
        """Depth offsets [B, J] and elevation [B] of poses `image` [B, J, 2], see `DepthElevationLifter`."""
        d, e = self.by_part(image)
        return d, tf.reduce_mean(e, axis=-1)

    def by_part(self, image):
        """Depth offsets [B, J], and the elevation [B, parts] that each part predicts."""
        pairs = [lifter(tf.gather(image, part, axis=-2)) for lifter, part in zip(self.lifters, self.parts, strict=True)]
        together = tf.concat([d for d, _ in pairs], axis=-1)
        joints = [joint for part in self.parts for joint in part]
        return scatter_joints(together, joints, self.num_joints), tf.stack([e for _, e in pairs], axis=-1)


def scatter_joints(values: tf.Tensor, joints: Sequence[int], num_joints: int) -> tf.Tensor:
    """Places `values` [B, len(joints), ...] at `joints`, with 0 at all other joints: [B, J, ...]."""
    padded = tf.concat([values, tf.zeros_like(values[:, :1])], axis=1)
    places = {joint: place for place, joint in enumerate(joints)}
    return tf.gather(padded, [places.get(joint, len(places)) for joint in range(num_joints)], axis=1)
