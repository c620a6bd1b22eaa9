"""Parquet tables of poses, read a row group at a time, column by column.

Columns: poses_2d, a list of K pairs or of 2 K numbers, px; optional: confidence, a list of K numbers; convention, id,
subject, clip (text); camera, person, frame (integers from 0). Null or NaN in a list is a missing joint. The file's own
metadata may name the `convention` of all its rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tf_elepose.batch.block import IDS, BlockKeypoints, DeadLetter, Stretch, Unit, unreadable
from tf_elepose.batch.naming import named_convention
from tf_elepose.data.parsers.limits import MAX_TEXT_LENGTH
from tf_elepose.skeleton.conversion import Convention

_TOGETHER = 1 << 14  # Rows.
_COLUMNS = ("poses_2d", "confidence", "convention", "id", "subject", "clip", "camera", "person", "frame")


def groups(file: int, path: str) -> Iterator[Unit]:
    """The row groups of a file as units; the whole file where it cannot be opened, so that its reader reports that."""
    try:
        with pq.ParquetFile(path) as table:
            sizes = [table.metadata.row_group(number).num_rows for number in range(table.metadata.num_row_groups)]
    except (pa.ArrowException, OSError, ValueError):
        sizes = [0]
    for number, first in enumerate(np.cumsum([0, *sizes[:-1]]).tolist() if sizes else []):
        yield Unit(path, file, number, first)


def read_group(unit: Unit, convention: Convention | None) -> Iterator[Stretch]:
    """Reads the poses of a row group; a row that is no pose becomes a dead letter.

    Args:
      unit: the group.
      convention: of rows that name none, in a file that names none.

    Raises:
      ValueError: not a table of poses.
      ArrowException: the file cannot be opened.
    """
    with pq.ParquetFile(unit.path) as table:
        schema = table.schema_arrow
        if "poses_2d" not in schema.names:
            raise ValueError(f"expected a column poses_2d; it has {', '.join(schema.names)[:200]}")
        columns = [name for name in _COLUMNS if name in schema.names]
        stated = (schema.metadata or {}).get(b"convention")
        first, rows = unit.first_row, table.metadata.row_group(unit.group).num_rows
        try:
            if stated is not None:
                convention = named_convention(stated.decode("utf-8"), None)
            for batch in table.iter_batches(_TOGETHER, row_groups=[unit.group], columns=columns):
                yield _stretch(batch, first, convention)
                first += len(batch)
        except (ValueError, OSError, pa.ArrowException) as error:
            rest = unit.first_row + rows - first
            yield unreadable(f"row group {unit.group}: {error}", row=first, records=rest)


def _stretch(batch: pa.RecordBatch, first: int, convention: Convention | None) -> Stretch:
    n = len(batch)
    given = {name: batch.column(name) for name in batch.schema.names}
    problems: dict[int, str] = {}
    counts, values, paired = _flat(given["poses_2d"], "poses_2d")
    trust_counts, trust = None, None
    if "confidence" in given:
        trust_counts, trust, _ = _flat(given["confidence"], "confidence")
    ids = _ids(given, first, n, problems)
    keypoints: list[tuple[Convention, np.ndarray]] = []
    for name, rows in _by_convention(given.get("convention"), n):
        try:
            resolved = named_convention(name, convention)
        except ValueError as error:
            problems |= dict.fromkeys(rows.tolist(), str(error))
            continue
        right = (counts[rows] == 2 * resolved.num_joints) & paired[rows]
        for row in rows[~right].tolist():
            what = (
                "no poses_2d"
                if counts[row] < 0
                else f"got {counts[row]} numbers" + ("" if paired[row] else " not in pairs")
            )
            problems.setdefault(row, f"poses_2d: expected [{resolved.num_joints}, 2] for {resolved.name}; {what}")
        if trust_counts is not None:
            fits = (trust_counts[rows] == resolved.num_joints) | (trust_counts[rows] < 0)
            wrong = f"confidence: expected [{resolved.num_joints}] for {resolved.name}; got {{}} numbers"
            for row in rows[right & ~fits].tolist():
                problems.setdefault(row, wrong.format(trust_counts[row]))
            right &= fits
        keypoints.append((resolved, rows[right]))
    good = np.ones(n, bool)
    good[list(problems)] = False
    place = np.cumsum(good) - 1
    parts = []
    for resolved, rows in keypoints:
        for sure in (True, False):
            known = np.zeros(len(rows), bool) if trust_counts is None else trust_counts[rows] >= 0
            mine = rows[(known != sure) & good[rows]]
            if len(mine):
                poses = _taken(values, counts, mine).reshape(-1, resolved.num_joints, 2)
                trusted = None
                if not sure and trust_counts is not None and trust is not None:
                    trusted = _taken(trust, trust_counts, mine).reshape(-1, resolved.num_joints)
                parts.append(BlockKeypoints(resolved, place[mine], poses, trusted))
    names = ids["id"].to_pylist() if problems else []
    letters = [DeadLetter(first + row, reason, names[row]) for row, reason in sorted(problems.items())]
    return Stretch(ids.filter(pa.array(good)), parts, letters)


def _flat(column: pa.Array, what: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flattens a column of lists: how many numbers each row has [n], -1 for null; all numbers one after the other,
    float32; and whether all inner lists of a row are pairs [n], True for lists without inner lists.
    """
    if not _is_list(column.type):
        raise ValueError(f"{what}: expected lists of numbers; got {column.type}")
    lengths = pc.list_value_length(column).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    counts, inner = lengths.copy(), pc.list_flatten(column)
    paired = np.ones(len(column), bool)
    if _is_list(inner.type):
        row = np.repeat(np.arange(len(column)), np.maximum(lengths, 0))
        sizes = pc.list_value_length(inner).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        paired = np.bincount(row, sizes != 2, minlength=len(column)) == 0
        counts = np.where(lengths < 0, -1, np.bincount(row, sizes, minlength=len(column)).astype(np.int64))
        inner = pc.list_flatten(inner)
    if not (pa.types.is_floating(inner.type) or pa.types.is_integer(inner.type)):
        raise ValueError(f"{what}: expected lists of numbers; got {column.type}")
    with np.errstate(over="ignore"):
        values = inner.to_numpy(zero_copy_only=False).astype(np.float32)
    return counts, values, paired


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _taken(values: np.ndarray, counts: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The numbers [m, count] of `rows` [m], which all have the same count."""
    held = np.maximum(counts, 0)
    count = int(held[rows[0]])
    if len(rows) == len(counts) and len(values) == count * len(rows):
        return values.reshape(len(rows), count)
    begins = np.cumsum(held) - held
    return values[begins[rows][:, np.newaxis] + np.arange(count)]


def _by_convention(column: pa.Array | None, n: int) -> Iterator[tuple[str | None, np.ndarray]]:
    """Yields every convention's name with its rows; the name is None for rows without one."""
    if column is None:
        yield None, np.arange(n)
        return
    codes = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
    names, numbers = codes.dictionary.to_pylist(), codes.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    for number in np.unique(numbers).tolist():
        yield (None if number < 0 else names[number]), np.flatnonzero(numbers == number)


def _ids(given: dict[str, pa.Array], first: int, n: int, problems: dict[int, str]) -> pa.Table:
    """A table with the schema `IDS` of all n rows; adds to `problems` the reason for each wrong row."""
    columns: dict[str, pa.Array] = {"row": pa.array(first + np.arange(n), pa.int64())}
    for name in ("id", "subject", "clip"):
        column = given[name].cast(pa.string()) if name in given else pa.nulls(n, pa.string())
        long = pc.greater(pc.utf8_length(column), MAX_TEXT_LENGTH).fill_null(False).to_numpy(zero_copy_only=False)
        reason = f"{name}: expected text of at most {MAX_TEXT_LENGTH} characters"
        problems |= dict.fromkeys(np.flatnonzero(long).tolist(), reason)
        columns[name] = column if name == "id" else column.fill_null("")
    for name in ("camera", "person", "frame"):
        numbers = first + np.arange(n) if name == "frame" else np.zeros(n, np.int64)
        if name in given:
            if not pa.types.is_integer(given[name].type):
                raise ValueError(f"{name}: expected integers; got {given[name].type}")
            present = given[name].is_valid().to_numpy(zero_copy_only=False)
            numbers = np.where(present, given[name].fill_null(0).to_numpy(zero_copy_only=False), numbers)
        wrong = (numbers < 0) | (numbers >= 2**31)
        problems |= dict.fromkeys(np.flatnonzero(wrong).tolist(), f"{name}: expected an integer from 0 to {2**31 - 1}")
        columns[name] = pa.array(np.where(wrong, 0, numbers), pa.int32())
    return pa.table(columns, schema=IDS)
