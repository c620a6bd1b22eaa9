"""Settings of a distillation; without TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ml_collections import ConfigDict

from tf_elepose.methods.view_settings import ViewSettings
from tf_elepose.recipes import settings as parts
from tf_elepose.training.stage_settings import StageSettings


@dataclasses.dataclass(frozen=True)
class StudentSettings(parts.NetworkSettings):
    """Settings of the student and its objective; see `PoseStudent` and `DistilledObjective`.

    Attributes:
      depth: number of its residual blocks.
      term_weights: {term: weight}.
    """

    depth: int
    term_weights: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class DistilledSettings(parts.RunSettings):
    """Settings of a distillation, besides those of all runs.

    Attributes:
      teacher: workdir or model.npz of a trained ElePose.
      prior: size of the flow, in the teacher's subspace; None keeps the teacher's prior.
      prior_noise, prior_batch_size, prior_stage, held_out: see `EleposeSettings`.
      views: the views that are drawn for training.
      student: the student and its objective.
      batch_size, stage: how the student is trained.
    """

    teacher: str
    prior: parts.FlowSettings | None
    prior_noise: float
    prior_batch_size: int
    prior_stage: StageSettings | None
    held_out: float
    views: ViewSettings
    student: StudentSettings
    batch_size: int
    stage: StageSettings


def from_config(config: ConfigDict) -> DistilledSettings:
    """The settings that a config of a distillation states.

    Raises:
      ValueError: a setting that is out of its range.
    """
    prior, student = config.prior, config.student
    return DistilledSettings(
        **parts.common(config),
        teacher=config.teacher,
        prior=parts.flow(prior) if prior.epochs else None,
        prior_noise=prior.noise,
        prior_batch_size=prior.batch_size,
        prior_stage=parts.optional_stage_settings(config, "prior"),
        held_out=prior.held_out,
        views=ViewSettings(**config.views.to_dict()),
        student=StudentSettings(
            width=student.width,
            precision=str(student.precision),
            depth=student.depth,
            term_weights=student.term_weights.to_dict(),
        ),
        batch_size=student.batch_size,
        stage=parts.stage_settings(config, student),
    )
