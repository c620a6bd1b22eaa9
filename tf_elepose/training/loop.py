"""The inner loop: many steps in one traced call, on every replica of a strategy."""

from __future__ import annotations

import math
from collections.abc import Mapping

import keras
import tensorflow as tf

from tf_elepose.data.pipeline import Batches
from tf_elepose.data.shards.batches import ShardBatches
from tf_elepose.methods.objective import Objective


class NotFiniteError(ValueError):
    """A loss or gradient in training is NaN or infinite."""


class Loop:
    """Runs steps of an objective; networks, optimizers and averages hold all its state."""

    def __init__(
        self,
        objective: Objective,
        optimizers: Mapping[str, keras.optimizers.Optimizer],
        batches: Batches | ShardBatches,
        strategy: tf.distribute.Strategy,
        *,
        seed: int,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        jit_compile: bool = False,
        average_decay: float = 0.0,
    ) -> None:
        """Prepares the steps; they are traced at the first call.

        Args:
          objective, optimizers, batches: built in the strategy's scope, the optimizers for their variables.
          strategy: its replicas share every batch.
          seed: of the steps' random numbers.
          weight_decay, clip_norm: see `Objective.train_step`.
          jit_compile: compile loss and gradients with XLA; one replica only, because a compiled function cannot
            communicate with other replicas, which the statistics of the global batch need.
          average_decay: of the running average of the weights in `averages`; 0 keeps none.

        Raises:
          ValueError: a batch that the replicas cannot share evenly, or XLA with several replicas.
        """
        self.replicas = strategy.num_replicas_in_sync
        if batches.batch_size % (2 * self.replicas):
            raise ValueError(
                f"batch_size {batches.batch_size} cannot be shared by {self.replicas} replicas in pairs; "
                f"use a multiple of {2 * self.replicas}"
            )
        if jit_compile and self.replicas > 1:
            raise ValueError(f"jit_compile works on one replica only; this strategy has {self.replicas}")
        self._objective = objective
        self._optimizers = optimizers
        self._batches = batches
        self._strategy = strategy
        self._seed = seed
        self._step_options = {"weight_decay": weight_decay, "clip_norm": clip_norm, "jit_compile": jit_compile}
        self._stream: tuple[int, object] | None = None  # (next step, iterator) of a set that stays on the host.
        self._average_decay = average_decay
        self.averages: dict[str, tf.Variable] = {}
        """Running averages of the trained weights, by the weights' names; they forget the noise of single steps."""
        with strategy.scope():
            if isinstance(batches, Batches) and batches.resident:
                self._arrays = batches.place()
            if average_decay:
                self.averages = {v.path: tf.Variable(v.value, trainable=False) for v in objective.variables}
        self._steps = tf.function(self._many_steps)

    def run(self, first_step: int, steps: int) -> dict[str, float]:
        """Runs steps first_step, ..., first_step + steps - 1 and returns the means of every term, of "loss" and of
        "gradient_norm".

        Raises:
          NotFiniteError: a value is NaN or infinite; the networks are then unusable and must not be saved.
          ValueError: from `Objective.require_healthy`; the networks must not be saved either.
        """
        iterator = None if self._batches.resident else self._iterator(first_step, steps)
        sums, bad_step = self._steps(tf.constant(first_step, tf.int64), tf.constant(steps, tf.int64), iterator)
        means = {name: float(value) / steps for name, value in sums.items()}
        if bad_step >= 0:
            bad = [name for name, value in means.items() if not math.isfinite(value)]
            # A bad term makes the weighted sum and the gradient bad too: name only the terms where there are any.
            culprits = [name for name in bad if name not in ("loss", "gradient_norm")] or bad
            raise NotFiniteError(f"training stopped: {', '.join(culprits)} not finite in step {int(bad_step)}")
        self._objective.require_healthy(means)
        return means

    def _many_steps(self, first_step: tf.Tensor, steps: tf.Tensor, iterator) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Sums of all values up to and including the first step with a value that is not finite; that step, or -1.

        In later steps every term is not finite, which would hide the term that was the first.
        """
        names = [*self._objective.term_weights, "loss", "gradient_norm", *self._objective.health]
        sums = {name: tf.constant(0.0) for name in names}
        bad_step = tf.constant(-1, tf.int64)
        for step in tf.range(first_step, first_step + steps):
            if iterator is None:
                shares = self._strategy.run(self._resident_step, args=(step,))
            else:
                shares = self._strategy.run(self._streamed_step, args=(step, next(iterator)))
            values = {
                name: self._strategy.reduce(tf.distribute.ReduceOp.SUM, shares[name], axis=None) for name in names
            }
            counts = bad_step < 0
            sums = {name: tf.where(counts, sums[name] + values[name], sums[name]) for name in names}
            is_bad = ~tf.reduce_all(tf.math.is_finite(tf.stack(list(values.values()))))
            bad_step = tf.where(counts & is_bad, step, bad_step)
            self._average(step)
        return sums, bad_step

    @tf.autograph.experimental.do_not_convert
    def _average(self, step: tf.Tensor) -> None:
        """a <- decay a + (1 - decay) w; the decay is smaller in early steps, so that first weights are forgotten."""
        age = tf.cast(step, tf.float32)
        decay = tf.minimum(self._average_decay, (1.0 + age) / (10.0 + age))
        weights = {variable.path: variable for variable in self._objective.variables}
        for name, average in self.averages.items():
            average.assign(decay * average + (1.0 - decay) * weights[name].value)

    # What a step computes has no loop or branch over tensors, so AutoGraph would only read and rewrite all of its
    # Python: half of the seconds before the first step.
    @tf.autograph.experimental.do_not_convert
    def _resident_step(self, step: tf.Tensor) -> dict[str, tf.Tensor]:
        assert isinstance(self._batches, Batches)  # No others stay on the device.
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if self.replicas > 1 else 0
        rows = self._batches.rows(step, replica, self.replicas)
        batch = {name: tf.gather(array, rows) for name, array in self._arrays.items()}
        return self._one_step(self._batches.augment(batch, step, replica, self.replicas), step)

    @tf.autograph.experimental.do_not_convert
    def _streamed_step(self, step: tf.Tensor, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return self._one_step(batch, step)

    def _one_step(self, batch: Mapping[str, tf.Tensor], step: tf.Tensor) -> dict[str, tf.Tensor]:
        seed = tf.stack([tf.constant(self._seed, tf.int32), tf.cast(step, tf.int32)])
        return self._objective.train_step(batch, seed, self._optimizers, **self._step_options)

    def _iterator(self, first_step: int, steps: int):
        if self._stream is None or self._stream[0] != first_step:

            def dataset(context: tf.distribute.InputContext) -> tf.data.Dataset:
                per_worker = self.replicas // context.num_input_pipelines
                first = context.input_pipeline_id * per_worker
                return self._batches.stream(first_step, range(first, first + per_worker), self.replicas)

            iterator = iter(self._strategy.distribute_datasets_from_function(dataset))
        else:
            iterator = self._stream[1]
        self._stream = (first_step + steps, iterator)
        return iterator
