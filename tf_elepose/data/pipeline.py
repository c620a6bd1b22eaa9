"""Training batches: the poses of a step are a pure function of the seed and the step.

There is no iterator state to store: a run that resumes at step t gets the batches that an uninterrupted run gets from t
on, and two replicas get the two halves of the batch that one replica gets.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.skeleton.skeletons import Skeleton

RESIDENT_BYTES = 1 << 30
"""Data sets up to this size are kept on the device; larger ones stay on the host and are prefetched."""


class Batches:
    """Shuffled, flipped batches of poses."""

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        skeleton: Skeleton,
        *,
        batch_size: int,
        seed: int,
        flip: bool,
        resident_bytes: int = RESIDENT_BYTES,
    ) -> None:
        """Takes the poses that batches are drawn from.

        Args:
          arrays: the contents of batches by name: poses [N, ..., J, 2 or 3], values of joints [N, ..., J], and values
            without a joint axis [N].
          skeleton: says which joints are swapped when a pose is flipped.
          batch_size: poses in a global batch; even, because the deformation loss pairs neighbours.
          seed: of the order and the flips.
          flip: mirror each pose, left joints becoming right ones, with probability 1/2.
          resident_bytes: see `RESIDENT_BYTES`.

        Raises:
          ValueError: `batch_size` is odd or larger than the data.
        """
        if batch_size < 2 or batch_size % 2:
            raise ValueError(f"batch_size must be even and at least 2; got {batch_size}")
        self.size = len(next(iter(arrays.values())))
        if batch_size > self.size:
            raise ValueError(f"batch_size {batch_size} is larger than the data: {self.size} poses")
        self.arrays = {
            name: np.ascontiguousarray(array, bool if array.dtype == bool else np.float32)
            for name, array in arrays.items()
        }
        self.skeleton = skeleton
        self.batch_size = batch_size
        self.seed = seed
        self.flip = flip
        self.resident = sum(array.nbytes for array in self.arrays.values()) <= resident_bytes

    @property
    def steps_per_epoch(self) -> int:
        """The steps in which about every pose is used once. An epoch may end within a batch; no pose is dropped."""
        return max(1, round(self.size / self.batch_size))

    def place(self) -> dict[str, tf.Variable]:
        """Puts the whole set on the device of every replica; call it in the strategy's scope."""
        return {
            name: tf.Variable(array, trainable=False, name=f"training_{name}") for name, array in self.arrays.items()
        }

    def rows(self, step: tf.Tensor, replica: int | tf.Tensor, replicas: int) -> tf.Tensor:
        """The rows [batch_size / replicas] int64 of the data that `replica` gets at `step`.

        Every epoch has its own permutation of all rows.
        """
        local = self.batch_size // replicas
        size = tf.constant(self.size, tf.int64)
        place = tf.cast(step, tf.int64) * self.batch_size + tf.cast(replica, tf.int64) * local
        place += tf.range(local, dtype=tf.int64)
        epoch = place // size
        seed = tf.stack([tf.fill([local], tf.constant(self.seed, tf.int64)), epoch, tf.zeros_like(epoch)], axis=-1)
        # The raw op, because tf.random.experimental.index_shuffle pads one seed per row along the wrong axis.
        return tf.raw_ops.RandomIndexShuffle(index=place % size, seed=seed, max_index=size - 1)

    def augment(
        self, batch: Mapping[str, tf.Tensor], step: tf.Tensor, replica: int | tf.Tensor, replicas: int
    ) -> dict[str, tf.Tensor]:
        """Flips poses of `batch` at random; whether a pose is flipped at a step does not depend on the replica."""
        if not self.flip:
            return dict(batch)
        chosen = self.flips(step, replica, replicas)
        return {name: self._flipped(values, chosen) for name, values in batch.items()}

    def flips(self, step: tf.Tensor, replica: int | tf.Tensor, replicas: int) -> tf.Tensor:
        """Mask [batch_size / replicas] of the rows of `replica` that are mirrored at `step`."""
        seed = tf.stack([tf.constant(self.seed, tf.int32), tf.cast(step, tf.int32)])
        coins = tf.random.stateless_uniform([self.batch_size], seed) < 0.5
        local = self.batch_size // replicas
        first = tf.cast(replica, tf.int32) * local
        return coins[first : first + local]

    def _flipped(self, values: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
        """Mirrors the rows `chosen` [b] of `values` [b, ..., J] or [b, ..., J, 2 or 3]; others stay as they are."""
        joints = self.skeleton.num_joints
        if values.shape.rank > 1 and values.shape[-1] == joints:
            mirrored = tf.gather(values, self.skeleton.mirror, axis=-1)
        elif values.shape.rank > 2 and values.shape[-2] == joints:
            mirrored = geometry.flip(values, self.skeleton)
        else:
            return values
        return tf.where(tf.reshape(chosen, [-1] + [1] * (values.shape.rank - 1)), mirrored, values)

    def stream(self, first_step: int, replica_range: range, replicas: int) -> tf.data.Dataset:
        """Streams per-replica batches from the host, in the order of steps and, within a step, of `replica_range`.

        For sets that do not fit the device: rows are gathered on the host and prefetched.
        """
        local = self.batch_size // replicas

        def fetch(number: tf.Tensor) -> Mapping[str, tf.Tensor]:
            step = first_step + number // len(replica_range)
            replica = replica_range.start + number % len(replica_range)
            rows = self.rows(step, replica, replicas)
            arrays = list(self.arrays.values())
            fetched = tf.numpy_function(
                lambda wanted: [array[wanted] for array in arrays], [rows], [a.dtype for a in arrays], stateful=False
            )
            batch = dict(zip(self.arrays, fetched, strict=True))
            for name, array in self.arrays.items():
                batch[name].set_shape([local, *array.shape[1:]])
            return self.augment(batch, step, replica, replicas)

        return tf.data.Dataset.counter().map(fetch, num_parallel_calls=2, deterministic=True).prefetch(4)
