"""Distillation: a trained ElePose lifts its training poses, and a student learns from what it says.

How likely poses are is asked of the prior eight times a pose, so a student has a smaller one than its teacher.
"""

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
from tf_elepose.methods.lifted_likelihood import blank_prior, subspace_settings
from tf_elepose.methods.virtual_views import ViewSettings, random_view
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.nn.pose_statistics import fit_statistics
from tf_elepose.recipes.prior_stage import new_prior_stage
from tf_elepose.recipes.run import LIKELIHOOD_POSES, Run, RunSettings
from tf_elepose.recipes.training_poses import held_out_clips
from tf_elepose.training import workdir
from tf_elepose.training.stage import Stage, StageSettings


@dataclasses.dataclass(frozen=True)
class DistilledSettings(RunSettings):
    """What a config says about a distillation; plain values, besides those of all runs.

    Attributes:
      teacher: workdir or model.npz of a trained ElePose.
      prior: keywords of `PosePrior` besides the seed and the subspace, which is the teacher's; None keeps the teacher's
        prior.
      prior_noise, prior_batch_size, prior_stage, held_out: as in `EleposeSettings`.
      views: what is drawn for training.
      student: keywords of `Distilled`: width, depth, precision, term_weights.
      batch_size, stage: how the student is trained.
    """

    teacher: str
    prior: Mapping[str, Any] | None
    prior_noise: float
    prior_batch_size: int
    prior_stage: StageSettings | None
    held_out: float
    views: ViewSettings
    student: Mapping[str, Any]
    batch_size: int
    stage: StageSettings


class DistilledRun(Run):
    """A prior of the teacher's training poses, then the student, on random views of what the teacher makes of them."""

    def __init__(
        self,
        folder: pathlib.Path,
        recording: Recording,
        settings: DistilledSettings,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """Args: as `Run` has them. The 2D poses of the recording are what the teacher lifts.

        Raises:
          ValueError: a teacher that is no ElePose, of another skeleton, trained on poses of one distance, or without a
            completer where training poses lack joints; see also `Run`.
        """
        teacher = workdir.load_model(settings.teacher)
        if not isinstance(teacher, ElePose) or teacher.elevation != "predicted":
            raise ValueError(f"{settings.teacher}: expected an elepose that predicts elevations; got {teacher.name}")
        if teacher.skeleton != recording.skeleton:
            raise ValueError(
                f"{settings.teacher}: lifts {teacher.skeleton.name!r}; the data have {recording.skeleton.name!r}"
            )
        super().__init__(folder, recording, settings, strategy, normalizer=teacher.normalizer)
        if not teacher.completes:
            self._require_whole_poses()
        said = teacher.predict_normalized(self._image, self._seen)
        logging.info("the teacher lifted %d of %d poses", said.valid.sum(), len(said.valid))
        assert said.elevation is not None  # It predicts them.
        e = tf.constant(-np.deg2rad(said.elevation[said.valid]), tf.float32)
        levelled = geometry.rotate(geometry.rotation_x(e), tf.constant(said.poses_3d[said.valid])).numpy()
        whole = said.image[said.valid]
        both = np.concatenate([whole, geometry.flip(tf.constant(whole), teacher.skeleton).numpy()])
        self._settings = settings
        prior, prior_settings, self._prior_stage = self._new_prior(teacher, whole, said.valid)
        with strategy.scope():
            self._method = Distilled(
                teacher.skeleton, teacher.normalizer, prior, fit_statistics(both.reshape(len(both), -1)),
                views=settings.views, seed=settings.seed, prior_settings=prior_settings, **settings.student,
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
        return [stage for stage in (self._prior_stage, self._stage) if stage is not None]

    @property
    def method(self) -> Method:
        return self._method

    def _new_prior(
        self, teacher: ElePose, whole: np.ndarray, valid: np.ndarray
    ) -> tuple[PosePrior, dict[str, Any], Stage | None]:
        """The student's prior, its keywords, and the stage that trains it on the poses `whole` [N, J, 2], those of all
        training poses that are `valid`.
        """
        settings = self._settings
        if settings.prior is None or settings.prior_stage is None:
            return teacher.prior, teacher.settings["prior"], None
        keywords = {**settings.prior, "seed": settings.seed}
        with self._strategy.scope():
            prior = blank_prior(teacher.skeleton, subspace_settings(teacher.prior), keywords)
        for own, known in zip(prior.subspace_variables, teacher.prior.subspace_variables, strict=True):
            own.assign(known)
        held_out = held_out_clips(self._train, settings.held_out, settings.seed)[valid]
        batches = self._batches("prior", {"image": whole[~held_out]}, settings.prior_batch_size, settings.seed)
        stage = new_prior_stage(
            self._folder, prior, batches, self._strategy, settings.prior_stage, noise=settings.prior_noise,
            held_out=(whole[held_out], None), writes=self.writes,
        )  # fmt: skip
        return prior, keywords, stage

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
