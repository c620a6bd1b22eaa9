"""ElePose's training: completer, prior, the lifter's starts and the lifter, in the paper's order."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tf_elepose import losses
from tf_elepose.data.pipeline import Batches
from tf_elepose.data.shards.batches import ShardBatches
from tf_elepose.methods.completion import CompletionFitting
from tf_elepose.methods.elepose import ElePose, EleposeObjective
from tf_elepose.methods.lifted_likelihood import subspace_settings
from tf_elepose.methods.pose_model import PoseModel
from tf_elepose.nn import pca, seeds
from tf_elepose.nn.completer import PoseCompleter, complete
from tf_elepose.nn.lifters import DepthElevationLifter
from tf_elepose.nn.part_lifter import PartLifter
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.nn.pose_statistics import fit_statistics
from tf_elepose.nn.variables import named_variables
from tf_elepose.normalization import Normalizer
from tf_elepose.recipes.elepose.data import EleposeData, prepare
from tf_elepose.recipes.elepose.settings import LARGEST_START, EleposeSettings
from tf_elepose.recipes.prior_stage import new_prior_stage
from tf_elepose.recipes.run import EVALUATION_POSES, Run
from tf_elepose.recipes.training_poses import watched_rows
from tf_elepose.skeleton.skeletons import Skeleton
from tf_elepose.training.evaluator import spread_rows
from tf_elepose.training.restarted_stage import RestartedStage
from tf_elepose.training.stage import Stage, values_of
from tf_elepose.training.strategy import precision_of

_START_WARMUP = 0.2
"""Share of a start in which the learning rate rises; with a third of this value one start of some thirty diverged."""

_KNEES_OF_STARTS = 1000.0
"""Weight, in nats, of one unit (about a radian) of backward knees when starts are compared. On the CMU views good and
bad starts differ by 0.01 units, and starts of one kind by a nat in the objective."""


@dataclasses.dataclass(frozen=True)
class Parts:
    """Functions that make those parts of a model in which ElePose and methods derived from it differ.

    Attributes:
      fit_subspace: makes the prior's subspace from coordinates [N, 2 J] of poses, the mask of those that are known, the
        number of bases (0 for no PCA), and the skeleton.
      new_lifter: makes a lifter with initial weights from skeleton and normalizer, with the keywords width, arch,
        precision and seed.
      new_model: makes the model from skeleton, normalizer, prior and lifter, with keywords of `ElePose`.
    """

    fit_subspace: Callable[[np.ndarray, np.ndarray, int, Skeleton], pca.Subspace]
    new_lifter: Callable[..., DepthElevationLifter | PartLifter]
    new_model: Callable[..., ElePose]


def fit_subspace(flat: np.ndarray, known: np.ndarray, bases: int, skeleton: Skeleton) -> pca.Subspace:
    """See `Parts.fit_subspace`: one subspace for the whole body."""
    del skeleton
    return pca.fit_pca(flat, bases, known) if bases else pca.fit_coordinates(flat, known)


def new_lifter(
    skeleton: Skeleton, normalizer: Normalizer, *, width: int, arch: str, precision: str, seed: int
) -> DepthElevationLifter:
    """See `Parts.new_lifter`: one lifter for the whole body."""
    lifter = DepthElevationLifter(
        skeleton.num_joints, input_deviation=normalizer.deviation, width=width, arch=arch, precision=precision,
        seed=seed,
    )  # fmt: skip
    lifter.build()
    return lifter


ELEPOSE = Parts(fit_subspace, new_lifter, ElePose)


class EleposeRun(Run):
    """Trains completer, prior, the lifter's starts and the lifter, one after the other."""

    prepare = staticmethod(prepare)

    def __init__(
        self,
        folder: pathlib.Path,
        data: EleposeData,
        settings: EleposeSettings,
        strategy: tf.distribute.Strategy,
        parts: Parts = ELEPOSE,
    ) -> None:
        """Builds networks and stages; arguments as in `Run`.

        Raises:
          ValueError: settings that do not fit the data.
        """
        super().__init__(folder, data, settings, strategy)
        self._elepose_data = data
        self._settings = settings
        self._parts = parts
        self._completer, self._completer_stage = self._new_completer()
        self._prior, self._prior_stage = self._new_prior()
        lifter = settings.lifter
        with strategy.scope():
            self._model = parts.new_model(
                data.skeleton, data.normalizer, self._prior, self._new_lifter(settings.seed),
                completer=self._completer, elevation=lifter.elevation, flip_average=lifter.flip_average,
            )  # fmt: skip
            self._objective = EleposeObjective(
                self._model, bone_prior=data.bone_prior, term_weights=lifter.term_weights,
                likelihood_ceiling=lifter.likelihood_ceiling, half=precision_of(lifter.precision) == "mixed_bfloat16",
            )  # fmt: skip
        self._lifter_stage = self._new_lifter_stage()
        self._start_stage = self._new_start_stage()

    @property
    def stages(self) -> list[Stage]:
        possible = (self._completer_stage, self._prior_stage, self._start_stage, self._lifter_stage)
        return [stage for stage in possible if stage is not None]

    @property
    def model(self) -> ElePose:
        return self._model

    @property
    def facts(self) -> dict[str, Any]:
        data = self._elepose_data
        counted = {} if data.shards is None else {"training_poses": data.shards.manifest.rows("train")}
        return {
            **super().facts,
            **counted,
            "held_out_poses": int(data.held_out.sum()),
            "bone_prior": data.bone_prior.to_dict(),
        }

    def _measure(self, model: PoseModel) -> None:
        assert isinstance(model, ElePose)
        model.measure_elevation(self._data.detected, self._data.seen)
        super()._measure(model)

    def own_figures(self, model: PoseModel) -> dict[str, float]:
        """The number of the prior's dimensions, and their share of the training poses' variance (figure 4)."""
        assert isinstance(model, ElePose)
        subspace = subspace_settings(model.prior)
        return {"prior_dimensions": subspace["size"], "prior_variance_share": subspace["explained"]}

    def _new_completer(self) -> tuple[PoseCompleter | None, Stage | None]:
        settings, data = self._settings, self._elepose_data
        if settings.completer is None or settings.completer_stage is None:
            if not data.seen.all():
                raise ValueError(
                    f"{data.train.source}: {(~data.seen.all(axis=1)).sum()} of {len(data.seen)} training poses lack "
                    "joints: they need a completer, --config.completer.epochs over 0"
                )
            return None, None
        with self._strategy.scope():
            statistics = fit_statistics(*data.coordinates(~data.held_out, flip=settings.flip))
            completer = PoseCompleter(
                data.skeleton.num_joints, statistics, seed=settings.seed, width=settings.completer.width,
                precision=precision_of(settings.completer.precision),
            )  # fmt: skip
            completer.build()
            fitting = CompletionFitting(completer)
        rows = watched_rows(data.held_out)
        watched = {"image": tf.constant(data.image[rows]), "seen": tf.constant(data.seen[rows])}
        figure = "held_out_error" if data.held_out.any() else "training_error"
        error = tf.function(
            lambda: tf.reduce_mean(fitting.loss_terms(watched, tf.constant([settings.seed, 0]))["completion"]),
            autograph=False,
        )
        stage = Stage(
            "completer", self._folder, fitting,
            self._poses("completer", ~data.held_out, settings.completer_batch_size, settings.seed + 2),
            self._strategy, settings.completer_stage,
            evaluate=lambda: {figure: float(error())}, select=figure if data.held_out.any() else None,
            writes=self.writes,
        )  # fmt: skip
        return completer, stage

    def _new_prior(self) -> tuple[PosePrior, Stage]:
        settings, data = self._settings, self._elepose_data
        coordinates = data.coordinates(~data.held_out, flip=settings.flip)
        subspace = self._parts.fit_subspace(*coordinates, settings.bases, data.skeleton)
        logging.info("prior: %d dimensions hold %.2f %% of the variance", subspace.size, 100 * subspace.explained)
        with self._strategy.scope():
            prior = PosePrior(subspace, **dataclasses.asdict(settings.prior), seed=settings.seed)
            prior.build()
        rows = watched_rows(data.held_out)
        stage = new_prior_stage(
            self._folder, prior, self._poses("prior", ~data.held_out, settings.prior_batch_size, settings.seed),
            self._strategy, settings.prior_stage, noise=settings.prior_noise,
            watched=(data.image[rows], data.seen[rows]), select=bool(data.held_out.any()),
            complete=self._complete,
            writes=self.writes,
        )  # fmt: skip
        return prior, stage

    def _new_lifter(self, seed: int) -> DepthElevationLifter | PartLifter:
        lifter = self._settings.lifter
        return self._parts.new_lifter(
            self._data.skeleton, self._data.normalizer, width=lifter.width, arch=lifter.arch,
            precision=precision_of(lifter.precision), seed=seed,
        )  # fmt: skip

    def _new_lifter_stage(self) -> Stage:
        return Stage(
            "lifter", self._folder, self._objective, self._lifter_batches(), self._strategy,
            self._settings.lifter_stage, evaluate=self.watch, writes=self.writes,
        )  # fmt: skip

    def _new_start_stage(self) -> Stage | None:
        """A stage that tries several initial weights and keeps the best by objective and knees: in the
        first hundred steps chance decides whether some limbs are lifted mirrored, and later steps seldom change that.
        """
        settings, skeleton = self._settings, self._data.skeleton
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
            "starts", self._folder, self._objective, batches, self._strategy, stage, first_weights=self._first_weights,
            evaluate=self._measure_of_starts(), select="objective_and_knees", writes=self.writes,
        )  # fmt: skip

    def _measure_of_starts(self) -> Callable[[], dict[str, float]]:
        """A function that measures, always on the same training poses, the objective and how far knees bend backwards.

        The objective alone does not separate good starts from bad ones; the knees alone would prefer legs of any length
        that are stretched.
        """
        data, objective, model = self._data, self._objective, self._model
        rows = spread_rows(data.train, EVALUATION_POSES)
        rows = rows[: len(rows) // 2 * 2]  # The term "deformation" needs pairs.
        batch = {"image": tf.constant(data.image[rows]), "seen": tf.constant(data.seen[rows])}
        if data.is_denoised:
            batch["detected"] = tf.constant(data.detected[rows])

        @tf.function(autograph=False)
        def tensors() -> tuple[tf.Tensor, tf.Tensor]:
            terms = objective.loss_terms(batch, tf.constant([self._settings.seed, 1]))
            means = [objective.term_weights[name] * tf.reduce_mean(term) for name, term in terms.items()]
            whole = self._complete(batch.get("detected", batch["image"]), batch["seen"])
            return tf.add_n(means), tf.reduce_mean(losses.backward_knees(model.y(whole)[0], model.skeleton))

        def measure() -> dict[str, float]:
            value, knees = map(float, tensors())
            return {"objective_and_knees": value + _KNEES_OF_STARTS * knees, "backward_knees": knees}

        return measure

    def _first_weights(self, start: int) -> dict[str, np.ndarray]:
        """The lifter's initial weights of a start; start 0 has those of a training with a single start."""
        seed = self._settings.seed if start == 0 else seeds.derive(self._settings.seed, start)
        return values_of(named_variables({"lifter": self._new_lifter(seed)}))

    def _poses(
        self, stage: str, rows: np.ndarray | slice, batch_size: int, seed: int, more: Mapping[str, np.ndarray] = {}
    ) -> Batches:
        """Batches of the rows' poses, with their seen joints where some are missing, and of the arrays in `more`."""
        arrays, seen = {"image": self._data.image[rows], **more}, self._data.seen[rows]
        if not seen.all():
            arrays["seen"] = seen
        return self._data.batches(stage, arrays, batch_size, seed, flip=self._settings.flip)

    def _lifter_batches(self) -> Batches | ShardBatches:
        settings, data = self._settings, self._elepose_data
        batch_size, seed = settings.lifter_batch_size, settings.seed + 1
        if data.shards is None:
            detected = {"detected": data.detected} if data.is_denoised else {}
            return self._poses("lifter", slice(None), batch_size, seed, detected)
        return ShardBatches(
            data.shards, data.normalizer, kind=settings.poses_2d, min_confidence=settings.min_confidence,
            batch_size=batch_size, seed=seed, flip=settings.flip,
        )  # fmt: skip

    def _complete(self, image: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        return image if self._completer is None else complete(self._completer, self._data.normalizer, image, seen)
