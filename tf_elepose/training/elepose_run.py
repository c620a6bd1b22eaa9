"""ElePose from a recording to a trained model: normaliser, prior, lifter, in the paper's order."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tf_elepose import depth_sign, files, geometry
from tf_elepose.anthropometry import BonePrior, estimate_bone_prior, stated_bone_prior
from tf_elepose.data.pipeline import Batches
from tf_elepose.data.recording import Recording
from tf_elepose.data.shard_batches import ShardBatches
from tf_elepose.data.shards import Shards
from tf_elepose.methods.completion import CompletionFitting
from tf_elepose.methods.elepose import ElePose
from tf_elepose.methods.prior import PriorFitting
from tf_elepose.nn import pca
from tf_elepose.nn.completer import PoseCompleter, complete, fit_statistics
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.normalization import Normalizer
from tf_elepose.skeletons import Skeleton
from tf_elepose.training import strategy as strategies
from tf_elepose.training.checkpoint import assign
from tf_elepose.training.elepose_settings import EleposeSettings
from tf_elepose.training.evaluator import clip_and_camera, clip_names, evaluate_method, spread_rows
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.metric_log import MetricLog
from tf_elepose.training.stage import Stage
from tf_elepose.training.training_poses import held_out_clips, scaled_by_clip, usable

EVALUATION_POSES = 2000
"""Poses looked at while training goes on."""

LIKELIHOOD_POSES = 10_000
"""Training poses whose likelihoods say how usual others are."""


class EleposeRun:
    """Trains in a workdir; everything it needs again after a crash is on the disk."""

    def __init__(
        self,
        folder: pathlib.Path,
        recording: Recording,
        settings: EleposeSettings,
        strategy: tf.distribute.Strategy,
        shards: Shards | None = None,
    ) -> None:
        """Args: the workdir; a recording with a "train" split; how to train; on which devices. With several workers
        the workdir is on a disk that all of them see. With `shards`, whose sample the recording is, the lifter is
        trained on all of them; normaliser, bones, completer and prior learn from the sample.

        Everything is built here, and nothing written: a mistake in the lifter's settings is told now and not after
        the prior's training.

        Raises:
          ValueError: data that cannot be trained on, or settings that do not fit them.
        """
        self._folder = folder
        self._settings = settings
        self._shards = shards
        self._strategy = strategy
        self.writes = strategies.is_chief(self._strategy)
        self._train, self._seen = usable(recording.of_split("train"), settings)
        has_test = bool(np.any(recording.split == "test"))
        self._watched = recording.of_split("test") if has_test else self._train
        skeleton = recording.skeleton
        pixels, groups = self._train.keypoints(settings.poses_2d), clip_and_camera(self._train)
        self._normalizer = Normalizer.fit(pixels, skeleton, groups=groups, seen=self._seen, **settings.normalization)
        self._image, _ = self._normalizer.apply(pixels, groups, self._seen)
        self._clip_image, self._clip_seen = scaled_by_clip(self._normalizer, pixels, groups, self._seen)
        self._held_out = held_out_clips(self._train, settings.held_out, settings.seed)
        self._bone_prior = self._chosen_bone_prior(skeleton)
        self._completer, self._completer_stage = self._new_completer()
        self._prior, self._prior_stage = self._new_prior()
        self._method, self._lifter_stage = self._new_lifter(self._prior)

    @property
    def seconds(self) -> float:
        """Spent training so far, all stages and processes together."""
        return sum(stage.seconds for stage in self._stages)

    @property
    def _stages(self) -> list[Stage]:
        return [stage for stage in (self._completer_stage, self._prior_stage, self._lifter_stage) if stage is not None]

    @property
    def facts(self) -> dict[str, Any]:
        """What was trained on, in plain values."""
        skeleton = self._train.skeleton
        return {
            "source": self._train.source,
            "poses_2d": self._settings.poses_2d,
            "training_poses": len(self._train) if self._shards is None else self._shards.manifest.rows("train"),
            "training_clips": len(np.unique(clip_names(self._train))),
            "held_out_poses": int(self._held_out.sum()),
            "joints_missing": round(1.0 - float(self._seen.mean()), 4),
            "skeleton": skeleton.to_dict(),
            "normalizer": self._normalizer.to_dict(),
            "bone_prior": self._bone_prior.to_dict(),
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

    def run(self, log: MetricLog | None, stop: StopRequest) -> ElePose | None:
        """Train what is not trained yet.

        Returns:
          The trained method, or None when `stop` came first.

        Raises:
          NotFiniteError: from the loop.
        """
        if not all(stage.run(log, stop) for stage in self._stages):
            return None
        # As a reader of model.npz will have it: in float32, whatever it was trained in.
        method = ElePose.restore(self._method.settings)
        values = {name: np.asarray(variable) for name, variable in self._method.saved_variables().items()}
        assign(method.saved_variables(), values)
        method.measure_elevation(self._image, self._seen)
        rows = spread_rows(self._train, LIKELIHOOD_POSES)
        method.measure_likelihood(self._image[rows], self._seen[rows])
        return method

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
            lambda: tf.reduce_mean(fitting.loss_terms(held_out, tf.constant([settings.seed, 0]))["completion"])
        )
        fitted = ~self._held_out
        stage = Stage(
            "completer", self._folder, fitting,
            self._batches(
                "completer", self._image[fitted], self._seen[fitted], settings.completer_batch_size, settings.seed + 2
            ),
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
        fitted, seen = self._image[~self._held_out], self._seen[~self._held_out]
        flat, known = self._flat()
        subspace = pca.fit_pca(flat, settings.bases, known) if settings.bases else pca.fit_coordinates(flat, known)
        logging.info("prior: %d dimensions hold %.2f %% of the variance", subspace.size, 100 * subspace.explained)
        with self._strategy.scope():
            prior = PosePrior(subspace, **self._prior_settings)
            prior.build()
            fitting = PriorFitting(prior, noise=settings.prior_noise, complete=self._complete)
        held_out = tf.constant(self._image[self._held_out]), tf.constant(self._seen[self._held_out])
        log_prob = tf.function(lambda image, seen: tf.reduce_mean(prior.log_prob(self._complete(image, seen))))
        stage = Stage(
            "prior", self._folder, fitting,
            self._batches("prior", fitted, seen, settings.prior_batch_size, settings.seed),
            self._strategy, settings.prior_stage,
            evaluate=lambda: {"held_out_nll": -float(log_prob(*held_out))}, select="held_out_nll", writes=self.writes,
        )  # fmt: skip
        return prior, stage

    def _new_lifter(self, prior: PosePrior) -> tuple[ElePose, Stage]:
        settings = self._settings
        with self._strategy.scope():
            method = ElePose(
                self._train.skeleton, self._normalizer, prior,
                bone_prior=self._bone_prior, prior_settings=self._prior_settings, seed=settings.seed,
                completer=self._completer, **settings.lifter,
            )  # fmt: skip

        def evaluate() -> dict[str, float]:
            rows = spread_rows(self._watched, EVALUATION_POSES)
            summary = evaluate_method(
                method, self._watched, poses_2d=settings.poses_2d, min_confidence=settings.min_confidence, rows=rows
            ).summary()
            return {key: summary[key] for key in _WATCHED if key in summary}

        stage = Stage(
            "lifter", self._folder, method,
            self._lifter_batches(), self._strategy, settings.lifter_stage, evaluate=evaluate, writes=self.writes,
        )  # fmt: skip
        return method, stage

    @property
    def _prior_settings(self) -> dict[str, Any]:
        return {**self._settings.prior, "seed": self._settings.seed}

    def _batches(self, stage: str, image: np.ndarray, seen: np.ndarray, batch_size: int, seed: int) -> Batches:
        try:
            return Batches(
                image, self._train.skeleton, batch_size=batch_size, seed=seed, flip=self._settings.flip, seen=seen
            )
        except ValueError as error:
            raise ValueError(f"{stage}: {error} (its training poses; {stage}.batch_size sets it)") from error

    def _lifter_batches(self) -> Batches | ShardBatches:
        settings = self._settings
        batch_size, seed = settings.lifter_batch_size, settings.seed + 1
        if self._shards is None:
            return self._batches("lifter", self._image, self._seen, batch_size, seed)
        return ShardBatches(
            self._shards, self._normalizer, poses_2d=settings.poses_2d, min_confidence=settings.min_confidence,
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

    def sign_without_truth(self, method: ElePose) -> tuple[str, str]:
        """What `depth_sign.sign_verdict` says of the training poses without 3D, as users have to judge; and on what
        grounds, in words.
        """
        blind = dataclasses.replace(self._train, poses_3d=None)
        rows = spread_rows(blind, 4 * EVALUATION_POSES)
        summary = evaluate_method(
            method,
            blind,
            poses_2d=self._settings.poses_2d,
            min_confidence=self._settings.min_confidence,
            rows=rows,
        ).summary()
        shares = {joints: summary.get(f"{joints}_forward_share") for joints in ("knees", "elbows")}
        told = [f"{100 * share:.0f} % of {joints}" for joints, share in shares.items() if share is not None]
        grounds = f"{' and '.join(told)} bend the way they can" if told else "the skeleton names no legs or arms"
        return depth_sign.sign_verdict(summary), grounds


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
