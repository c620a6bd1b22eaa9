"""One stage of a run: trains an objective, and resumes after it was killed or stopped."""

from __future__ import annotations

import math
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from tf_elepose.cli.progress import Progress
from tf_elepose.data.pipeline import Batches
from tf_elepose.data.shards.batches import ShardBatches
from tf_elepose.methods.objective import Objective
from tf_elepose.nn.variables import named_variables
from tf_elepose.training import schedules
from tf_elepose.training.adam import Adam
from tf_elepose.training.checkpoint import Checkpointer, assign
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.loop import Loop
from tf_elepose.training.metric_log import MetricLog
from tf_elepose.training.stage_settings import StageSettings


class Stage:
    """Trains one objective, from its newest checkpoint or from the start."""

    def __init__(
        self,
        name: str,
        folder: pathlib.Path,
        objective: Objective,
        batches: Batches | ShardBatches,
        strategy: tf.distribute.Strategy,
        settings: StageSettings,
        *,
        evaluate: Callable[[], Mapping[str, float]],
        select: str | None = None,
        writes: bool = True,
    ) -> None:
        """Builds optimizers and loop; nothing is written before `run`.

        Args:
          name: of the stage, in messages and logs.
          folder: of the run; checkpoints go to `folder/name`.
          objective, batches, strategy, settings: the objective, built in the strategy's scope, its data, its devices
            and its settings.
          evaluate: gives figures to log every `settings.evaluate_every` steps and at the end.
          select: the figure of `evaluate` to minimise: the networks end with the weights at its lowest value. None:
            they end with the last step's weights.
          writes: whether this process writes files (the chief does, other workers do not).
        """
        self.name = name
        self._objective = objective
        self._settings = settings
        self._evaluate = evaluate
        self._select = select
        self._writes = writes
        self._batch_size = batches.batch_size
        self.steps = max(1, round(settings.epochs * batches.steps_per_epoch))
        self._evaluate_every = settings.evaluate_every or batches.steps_per_epoch
        with strategy.scope():
            self._optimizers: dict[str, keras.optimizers.Optimizer] = {}
            for network_name, network in objective.networks.items():
                # An optimizer counts its own updates.
                updates = objective.updates_per_step.get(network_name, 1)
                rate = schedules.make_schedule(
                    settings.schedule,
                    learning_rate=settings.learning_rate * settings.rate_factors.get(network_name, 1.0),
                    steps=updates * self.steps,
                    steps_per_epoch=updates * batches.steps_per_epoch,
                    options=settings.schedule_options,
                )
                # PyTorch's epsilon; Keras' default is 1e-7. A name of its own: Keras would number the optimizers of a
                # process, and a checkpoint would fit only the process's first run.
                optimizer = Adam(rate, *settings.betas, epsilon=1e-8, name="adam")
                optimizer.build(network.trainable_variables)
                self._optimizers[network_name] = optimizer
        self._loop = Loop(
            objective,
            self._optimizers,
            batches,
            strategy,
            seed=settings.seed,
            weight_decay=settings.weight_decay,
            clip_norm=settings.clip_norm or None,
            jit_compile=settings.jit_compile,
            average_decay=settings.average_decay,
        )
        self._checkpoints = Checkpointer(folder / name)
        self._networks = named_variables(objective.networks)
        averages = {f"average/{name}": variable for name, variable in self._loop.averages.items()}
        self._variables = {**self._networks, **averages, **optimizer_variables(self._optimizers)}
        self._step = 0
        self.seconds = 0.0  # Training time of all processes that have run this stage, one after the other.
        self._best: dict[str, float] | None = None
        self._best_weights: dict[str, np.ndarray] | None = None
        self._strategy = strategy

    def run(self, log: MetricLog | None, stop: StopRequest) -> bool:
        """Trains from the newest checkpoint on, or from the start.

        Args:
          log: for numbers, in lines with phase=name; None on workers that do not write.
          stop: checked between calls.

        Returns:
          True when all steps are done (and the selected weights are in the networks), False when `stop` came first
          (and the state is saved).

        Raises:
          NotFiniteError: from the loop; the last good checkpoint stays.
          OSError: a checkpoint or log could not be written.
        """
        self._restore()
        if self._step == 0:  # An earlier stage may have changed the networks after the averages were made.
            own = values_of(self._networks)
            assign(self._loop.averages, {name: own[name] for name in self._loop.averages})
        if log is not None:
            log.truncate_after(self._step, phase=self.name)
        progress = Progress(self.steps, self.name, examples_per_step=self._batch_size, initial_step=self._step)
        try:
            while self._step < self.steps and not self._any_worker(stop.requested):
                self._advance(log, progress)
        finally:
            progress.close()
        if self._step < self.steps:
            self._save(log)
            return False
        if self._select is None:
            assign(self._networks, self._evaluated_weights())
        else:
            if self._best_weights is None:
                raise ValueError(f"{self.name}: no evaluation gave a finite {self._select}; nothing to select")
            assign(self._networks, self._best_weights)
        return True

    def _any_worker(self, stop_requested: bool) -> bool:
        """Whether any of several workers has to stop: all stop together, since the others would wait for ever."""
        if not isinstance(self._strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return stop_requested
        # A stored tf.function with the flag as its argument: a new constant each time would be traced again.
        if not hasattr(self, "_count_stops"):
            self._count_stops = tf.function(
                lambda flag: self._strategy.reduce(
                    tf.distribute.ReduceOp.SUM, self._strategy.run(lambda x: x, args=(flag,)), axis=None
                )
            )
        return float(self._count_stops(tf.constant(float(stop_requested)))) > 0

    def _advance(self, log: MetricLog | None, progress: Progress) -> None:
        settings = self._settings
        every = (settings.steps_per_call, settings.checkpoint_every, self._evaluate_every)
        end = min(self.steps, *(period * (self._step // period + 1) for period in every))
        began = time.monotonic()
        values = self._loop.run(self._step, end - self._step)
        self.seconds += time.monotonic() - began
        self._step = end
        progress.update(end, values)
        if log is not None:
            log.write(end, values, phase=self.name, seconds=round(self.seconds, 3))
        if end % self._evaluate_every == 0 or end == self.steps:
            figures = self._measure()
            text = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
            progress.note(f"{self.name}: step {end} of {self.steps}, {self.seconds:.0f} s: {text}")
            if log is not None:
                log.write(end, figures, phase=self.name, seconds=round(self.seconds, 3))
            self._keep_if_best(figures)
        if end % settings.checkpoint_every == 0 or end == self.steps:
            self._save(log)

    def _measure(self) -> dict[str, float]:
        """The figures of `evaluate` with the averaged weights; afterwards the networks have their own weights again."""
        own = values_of(self._networks)
        assign(self._networks, self._evaluated_weights())
        figures = {name: float(value) for name, value in self._evaluate().items()}
        assign(self._networks, own)
        return figures

    def _evaluated_weights(self) -> dict[str, np.ndarray]:
        return values_of({**self._networks, **self._loop.averages})

    def _keep_if_best(self, figures: Mapping[str, float]) -> None:
        if self._select is None:
            return
        value = figures[self._select]
        if math.isfinite(value) and (self._best is None or value < self._best["value"]):
            self._best = {"value": value, "step": self._step}
            self._best_weights = self._evaluated_weights()
            if self._writes:
                self._checkpoints.save_best(self._step, self._best_weights, {"value": value})

    def _save(self, log: MetricLog | None) -> None:
        if not self._writes:
            return
        if log is not None:
            log.sync()
        self._checkpoints.save(
            self._step, values_of(self._variables), {"seconds": self.seconds, "best": self._best, "steps": self.steps}
        )

    def _restore(self) -> None:
        found = self._checkpoints.latest()
        if found is None:
            return
        if found.meta["steps"] != self.steps:
            raise ValueError(
                f"{found.path}: belongs to a run of {found.meta['steps']} steps; this config asks for {self.steps}"
            )
        assign(self._variables, found.arrays)
        self._step, self.seconds, self._best = found.step, found.meta["seconds"], found.meta["best"]
        if self._best is not None:
            best = self._checkpoints.best()
            if best is None:
                raise ValueError(f"{found.path.parent}: best.npz is missing; start again in another --workdir")
            self._best_weights = dict(best.arrays)
        logging.info("%s: resumed at step %d of %d from %s", self.name, self._step, self.steps, found.path)


def values_of(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """{name: copy of the variable's value}."""
    return {name: np.array(variable) for name, variable in variables.items()}


def optimizer_variables(optimizers: Mapping[str, keras.optimizers.Optimizer]) -> dict[str, Any]:
    """The variables of the networks' optimizers, by names that are the same in every process."""
    return {
        f"optimizer/{network}/{variable.path}": variable
        for network, optimizer in optimizers.items()
        for variable in optimizer.variables
    }
