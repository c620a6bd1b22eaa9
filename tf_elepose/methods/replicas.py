"""Random numbers and statistics of the global batch, computed on each replica of a tf.distribute strategy.

With these functions two replicas do exactly what one replica with the whole batch does.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def count() -> int:
    """Number of replicas that share a global batch; 1 outside a strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def _rows_of_this_replica(values: tf.Tensor, local: int | tf.Tensor) -> tf.Tensor:
    if count() == 1:
        return values
    context = tf.distribute.get_replica_context()
    assert context is not None  # Steps run inside strategy.run.
    first = context.replica_id_in_sync_group * local
    return values[first : first + local]


def draw(sampler: Callable[[list], tf.Tensor], shape: list) -> tf.Tensor:
    """Draws random numbers for the global batch and returns this replica's rows.

    Args:
      sampler: shape -> tensor; stateless, so that every replica draws the same numbers.
      shape: of the local result, the batch first.
    """
    return _rows_of_this_replica(sampler([shape[0] * count(), *shape[1:]]), shape[0])


def all_sum(x: tf.Tensor) -> tf.Tensor:
    """Sum of `x` over the replicas, with gradient."""
    if count() == 1:
        return x
    context = tf.distribute.get_replica_context()
    assert context is not None
    return context.all_reduce(tf.distribute.ReduceOp.SUM, x)


def all_rows(x: tf.Tensor) -> tf.Tensor:
    """The rows of the global batch of `x` [B, ...], in the replicas' order, with gradient."""
    if count() == 1:
        return x
    context = tf.distribute.get_replica_context()
    assert context is not None
    mine = tf.cast(tf.range(count()) == context.replica_id_in_sync_group, x.dtype)
    padded = tf.reshape(mine, [-1] + [1] * x.shape.rank) * x[tf.newaxis]
    return all_sum(tf.reshape(padded, tf.concat([[-1], tf.shape(x)[1:]], axis=0)))


def rows_of_this_replica(values: tf.Tensor) -> tf.Tensor:
    """This replica's rows of `values`, which holds the rows of the global batch."""
    return _rows_of_this_replica(values, tf.shape(values)[0] // count())


def mean_and_deviation(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation (over n - 1) of `x` [B] over the global batch, with gradient through both.

    The deviation of a constant batch is 0 and so is its gradient.
    """
    total = tf.cast(tf.size(x) * count(), x.dtype)
    mean = all_sum(tf.reduce_sum(x)) / total
    variance = all_sum(tf.reduce_sum(tf.square(x - mean))) / tf.maximum(total - 1.0, 1.0)
    positive = variance > 1e-12
    deviation = tf.where(positive, tf.sqrt(tf.where(positive, variance, tf.ones_like(variance))), 0.0)
    return mean, deviation


def fold_in(seed: tf.Tensor, number: int | tf.Tensor) -> tf.Tensor:
    """An independent seed [2] for another use of the same step."""
    return tf.random.experimental.stateless_fold_in(seed, number)


def neighbours(x: tf.Tensor) -> tf.Tensor:
    """Each row's neighbour in the batch `x` [B, ...], B even; the pairs do not depend on the number of replicas."""
    return tf.reshape(tf.reverse(tf.reshape(x, [-1, 2, *x.shape[1:]]), axis=[1]), tf.shape(x))
