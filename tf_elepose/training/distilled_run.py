"""Distillation: a trained ElePose lifts its training poses, and a student learns from what it says."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tf_elepose import geometry
from tf_elepose.data.recording import Recording
from tf_elepose.methods.base import Method
from tf_elepose.methods.distilled import Distilled
from tf_elepose.methods.elepose import ElePose
from tf_elepose.methods.virtual_views import ViewSettings, random_view
from tf_elepose.nn.pose_statistics import fit_statistics
from tf_elepose.training import workdir
from tf_elepose.training.run import LIKELIHOOD_POSES, Run, RunSettings
from tf_elepose.training.stage import Stage, StageSettings


@dataclasses.dataclass(frozen=True)
class DistilledSettings(RunSettings):
    """What a config says about a distillation; plain values, besides those of all runs.

    Attributes:
      teacher: workdir or model.npz of a trained ElePose.
      views: what is drawn for training.
      student: keywords of `Distilled`: width, depth, precision, term_weights.
      batch_size, stage: how the student is trained.
    """

    teacher: str
    views: ViewSettings
    student: Mapping[str, Any]
    batch_size: int
    stage: StageSettings


class DistilledRun(Run):
    """One stage: the student, on random views of the teacher's poses."""

    def __init__(
        self,
        folder: pathlib.Path,
        recording: Recording,
        settings: DistilledSettings,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """Args: as `Run` has them. The 2D poses of the recording are what the teacher lifts.

        Raises:
          ValueError: a teacher that is no ElePose, of another skeleton, or trained on poses of one distance; see also
            `Run`.
        """
        teacher = workdir.load_model(settings.teacher)
        if not isinstance(teacher, ElePose) or teacher.elevation != "predicted":
            raise ValueError(f"{settings.teacher}: expected an elepose that predicts elevations; got {teacher.name}")
        if teacher.skeleton != recording.skeleton:
            raise ValueError(
                f"{settings.teacher}: lifts {teacher.skeleton.name!r}; the data have {recording.skeleton.name!r}"
            )
        super().__init__(folder, recording, settings, strategy, normalizer=teacher.normalizer)
        said = teacher.predict_normalized(self._image, self._seen)
        logging.info("the teacher lifted %d of %d poses", said.valid.sum(), len(said.valid))
        assert said.elevation is not None  # It predicts them.
        e = tf.constant(-np.deg2rad(said.elevation[said.valid]), tf.float32)
        levelled = geometry.rotate(geometry.rotation_x(e), tf.constant(said.poses_3d[said.valid])).numpy()
        whole = said.image[said.valid]
        both = np.concatenate([whole, geometry.flip(tf.constant(whole), teacher.skeleton).numpy()])
        with strategy.scope():
            self._method = Distilled(
                teacher.skeleton, teacher.normalizer, teacher.prior, fit_statistics(both.reshape(len(both), -1)),
                views=settings.views, seed=settings.seed, prior_settings=teacher.settings["prior"], **settings.student,
            )  # fmt: skip
        for own, known in zip(
            self._method.density.saved_variables().values(), teacher.density.saved_variables().values(), strict=True
        ):
            own.assign(known)
        self._levelled = levelled
        self._teacher_in_words = f"{teacher.name}, {settings.teacher}"
        self._views = settings.views
        batches = self._batches("student", {"pose": levelled}, settings.batch_size, settings.seed)
        self._stage = Stage(
            "student", folder, self._method, batches, strategy, settings.stage, evaluate=self.watch, writes=self.writes
        )

    @property
    def stages(self) -> list[Stage]:
        return [self._stage]

    @property
    def method(self) -> Method:
        return self._method

    def _measure(self, method: Method) -> None:
        """The likelihoods of what the student was taught on, other bodies and spoilt keypoints too: beside exact poses
        of the training's few bodies those of any detector would all be unlikely.
        """
        rows = np.linspace(0, len(self._levelled) - 1, min(LIKELIHOOD_POSES, len(self._levelled))).astype(int)
        seed = tf.constant([self._common.seed, LIKELIHOOD_POSES])
        view = random_view(tf.constant(self._levelled[rows]), self._normalizer, self._views, seed)
        method.measure_likelihood(view.image.numpy(), view.seen.numpy())

    @property
    def facts(self) -> dict[str, Any]:
        return {**super().facts, "teacher": self._teacher_in_words}
