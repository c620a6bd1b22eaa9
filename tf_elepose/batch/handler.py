"""Lifting in Beam's RunInference: its own handler of SavedModels asks Keras 3 to load them, which refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from apache_beam.ml.inference.base import ModelHandler, PredictionResult

from tf_elepose.batch.block import Block, Keypoints
from tf_elepose.batch.results import LiftedBlock
from tf_elepose.inference.lifter import Lifter
from tf_elepose.motion.lifted import Lifted, few_joints

_FEWEST, _MOST = 1 << 12, 1 << 16  # Poses that the engine may put together.


@dataclasses.dataclass(frozen=True)
class LiftSettings:
    """How a worker lifts; frozen. The fields are those of `Lifter` and of its call.

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
        """The lifter; errors as in `Lifter`, and for models that poses cannot be given to in any portions."""
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
    """Blocks in; blocks and `LiftedBlock` out. A worker loads the model once."""

    def __init__(self, settings: LiftSettings) -> None:
        super().__init__()
        self._settings = settings

    def load_model(self) -> Lifter:
        return self._settings.open()

    def run_inference(
        self, batch: Sequence[Block], model: Lifter, inference_args: dict[str, Any] | None = None
    ) -> Iterable[PredictionResult]:
        """All poses of a batch that have one convention are lifted together, however many blocks they come from."""
        del inference_args
        name = f"{model.model.name} {model.model.fingerprint}"
        lifted = [_Lifting(len(block), model, name, self._settings.height_mm) for block in batch]
        for alike in _alike(batch):
            trust = [trusted for _, part in alike if (trusted := part.confidence) is not None]
            poses = np.concatenate([part.poses_2d for _, part in alike]) if len(alike) > 1 else alike[0][1].poses_2d
            confidence = None if not trust else np.concatenate(trust) if len(trust) > 1 else trust[0]
            try:
                said = model(
                    poses, confidence, convention=alike[0][1].convention, min_confidence=self._settings.min_confidence,
                    height_mm=self._settings.height_mm,
                )  # fmt: skip
            except ValueError as error:  # A convention without the joints that the model needs.
                for number, part in alike:
                    lifted[number].refused |= dict.fromkeys(part.rows.tolist(), str(error))
                continue
            first = 0
            for number, part in alike:
                lifted[number].take(part.rows, said, slice(first, first + len(part.rows)))
                first += len(part.rows)
        return [PredictionResult(b, one.block(), name) for b, one in zip(batch, lifted, strict=True)]

    def get_num_bytes(self, batch: Sequence[Block]) -> int:
        return sum(part.poses_2d.nbytes for block in batch for part in block.stretch.keypoints)

    def get_metrics_namespace(self) -> str:
        return "tf_elepose"

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        """The engine looks for the number of poses that lifts fastest; a block is never cut."""
        return {"min_batch_size": _FEWEST, "max_batch_size": _MOST, "element_size_fn": _size}


class _Lifting:
    """A `LiftedBlock` in the making."""

    def __init__(self, n: int, model: Lifter, name: str, height_mm: float | None) -> None:
        self._model, self._name = model, name
        self._unit = "unit" if height_mm is None else "mm"
        self.refused: dict[int, str] = {}
        self._poses = np.zeros((n, model.skeleton.num_joints, 3), np.float32)
        self._valid, self._few = np.zeros(n, bool), np.zeros(n, bool)
        self._percentile, self._elevation = np.full((2, n), np.nan, np.float32)

    def take(self, rows: np.ndarray, said: Lifted, part: slice) -> None:
        self._poses[rows], self._valid[rows] = said.poses_3d[part], said.valid[part]
        unseen = ~said.valid[part]
        if unseen.any():
            self._few[rows[unseen]] = few_joints(said.select(np.arange(part.start, part.stop)[unseen]))
        if said.percentile is not None:
            self._percentile[rows] = said.percentile[part]
        if said.elevation is not None:
            self._elevation[rows] = said.elevation[part]

    def block(self) -> LiftedBlock:
        return LiftedBlock(
            self._name, self._model.skeleton, self._unit, self._poses, self._valid, self._few, self._percentile,
            self._elevation, self.refused,
        )  # fmt: skip


def _size(block: Block) -> int:
    return max(1, len(block))


def _alike(batch: Sequence[Block]) -> Iterable[list[tuple[int, Keypoints]]]:
    """(number of the block, keypoints) of all that can be lifted in one call."""
    found: dict[tuple[str, bool], list[tuple[int, Keypoints]]] = {}
    for number, block in enumerate(batch):
        for part in block.stretch.keypoints:
            found.setdefault((part.convention.name, part.confidence is None), []).append((number, part))
    return found.values()
