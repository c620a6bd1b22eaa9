"""The training poses of all recipes: selected, denoised, normalised."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.manifest import people
from tf_elepose.data.pipeline import Batches
from tf_elepose.data.recording import Recording
from tf_elepose.normalization import Normalizer
from tf_elepose.recipes.settings import RunSettings
from tf_elepose.recipes.training_poses import denoised, usable
from tf_elepose.skeleton.skeletons import Skeleton
from tf_elepose.training.evaluator import clip_and_camera, clip_names


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingData:
    """N training poses, with their labels, masks and normalizer.

    Attributes:
      train: the rows that are trained on.
      watched: the rows whose figures are shown during training: those of the split "test", where there are any.
      keypoints: the 2D poses of `train` as the source has them.
      groups: [N] labels of clip and camera.
      normalizer: fitted to the poses, or given.
      pixels: [N, J, 2] px, with less of a detector's noise where they were denoised.
      image: [N, J, 2] `pixels`, normalised.
      detected: [N, J, 2] the poses with all their noise, normalised: the trained model is used on such poses. `image`
        itself where no pose was denoised.
    """

    train: Recording
    watched: Recording
    keypoints: Keypoints
    groups: np.ndarray
    normalizer: Normalizer
    pixels: np.ndarray
    image: np.ndarray
    detected: np.ndarray

    @property
    def seen(self) -> np.ndarray:
        """Mask [N, J] of the joints that are seen."""
        return self.keypoints.seen

    @property
    def skeleton(self) -> Skeleton:
        """The joints of the poses."""
        return self.train.skeleton

    @property
    def is_denoised(self) -> bool:
        """Whether `image` has less noise than `detected`."""
        return self.detected is not self.image

    def facts(self, settings: RunSettings) -> dict[str, Any]:
        """A description of the training data in plain values, for data.json."""
        return {
            "source": self.train.source,
            "poses_2d": settings.poses_2d,
            "training_poses": len(self.train),
            "training_clips": len(np.unique(clip_names(self.train))),
            "people": people(self.train),
            "joints_missing": round(1.0 - float(self.seen.mean()), 4),
            "skeleton": self.skeleton.to_dict(),
            "normalizer": self.normalizer.to_dict(),
        }

    def coordinates(self, rows: np.ndarray, *, flip: bool) -> tuple[np.ndarray, np.ndarray]:
        """Normalised coordinates [M, 2 J] of the poses `rows`, with `flip` of their mirror images too; and the mask
        [M, 2 J] of those that are known.
        """
        image, seen, skeleton = self.image[rows], self.seen[rows], self.skeleton
        seen = seen & seen[:, skeleton.root_index, np.newaxis]  # Coordinates are about the root.
        if flip:
            image = np.concatenate([image, geometry.flip(tf.constant(image), skeleton).numpy()])
            seen = np.concatenate([seen, seen[:, list(skeleton.mirror)]])
        return image.reshape(len(image), -1), np.repeat(seen, 2, axis=1)

    def require_whole_poses(self) -> None:
        """Raises a ValueError where training poses lack joints and the method has no completer."""
        lacking = int((~self.seen.all(axis=1)).sum())
        if lacking:
            raise ValueError(
                f"{self.train.source}: {lacking} of {len(self.seen)} training poses lack joints; this method is "
                "trained on complete poses"
            )

    def batches(
        self, stage: str, arrays: Mapping[str, np.ndarray], batch_size: int, seed: int, *, flip: bool
    ) -> Batches:
        """Batches of `arrays` for a stage.

        Raises:
          ValueError: a batch size that does not fit; the message names the stage.
        """
        try:
            return Batches(arrays, self.skeleton, batch_size=batch_size, seed=seed, flip=flip)
        except ValueError as error:
            raise ValueError(f"{stage}: {error} (its training poses; {stage}.batch_size sets it)") from error


def prepare(recording: Recording, settings: RunSettings, normalizer: Normalizer | None = None) -> TrainingData:
    """The training data of a recording, which needs rows of the split "train".

    Args:
      recording: with 2D poses; only some methods use its 3D poses, see their recipes.
      settings: of the run.
      normalizer: None: one is fitted to the poses.

    Raises:
      ValueError: data that cannot be trained on, or settings that do not fit them.
    """
    train = recording.of_split("train")
    train, keypoints = usable(train, train.view(settings.poses_2d, settings.min_confidence))
    watched = recording.of_split("test") if np.any(recording.split == "test") else train
    pixels, seen = denoised(train, keypoints, settings.denoise), keypoints.seen
    groups = clip_and_camera(train)
    normalizer = normalizer or Normalizer.fit(
        pixels, recording.skeleton, groups=groups, seen=seen, **dataclasses.asdict(settings.normalization)
    )
    image, _ = normalizer.apply(pixels, groups, seen)
    given = keypoints.pixels
    detected = image if pixels is given else normalizer.apply(given, groups, seen)[0]
    return TrainingData(train, watched, keypoints, groups, normalizer, pixels, image, detected)
