"""Training of the completer: seen joints are hidden from it, and it learns to guess where they were.

The training needs 2D poses only, complete or not: a joint that was never seen is no target.
"""

from __future__ import annotations

import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.methods import replicas
from tf_elepose.methods.objective import Batch, Objective
from tf_elepose.nn.completer import PoseCompleter
from tf_elepose.skeleton.skeletons import MIN_JOINTS

MOST_HIDDEN = 0.5
"""Largest share of the joints that is hidden: each pose draws its own share, from 0 on."""


class CompletionFitting(Objective):
    """Trains a `PoseCompleter` by the distance from the hidden joints."""

    def __init__(self, completer: PoseCompleter) -> None:
        self.completer = completer
        self.networks = {"completer": completer}
        self.term_weights = {"completion": 1.0}

    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """ "completion" [B]: mean distance between guess and truth of the seen joints that were hidden, in units of
        the coordinates' deviation. A distance, not its square: the best guess is then the median, which lies where
        joints are.
        """
        pose, seen = batch["image"], seen_in(batch)
        left = hide_joints(seen, seed, MOST_HIDDEN)
        distance = (
            geometry.safe_norm(self.completer.guess(pose, left) - pose) / self.completer.distribution.deviation.value
        )
        hidden = tf.cast(seen & ~left, tf.float32)
        count = tf.maximum(tf.reduce_sum(hidden, axis=-1), 1.0)
        return {"completion": tf.reduce_sum(hidden * distance, axis=-1) / count}


def seen_in(batch: Batch) -> tf.Tensor:
    """Mask [B, J] of the joints of the batch's poses that are seen: all of them in a batch without "seen"."""
    return batch["seen"] if "seen" in batch else tf.ones_like(batch["image"][..., 0], tf.bool)


def hide_joints(seen: tf.Tensor, seed: tf.Tensor, most: float) -> tf.Tensor:
    """`seen` [B, J] with joints hidden at random: each pose draws its own share, uniform from 0 to `most`.

    A pose that would be left with fewer than `MIN_JOINTS` seen joints keeps all that it has.
    """
    shape = [tf.shape(seen)[0], seen.shape[-1]]
    share = replicas.draw(
        lambda size: tf.random.stateless_uniform(size, replicas.fold_in(seed, 10), 0.0, most), [shape[0], 1]
    )
    coin = replicas.draw(lambda size: tf.random.stateless_uniform(size, replicas.fold_in(seed, 11)), shape)
    left = seen & (coin >= share)
    enough = tf.reduce_sum(tf.cast(left, tf.int32), axis=-1, keepdims=True) >= MIN_JOINTS
    return tf.where(enough, left, seen)
