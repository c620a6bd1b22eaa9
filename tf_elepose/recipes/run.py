"""What the runs of all methods have in common: the training poses, their normaliser, stages one after the other."""

from __future__ import annotations

import abc
import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.pipeline import Batches
from tf_elepose.data.recording import Recording
from tf_elepose.evaluation import depth_sign
from tf_elepose.methods.base import Method
from tf_elepose.normalization import Normalizer
from tf_elepose.recipes.training_poses import denoised, usable
from tf_elepose.storage import files
from tf_elepose.training import strategy as strategies
from tf_elepose.training.checkpoint import assign
from tf_elepose.training.evaluator import clip_and_camera, clip_names, evaluate_keypoints, spread_rows
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.metric_log import MetricLog
from tf_elepose.training.stage import Stage

EVALUATION_POSES = 2000
"""Poses looked at while training goes on."""

LIKELIHOOD_POSES = 10_000
"""Training poses whose likelihoods say how usual others are."""


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """What a config says about a run of any method; plain values.

    Attributes:
      poses_2d: "gt" or "detected".
      normalization: keywords of `Normalizer.fit`: rule, distance.
      min_confidence: joints that a detector trusts no more than this are taken as missing.
      denoise: "auto", "always" or "never", see `training_poses.denoised`.
      flip: mirror poses in training.
      seed: everything random comes from it.
    """

    poses_2d: str
    normalization: Mapping[str, Any]
    min_confidence: float
    denoise: str
    flip: bool
    seed: int

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**31 - 1:
            raise ValueError(f"seed must be at least 0 and below 2^31 - 1; got {self.seed}")


class Run(abc.ABC):
    """Trains a method in a workdir; everything it needs again after a crash is on the disk."""

    def __init__(
        self,
        folder: pathlib.Path,
        recording: Recording,
        settings: RunSettings,
        strategy: tf.distribute.Strategy,
        normalizer: Normalizer | None = None,
    ) -> None:
        """Args: the workdir; a recording with a "train" split; how to train; on which devices; the normaliser where it
        is given and not fitted. With several workers the workdir is on a disk that all of them see.

        A subclass builds everything in its constructor and writes nothing: a mistake in the last stage's settings is
        told now and not after the first stage's training.

        Raises:
          ValueError: data that cannot be trained on, or settings that do not fit them.
        """
        self._folder = folder
        self._common = settings
        self._strategy = strategy
        self.writes = strategies.is_chief(strategy)
        train = recording.of_split("train")
        self._train, self._keypoints = usable(train, self._view(train))
        self._seen = self._keypoints.seen
        has_test = bool(np.any(recording.split == "test"))
        self._watched = recording.of_split("test") if has_test else self._train
        self._pixels = denoised(self._train, self._keypoints, settings.denoise)
        self._groups = clip_and_camera(self._train)
        self._normalizer = normalizer or Normalizer.fit(
            self._pixels, recording.skeleton, groups=self._groups, seen=self._seen, **settings.normalization
        )
        self._image, _ = self._normalizer.apply(self._pixels, self._groups, self._seen)
        # As they will be when the trained model is asked: one at a time, with all their noise.
        given = self._keypoints.pixels
        self._denoised = self._pixels is not given
        self._detected = self._normalizer.apply(given, self._groups, self._seen)[0] if self._denoised else self._image

    @property
    @abc.abstractmethod
    def stages(self) -> list[Stage]:
        """What is trained, in this order."""

    @property
    @abc.abstractmethod
    def method(self) -> Method:
        """What the last stage trains."""

    @property
    def seconds(self) -> float:
        """Spent training so far, all stages and processes together."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def facts(self) -> dict[str, Any]:
        """What was trained on, in plain values."""
        return {
            "source": self._train.source,
            "poses_2d": self._common.poses_2d,
            "training_poses": len(self._train),
            "training_clips": len(np.unique(clip_names(self._train))),
            "joints_missing": round(1.0 - float(self._seen.mean()), 4),
            "skeleton": self._train.skeleton.to_dict(),
            "normalizer": self._normalizer.to_dict(),
        }

    def claim_data(self) -> None:
        """Store what is trained on, or check that a resumed run has the same.

        Raises:
          ValueError: the workdir was started on other data; says what differs.
        """
        path, facts = self._folder / "data.json", self.facts
        if not path.exists():
            files.write_json(path, facts)
            return
        stored = files.read_json(path)
        for key in ("training_poses", "training_clips", "skeleton", "normalizer"):
            if not _same(stored.get(key), facts[key]):
                raise ValueError(
                    f"{self._folder}: was started on other data ({key} differs from {self._train.source}); "
                    "use another --workdir"
                )

    def run(self, log: MetricLog | None, stop: StopRequest) -> Method | None:
        """Train what is not trained yet.

        Returns:
          The trained method, or None when `stop` came first.

        Raises:
          NotFiniteError: from the loop.
        """
        if not all(stage.run(log, stop) for stage in self.stages):
            return None
        # As a reader of model.npz will have it: in float32, whatever it was trained in.
        method = type(self.method).restore(self.method.settings)
        values = {name: np.asarray(variable) for name, variable in self.method.saved_variables().items()}
        assign(method.saved_variables(), values)
        self._measure(method)
        return method

    def _measure(self, method: Method) -> None:
        """Set what a trained method stores about the training poses."""
        rows = spread_rows(self._train, LIKELIHOOD_POSES)
        method.measure_likelihood(self._detected[rows], self._seen[rows])

    def watch(self) -> dict[str, float]:
        """Figures of poses that are not trained on, where there are any, to be shown during training."""
        watched = self._watched
        rows = spread_rows(watched, EVALUATION_POSES)
        summary = evaluate_keypoints(self.method, watched, self._view(watched), rows=rows).summary()
        return {key: summary[key] for key in _WATCHED if key in summary}

    def own_figures(self, method: Method) -> dict[str, float]:
        """What else there is to say of the trained method, beyond what all methods are measured by."""
        del method
        return {}

    def sign_without_truth(self, method: Method) -> tuple[str, str]:
        """What `depth_sign.sign_verdict` says of the training poses without 3D, as users have to judge; and on what
        grounds, in words.
        """
        blind = dataclasses.replace(self._train, poses_3d=None)
        rows = spread_rows(blind, 4 * EVALUATION_POSES)
        summary = evaluate_keypoints(method, blind, self._keypoints, rows=rows).summary()
        shares = {joints: summary.get(f"{joints}_forward_share") for joints in ("knees", "elbows")}
        told = [f"{100 * share:.0f} % of {joints}" for joints, share in shares.items() if share is not None]
        grounds = f"{' and '.join(told)} bend the way they can" if told else "the skeleton names no legs or arms"
        return depth_sign.sign_verdict(summary), grounds

    def _view(self, recording: Recording) -> Keypoints:
        """The 2D poses of `recording` that the config asks for."""
        return recording.view(self._common.poses_2d, self._common.min_confidence)

    def _require_whole_poses(self) -> None:
        """ValueError where training poses lack joints and the method has no completer."""
        lacking = int((~self._seen.all(axis=1)).sum())
        if lacking:
            raise ValueError(
                f"{self._train.source}: {lacking} of {len(self._seen)} training poses lack joints; this method is "
                "trained on complete poses"
            )

    def _batches(self, stage: str, arrays: Mapping[str, np.ndarray], batch_size: int, seed: int) -> Batches:
        try:
            return Batches(arrays, self._train.skeleton, batch_size=batch_size, seed=seed, flip=self._common.flip)
        except ValueError as error:
            raise ValueError(f"{stage}: {error} (its training poses; {stage}.batch_size sets it)") from error


_WATCHED = (
    "pa_mpjpe_mm", "pa_mpjpe_reflected_mm", "n_mpjpe_mm", "pck_150", "depth_correlation", "elevation_mean_deg",
    "elevation_std_deg", "elevation_correlation", "knees_forward_share", "elbows_forward_share",
)  # fmt: skip


def _same(stored: Any, found: Any) -> bool:
    """Equal, numbers up to the rounding that differs between processors."""
    if isinstance(stored, dict) and isinstance(found, dict):
        return stored.keys() == found.keys() and all(_same(stored[key], found[key]) for key in found)
    if isinstance(stored, float) and isinstance(found, float):
        return bool(np.isclose(stored, found, rtol=1e-6, atol=0))
    return stored == found
