"""ElePose's training data: those of all methods, held-out clips, and the expected bone lengths."""

from __future__ import annotations

import dataclasses

import numpy as np
from absl import logging

from tf_elepose.data.recording import Recording
from tf_elepose.data.shards.shards import Shards
from tf_elepose.recipes import training_data
from tf_elepose.recipes.elepose.settings import EleposeSettings
from tf_elepose.recipes.training_data import TrainingData
from tf_elepose.recipes.training_poses import held_out_clips, scaled_by_clip
from tf_elepose.skeleton.anthropometry import BonePrior, estimate_bone_prior, stated_bone_prior
from tf_elepose.training.evaluator import clip_names


@dataclasses.dataclass(frozen=True, eq=False)
class EleposeData(TrainingData):
    """Training data of ElePose.

    Attributes:
      held_out: [N] rows of the clips on which completer and prior are selected.
      bone_prior: the expected relative bone lengths.
      shards: the whole set, if the arrays here are a sample of it.
    """

    held_out: np.ndarray
    bone_prior: BonePrior
    shards: Shards | None


def prepare(recording: Recording, settings: EleposeSettings, shards: Shards | None = None) -> EleposeData:
    """The training data of a recording.

    With `shards`, of which the recording is a sample, the lifter is trained on all of them; normalizer, bones,
    completer and prior learn from the sample.

    Raises:
      ValueError: data that cannot be trained on, or settings that do not fit them.
    """
    if shards is not None:
        settings = dataclasses.replace(settings, denoise=_denoising_of_shards(settings.denoise))
    common = training_data.prepare(recording, settings)
    return EleposeData(
        **vars(common),
        held_out=held_out_clips(common.train, settings.held_out, settings.seed),
        bone_prior=_bone_prior(settings.bone_prior, common),
        shards=shards,
    )


def _bone_prior(choice: str, data: TrainingData) -> BonePrior:
    if choice not in ("skeleton", "estimate"):
        raise ValueError(f"unknown bone_prior {choice!r}; expected skeleton or estimate")
    if choice == "skeleton" and data.skeleton.bone_prior is not None:
        return stated_bone_prior(data.skeleton)
    image, seen = scaled_by_clip(data.normalizer, data.pixels, data.groups, data.seen)
    return estimate_bone_prior(image, clip_names(data.train), data.skeleton, seen=seen)


def _denoising_of_shards(choice: str) -> str:
    """Returns "never", or raises a ValueError for "always": shards have no tracks, so they cannot be denoised."""
    if choice == "always":
        raise ValueError("denoise=always: shards are read in pieces, without tracks; denoise before they are written")
    logging.info("shards: training poses are taken as they are, not denoised")
    return "never"
