"""Moments that borrow from each other: those that the same cameras saw while they stood still (CanonPose 3.4)."""

from __future__ import annotations

import tensorflow as tf

from tf_elepose.methods import replicas


def partners(rig: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """For each of the moments of one or more rigs [B], named by equal numbers, a moment of the same rig: a random
    permutation [B] that leaves every moment in its rig.
    """
    shuffled = tf.argsort(tf.random.stateless_uniform(tf.shape(rig), seed))
    by_rig_shuffled = tf.gather(shuffled, tf.argsort(tf.gather(rig, shuffled), stable=True))
    by_rig = tf.argsort(rig, stable=True)
    return tf.gather(by_rig_shuffled, tf.argsort(by_rig))


def of_partners(values: tf.Tensor, rig: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """For each of this replica's moments [B], of rigs `rig` [B], what its partner in the global batch has of `values`
    [B, ...].
    """
    partner = replicas.rows_of_this_replica(partners(replicas.all_rows(rig), seed))
    return tf.gather(replicas.all_rows(values), partner)
