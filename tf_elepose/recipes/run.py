"""What the runs of all methods have in common: stages one after the other, figures on the way, a model at the end."""

from __future__ import annotations

import abc
import dataclasses
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.recording import Recording
from tf_elepose.evaluation import depth_sign
from tf_elepose.methods.pose_model import PoseModel
from tf_elepose.recipes.settings import RunSettings
from tf_elepose.recipes.training_data import TrainingData
from tf_elepose.storage import files
from tf_elepose.training import strategy as strategies
from tf_elepose.training.checkpoint import assign
from tf_elepose.training.evaluator import evaluate_keypoints, spread_rows
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.metric_log import MetricLog
from tf_elepose.training.stage import Stage

EVALUATION_POSES = 2000
"""Poses looked at while training goes on."""

LIKELIHOOD_POSES = 10_000
"""Training poses whose likelihoods say how usual others are."""


class Run(abc.ABC):
    """Trains a model in a workdir; everything it needs again after a crash is on the disk."""

    def __init__(
        self, folder: pathlib.Path, data: TrainingData, settings: RunSettings, strategy: tf.distribute.Strategy
    ) -> None:
        """Keeps what every run needs.

        A subclass builds everything in its constructor and writes nothing: a mistake in the last stage's settings is
        reported now and not after the first stage's training.

        Args:
          folder: the workdir; with several workers it is on a disk that all of them see.
          data: the poses, see `prepare` of each recipe.
          settings: how to train.
          strategy: on which devices.

        Raises:
          ValueError: settings that do not fit the data.
        """
        self._folder = folder
        self._data = data
        self._common = settings
        self._strategy = strategy
        self.writes = strategies.is_chief(strategy)

    @property
    def facts(self) -> dict[str, Any]:
        """A description of the training data in plain values."""
        return self._data.facts(self._common)

    @property
    @abc.abstractmethod
    def stages(self) -> list[Stage]:
        """What is trained, in this order."""

    @property
    @abc.abstractmethod
    def model(self) -> PoseModel:
        """The model whose networks the stages train."""

    @property
    def seconds(self) -> float:
        """Spent training so far, all stages and processes together."""
        return sum(stage.seconds for stage in self.stages)

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
                    f"{self._folder}: was started on other data ({key} differs from {self._data.train.source}); "
                    "use another --workdir"
                )

    def run(self, log: MetricLog | None, stop: StopRequest) -> PoseModel | None:
        """Train what is not trained yet.

        Returns:
          The trained model, or None when `stop` came first.

        Raises:
          NotFiniteError: from the loop.
        """
        if not all(stage.run(log, stop) for stage in self.stages):
            return None
        # A reader of model.npz gets it in float32, whatever it was trained in.
        model = type(self.model).restore(self.model.settings)
        values = {name: np.asarray(variable) for name, variable in self.model.saved_variables().items()}
        assign(model.saved_variables(), values)
        self._measure(model)
        return model

    def _measure(self, model: PoseModel) -> None:
        """Sets what a trained model stores about the training poses."""
        rows = spread_rows(self._data.train, LIKELIHOOD_POSES)
        model.measure_likelihood(self._data.detected[rows], self._data.seen[rows])

    def watch(self) -> dict[str, float]:
        """Figures of poses that are not trained on, where there are any, to be shown during training."""
        watched = self._data.watched
        rows = spread_rows(watched, EVALUATION_POSES)
        summary = evaluate_keypoints(self.model, watched, self._view(watched), rows=rows).summary()
        return {key: summary[key] for key in _WATCHED if key in summary}

    def own_figures(self, model: PoseModel) -> dict[str, float]:
        """Figures of the trained model that only this method has."""
        del model
        return {}

    def sign_without_truth(self, model: PoseModel) -> tuple[str, str]:
        """The verdict of `depth_sign.sign_verdict` on the training poses without their 3D, which users do not have; and
        its grounds in words.
        """
        blind = dataclasses.replace(self._data.train, poses_3d=None)
        rows = spread_rows(blind, 4 * EVALUATION_POSES)
        summary = evaluate_keypoints(model, blind, self._data.keypoints, rows=rows).summary()
        shares = {joints: summary.get(f"{joints}_forward_share") for joints in ("knees", "elbows")}
        shown = [f"{100 * share:.0f} % of {joints}" for joints, share in shares.items() if share is not None]
        grounds = f"{' and '.join(shown)} bend the way they can" if shown else "the skeleton names no legs or arms"
        return depth_sign.sign_verdict(summary), grounds

    def _view(self, recording: Recording) -> Keypoints:
        """The 2D poses of `recording` that the config asks for."""
        return recording.view(self._common.poses_2d, self._common.min_confidence)


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
