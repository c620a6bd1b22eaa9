"""The elements of the pipeline: blocks of about ten thousand poses, not single poses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.skeletons import Skeleton

IDS = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("id", pa.string()),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("clip", pa.string(), nullable=False),
        pa.field("camera", pa.int32(), nullable=False),
        pa.field("person", pa.int32(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
    ]
)
"""Schema of all that is known about a pose besides its joints; `row` counts a file's rows, or lines, from 0."""


@dataclasses.dataclass(frozen=True)
class Unit:
    """A file, or a part of one, that one worker reads on its own; frozen.

    Attributes:
      path: of the file.
      file: the file's number among all inputs, from 0.
      group: number of the row group in formats that have them, else 0.
      first_row: number in the file of the unit's first row.
    """

    path: str
    file: int
    group: int = 0
    first_row: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class BlockKeypoints:
    """Poses of a block that have the same convention.

    Attributes:
      convention: of the K joints.
      rows: [m] the poses' rows in the block.
      poses_2d: [m, K, 2] px; NaN where not seen.
      confidence: [m, K], or None where every seen joint is trusted.
    """

    convention: Convention | Skeleton
    rows: np.ndarray
    poses_2d: np.ndarray
    confidence: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class DeadLetter:
    """A record, or several consecutive records, and the reason why they were not lifted.

    Attributes:
      row: number of the first record in the file; -1 where the letter is about the file.
      reason: for people, on one line.
      id: of the record, where it could be read.
      records: number of records; None where that cannot be known.
      read: whether the record could be read: it then also has a row among the lifted poses, as not valid.
    """

    row: int
    reason: str
    id: str | None = None
    records: int | None = 1
    read: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Stretch:
    """Consecutive records of a file.

    Attributes:
      ids: n rows with the schema `IDS`.
      keypoints: cover all n rows, each once.
      letters: records of the stretch without a row.
    """

    ids: pa.Table
    keypoints: Sequence[BlockKeypoints] = ()
    letters: Sequence[DeadLetter] = ()

    def __len__(self) -> int:
        return len(self.ids)


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """A stretch with its place in the inputs; it becomes one part of the output.

    Attributes:
      unit: the unit it was read from.
      number: of the block in its unit, from 0.
      stretch: its records.
    """

    unit: Unit
    number: int
    stretch: Stretch

    def __len__(self) -> int:
        return len(self.stretch)

    @property
    def name(self) -> str:
        """Name of the block's part. It depends on the inputs alone: a second run overwrites the part of the first."""
        return f"part-{self.unit.file:06d}-{self.unit.group:05d}-{self.number:05d}"


def unreadable(reason: str, row: int = -1, records: int | None = None) -> Stretch:
    """A stretch without poses, with one dead letter for `reason`."""
    return Stretch(IDS.empty_table(), letters=(DeadLetter(row, " ".join(reason.split()), records=records),))


def merged(stretches: Iterable[Stretch], rows: int) -> Iterable[Stretch]:
    """Joins stretches until each has at least `rows` poses; only the last may have fewer."""
    waiting: list[Stretch] = []
    for stretch in stretches:
        waiting.append(stretch)
        if sum(map(len, waiting)) >= rows:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(stretches: Sequence[Stretch]) -> Stretch:
    if len(stretches) == 1:
        return stretches[0]
    alike: dict[tuple[str, bool], list[tuple[int, BlockKeypoints]]] = {}
    first = 0
    for stretch in stretches:
        for keypoints in stretch.keypoints:
            kind = (keypoints.convention.name, keypoints.confidence is None)
            alike.setdefault(kind, []).append((first, keypoints))
        first += len(stretch)
    joined = [
        BlockKeypoints(
            parts[0][1].convention,
            np.concatenate([begins + keypoints.rows for begins, keypoints in parts]),
            np.concatenate([keypoints.poses_2d for _, keypoints in parts]),
            None if sure else np.concatenate([trust for _, k in parts if (trust := k.confidence) is not None]),
        )
        for (_, sure), parts in alike.items()
    ]
    letters = [letter for stretch in stretches for letter in stretch.letters]
    return Stretch(pa.concat_tables([stretch.ids for stretch in stretches]), joined, letters)
