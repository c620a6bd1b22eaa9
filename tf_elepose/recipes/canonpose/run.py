"""CanonPose from a recording of several cameras to a trained model."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tf_elepose import geometry
from tf_elepose.data.moments import MomentBatches, moments
from tf_elepose.data.recording import Recording
from tf_elepose.methods.base import Method
from tf_elepose.methods.canonpose import CanonPose
from tf_elepose.nn.pose_statistics import fit_statistics
from tf_elepose.recipes.canonpose.canonical_space import HIPS, hips_deviation_mm
from tf_elepose.recipes.canonpose.view_agreement import disagreements, named
from tf_elepose.recipes.run import Run, RunSettings
from tf_elepose.training.stage import Stage, StageSettings


@dataclasses.dataclass(frozen=True)
class CanonposeSettings(RunSettings):
    """What a config says about a CanonPose run; plain values, besides those of all runs.

    Attributes:
      cameras: how many cameras are trained on, those with the lowest numbers; 0 is all.
      rig: how long cameras stand still, see `data.moments.RIGS`.
      lifter: keywords of `CanonPose`: width, confidences, term_weights, ...
      batch_size: moments.
      stage: how it is trained.
    """

    cameras: int
    rig: str
    lifter: Mapping[str, Any]
    batch_size: int
    stage: StageSettings


class CanonposeRun(Run):
    """One stage: the lifter, on moments that several cameras see."""

    def __init__(
        self, folder: pathlib.Path, recording: Recording, settings: CanonposeSettings, strategy: tf.distribute.Strategy
    ) -> None:
        """Args: as `Run` has them.

        Raises:
          ValueError: data that cannot be trained on, or settings that do not fit them.
        """
        super().__init__(folder, recording, settings, strategy)
        train = self._train
        self._moments = moments(train, cameras=settings.cameras, rig=settings.rig)
        self._tell_of_views(recording.of_split("train"))
        trust = self._keypoints.confidence
        confidence = np.where(self._seen, np.float32(1.0) if trust is None else np.clip(trust, 0.0, 1.0), 0.0)
        used = self._moments.rows[self._moments.present]
        if not settings.lifter["hidden"] and not self._seen[used].all():
            raise ValueError(
                f"{train.source}: {(~self._seen[used].all(axis=1)).sum()} of {len(used)} training poses lack joints: "
                "they need lifter.hidden over 0"
            )
        statistics = fit_statistics(*self._flat(used))
        with strategy.scope():
            self._method = CanonPose(
                train.skeleton, self._normalizer, statistics, seed=settings.seed, **settings.lifter
            )  # fmt: skip
            self._method.trust.measure(confidence[used])
        arrays = {
            "image": self._moments.views(self._image),
            "confidence": self._moments.views(confidence.astype(np.float32)),
            "rig": self._moments.rig.astype(np.float32),
        }
        try:
            batches = MomentBatches(
                arrays, train.skeleton, batch_size=settings.batch_size, seed=settings.seed + 1, flip=settings.flip
            )
        except ValueError as error:
            raise ValueError(f"lifter: {error} (its training moments; lifter.batch_size sets it)") from error
        self._stage = Stage(
            "lifter", folder, self._method, batches, strategy, settings.stage, evaluate=self.watch, writes=self.writes
        )

    @property
    def stages(self) -> list[Stage]:
        return [self._stage]

    @property
    def method(self) -> CanonPose:
        return self._method

    @property
    def facts(self) -> dict[str, Any]:
        return {
            **super().facts,
            "training_moments": len(self._moments),
            "cameras": self._moments.cameras.tolist(),
            "rigs": len(np.unique(self._moments.rig)),
        }

    def own_figures(self, method: Method) -> dict[str, float]:
        """Figure 7: how far the views of one moment agree on the canonical hips."""
        watched = self._watched
        known = set(HIPS) <= set(watched.skeleton.joints) and watched.poses_3d is not None
        if not known or len(np.unique(watched.camera)) < 2:
            return {}
        try:
            deviation = hips_deviation_mm(method, watched, self._view(watched))
        except ValueError:  # Of the poses that are watched no two are of one moment.
            return {}
        return {"canonical_hips_std_mm": deviation} if np.isfinite(deviation) else {}

    def _flat(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates [N, 2 J] of the poses, mirrored ones too, and which of them are known."""
        skeleton, image, seen = self._train.skeleton, self._image[rows], self._seen[rows]
        known = seen & seen[:, skeleton.root_index, np.newaxis]  # Coordinates are about the root.
        if self._common.flip:
            image = np.concatenate([image, geometry.flip(tf.constant(image), skeleton).numpy()])
            known = np.concatenate([known, known[:, list(skeleton.mirror)]])
        return image.reshape(len(image), -1), np.repeat(known, 2, axis=1)

    def _tell_of_views(self, asked: Recording) -> None:
        """Warn of views that are missing or that cannot be of one moment."""
        train, found, source = self._train, self._moments, self._train.source
        if found.single:
            alone = np.isin(train.camera, found.cameras)
            alone[found.rows[found.present]] = False
            logging.warning(
                "%s: %s: %d moments are seen by one camera only and are left out of training",
                source, named(np.unique(train.clip[alone]).tolist()), found.single,
            )  # fmt: skip
        for camera in np.unique(asked.camera):
            if camera not in train.camera:
                logging.warning("%s: camera %d has no pose with enough joints and is not trained on", source, camera)
            elif blind := sorted(_clips_of(asked, camera) - _clips_of(train, camera)):
                logging.warning("%s: %s: camera %d has no pose with enough joints", source, named(blind), camera)
        weight = found.views(self._seen.astype(np.float32))
        clip = self._train.clip[found.rows.max(axis=1)]
        for message in disagreements(found.views(self._image), weight, clip, found.cameras):
            logging.warning("%s: %s", source, message)


def _clips_of(recording: Recording, camera: int) -> set[str]:
    return set(np.unique(recording.clip[recording.camera == camera]).tolist())
