"""Batch normalisation over the global batch, whatever number of replicas shares it."""

from __future__ import annotations

import keras
import tensorflow as tf

MOMENTUM = 0.99
"""Share of the old moving statistics that a step keeps; Keras' default."""

_EPSILON = 1e-3  # Keras' default.


class SyncBatchNorm(keras.layers.Layer):
    """(x - mean) / deviation * gamma + beta, with the statistics of the global batch in training and their moving
    averages in use (Ioffe and Szegedy, 2015).

    Keras' own layer can share statistics between replicas but cannot store them there: its moving averages define no
    rule that makes one value of the replicas' values.
    """

    def build(self, input_shape) -> None:
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma", autocast=False)
        self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta", autocast=False)
        # Equal on all replicas, so the mean is the value of each.
        self.moving_mean, self.moving_variance = (
            self.add_weight(
                shape=shape, initializer=start, name=name, trainable=False, autocast=False, aggregation="mean"
            )
            for name, start in (("moving_mean", "zeros"), ("moving_variance", "ones"))
        )
        self.built = True

    def call(self, x, training: bool = False):
        """[B, width] to [B, width]; in training the moving statistics change."""
        wide = tf.cast(x, tf.float32)  # Variances of narrow floats are too coarse.
        if training:
            mean, variance = _global_moments(wide)
            for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(MOMENTUM * moving.value + (1.0 - MOMENTUM) * tf.stop_gradient(now))
        else:
            mean, variance = self.moving_mean.value, self.moving_variance.value
        scale = self.gamma.value * tf.math.rsqrt(variance + _EPSILON)
        return tf.cast(wide * scale + (self.beta.value - mean * scale), x.dtype)


def _global_moments(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance [width] (over n) of x [B, width] over the batches of all replicas."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas == 1:
        return tf.nn.moments(x, axes=[0])
    context = tf.distribute.get_replica_context()
    assert context is not None  # Steps run inside strategy.run.
    count = tf.cast(tf.shape(x)[0] * replicas, x.dtype)
    mean = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.reduce_sum(x, axis=0)) / count
    squares = tf.reduce_sum(tf.square(x - mean), axis=0)
    return mean, context.all_reduce(tf.distribute.ReduceOp.SUM, squares) / count
