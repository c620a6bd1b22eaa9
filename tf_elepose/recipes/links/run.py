"""LInKs' training: ElePose's with a prior and a lifter of two halves, and fillers at the end."""

from __future__ import annotations

import pathlib

import numpy as np
import tensorflow as tf

from tf_elepose.methods.filling import FillFitting
from tf_elepose.methods.links import LInKs, joints_of_halves, new_fillers, new_part_lifter
from tf_elepose.nn import pca
from tf_elepose.recipes.elepose.data import EleposeData
from tf_elepose.recipes.elepose.run import EleposeRun, Parts
from tf_elepose.recipes.links.settings import LinksSettings
from tf_elepose.skeleton.skeletons import Skeleton
from tf_elepose.training.stage import Stage
from tf_elepose.training.strategy import precision_of


def fit_subspaces(flat: np.ndarray, known: np.ndarray, bases: int, skeleton: Skeleton) -> pca.Subspace:
    """See `Parts.fit_subspace`: one subspace for each half; the halves share the bases by their numbers of joints."""
    parts, halves = [], joints_of_halves(skeleton)
    joints_of_both = sum(map(len, halves.values()))
    for joints in halves.values():
        places = np.add.outer(2 * np.array(joints), np.arange(2)).ravel()
        own, own_known, own_bases = flat[:, places], known[:, places], round(bases * len(joints) / joints_of_both)
        fitted = pca.fit_pca(own, own_bases, own_known) if bases else pca.fit_coordinates(own, own_known)
        parts.append((fitted, places))
    return pca.side_by_side(parts, flat.shape[1])


class LinksRun(EleposeRun):
    """Trains completer, prior, lifter and fillers, one after the other."""

    def __init__(
        self, folder: pathlib.Path, data: EleposeData, settings: LinksSettings, strategy: tf.distribute.Strategy
    ) -> None:
        """Builds networks and stages; arguments and errors as in `EleposeRun`."""
        filler = settings.filler
        with strategy.scope():
            fillers = {} if filler is None else new_fillers(
                data.skeleton, width=filler.width, precision=precision_of(filler.precision), seed=settings.seed
            )  # fmt: skip

        def new_model(*networks, **options) -> LInKs:
            return LInKs(*networks, fillers=fillers, **options)

        super().__init__(folder, data, settings, strategy, Parts(fit_subspaces, new_part_lifter, new_model))
        self._filler_stage = None
        if settings.filler_stage is not None:
            assert isinstance(self._model, LInKs)
            self._filler_stage = Stage(
                "filler", folder, FillFitting(self._model),
                self._poses("filler", slice(None), settings.filler_batch_size, settings.seed + 3),
                strategy, settings.filler_stage, evaluate=self.watch, writes=self.writes,
            )  # fmt: skip

    @property
    def stages(self) -> list[Stage]:
        return super().stages + ([] if self._filler_stage is None else [self._filler_stage])
