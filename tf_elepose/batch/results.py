"""The results of a batch job: Parquet parts of lifted poses and of dead letters, with fixed schemas."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tf_elepose.batch.block import IDS, Block, DeadLetter
from tf_elepose.motion.lifted import FEW_JOINTS, NO_EXTENT
from tf_elepose.skeleton.skeletons import Skeleton
from tf_elepose.storage import files

LIFTED, DEAD_LETTERS = "lifted", "dead_letters"
"""Folders of the output."""

DEAD_LETTER_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("row", pa.int64()),
        pa.field("id", pa.string()),
        pa.field("records", pa.int64()),
        pa.field("read", pa.bool_(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""Schema of dead letters: a row for each record, or run of records, that was not lifted. `row`: number of the first
record in the file, null where the letter is about the file; `records`: number of records, null where that cannot be
known; `read`: whether the record also has a row, not valid, among the lifted poses."""

_FACTS = b"tf_elepose.part"
_MOST_REASON = 500  # Characters.


def lifted_schema(skeleton: Skeleton, model: str, unit: str) -> pa.Schema:
    """The schema of lifted poses: a row for every record that could be read.

    `poses_3d` are 3 J numbers, x, y and z of one joint after the other, root at the origin, camera frame. `percentile`,
    `elevation_deg` and `poses_3d` are null where not `valid`. The schema's metadata name the joints.

    Args:
      skeleton: of the poses.
      model: name and fingerprint.
      unit: of `Lifted.unit`.
    """
    numbers = [("source", pa.string(), False), *((field.name, field.type, field.nullable) for field in IDS)]
    numbers += [
        ("valid", pa.bool_(), False),
        ("percentile", pa.float32(), True),
        ("elevation_deg", pa.float32(), True),
        ("poses_3d", pa.list_(pa.float32()), True),
        ("model", pa.string(), False),
    ]
    fields = [pa.field(name, kind, nullable=nullable) for name, kind, nullable in numbers]
    metadata = {
        "joints": json.dumps(skeleton.joints), "model": model, "unit": unit,
        "axes": "camera: x right, y down, z forward",
    }  # fmt: skip
    return pa.schema(fields, metadata=metadata)


@dataclasses.dataclass(frozen=True, eq=False)
class LiftedBlock:
    """A model's predictions for the n poses of a block; numbers of poses that are not valid mean nothing.

    Attributes:
      model: name and fingerprint.
      skeleton, unit: of the poses, as in `Lifted`.
      poses_3d: [n, J, 3].
      valid: [n].
      few_joints: [n] whether a pose shows too few joints to be lifted.
      percentile, elevation: [n], NaN where not known.
      refused: {row: reason} of poses whose convention the model cannot take.
    """

    model: str
    skeleton: Skeleton
    unit: str
    poses_3d: np.ndarray
    valid: np.ndarray
    few_joints: np.ndarray
    percentile: np.ndarray
    elevation: np.ndarray
    refused: Mapping[int, str]


@dataclasses.dataclass(frozen=True)
class PartFacts:
    """Counts of one part, for the manifest.

    Attributes:
      name: of its files.
      source: the input's path.
      rows, valid: lifted poses, and how many of them are valid.
      letters: dead letters.
      lost: records of the dead letters that have no row among the lifted poses, as far as their number is known.
      reasons: records by reason; record numbers and names are left out of reasons.
      bytes: of the lifted poses' file.
    """

    name: str
    source: str
    rows: int
    valid: int
    letters: int
    lost: int
    reasons: Mapping[str, int]
    bytes: int = 0


def write_part(folder: pathlib.Path, block: Block, lifted: LiftedBlock) -> PartFacts:
    """Writes the dead letters of a block, if any, and then its lifted poses; each file whole or not at all.

    Raises:
      OSError: a file cannot be written.
    """
    letters = [*block.stretch.letters, *_not_lifted(block, lifted)]
    if letters:
        with files.replacing(folder / DEAD_LETTERS / f"{block.name}.parquet") as stream:
            pq.write_table(_letter_table(block.unit.path, letters), stream)
    reasons: Counter[str] = Counter()
    for letter in letters:
        reasons[general(letter.reason)] += letter.records or 1
    facts = PartFacts(
        block.name, block.unit.path, len(block), int(lifted.valid.sum()), len(letters),
        sum(letter.records or 0 for letter in letters if not letter.read), dict(reasons),
    )  # fmt: skip
    schema = lifted_schema(lifted.skeleton, lifted.model, lifted.unit)
    metadata = {**(schema.metadata or {}), _FACTS: json.dumps(dataclasses.asdict(facts)).encode()}
    path = folder / LIFTED / f"{block.name}.parquet"
    with files.replacing(path) as stream:
        # Poses hardly compress, and their numbers rarely repeat: only columns of repeated texts get a dictionary.
        pq.write_table(
            _lifted_table(block, lifted, schema).replace_schema_metadata(metadata), stream, compression="zstd",
            compression_level=1, use_dictionary=["source", "subject", "clip", "model"], write_statistics=False,
        )  # fmt: skip
    return dataclasses.replace(facts, bytes=path.stat().st_size)


def found_part(folder: pathlib.Path, block: Block) -> PartFacts | None:
    """The facts of a block's part that an earlier run of the same job has written; None where there is none."""
    path = folder / LIFTED / f"{block.name}.parquet"
    try:
        text = (pq.read_schema(path).metadata or {}).get(_FACTS, b"{}")
        return PartFacts(**{**json.loads(text), "bytes": path.stat().st_size})
    except (FileNotFoundError, TypeError, ValueError, pa.ArrowException):
        return None


def read_poses(table: pa.Table, skeleton: Skeleton) -> np.ndarray:
    """`poses_3d` of a table of lifted poses as [n, J, 3]; 0 where not valid."""
    poses = np.zeros((len(table), 3 * skeleton.num_joints), np.float32)
    column = table.column("poses_3d")
    flat = np.concatenate([np.zeros(0, np.float32), *(chunk.flatten().to_numpy() for chunk in column.chunks)])
    poses[column.is_valid().to_numpy()] = flat.reshape(-1, poses.shape[1])
    return poses.reshape(len(table), -1, 3)


def general(reason: str) -> str:
    """`reason` without the numbers and names of a single record, so that equal reasons can be counted."""
    words = [word for word in reason.split() if not word.endswith(".tfrecord:")]
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
            continue
        skip = word == "record" or word == "after"
        kept.append(word)
    return " ".join(kept).partition("; got")[0].partition(" (")[0][:100]


def _not_lifted(block: Block, lifted: LiftedBlock) -> list[DeadLetter]:
    rows = np.flatnonzero(~lifted.valid)
    if not len(rows):
        return []
    ids = block.stretch.ids.take(rows)
    invalid = zip(rows.tolist(), ids.column("row").to_pylist(), ids.column("id").to_pylist(), strict=True)
    return [
        DeadLetter(
            number, lifted.refused.get(row) or (FEW_JOINTS if lifted.few_joints[row] else NO_EXTENT), name, read=True
        )
        for row, number, name in invalid
    ]


def _letter_table(source: str, letters: Sequence[DeadLetter]) -> pa.Table:
    columns: dict[str, list[Any]] = {
        "source": [source] * len(letters),
        "row": [letter.row if letter.row >= 0 else None for letter in letters],
        "id": [letter.id for letter in letters],
        "records": [letter.records for letter in letters],
        "read": [letter.read for letter in letters],
        "reason": [" ".join(letter.reason.split())[:_MOST_REASON] for letter in letters],
    }
    return pa.table(columns, schema=DEAD_LETTER_SCHEMA)


def _lifted_table(block: Block, lifted: LiftedBlock, schema: pa.Schema) -> pa.Table:
    n = len(block)
    ids = block.stretch.ids.combine_chunks()
    unknown = ~lifted.valid

    def number(values: np.ndarray) -> pa.Array:
        return pa.array(np.asarray(values, np.float32), mask=unknown | ~np.isfinite(values))

    # Lists of variable size: a Parquet file of fixed-size lists cannot be read back where one of them is null.
    flat = lifted.poses_3d[lifted.valid].astype(np.float32, copy=False).reshape(-1)
    ends = 3 * lifted.skeleton.num_joints * np.concatenate([[0], np.cumsum(lifted.valid)])
    offsets = pa.array(ends, pa.int32(), mask=np.append(unknown, False))
    poses = pa.ListArray.from_arrays(offsets, pa.array(flat))
    columns = {"source": pa.repeat(block.unit.path, n), **{name: ids.column(name) for name in IDS.names}}
    columns |= {
        "valid": pa.array(lifted.valid), "percentile": number(lifted.percentile),
        "elevation_deg": number(lifted.elevation), "poses_3d": poses, "model": pa.repeat(lifted.model, n),
    }  # fmt: skip
    return pa.table([columns[name] for name in schema.names], schema=schema)
