"""LInKs from a recording to a trained model: ElePose's run with a prior of two halves, and fillers at the end."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf_elepose.data.recording import Recording
from tf_elepose.data.shards.shards import Shards
from tf_elepose.methods.filling import FillFitting
from tf_elepose.methods.links import LInKs
from tf_elepose.nn import pca
from tf_elepose.recipes.elepose.run import EleposeRun
from tf_elepose.recipes.elepose.settings import EleposeSettings
from tf_elepose.training.stage import Stage, StageSettings


@dataclasses.dataclass(frozen=True)
class LinksSettings(EleposeSettings):
    """What a config says about a LInKs run; plain values, besides those of an ElePose run.

    Attributes:
      filler: keywords of `PartFiller`: width, precision; None: missing halves are completed in 2D.
      filler_batch_size, filler_stage: how the fillers are trained.
    """

    filler: Mapping[str, Any] | None
    filler_batch_size: int
    filler_stage: StageSettings | None


class LinksRun(EleposeRun):
    """Completer, prior, lifter and fillers, one after the other."""

    def __init__(
        self,
        folder: pathlib.Path,
        recording: Recording,
        settings: LinksSettings,
        strategy: tf.distribute.Strategy,
        shards: Shards | None = None,
    ) -> None:
        """Args and errors: as `EleposeRun` has them."""
        self._filler_settings = settings
        super().__init__(folder, recording, settings, strategy, shards)
        self._filler_stage = self._new_filler_stage()

    @property
    def stages(self) -> list[Stage]:
        return super().stages + ([] if self._filler_stage is None else [self._filler_stage])

    def _subspace(self, flat: np.ndarray, known: np.ndarray) -> pca.Subspace:
        """Of each half its own; the bases are shared out by joints."""
        bases, skeleton, parts = self._settings.bases, self._train.skeleton, []
        halves = {half: skeleton.indices(joints) for half, joints in skeleton.halves.items()}
        joints_of_both = sum(map(len, halves.values()))
        for joints in halves.values():
            places = np.add.outer(2 * np.array(joints), np.arange(2)).ravel()
            own, own_known, own_bases = flat[:, places], known[:, places], round(bases * len(joints) / joints_of_both)
            fitted = pca.fit_pca(own, own_bases, own_known) if bases else pca.fit_coordinates(own, own_known)
            parts.append((fitted, places))
        return pca.side_by_side(parts, flat.shape[1])

    def _new_method(self, **options) -> LInKs:
        return LInKs(filler=self._filler_settings.filler, **options)

    def _new_filler_stage(self) -> Stage | None:
        settings, method = self._filler_settings, self._method
        if settings.filler_stage is None:
            return None
        assert isinstance(method, LInKs)
        return Stage(
            "filler", self._folder, FillFitting(method),
            self._poses("filler", slice(None), settings.filler_batch_size, settings.seed + 3),
            self._strategy, settings.filler_stage, evaluate=self.watch, writes=self.writes,
        )  # fmt: skip
