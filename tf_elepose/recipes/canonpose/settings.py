"""Settings of a CanonPose run; without TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ml_collections import ConfigDict

from tf_elepose.recipes import settings as parts
from tf_elepose.training.stage_settings import StageSettings

PAIRS = ("mean", "paper", "authors")
"""Ways to weight the pairs of views of a moment."""


@dataclasses.dataclass(frozen=True)
class LifterSettings(parts.NetworkSettings):
    """Settings of the lifter, its use and its objective; see `CanonPose` and `CanonposeObjective`.

    Attributes:
      confidences: whether confidences are an input and weight the errors.
      hidden: share of the views with hidden joints in training.
      flip_average: whether each pose is averaged with that of its mirror image.
      term_weights: {term: weight}.
      pairs: how the pairs of views are weighted relative to single views, see `pair_factors`.
    """

    confidences: bool
    hidden: float
    flip_average: bool
    term_weights: Mapping[str, float]
    pairs: str

    def __post_init__(self) -> None:
        if self.pairs not in PAIRS:
            raise ValueError(f"lifter.pairs: expected {', '.join(PAIRS[:-1])} or {PAIRS[-1]}; got {self.pairs!r}")

    def pair_factors(self, views: int, rigs: int) -> dict[str, float]:
        """Factors on the weights of the terms over pairs, which are means over the m (m - 1) pairs of a moment.

        "mean": the factor is 1, so that a weight means the same for any number of cameras. "paper": the factor is m -
        1: section 3.2 sums eq. 5 over all m^2 combinations alike: m of a view with itself, m (m - 1) of two views.
        "authors": the factor is m, because train.py adds up a mean for each of the m source views; the term for cameras
        that stand still is also multiplied by the number of subjects in a batch.

        Args:
          views: m.
          rigs: how many sets of cameras a batch has, at most its number of moments.
        """
        view = {"mean": 1.0, "paper": views - 1.0, "authors": float(views)}[self.pairs]
        return {"view": view, "camera": view * (rigs if self.pairs == "authors" else 1)}


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
            pairs=lifter.pairs,
        ),
        batch_size=lifter.batch_size,
        stage=parts.stage_settings(config, lifter),
    )
