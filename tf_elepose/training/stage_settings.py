"""Settings of a stage's training: plain values, without TensorFlow, so that a mistyped setting is refused at once."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class StageSettings:
    """Settings of a stage's training; plain values from a config.

    Attributes:
      epochs: passes over the training poses.
      learning_rate, schedule, schedule_options: see `schedules.make_schedule`.
      betas: of Adam.
      rate_factors: {network: factor on its learning rate}; 1 for networks that are not named.
      weight_decay, clip_norm: see `Objective.train_step`; with a clip_norm of 0 nothing is clipped.
      steps_per_call: steps in one traced call; numbers are logged and signals checked after each call.
      checkpoint_every, evaluate_every: steps; an evaluate_every of 0 is once an epoch.
      jit_compile, average_decay: see `Loop`; with averaged weights, these are evaluated and are the result.
      seed: of the steps' random numbers.
    """

    epochs: float
    learning_rate: float
    schedule: str
    schedule_options: Mapping[str, Any]
    weight_decay: float
    clip_norm: float
    steps_per_call: int
    checkpoint_every: int
    evaluate_every: int
    jit_compile: bool
    average_decay: float
    seed: int
    betas: tuple[float, float] = (0.9, 0.999)
    rate_factors: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for field in ("epochs", "learning_rate", "steps_per_call", "checkpoint_every"):
            value = getattr(self, field)
            if not math.isfinite(value) or value <= 0:
                raise ValueError(f"{field} must be positive; got {value}")
        if not 0 <= self.average_decay < 1:
            raise ValueError(f"average_decay must be at least 0 and below 1; got {self.average_decay}")
        for field in ("weight_decay", "clip_norm", "evaluate_every"):
            if not math.isfinite(getattr(self, field)) or getattr(self, field) < 0:
                raise ValueError(f"{field} must not be negative; got {getattr(self, field)}")
