"""The completer: guesses where the hidden joints of a pose are.

It has two parts. If poses were normally distributed, the best guess would be linear in the seen joints, with other
coefficients for every pattern of hidden joints: the conditional mean of a normal distribution. That part is fitted, not
trained. Poses are not normally distributed, so a network corrects the guess. With the guess as its start the network
learns in a fraction of the steps that it would need to find all those coefficients by itself.
"""

from __future__ import annotations

from typing import Unpack

import keras
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.nn.blocks import HiddenLayers, ResidualTrunk
from tf_elepose.nn.pose_statistics import PoseStatistics, blank_statistics, describe
from tf_elepose.normalization import Normalizer

_BLOCKS = 2


def blank_completer(num_joints: int, width: int | None) -> PoseCompleter | None:
    """A completer of the right shapes, whose weights the caller then loads; None where `width` is None, as in models
    without a completer.
    """
    if width is None:
        return None
    completer = PoseCompleter(num_joints, blank_statistics(num_joints), width=width)
    completer.build()
    return completer


class PoseCompleter(keras.Model):
    """Fills in the hidden joints of 2D poses; seen joints stay as they are.

    A pose may lie anywhere in the image: its root need not be at the origin, nor seen.
    """

    def __init__(
        self, num_joints: int, statistics: PoseStatistics, *, name: str = "completer", **layers: Unpack[HiddenLayers]
    ) -> None:
        """Builds the network with its first weights.

        Args:
          num_joints: J.
          statistics: of the training poses.
          layers: `width`, `precision` and `seed` of the hidden layers, see `HiddenLayers`.
        """
        super().__init__(name=name)
        self.trunk = ResidualTrunk(3 * num_joints, 2 * num_joints, depth=_BLOCKS, **layers)
        self.trunk_layers = self.trunk.layers
        self.width = self.trunk.width
        self.num_joints = num_joints
        self._fitted = statistics

    def build(self, input_shape=None) -> None:
        self.distribution = self._fitted.add_to(self)
        self.trunk.build()
        self.built = True

    def call(self, pose, seen):
        """The complete pose [B, J, 2], in the unit of `pose` [B, J, 2]; `seen` [B, J] says which joints it shows.

        Coordinates of hidden joints do not matter, as long as they are finite.
        """
        return tf.where(seen[..., tf.newaxis], pose, self.guess(pose, seen))

    def guess(self, pose, seen):
        """The completer's own guess [B, J, 2] of every joint, seen or hidden."""
        whole = self.distribution.guess(pose, seen)
        correction = tf.reshape(self.trunk(describe(whole, seen)), [-1, self.num_joints, 2])
        return tf.convert_to_tensor(self.distribution.deviation) * (whole + correction)


def complete(completer: PoseCompleter, normalizer: Normalizer, image: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
    """The complete poses [B, J, 2], root at the origin, of normalised poses `image` that show the joints `seen` [B, J].

    A hidden joint is the mean of two guesses, one for the pose and one for its mirror image: the mean is nearer to the
    truth than either. Under the normalisation rule "pose" a completed pose is brought to the size of complete poses.
    """
    skeleton = normalizer.skeleton
    mirrored = completer.guess(geometry.flip(image, skeleton), tf.gather(seen, skeleton.mirror, axis=-1))
    guess = 0.5 * (completer.guess(image, seen) + geometry.flip(mirrored, skeleton))
    whole = geometry.center(tf.where(seen[..., tf.newaxis], image, guess), skeleton.root_index)
    resized, _ = normalizer.rescale(whole)
    hides = ~tf.reduce_all(seen, axis=-1)[..., tf.newaxis, tf.newaxis]
    return tf.where(hides, resized, image)
