"""Settings of an ElePose run; without TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from tf_elepose.recipes import settings as parts
from tf_elepose.training.stage_settings import StageSettings

LARGEST_START = 0.125
"""Share of the lifter's steps that one start may take."""


@dataclasses.dataclass(frozen=True)
class LifterSettings(parts.NetworkSettings):
    """Settings of the lifter, its use and its objective; see `ElePose` and `EleposeObjective`.

    Attributes:
      arch: architecture of the lifter, see `nn.lifters`.
      elevation: "predicted", or "fixed" for the uniform prior of earlier work.
      flip_average: whether each pose is averaged with that of its mirror image.
      likelihood_ceiling: nats above which L_NF grows like its logarithm; 0: no ceiling.
      term_weights: {term: weight}.
    """

    arch: str
    elevation: str
    flip_average: bool
    likelihood_ceiling: float
    term_weights: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class EleposeSettings(parts.RunSettings):
    """Settings of an ElePose run, besides those of all runs.

    Attributes:
      bone_prior: "skeleton" (the lengths in the skeleton's definition) or "estimate" (from the training data).
      completer: None for a model that lifts complete poses only.
      completer_batch_size, completer_stage: how the completer is trained.
      bases: PCA bases; 0 for no PCA.
      held_out: share of the training clips on which completer and prior are selected.
      prior: size of the flow.
      prior_noise: see `PriorFitting`.
      prior_batch_size, prior_stage: how the prior is trained.
      lifter: the lifter and its objective.
      lifter_batch_size, lifter_stage: how the lifter is trained.
      starts, start_steps: how many initial weights of the lifter are tried, and the steps of each, or the share
        `LARGEST_START` of the lifter's own steps if that is less.
    """

    bone_prior: str
    completer: parts.NetworkSettings | None
    completer_batch_size: int
    completer_stage: StageSettings | None
    bases: int
    held_out: float
    prior: parts.FlowSettings
    prior_noise: float
    prior_batch_size: int
    prior_stage: StageSettings
    lifter: LifterSettings
    lifter_batch_size: int
    lifter_stage: StageSettings
    starts: int
    start_steps: int

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("starts", "start_steps"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 1; got {getattr(self, field)}")


def from_config(config: ConfigDict) -> EleposeSettings:
    """The settings that a config of ElePose states.

    Raises:
      ValueError: a setting that is out of its range.
    """
    return EleposeSettings(**keywords(config))


def keywords(config: ConfigDict) -> dict[str, Any]:
    """The keywords of `EleposeSettings`, from a config that may have more settings."""
    completer, prior, lifter = config.completer, config.prior, config.lifter
    return {
        **parts.common(config),
        "bone_prior": config.bone_prior,
        "completer": parts.network(completer) if completer.epochs else None,
        "completer_batch_size": completer.batch_size,
        "completer_stage": parts.optional_stage_settings(config, "completer"),
        "bases": prior.bases,
        "held_out": prior.held_out,
        "prior": parts.flow(prior),
        "prior_noise": prior.noise,
        "prior_batch_size": prior.batch_size,
        "prior_stage": parts.stage_settings(config, prior),
        "lifter": LifterSettings(
            width=lifter.width,
            precision=str(lifter.precision),
            arch=lifter.arch,
            elevation=lifter.elevation,
            flip_average=lifter.flip_average,
            likelihood_ceiling=lifter.likelihood_ceiling,
            term_weights=lifter.term_weights.to_dict(),
        ),
        "lifter_batch_size": lifter.batch_size,
        "lifter_stage": parts.stage_settings(config, lifter),
        "starts": lifter.starts,
        "start_steps": lifter.start_steps,
    }
