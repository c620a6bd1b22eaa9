"""Distillation: a trained ElePose lifts its training poses, and a student learns from them.

The likelihood of a pose needs eight evaluations of the prior, so a student has a smaller prior than its teacher.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.methods.distilled import Distilled, DistilledObjective
from tf_elepose.methods.lifted_likelihood import blank_prior, subspace_settings
from tf_elepose.methods.pose_model import PoseModel
from tf_elepose.methods.virtual_views import random_view
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.nn.pose_statistics import fit_statistics
from tf_elepose.nn.student import PoseStudent
from tf_elepose.recipes.distilled.data import DistilledData, prepare
from tf_elepose.recipes.distilled.settings import DistilledSettings
from tf_elepose.recipes.prior_stage import new_prior_stage
from tf_elepose.recipes.run import LIKELIHOOD_POSES, Run
from tf_elepose.recipes.training_poses import watched_rows
from tf_elepose.training.stage import Stage
from tf_elepose.training.strategy import precision_of


class DistilledRun(Run):
    """Trains a prior of the teacher's training poses, then the student, on random views of the lifted poses."""

    prepare = staticmethod(prepare)

    def __init__(
        self,
        folder: pathlib.Path,
        data: DistilledData,
        settings: DistilledSettings,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """Builds networks and stages; arguments and errors as in `Run`."""
        super().__init__(folder, data, settings, strategy)
        self._distilled_data = data
        self._settings = settings
        skeleton, student = data.skeleton, settings.student
        both = np.concatenate([data.whole, geometry.flip(tf.constant(data.whole), skeleton).numpy()])
        prior, self._prior_stage = self._new_prior()
        with strategy.scope():
            network = PoseStudent(
                skeleton.num_joints, fit_statistics(both.reshape(len(both), -1)), width=student.width,
                depth=student.depth, precision=precision_of(student.precision), seed=settings.seed,
            )  # fmt: skip
            network.build()
            self._model = Distilled(skeleton, data.normalizer, prior, network)
            objective = DistilledObjective(self._model, views=settings.views, term_weights=student.term_weights)
        for own, value in zip(
            self._model.density.saved_variables().values(), data.teacher.density.saved_variables().values(), strict=True
        ):
            own.assign(value)
        arrays = {"pose": data.levelled}
        batches = data.batches("student", arrays, settings.batch_size, settings.seed, flip=settings.flip)
        self._stage = Stage(
            "student", folder, objective, batches, strategy, settings.stage, evaluate=self.watch, writes=self.writes
        )

    @property
    def stages(self) -> list[Stage]:
        return [stage for stage in (self._prior_stage, self._stage) if stage is not None]

    @property
    def model(self) -> Distilled:
        return self._model

    def _new_prior(self) -> tuple[PosePrior, Stage | None]:
        """The student's prior and the stage that trains it; no stage where the prior is the teacher's."""
        settings, data = self._settings, self._distilled_data
        teacher, held_out = data.teacher, data.held_out
        if settings.prior is None or settings.prior_stage is None or held_out is None:
            return teacher.prior, None
        flow = {**dataclasses.asdict(settings.prior), "seed": settings.seed}
        with self._strategy.scope():
            prior = blank_prior(teacher.skeleton, subspace_settings(teacher.prior), flow)
        for own, value in zip(prior.subspace_variables, teacher.prior.subspace_variables, strict=True):
            own.assign(value)
        arrays = {"image": data.whole[~held_out]}
        batches = data.batches("prior", arrays, settings.prior_batch_size, settings.seed, flip=settings.flip)
        stage = new_prior_stage(
            self._folder, prior, batches, self._strategy, settings.prior_stage, noise=settings.prior_noise,
            watched=(data.whole[watched_rows(held_out)], None), select=bool(held_out.any()), writes=self.writes,
        )  # fmt: skip
        return prior, stage

    def _measure(self, model: PoseModel) -> None:
        """Sets the likelihoods of random views, with their other bodies and errors: compared with exact poses of a few
        training bodies, all poses of a detector would be unlikely.
        """
        levelled = self._distilled_data.levelled
        rows = np.linspace(0, len(levelled) - 1, min(LIKELIHOOD_POSES, len(levelled))).astype(int)
        seed = tf.constant([self._settings.seed, LIKELIHOOD_POSES])
        view = random_view(tf.constant(levelled[rows]), self._data.normalizer, self._settings.views, seed)
        model.measure_likelihood(view.image.numpy(), view.seen.numpy())

    @property
    def facts(self) -> dict[str, Any]:
        teacher = f"{self._distilled_data.teacher.name}, {self._settings.teacher}"
        return {**super().facts, "teacher": teacher}
