"""ElePose from a recording to a trained model: normaliser, prior, lifter, in the paper's order."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tf_elepose import geometry, losses
from tf_elepose.data.pipeline import Batches
from tf_elepose.data.recording import Recording
from tf_elepose.data.shards.batches import ShardBatches
from tf_elepose.data.shards.shards import Shards
from tf_elepose.methods.base import Method
from tf_elepose.methods.completion import CompletionFitting
from tf_elepose.methods.elepose import ElePose
from tf_elepose.methods.lifted_likelihood import subspace_settings
from tf_elepose.methods.trainable import named_variables
from tf_elepose.nn import pca, seeds
from tf_elepose.nn.completer import PoseCompleter, complete
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.nn.pose_statistics import fit_statistics
from tf_elepose.recipes.elepose.settings import LARGEST_START, EleposeSettings
from tf_elepose.recipes.prior_stage import new_prior_stage
from tf_elepose.recipes.run import EVALUATION_POSES, Run
from tf_elepose.recipes.training_poses import held_out_clips, scaled_by_clip
from tf_elepose.skeleton.anthropometry import BonePrior, estimate_bone_prior, stated_bone_prior
from tf_elepose.skeleton.skeletons import Skeleton
from tf_elepose.training.evaluator import clip_names, spread_rows
from tf_elepose.training.restarted_stage import RestartedStage
from tf_elepose.training.stage import Stage, values_of

_START_WARMUP = 0.2
"""Share of a start in which the learning rate rises; with a third of it one start of some thirty diverged."""

_KNEES_OF_STARTS = 1000.0
"""Nats that a radian (nearly) of backward knees counts where starts are judged. On the CMU views good and bad starts
differ by 0.01 of it, and starts of one kind by a nat in the objective."""


class EleposeRun(Run):
    """Completer, prior, the lifter's starts and the lifter, one after the other."""

    def __init__(
        self,
        folder: pathlib.Path,
        recording: Recording,
        settings: EleposeSettings,
        strategy: tf.distribute.Strategy,
        shards: Shards | None = None,
    ) -> None:
        """Args: as `Run` has them. With `shards`, whose sample the recording is, the lifter is trained on all of them;
        normaliser, bones, completer and prior learn from the sample.

        Raises:
          ValueError: data that cannot be trained on, or settings that do not fit them.
        """
        if shards is not None:
            settings = dataclasses.replace(settings, denoise=_denoising_of_shards(settings.denoise))
        super().__init__(folder, recording, settings, strategy)
        self._settings = settings
        self._shards = shards
        self._clip_image, self._clip_seen = scaled_by_clip(self._normalizer, self._pixels, self._groups, self._seen)
        self._held_out = held_out_clips(self._train, settings.held_out, settings.seed)
        self._bone_prior = self._chosen_bone_prior(recording.skeleton)
        self._completer, self._completer_stage = self._new_completer()
        self._prior, self._prior_stage = self._new_prior()
        with strategy.scope():
            self._method = self._new_lifter(settings.seed)
        self._lifter_stage = self._new_lifter_stage()
        self._start_stage = self._new_start_stage()

    @property
    def stages(self) -> list[Stage]:
        all_of_them = (self._completer_stage, self._prior_stage, self._start_stage, self._lifter_stage)
        return [stage for stage in all_of_them if stage is not None]

    @property
    def method(self) -> ElePose:
        return self._method

    @property
    def facts(self) -> dict[str, Any]:
        counted = {} if self._shards is None else {"training_poses": self._shards.manifest.rows("train")}
        return {
            **super().facts,
            **counted,
            "held_out_poses": int(self._held_out.sum()),
            "bone_prior": self._bone_prior.to_dict(),
        }

    def _measure(self, method: Method) -> None:
        assert isinstance(method, ElePose)
        method.measure_elevation(self._detected, self._seen)
        super()._measure(method)

    def own_figures(self, method: Method) -> dict[str, float]:
        """How many dimensions the prior has and how much of the training poses' variance they hold (figure 4)."""
        assert isinstance(method, ElePose)
        subspace = subspace_settings(method.prior)
        return {"prior_dimensions": subspace["size"], "prior_variance_share": subspace["explained"]}

    def _new_completer(self) -> tuple[PoseCompleter | None, Stage | None]:
        settings, skeleton = self._settings, self._train.skeleton
        if settings.completer is None or settings.completer_stage is None:
            if not self._seen.all():
                raise ValueError(
                    f"{self._train.source}: {(~self._seen.all(axis=1)).sum()} of {len(self._seen)} training poses lack "
                    "joints: they need a completer, completer.epochs over 0"
                )
            return None, None
        with self._strategy.scope():
            statistics = fit_statistics(*self._flat())
            completer = PoseCompleter(skeleton.num_joints, statistics, seed=settings.seed, **settings.completer)
            completer.build()
            fitting = CompletionFitting(completer)
        held_out = {"image": tf.constant(self._image[self._held_out]), "seen": tf.constant(self._seen[self._held_out])}
        error = tf.function(
            lambda: tf.reduce_mean(fitting.loss_terms(held_out, tf.constant([settings.seed, 0]))["completion"]),
            autograph=False,
        )
        stage = Stage(
            "completer", self._folder, fitting,
            self._poses("completer", ~self._held_out, settings.completer_batch_size, settings.seed + 2),
            self._strategy, settings.completer_stage,
            evaluate=lambda: {"held_out_error": float(error())}, select="held_out_error", writes=self.writes,
        )  # fmt: skip
        return completer, stage

    def _flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates [N, 2 J] of the poses that are not held out, mirrored ones too, and which of them are known."""
        skeleton, image, seen = self._train.skeleton, self._image[~self._held_out], self._seen[~self._held_out]
        known = seen & seen[:, skeleton.root_index, np.newaxis]  # Coordinates are about the root.
        if self._settings.flip:
            image = np.concatenate([image, geometry.flip(tf.constant(image), skeleton).numpy()])
            known = np.concatenate([known, known[:, list(skeleton.mirror)]])
        return image.reshape(len(image), -1), np.repeat(known, 2, axis=1)

    def _new_prior(self) -> tuple[PosePrior, Stage]:
        settings = self._settings
        subspace = self._subspace(*self._flat())
        logging.info("prior: %d dimensions hold %.2f %% of the variance", subspace.size, 100 * subspace.explained)
        with self._strategy.scope():
            prior = PosePrior(subspace, **self._prior_settings)
            prior.build()
        stage = new_prior_stage(
            self._folder, prior, self._poses("prior", ~self._held_out, settings.prior_batch_size, settings.seed),
            self._strategy, settings.prior_stage, noise=settings.prior_noise,
            held_out=(self._image[self._held_out], self._seen[self._held_out]), complete=self._complete,
            writes=self.writes,
        )  # fmt: skip
        return prior, stage

    def _subspace(self, flat: np.ndarray, known: np.ndarray) -> pca.Subspace:
        """Of the prior, from what `_flat` gives."""
        bases = self._settings.bases
        return pca.fit_pca(flat, bases, known) if bases else pca.fit_coordinates(flat, known)

    def _new_method(self, **options) -> ElePose:
        return ElePose(**options)

    def _new_lifter(self, seed: int) -> ElePose:
        return self._new_method(
            skeleton=self._train.skeleton, normalizer=self._normalizer, prior=self._prior, bone_prior=self._bone_prior,
            prior_settings=self._prior_settings, seed=seed, completer=self._completer, **self._settings.lifter,
        )  # fmt: skip

    def _new_lifter_stage(self) -> Stage:
        return Stage(
            "lifter", self._folder, self._method, self._lifter_batches(), self._strategy, self._settings.lifter_stage,
            evaluate=self.watch, writes=self.writes,
        )  # fmt: skip

    def _new_start_stage(self) -> Stage | None:
        """Whether some limbs are lifted mirrored is decided by chance in the first hundred steps, and seldom changes
        for thousands: so some first weights are tried, and those with the least objective and backward knees remain.
        """
        settings, skeleton = self._settings, self._train.skeleton
        if settings.starts == 1:
            return None
        if not skeleton.legs:
            logging.info("lifter: one start; skeleton %r names no legs to judge several by", skeleton.name)
            return None
        batches = self._lifter_batches()
        steps = max(1, min(settings.start_steps, int(LARGEST_START * self._lifter_stage.steps)))
        stage = dataclasses.replace(
            settings.lifter_stage, epochs=settings.starts * steps / batches.steps_per_epoch, evaluate_every=steps,
            schedule="cosine", schedule_options={"warmup": _START_WARMUP / settings.starts, "floor": 0.0},
            average_decay=0.0,
        )  # fmt: skip
        return RestartedStage(
            "starts", self._folder, self._method, batches, self._strategy, stage, first_weights=self._first_weights,
            evaluate=self._judge_of_starts(), select="objective_and_knees", writes=self.writes,
        )  # fmt: skip

    def _judge_of_starts(self) -> Callable[[], dict[str, float]]:
        """Says of training poses, always the same, the objective and how far knees bend backwards. The objective alone
        does not tell; knees alone would praise legs that are stretched to nowhere.
        """
        method, rows = self._method, spread_rows(self._train, EVALUATION_POSES)
        rows = rows[: len(rows) // 2 * 2]  # Deformation is of pairs.
        batch = {"image": tf.constant(self._image[rows]), "seen": tf.constant(self._seen[rows])}
        if self._denoised:
            batch["detected"] = tf.constant(self._detected[rows])

        @tf.function(autograph=False)
        def judged() -> tuple[tf.Tensor, tf.Tensor]:
            terms = method.loss_terms(batch, tf.constant([self._settings.seed, 1]))
            means = [method.term_weights[name] * tf.reduce_mean(term) for name, term in terms.items()]
            shown = self._complete(batch.get("detected", batch["image"]), batch["seen"])
            return tf.add_n(means), tf.reduce_mean(losses.backward_knees(method.y(shown)[0], method.skeleton))

        def judge() -> dict[str, float]:
            objective, knees = map(float, judged())
            return {
                "objective_and_knees": objective + _KNEES_OF_STARTS * knees, "backward_knees": knees,
            }  # fmt: skip

        return judge

    def _first_weights(self, start: int) -> dict[str, np.ndarray]:
        """Those of start 0 are those that a single start has."""
        seed = self._settings.seed if start == 0 else seeds.derive(self._settings.seed, start)
        return values_of(named_variables(self._new_lifter(seed).networks))

    @property
    def _prior_settings(self) -> dict[str, Any]:
        return {**self._settings.prior, "seed": self._settings.seed}

    def _poses(
        self, stage: str, rows: np.ndarray | slice, batch_size: int, seed: int, more: Mapping[str, np.ndarray] = {}
    ) -> Batches:
        """Batches of the rows' poses, and where joints are missing, of which are seen; and what `more` there is."""
        arrays, seen = {"image": self._image[rows], **more}, self._seen[rows]
        return self._batches(stage, arrays if seen.all() else arrays | {"seen": seen}, batch_size, seed)

    def _lifter_batches(self) -> Batches | ShardBatches:
        settings = self._settings
        batch_size, seed = settings.lifter_batch_size, settings.seed + 1
        if self._shards is None:
            detected = {"detected": self._detected} if self._denoised else {}
            return self._poses("lifter", slice(None), batch_size, seed, detected)
        return ShardBatches(
            self._shards, self._normalizer, kind=settings.poses_2d, min_confidence=settings.min_confidence,
            batch_size=batch_size, seed=seed, flip=settings.flip,
        )  # fmt: skip

    def _complete(self, image: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        return image if self._completer is None else complete(self._completer, self._normalizer, image, seen)

    def _chosen_bone_prior(self, skeleton: Skeleton) -> BonePrior:
        choice = self._settings.bone_prior
        if choice not in ("skeleton", "estimate"):
            raise ValueError(f"unknown bone_prior {choice!r}; expected skeleton or estimate")
        if choice == "skeleton" and skeleton.bone_prior is not None:
            return stated_bone_prior(skeleton)
        return estimate_bone_prior(self._clip_image, clip_names(self._train), skeleton, seen=self._clip_seen)


def _denoising_of_shards(choice: str) -> str:
    """ValueError where shards are to be denoised: their rows come in any order, and tracks are spread over them."""
    if choice == "always":
        raise ValueError("denoise=always: shards are read in pieces, without tracks; denoise before they are written")
    logging.info("shards: training poses are taken as they are, not denoised")
    return "never"
