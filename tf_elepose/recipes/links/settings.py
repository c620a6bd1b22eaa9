"""Settings of a LInKs run; without TensorFlow."""

from __future__ import annotations

import dataclasses

from ml_collections import ConfigDict

from tf_elepose.recipes import settings as parts
from tf_elepose.recipes.elepose.settings import EleposeSettings, keywords
from tf_elepose.training.stage_settings import StageSettings


@dataclasses.dataclass(frozen=True)
class LinksSettings(EleposeSettings):
    """Settings of a LInKs run, besides those of an ElePose run.

    Attributes:
      filler: the fillers; None: missing halves are completed in 2D.
      filler_batch_size, filler_stage: how the fillers are trained.
    """

    filler: parts.NetworkSettings | None
    filler_batch_size: int
    filler_stage: StageSettings | None


def from_config(config: ConfigDict) -> LinksSettings:
    """The settings that a config of LInKs states.

    Raises:
      ValueError: a setting that is out of its range.
    """
    filler = config.filler
    return LinksSettings(
        **keywords(config),
        filler=parts.network(filler) if filler.epochs else None,
        filler_batch_size=filler.batch_size,
        filler_stage=parts.optional_stage_settings(config, "filler"),
    )
