"""The training data of CanonPose: moments that several cameras see."""

from __future__ import annotations

import dataclasses

import numpy as np
from absl import logging

from tf_elepose.data.moments import Moments, moments
from tf_elepose.data.recording import Recording
from tf_elepose.recipes import training_data
from tf_elepose.recipes.canonpose.settings import CanonposeSettings
from tf_elepose.recipes.canonpose.view_agreement import disagreements, named
from tf_elepose.recipes.training_data import TrainingData


@dataclasses.dataclass(frozen=True, eq=False)
class CanonposeData(TrainingData):
    """Training data of CanonPose.

    Attributes:
      moments: which rows are views of one moment.
      confidence: [N, J] 0 to 1; 0 where a joint is not seen, 1 where its confidence is not known.
    """

    moments: Moments
    confidence: np.ndarray

    @property
    def used(self) -> np.ndarray:
        """Indices of the rows that are a view of a moment."""
        return self.moments.rows[self.moments.present]


def prepare(recording: Recording, settings: CanonposeSettings) -> CanonposeData:
    """The training data of a recording; logs warnings of views that are missing or that do not agree.

    Raises:
      ValueError: data that cannot be trained on, or settings that do not fit them.
    """
    common = training_data.prepare(recording, settings)
    train, seen = common.train, common.seen
    found = moments(train, cameras=settings.cameras, rig=settings.rig)
    _warn_of_views(recording.of_split("train"), common, found)
    trust = common.keypoints.confidence
    confidence = np.where(seen, np.float32(1.0) if trust is None else np.clip(trust, 0.0, 1.0), 0.0)
    data = CanonposeData(**vars(common), moments=found, confidence=confidence)
    if not settings.lifter.hidden and not seen[data.used].all():
        raise ValueError(
            f"{train.source}: {(~seen[data.used].all(axis=1)).sum()} of {len(data.used)} training poses lack joints: "
            "they need --config.lifter.hidden over 0"
        )
    return data


def _warn_of_views(recording: Recording, data: TrainingData, found: Moments) -> None:
    """Logs warnings of views that are missing or that cannot be of one moment."""
    train, source = data.train, data.train.source
    if found.single:
        single = np.isin(train.camera, found.cameras)
        single[found.rows[found.present]] = False
        logging.warning(
            "%s: %s: %d moments are seen by one camera only and are left out of training",
            source, named(np.unique(train.clip[single]).tolist()), found.single,
        )  # fmt: skip
    for camera in np.unique(recording.camera):
        if camera not in train.camera:
            logging.warning("%s: camera %d has no pose with enough joints and is not trained on", source, camera)
        elif without := sorted(_clips_of(recording, camera) - _clips_of(train, camera)):
            logging.warning("%s: %s: camera %d has no pose with enough joints", source, named(without), camera)
    weight = found.views(data.seen.astype(np.float32))
    clip = train.clip[found.rows.max(axis=1)]
    for message in disagreements(found.views(data.image), weight, clip, found.cameras):
        logging.warning("%s: %s", source, message)


def _clips_of(recording: Recording, camera: int) -> set[str]:
    return set(np.unique(recording.clip[recording.camera == camera]).tolist())
