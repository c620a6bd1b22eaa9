"""Settings that all runs have: plain values of a config, typed; without TensorFlow, so that a mistyped setting is
refused at once.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ml_collections import ConfigDict

from tf_elepose.training.stage_settings import StageSettings


@dataclasses.dataclass(frozen=True)
class NormalizationSettings:
    """How 2D poses are brought to one scale.

    Attributes:
      rule: of the scale, see `Normalizer.fit`.
      distance: of the camera in a normalised image from a body of unit size; the paper's D.
    """

    rule: str
    distance: float


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """Settings of a run of any method.

    Attributes:
      poses_2d: "gt" or "detected".
      test_poses_2d: the 2D poses of the evaluation after training: "same" as in training, "gt" or "detected".
      normalization: how poses are scaled.
      min_confidence: joints whose confidence is not above this number are missing.
      denoise: "auto", "always" or "never", see `training_poses.denoised`.
      flip: whether poses are mirrored at random in training.
      seed: of all random numbers.
    """

    poses_2d: str
    test_poses_2d: str
    normalization: NormalizationSettings
    min_confidence: float
    denoise: str
    flip: bool
    seed: int

    def __post_init__(self) -> None:
        if self.test_poses_2d not in ("same", "gt", "detected"):
            raise ValueError(f"test_poses_2d: expected same, gt or detected; got {self.test_poses_2d!r}")
        if not 0 <= self.seed < 2**31 - 1:
            raise ValueError(f"seed must be at least 0 and below 2^31 - 1; got {self.seed}")


@dataclasses.dataclass(frozen=True)
class NetworkSettings:
    """Size and arithmetic of a network.

    Attributes:
      width: of the hidden layers.
      precision: "float32", "mixed_bfloat16", or "auto" for whichever is faster on this machine.
    """

    width: int
    precision: str


@dataclasses.dataclass(frozen=True)
class FlowSettings:
    """Size of a prior's flow, see `nn.flow.RealNVP`.

    Attributes:
      blocks, width, layers: how many couplings there are; of each of their networks, the width and the hidden layers.
    """

    blocks: int
    width: int
    layers: int


def common(config: ConfigDict) -> dict[str, Any]:
    """The keywords of `RunSettings`, from a config."""
    return {
        "poses_2d": config.poses_2d,
        "test_poses_2d": config.test_poses_2d,
        "normalization": NormalizationSettings(**config.normalization.to_dict()),
        "min_confidence": config.min_confidence,
        "denoise": config.denoise,
        "flip": config.flip,
        "seed": config.seed,
    }


def network(stage: ConfigDict) -> NetworkSettings:
    """The settings of the network that a stage of the config trains."""
    return NetworkSettings(width=stage.width, precision=str(stage.precision))


def flow(prior: ConfigDict) -> FlowSettings:
    """The size of the flow that the config's `prior` describes."""
    return FlowSettings(blocks=prior.blocks, width=prior.width, layers=prior.layers)


def stage_settings(config: ConfigDict, stage: ConfigDict) -> StageSettings:
    """The settings of the training of one stage of the config.

    Raises:
      ValueError: settings that its optimizer lacks, or that are out of their range.
    """
    named = {"learning_rate", "schedule", "weight_decay", "clip_norm", "average_decay"}
    if missing := sorted(named - set(stage.optimizer)):
        raise ValueError(f"config settings: an optimizer lacks {', '.join(missing)}")
    betas = tuple(stage.optimizer.get("betas", (0.9, 0.999)))  # The defaults of Keras.
    options = {key: value for key, value in stage.optimizer.to_dict().items() if key not in named | {"betas"}}
    return StageSettings(
        epochs=stage.epochs,
        evaluate_every=stage.evaluate_every,
        schedule_options=options,
        seed=config.seed,
        betas=betas,
        **{key: stage.optimizer[key] for key in named},
        **config.loop.to_dict(),
    )


def optional_stage_settings(config: ConfigDict, name: str) -> StageSettings | None:
    """The settings of the training of the stage `name`; None for a stage of 0 epochs, which is left out."""
    epochs = config[name].epochs
    if not epochs >= 0:
        raise ValueError(f"{name}.epochs must not be negative; got {epochs}")
    return stage_settings(config, config[name]) if epochs else None
