"""Batches: which training poses a step sees, as a pure function of the seed and the step.

There is no iterator state to store: a run that resumes at step t sees what an uninterrupted run sees from t on, and
two replicas see the halves of what one replica sees.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.skeletons import Skeleton

RESIDENT_BYTES = 1 << 30
"""Data sets up to this size live on the device; larger ones stay on the host and are fetched ahead."""


class Batches:
    """Shuffled, flipped batches of normalised poses."""

    def __init__(
        self,
        image: np.ndarray,
        skeleton: Skeleton,
        *,
        batch_size: int,
        seed: int,
        flip: bool,
        resident_bytes: int = RESIDENT_BYTES,
    ) -> None:
        """Args:
        image: [N, J, 2] normalised poses.
        skeleton: whose left and right are swapped when a pose is flipped.
        batch_size: poses in a global batch; even, because the deformation loss pairs neighbours.
        seed: of order and flips.
        flip: mirror each pose, left joints becoming right ones, with probability 1/2.
        resident_bytes: see `RESIDENT_BYTES`.

        Raises:
          ValueError: a batch that is odd or larger than the data.
        """
        if batch_size < 2 or batch_size % 2:
            raise ValueError(f"batch_size must be even and at least 2; got {batch_size}")
        if batch_size > len(image):
            raise ValueError(f"batch_size {batch_size} is larger than the data: {len(image)} poses")
        self.image = np.ascontiguousarray(image, np.float32)
        self.skeleton = skeleton
        self.batch_size = batch_size
        self.seed = seed
        self.flip = flip
        self.resident = self.image.nbytes <= resident_bytes

    @property
    def steps_per_epoch(self) -> int:
        """Steps that see about every pose once; epochs flow into one another, no pose is dropped."""
        return max(1, round(len(self.image) / self.batch_size))

    def place(self) -> tf.Variable:
        """The whole set on the device of every replica; called in the strategy's scope."""
        return tf.Variable(self.image, trainable=False, name="training_poses")

    def rows(self, step: tf.Tensor, replica: int | tf.Tensor, replicas: int) -> tf.Tensor:
        """Rows [batch_size / replicas] int64 of the data that `replica` sees at `step`.

        Every epoch is another permutation of all rows.
        """
        local = self.batch_size // replicas
        size = tf.constant(len(self.image), tf.int64)
        place = tf.cast(step, tf.int64) * self.batch_size + tf.cast(replica, tf.int64) * local
        place += tf.range(local, dtype=tf.int64)
        epoch = place // size
        seed = tf.stack([tf.fill([local], tf.constant(self.seed, tf.int64)), epoch, tf.zeros_like(epoch)], axis=-1)
        # The raw op: tf.random.experimental.index_shuffle pads a seed a row along the wrong axis.
        return tf.raw_ops.RandomIndexShuffle(index=place % size, seed=seed, max_index=size - 1)

    def augment(self, image: tf.Tensor, step: tf.Tensor, replica: int | tf.Tensor, replicas: int) -> tf.Tensor:
        """`image` [local batch, J, 2] with flips; the same pose at the same step is flipped on any replica."""
        if not self.flip:
            return image
        seed = tf.stack([tf.constant(self.seed, tf.int32), tf.cast(step, tf.int32)])
        coins = tf.random.stateless_uniform([self.batch_size], seed) < 0.5
        local = self.batch_size // replicas
        first = tf.cast(replica, tf.int32) * local
        return tf.where(coins[first : first + local, None, None], geometry.flip(image, self.skeleton), image)

    def stream(self, first_step: int, replica_range: range, replicas: int) -> tf.data.Dataset:
        """Per-replica batches {"image"} from the host, in the order of steps and, within a step, of `replica_range`.

        For sets that do not fit the device: rows are gathered on the host and fetched ahead.
        """
        local = self.batch_size // replicas

        def fetch(number: tf.Tensor) -> Mapping[str, tf.Tensor]:
            step = first_step + number // len(replica_range)
            replica = replica_range.start + number % len(replica_range)
            rows = self.rows(step, replica, replicas)
            image = tf.numpy_function(lambda wanted: self.image[wanted], [rows], tf.float32, stateful=False)
            image.set_shape([local, *self.image.shape[1:]])
            return {"image": self.augment(image, step, replica, replicas)}

        return tf.data.Dataset.counter().map(fetch, num_parallel_calls=2, deterministic=True).prefetch(4)
