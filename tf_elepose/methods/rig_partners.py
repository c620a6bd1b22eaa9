"""Pairs of moments that the same cameras saw without moving between them (CanonPose 3.4)."""

from __future__ import annotations

import tensorflow as tf

from tf_elepose.methods import replicas


def partners(rig: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Random permutation [B] that gives each moment a partner of the same rig.

    `rig` [B] numbers the rig of each moment: equal numbers are the same cameras in the same places.
    """
    shuffled = tf.argsort(tf.random.stateless_uniform(tf.shape(rig), seed))
    by_rig_shuffled = tf.gather(shuffled, tf.argsort(tf.gather(rig, shuffled), stable=True))
    by_rig = tf.argsort(rig, stable=True)
    return tf.gather(by_rig_shuffled, tf.argsort(by_rig))


def values_of_partners(values: tf.Tensor, rig: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """The `values` [B, ...] of the partners, in the global batch, of this replica's moments with rigs `rig` [B]."""
    partner = replicas.rows_of_this_replica(partners(replicas.all_rows(rig), seed))
    return tf.gather(replicas.all_rows(values), partner)
