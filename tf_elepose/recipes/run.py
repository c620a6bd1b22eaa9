"""The common part of all methods' runs: stages one after the other, figures in between, a model at the end."""

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
"""Number of poses that are evaluated during training."""

LIKELIHOOD_POSES = 10_000
"""Number of training poses whose likelihoods give the percentiles of other poses."""


class Run(abc.ABC):
    """Trains a model in a workdir; everything that a new process needs to resume is on the disk."""

    def __init__(
        self, folder: pathlib.Path, data: TrainingData, settings: RunSettings, strategy: tf.distribute.Strategy
    ) -> None:
        """Keeps folder, data, settings and strategy.

        A subclass builds everything in its constructor and writes nothing: so a mistake in the last stage's settings is
        reported before the first stage is trained.

        Args:
          folder: the workdir; with several workers it is on a disk that all of them see.
          data: the training poses, see `prepare` of each recipe.
          settings: of the run.
          strategy: the devices to train on.

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
        """The stages in the order of training."""

    @property
    @abc.abstractmethod
    def model(self) -> PoseModel:
        """The model whose networks the stages train."""

    @property
    def seconds(self) -> float:
        """Training time so far, of all stages and processes together."""
        return sum(stage.seconds for stage in self.stages)

    def claim_data(self) -> None:
        """Stores the facts of the training data, or checks that a resumed run has the same data.

        Raises:
          ValueError: the workdir was started on other data; the message names the difference.
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
        """Trains the stages that are not finished yet.

        Returns:
          The trained model, or None when `stop` interrupted the training.

        Raises:
          NotFiniteError: from the loop.
        """
        if not all(stage.run(log, stop) for stage in self.stages):
            return None
        # The stored model computes in float32, whatever precision it was trained in.
        model = type(self.model).restore(self.model.settings)
        values = {name: np.asarray(variable) for name, variable in self.model.saved_variables().items()}
        assign(model.saved_variables(), values)
        self._measure(model)
        return model

    def _measure(self, model: PoseModel) -> None:
        """Sets the statistics of the training poses that a trained model stores."""
        rows = spread_rows(self._data.train, LIKELIHOOD_POSES)
        model.measure_likelihood(self._data.detected[rows], self._data.seen[rows])

    def watch(self) -> dict[str, float]:
        """Figures to show during training, of poses that are not trained on, where there are any."""
        watched = self._data.watched
        rows = spread_rows(watched, EVALUATION_POSES)
        summary = evaluate_keypoints(self.model, watched, self._view(watched), rows=rows).summary()
        return {key: summary[key] for key in _WATCHED if key in summary}

    def own_figures(self, model: PoseModel) -> dict[str, float]:
        """Figures of the trained model that only its method has."""
        del model
        return {}

    def sign_without_truth(self, model: PoseModel) -> tuple[str, str]:
        """The verdict of `depth_sign.sign_verdict` on the training poses, and its reasons in words. It does not use 3D
        poses, since users have none.
        """
        blind = dataclasses.replace(self._data.train, poses_3d=None)
        rows = spread_rows(blind, 4 * EVALUATION_POSES)
        summary = evaluate_keypoints(model, blind, self._data.keypoints, rows=rows).summary()
        shares = {joints: summary.get(f"{joints}_forward_share") for joints in ("knees", "elbows")}
        bent = [f"{100 * share:.0f} % of {joints}" for joints, share in shares.items() if share is not None]
        reasons = f"{' and '.join(bent)} bend the way they can" if bent else "the skeleton names no legs or arms"
        return depth_sign.sign_verdict(summary), reasons

    def _view(self, recording: Recording) -> Keypoints:
        """The 2D poses of `recording` that the config asks for."""
        return recording.view(self._common.poses_2d, self._common.min_confidence)


_WATCHED = (
    "pa_mpjpe_mm", "pa_mpjpe_reflected_mm", "n_mpjpe_mm", "pck_150", "depth_correlation", "elevation_mean_deg",
    "elevation_std_deg", "elevation_correlation", "knees_forward_share", "elbows_forward_share",
)  # fmt: skip


def _same(stored: Any, found: Any) -> bool:
    """Whether two values are equal; numbers may differ by the rounding of different processors."""
    if isinstance(stored, dict) and isinstance(found, dict):
        return stored.keys() == found.keys() and all(_same(stored[key], found[key]) for key in found)
    if isinstance(stored, float) and isinstance(found, float):
        return bool(np.isclose(stored, found, rtol=1e-6, atol=0))
    return stored == found
