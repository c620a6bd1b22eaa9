"""CanonPose's training: one stage, on moments that several cameras see."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from tf_elepose.data.moments import MomentBatches
from tf_elepose.methods.canonpose import CanonPose, CanonposeObjective
from tf_elepose.methods.pose_model import PoseModel
from tf_elepose.nn.canonical_lifter import CanonicalLifter
from tf_elepose.nn.pose_statistics import fit_statistics
from tf_elepose.recipes.canonpose.canonical_space import HIPS, hips_deviation_mm
from tf_elepose.recipes.canonpose.data import CanonposeData, prepare
from tf_elepose.recipes.canonpose.settings import CanonposeSettings
from tf_elepose.recipes.run import Run
from tf_elepose.training.stage import Stage
from tf_elepose.training.strategy import precision_of


class CanonposeRun(Run):
    """Trains the lifter."""

    prepare = staticmethod(prepare)

    def __init__(
        self, folder: pathlib.Path, data: CanonposeData, settings: CanonposeSettings, strategy: tf.distribute.Strategy
    ) -> None:
        """Builds network and stage; arguments and errors as in `Run`."""
        super().__init__(folder, data, settings, strategy)
        self._moments = data.moments
        skeleton, lifter = data.skeleton, settings.lifter
        statistics = fit_statistics(*data.coordinates(data.used, flip=settings.flip))
        with strategy.scope():
            network = CanonicalLifter(
                skeleton.num_joints, skeleton.root_index, statistics, width=lifter.width,
                confidences=lifter.confidences, precision=precision_of(lifter.precision), seed=settings.seed,
            )  # fmt: skip
            network.build()
            self._model = CanonPose(
                skeleton, data.normalizer, network, hidden=lifter.hidden, flip_average=lifter.flip_average
            )
            self._model.trust.measure(data.confidence[data.used])
            rigs = min(len(np.unique(data.moments.rig)), settings.batch_size)
            factors = lifter.pair_factors(len(data.moments.cameras), rigs)
            weights = {term: weight * factors.get(term, 1.0) for term, weight in lifter.term_weights.items()}
            self._objective = CanonposeObjective(self._model, term_weights=weights)
        arrays = {
            "image": data.moments.views(data.image),
            "confidence": data.moments.views(data.confidence.astype(np.float32)),
            "rig": data.moments.rig.astype(np.float32),
        }
        try:
            batches = MomentBatches(
                arrays, skeleton, batch_size=settings.batch_size, seed=settings.seed + 1, flip=settings.flip
            )
        except ValueError as error:
            raise ValueError(f"lifter: {error} (its training moments; lifter.batch_size sets it)") from error
        self._stage = Stage(
            "lifter", folder, self._objective, batches, strategy, settings.stage, evaluate=self.watch,
            writes=self.writes,
        )  # fmt: skip

    @property
    def stages(self) -> list[Stage]:
        return [self._stage]

    @property
    def model(self) -> CanonPose:
        return self._model

    @property
    def facts(self) -> dict[str, Any]:
        return {
            **super().facts,
            "training_moments": len(self._moments),
            "cameras": self._moments.cameras.tolist(),
            "rigs": len(np.unique(self._moments.rig)),
        }

    def own_figures(self, model: PoseModel) -> dict[str, float]:
        """Figure 7: the deviation of the canonical hips between the views of a moment."""
        watched = self._data.watched
        has_truth = set(HIPS) <= set(watched.skeleton.joints) and watched.poses_3d is not None
        if not has_truth or len(np.unique(watched.camera)) < 2:
            return {}
        try:
            deviation = hips_deviation_mm(model, watched, self._view(watched))
        except ValueError:  # No two of the watched poses are of one moment.
            return {}
        return {"canonical_hips_std_mm": deviation} if np.isfinite(deviation) else {}
