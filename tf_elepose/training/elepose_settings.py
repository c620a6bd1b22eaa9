"""What a config says about an ElePose run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tf_elepose.training.stage import StageSettings


@dataclasses.dataclass(frozen=True)
class EleposeSettings:
    """What a config says about an ElePose run; plain values.

    Attributes:
      poses_2d: "gt" or "detected".
      normalization: keywords of `Normalizer.fit`: rule, distance.
      bone_prior: "skeleton" (what the skeleton states) or "estimate" (from the training data).
      min_confidence: joints that a detector trusts no more than this are taken as missing.
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
      flip: mirror poses in both trainings.
      seed: everything random comes from it.
    """

    poses_2d: str
    normalization: Mapping[str, Any]
    bone_prior: str
    min_confidence: float
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
    flip: bool
    seed: int

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**31 - 1:
            raise ValueError(f"seed must be at least 0 and below 2^31 - 1; got {self.seed}")
