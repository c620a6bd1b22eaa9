"""What a config says about an ElePose run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tf_elepose.recipes.run import RunSettings
from tf_elepose.training.stage import StageSettings

LARGEST_START = 0.125
"""Share of the lifter's steps that one start may take."""


@dataclasses.dataclass(frozen=True)
class EleposeSettings(RunSettings):
    """What a config says about an ElePose run; plain values, besides those of all runs.

    Attributes:
      bone_prior: "skeleton" (what the skeleton states) or "estimate" (from the training data).
      completer: keywords of `PoseCompleter` besides joints, statistics and seed, or None for a model that lifts
        complete poses only.
      completer_batch_size, completer_stage: how the completer is trained.
      bases: PCA bases; 0 for no PCA.
      held_out: share of the training clips on which completer and prior are selected.
      prior: keywords of `PosePrior` besides the subspace and the seed.
      prior_noise: see `PriorFitting`.
      prior_batch_size, prior_stage: how the prior is trained.
      lifter: keywords of `ElePose`: width, arch, elevation, term_weights, ...
      lifter_batch_size, lifter_stage: how the lifter is trained.
      starts, start_steps: how many first weights of the lifter are tried, each for how many steps, or for the share
        `LARGEST_START` of the lifter's own if that is less.
    """

    bone_prior: str
    completer: Mapping[str, Any] | None
    completer_batch_size: int
    completer_stage: StageSettings | None
    bases: int
    held_out: float
    prior: Mapping[str, Any]
    prior_noise: float
    prior_batch_size: int
    prior_stage: StageSettings
    lifter: Mapping[str, Any]
    lifter_batch_size: int
    lifter_stage: StageSettings
    starts: int
    start_steps: int

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("starts", "start_steps"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 1; got {getattr(self, field)}")
