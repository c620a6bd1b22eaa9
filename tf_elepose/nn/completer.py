"""The completer: where the joints of a pose that nobody saw probably are.

It has two parts. If poses were normally distributed, the best guess would be linear in the seen joints, with other
coefficients for every pattern of hidden joints: the conditional mean of a normal distribution. That part is fitted, not
trained. Poses are not normal, so a network corrects the guess; beginning there it learns in a fraction of the steps it
would need to find all those coefficients by itself.
"""

from __future__ import annotations

import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.nn.blocks import ResidualNetwork
from tf_elepose.nn.pose_statistics import PoseStatistics, blank_statistics, describe
from tf_elepose.normalization import Normalizer

_BLOCKS = 2


def blank_completer(num_joints: int, width: int | None) -> PoseCompleter | None:
    """A completer whose weights are then read; None for a model without one, whose width is None."""
    if width is None:
        return None
    completer = PoseCompleter(num_joints, blank_statistics(num_joints), width=width)
    completer.build()
    return completer


class PoseCompleter(ResidualNetwork):
    """Fills the hidden joints of 2D poses from those that are seen; those stay as they are.

    A pose may lie anywhere: it needs no root.
    """

    def __init__(
        self,
        num_joints: int,
        statistics: PoseStatistics,
        *,
        width: int,
        precision: str = "float32",
        seed: int = 0,
        name: str = "completer",
        **kwargs,
    ) -> None:
        """Args:
        num_joints: J.
        statistics: of the training poses.
        width: of the network's hidden layers.
        precision: "float32", or "mixed_bfloat16" for their matrix products.
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
        self._fitted = statistics

    def build(self, input_shape=None) -> None:
        self.distribution = self._fitted.add_to(self)
        super().build(input_shape)

    def call(self, pose, seen):
        """The complete pose [B, J, 2], in the unit of `pose` [B, J, 2]; `seen` [B, J] says which joints it shows.

        Coordinates of hidden joints do not matter, as long as they are finite.
        """
        return tf.where(seen[..., tf.newaxis], pose, self.guess(pose, seen))

    def guess(self, pose, seen):
        """All joints [B, J, 2] as the completer has them, seen or not."""
        whole = self.distribution.guess(pose, seen)
        correction = tf.reshape(self.respond(describe(whole, seen)), [-1, self.num_joints, 2])
        return tf.convert_to_tensor(self.distribution.deviation) * (whole + correction)


def complete(completer: PoseCompleter, normalizer: Normalizer, image: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
    """Normalised poses [B, J, 2], of which `seen` [B, J] is known, with all joints and about their root.

    A guess is the mean of the completer's for the pose and for its mirror image, which is nearer to the truth than
    either. Under the normalisation rule "pose" a completed pose gets the size that complete ones have.
    """
    skeleton = normalizer.skeleton
    mirrored = completer.guess(geometry.flip(image, skeleton), tf.gather(seen, skeleton.mirror, axis=-1))
    guess = 0.5 * (completer.guess(image, seen) + geometry.flip(mirrored, skeleton))
    whole = geometry.center(tf.where(seen[..., tf.newaxis], image, guess), skeleton.root_index)
    resized, _ = normalizer.rescale(whole)
    hides = ~tf.reduce_all(seen, axis=-1)[..., tf.newaxis, tf.newaxis]
    return tf.where(hides, resized, image)
