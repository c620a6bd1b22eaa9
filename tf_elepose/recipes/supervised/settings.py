"""Settings of a supervised run; without TensorFlow."""

from __future__ import annotations

import dataclasses

from ml_collections import ConfigDict

from tf_elepose.recipes import settings as parts
from tf_elepose.training.stage_settings import StageSettings


@dataclasses.dataclass(frozen=True)
class LifterSettings(parts.NetworkSettings):
    """Settings of the lifter and its use, see `Supervised`.

    Attributes:
      flip_average: whether each pose is averaged with that of its mirror image.
    """

    flip_average: bool


@dataclasses.dataclass(frozen=True)
class SupervisedSettings(parts.RunSettings):
    """Settings of a supervised run, besides those of all runs.

    Attributes:
      lifter: the lifter.
      lifter_batch_size, lifter_stage: how the lifter is trained.
    """

    lifter: LifterSettings
    lifter_batch_size: int
    lifter_stage: StageSettings


def from_config(config: ConfigDict) -> SupervisedSettings:
    """The settings that a config of supervised lifting states.

    Raises:
      ValueError: a setting that is out of its range.
    """
    lifter = config.lifter
    return SupervisedSettings(
        **parts.common(config),
        lifter=LifterSettings(width=lifter.width, precision=str(lifter.precision), flip_average=lifter.flip_average),
        lifter_batch_size=lifter.batch_size,
        lifter_stage=parts.stage_settings(config, lifter),
    )
