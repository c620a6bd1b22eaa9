"""Settings of a CanonPose run; without TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ml_collections import ConfigDict

from tf_elepose.recipes import settings as parts
from tf_elepose.training.stage_settings import StageSettings


@dataclasses.dataclass(frozen=True)
class LifterSettings(parts.NetworkSettings):
    """Settings of the lifter, its use and its objective; see `CanonPose` and `CanonposeObjective`.

    Attributes:
      confidences: whether confidences are an input and weigh the errors.
      hidden: share of the views with hidden joints in training.
      flip_average: whether each pose is averaged with that of its mirror image.
      term_weights: {term: weight}.
    """

    confidences: bool
    hidden: float
    flip_average: bool
    term_weights: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class CanonposeSettings(parts.RunSettings):
    """Settings of a CanonPose run, besides those of all runs.

    Attributes:
      cameras: number of cameras to train on, those with the lowest numbers; 0 is all.
      rig: how long cameras stand still, see `data.moments.RIGS`.
      lifter: the lifter and its objective.
      batch_size: in moments.
      stage: how the lifter is trained.
    """

    cameras: int
    rig: str
    lifter: LifterSettings
    batch_size: int
    stage: StageSettings


def from_config(config: ConfigDict) -> CanonposeSettings:
    """The settings that a config of CanonPose states.

    Raises:
      ValueError: a setting that is out of its range.
    """
    lifter = config.lifter
    return CanonposeSettings(
        **parts.common(config),
        cameras=config.cameras,
        rig=config.rig,
        lifter=LifterSettings(
            width=lifter.width,
            precision=str(lifter.precision),
            confidences=lifter.confidences,
            hidden=lifter.hidden,
            flip_average=lifter.flip_average,
            term_weights=lifter.term_weights.to_dict(),
        ),
        batch_size=lifter.batch_size,
        stage=parts.stage_settings(config, lifter),
    )
