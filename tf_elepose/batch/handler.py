"""Lifting in Beam's RunInference. Beam's own handler loads SavedModels with Keras 3, which refuses them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from apache_beam.ml.inference.base import ModelHandler, PredictionResult

from tf_elepose.batch.block import Block, BlockKeypoints
from tf_elepose.batch.results import LiftedBlock
from tf_elepose.data.visibility import RootCentring, seen
from tf_elepose.inference.lifter import Lifter
from tf_elepose.motion.lifted import Lifted, few_joints
from tf_elepose.skeleton.skeletons import Skeleton

_FEWEST, _MOST = 1 << 12, 1 << 16  # Limits on the poses that the engine puts in a batch.


@dataclasses.dataclass(frozen=True)
class LiftSettings:
    """Settings of a worker's lifter; frozen. The fields are arguments of `Lifter` and of its call.

    Attributes:
      model, precision, likelihood, threads, runtime: see `Lifter`.
      min_confidence, height_mm: see `Lifter.__call__`.
    """

    model: str
    precision: str | None = None
    runtime: str = "tflite"
    likelihood: bool = True
    threads: int = 1
    min_confidence: float | None = None
    height_mm: float | None = None

    def open(self) -> Lifter:
        """Opens the lifter; errors as in `Lifter`, and a ValueError for models that need whole clips."""
        lifter = Lifter(
            self.model, precision=self.precision, likelihood=self.likelihood, threads=self.threads, runtime=self.runtime
        )
        if lifter.model.needs_groups:
            raise ValueError(
                f"model {self.model}: lifts all frames of a clip together, and a block may hold a part of one: use "
                "python -m tf_elepose.lift"
            )
        return lifter


class LifterHandler(ModelHandler[Block, PredictionResult, Lifter]):
    """Turns each `Block` into the pair of it and its `LiftedBlock`. A worker loads the model once."""

    def __init__(self, settings: LiftSettings) -> None:
        super().__init__()
        self._settings = settings

    def load_model(self) -> Lifter:
        return self._settings.open()

    def run_inference(
        self, batch: Sequence[Block], model: Lifter, inference_args: dict[str, Any] | None = None
    ) -> Iterable[PredictionResult]:
        """Lifts all poses of a batch that have the same convention in one call, however many blocks they come from."""
        del inference_args
        name = f"{model.model.name} {model.model.fingerprint}"
        lifted = [_Lifting(len(block), model, name, self._settings.height_mm) for block in batch]
        for alike in _alike(batch):
            trust = [trusted for _, part in alike if (trusted := part.confidence) is not None]
            poses = np.concatenate([part.poses_2d for _, part in alike]) if len(alike) > 1 else alike[0][1].poses_2d
            confidence = None if not trust else np.concatenate(trust) if len(trust) > 1 else trust[0]
            convention, threshold = alike[0][1].convention, model.threshold(self._settings.min_confidence)
            try:
                # Each block, a part of one file, is judged alone: so the result does not depend on how blocks are
                # batched.
                centred = [_root_centred(part, model.skeleton, threshold) for _, part in alike]
                lifted_poses = model(
                    poses,
                    confidence,
                    convention=convention,
                    min_confidence=threshold,
                    root_centred=np.repeat(centred, [len(part.rows) for _, part in alike]),
                    height_mm=self._settings.height_mm,
                )
            except ValueError as error:  # A convention without the joints that the model needs.
                for number, part in alike:
                    lifted[number].refused |= dict.fromkeys(part.rows.tolist(), str(error))
                continue
            first = 0
            for number, part in alike:
                lifted[number].take(part.rows, lifted_poses, slice(first, first + len(part.rows)))
                first += len(part.rows)
        return [PredictionResult(b, one.block(), name) for b, one in zip(batch, lifted, strict=True)]

    def get_num_bytes(self, batch: Sequence[Block]) -> int:
        return sum(part.poses_2d.nbytes for block in batch for part in block.stretch.keypoints)

    def get_metrics_namespace(self) -> str:
        return "tf_elepose"

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        """Limits for the engine, which searches for the fastest number of poses a batch; a block is never cut."""
        return {"min_batch_size": _FEWEST, "max_batch_size": _MOST, "element_size_fn": _size}


class _Lifting:
    """Collects the results of a block's conventions into a `LiftedBlock`."""

    def __init__(self, n: int, model: Lifter, name: str, height_mm: float | None) -> None:
        self._model, self._name = model, name
        self._unit = "unit" if height_mm is None else "mm"
        self.refused: dict[int, str] = {}
        self._poses = np.zeros((n, model.skeleton.num_joints, 3), np.float32)
        self._valid, self._few = np.zeros(n, bool), np.zeros(n, bool)
        self._percentile, self._elevation = np.full((2, n), np.nan, np.float32)

    def take(self, rows: np.ndarray, lifted: Lifted, part: slice) -> None:
        self._poses[rows], self._valid[rows] = lifted.poses_3d[part], lifted.valid[part]
        invalid = ~lifted.valid[part]
        if invalid.any():
            self._few[rows[invalid]] = few_joints(lifted.select(np.arange(part.start, part.stop)[invalid]))
        if lifted.percentile is not None:
            self._percentile[rows] = lifted.percentile[part]
        if lifted.elevation is not None:
            self._elevation[rows] = lifted.elevation[part]

    def block(self) -> LiftedBlock:
        return LiftedBlock(
            self._name, self._model.skeleton, self._unit, self._poses, self._valid, self._few, self._percentile,
            self._elevation, self.refused,
        )  # fmt: skip


def _size(block: Block) -> int:
    return max(1, len(block))


def _root_centred(keypoints: BlockKeypoints, skeleton: Skeleton, threshold: float) -> bool:
    given = seen(keypoints.poses_2d, keypoints.confidence, threshold, root_centred=True)
    return RootCentring(keypoints.convention, skeleton).of_source(keypoints.poses_2d, given)


def _alike(batch: Sequence[Block]) -> Iterable[list[tuple[int, BlockKeypoints]]]:
    """Groups of (number of the block, keypoints); a group can be lifted in one call."""
    found: dict[tuple[str, bool], list[tuple[int, BlockKeypoints]]] = {}
    for number, block in enumerate(batch):
        for part in block.stretch.keypoints:
            found.setdefault((part.convention.name, part.confidence is None), []).append((number, part))
    return found.values()
