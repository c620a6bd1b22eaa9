"""A stage of several short trainings from different first weights; the best one is kept."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from absl import logging

from tf_elepose.cli.progress import Progress
from tf_elepose.data.pipeline import Batches
from tf_elepose.data.shards.batches import ShardBatches
from tf_elepose.methods.objective import Objective
from tf_elepose.training.checkpoint import assign
from tf_elepose.training.loop import NotFiniteError
from tf_elepose.training.metric_log import MetricLog
from tf_elepose.training.stage import Stage, optimizer_variables, values_of
from tf_elepose.training.stage_settings import StageSettings


class RestartedStage(Stage):
    """Starts anew every `settings.evaluate_every` steps, after an evaluation; ends with the weights of the best one.

    A start whose loss becomes NaN or infinite is given up, with a warning in the log.
    """

    def __init__(
        self,
        name: str,
        folder: pathlib.Path,
        objective: Objective,
        batches: Batches | ShardBatches,
        strategy: tf.distribute.Strategy,
        settings: StageSettings,
        *,
        first_weights: Callable[[int], Mapping[str, np.ndarray]],
        evaluate: Callable[[], Mapping[str, float]],
        select: str,
        writes: bool = True,
    ) -> None:
        """Builds the stage from the arguments of `Stage` and from `first_weights`, the weights of all networks, by
        name, of the n-th start, counted from 0.

        Raises:
          ValueError: settings that average weights: they would average over starts.
        """
        if settings.average_decay:
            raise ValueError(f"{name}: average_decay must be 0 where weights begin anew; got {settings.average_decay}")
        super().__init__(
            name, folder, objective, batches, strategy, settings, evaluate=evaluate, select=select, writes=writes
        )
        self._first_weights = first_weights
        self._optimizers_at_first = values_of(optimizer_variables(self._optimizers))

    def _advance(self, log: MetricLog | None, progress: Progress) -> None:
        start, length = self._step // self._settings.evaluate_every, self._settings.evaluate_every
        if self._step % length == 0:
            self._begin(start)
        try:
            super()._advance(log, progress)
        except NotFiniteError as error:
            logging.warning("%s: start %d is given up: %s", self.name, start + 1, error)
            self._begin(start)  # Weights that are not finite must not be saved.
            self._step = (start + 1) * length
            if self._step == self.steps:
                self._save(log)

    def _begin(self, start: int) -> None:
        assign(self._networks, self._first_weights(start))
        assign(optimizer_variables(self._optimizers), self._optimizers_at_first)
