"""Settings of an SVMAC run; without TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ml_collections import ConfigDict

from tf_elepose.recipes import settings as parts
from tf_elepose.training.stage_settings import StageSettings


@dataclasses.dataclass(frozen=True)
class GeneratorSettings(parts.NetworkSettings):
    """Settings of generator and critic, their use and their objective; see `SVMAC` and `SvmacObjective`.

    Attributes:
      angles: the paper's n.
      critic_width, critic_blocks: width and number of residual blocks of the critic.
      critic_steps: updates of the critic before each of the generator.
      batch_norm, dropout, dropout_in_camera: of the generator.
      flip_average: whether each pose is averaged with that of its mirror image.
      term_weights: {term: weight}.
    """

    angles: int
    critic_width: int
    critic_blocks: int
    critic_steps: int
    batch_norm: bool
    dropout: float
    dropout_in_camera: bool
    flip_average: bool
    term_weights: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class SvmacSettings(parts.RunSettings):
    """Settings of an SVMAC run, besides those of all runs.

    Attributes:
      generator: generator, critic and their objective.
      generator_batch_size, generator_stage: how both are trained.
      bases: PCA bases of the critic's input; 0 for all coordinates.
      supervised_share: share of the training poses whose true 3D pose is used; see the term "supervision".
    """

    generator: GeneratorSettings
    generator_batch_size: int
    generator_stage: StageSettings
    bases: int
    supervised_share: float


def from_config(config: ConfigDict) -> SvmacSettings:
    """The settings that a config of SVMAC states.

    Raises:
      ValueError: a setting that is out of its range.
    """
    generator = config.generator
    plain = (
        "width", "angles", "critic_width", "critic_blocks", "critic_steps", "batch_norm", "dropout",
        "dropout_in_camera", "flip_average",
    )  # fmt: skip
    return SvmacSettings(
        **parts.common(config),
        generator=GeneratorSettings(
            **{key: generator[key] for key in plain},
            precision=str(generator.precision),
            term_weights=generator.term_weights.to_dict(),
        ),
        generator_batch_size=generator.batch_size,
        generator_stage=dataclasses.replace(
            parts.stage_settings(config, generator), rate_factors={"critic": generator.critic_rate}
        ),
        bases=generator.critic_bases,
        supervised_share=config.supervised_share,
    )
