"""Learning rates over the steps of a run, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

SCHEDULES = ("constant", "cosine", "exponential", "steps")


class Cosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from 0 over `warmup` steps to `peak`, then half a cosine down to `peak * floor`."""

    def __init__(self, peak: float, steps: int, warmup: int = 0, floor: float = 0.0) -> None:
        self.peak, self.steps, self.warmup, self.floor = peak, steps, warmup, floor

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        rising = (step + 1.0) / max(self.warmup, 1)
        done = tf.clip_by_value((step - self.warmup) / max(self.steps - self.warmup, 1), 0.0, 1.0)
        falling = self.floor + (1.0 - self.floor) * 0.5 * (1.0 + tf.cos(math.pi * done))
        return self.peak * tf.minimum(rising, falling) if self.warmup else self.peak * falling

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "steps": self.steps, "warmup": self.warmup, "floor": self.floor}


def make_schedule(
    name: str, *, learning_rate: float, steps: int, steps_per_epoch: int, options: Mapping[str, Any]
) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate as a function of the step.

    Args:
      name: "constant"; "cosine" (options: warmup, a share of the steps; floor, a share of the peak);
        "exponential" (option decay: factor once an epoch); "steps" (options epochs: when the rate changes; factor: by
        which it is multiplied each time).
      learning_rate: at the start, or the peak of "cosine".
      steps, steps_per_epoch: of the run.
      options: of the schedule, listed under `name`.

    Raises:
      ValueError: an unknown name, missing or unknown options.
    """
    expected = {
        "constant": set(),
        "cosine": {"warmup", "floor"},
        "exponential": {"decay"},
        "steps": {"epochs", "factor"},
    }
    if name not in expected:
        raise ValueError(f"unknown schedule {name!r}; expected one of {', '.join(SCHEDULES)}")
    if set(options) != expected[name]:
        raise ValueError(f"schedule {name!r} takes {sorted(expected[name])}; got {sorted(options)}")
    schedules = keras.optimizers.schedules
    if name == "cosine":
        return Cosine(learning_rate, steps, int(options["warmup"] * steps), options["floor"])
    if name == "exponential":
        return schedules.ExponentialDecay(learning_rate, steps_per_epoch, options["decay"], staircase=True)
    if name == "steps":
        epochs = list(options["epochs"])
        values = [learning_rate * options["factor"] ** i for i in range(len(epochs) + 1)]
        # Keras' boundaries are the last steps of the old rate; an epoch's first step has the new one.
        return schedules.PiecewiseConstantDecay([math.ceil(steps_per_epoch * epoch) - 1 for epoch in epochs], values)
    return schedules.ExponentialDecay(learning_rate, 1, 1.0)
