"""`csv`: keypoints in a plain table, with the names of the joints or in a convention that the user names.

One row is one person in one frame of one camera. The file has a header; its columns are <joint>_x, <joint>_y and
optionally <joint>_confidence for every joint, in any order (joint_columns.py), or x0, y0, [c0], x1, ... in the order of
the convention. They are separated by comma, semicolon or tab, whichever the header has most of.

There may be columns frame, person, camera (integers from 0), clip, subject, action (text) and split ("train" or
"test"). Without frame, each row is a frame of its own; without clip or subject, all rows have one, named as the file.
Other columns are ignored. DeepLabCut's and SLEAP's tables are known by their headers.

A joint is missing where it is empty or NaN, has confidence 0, or lies at exactly (0, 0) or (-1, -1), see `visibility`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from tf_elepose.data.parsers.delimited import cells_of, delimiter_of, number_of, read_line
from tf_elepose.data.parsers.limits import MAX_TEXT_LENGTH, listed, opened, share_read, unpacked_name
from tf_elepose.data.readers.deeplabcut import is_deeplabcut, read_deeplabcut
from tf_elepose.data.readers.joint_columns import joint_columns
from tf_elepose.data.readers.sleap import is_sleap, read_sleap
from tf_elepose.data.recording import SPLITS
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton.conversion import Convention

_INTEGERS, _TEXTS = ("frame", "person", "camera"), ("clip", "subject", "action", "split")
_PART_ROWS, _PART_CELLS = 4096, 500_000  # For a csv file.


def read_csv(path: str | os.PathLike[str], *, convention: str | None = None) -> Iterator[Rows]:
    """Yields the rows of the table at `path`, some thousands at a time.

    Args:
      path: of the file.
      convention: a name or the path of a convention file; required where the header does not name the joints.

    Raises:
      ValueError: there is no such file or no convention, or the table is wrong: one line with the line of the file.
    """
    where = f"csv file {path}"
    with opened(path, where) as stream:
        header = read_line(stream, where, 1)
        if header is None:
            raise ValueError(f"{where}: expected a header; the file is empty")
        delimiter = delimiter_of(header)
        written = [name.strip() for name in cells_of(header, delimiter, f"{where}: line 1")]
        columns = [name.lower() for name in written]
        for belongs, reader in ((is_deeplabcut, read_deeplabcut), (is_sleap, read_sleap)):
            if belongs(columns):
                yield from reader(path, convention=convention)
                return
        if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
            raise ValueError(f"{where}: line 1: {listed(twice)}: given twice")
        joints = joint_columns(written, convention, f"{where}: line 1")
        held, places = joints.convention, joints.places
        known = {name: columns.index(name) for name in (*_INTEGERS, *_TEXTS) if name in columns}
        stem, first, line_number = unpacked_name(path).stem, 0, 1
        part_rows = min(_PART_ROWS, _PART_CELLS // len(columns))
        lines: list[tuple[int, list[str]]] = []
        while True:
            line_number += 1
            line = read_line(stream, where, line_number)
            if line is not None and line.strip():
                lines.append((line_number, cells_of(line, delimiter, f"{where}: line {line_number}")))
            if lines and (line is None or len(lines) == part_rows):
                yield _csv_rows(lines, len(columns), places, known, first, stem, held, share_read(stream), where)
                first, lines = first + len(lines), []
            if line is None:
                return


def _csv_rows(
    lines: list[tuple[int, list[str]]],
    num_columns: int,
    places: list[list[int]],
    known: dict[str, int],
    first: int,
    stem: str,
    held: Convention,
    done: float,
    where: str,
) -> Rows:
    used = [place for axis in places for place in axis]
    numbers = np.empty((len(lines), len(used)), np.float64)
    fields: dict[str, Any] = {name: [] for name in known}
    for row, (number, cells) in enumerate(lines):
        if len(cells) != num_columns:
            raise ValueError(f"{where}: line {number}: expected {num_columns} columns as in line 1; got {len(cells)}")
        try:
            numbers[row] = [float(cells[place] or "nan") for place in used]
        except ValueError:
            numbers[row] = [number_of(cells[place], f"{where}: line {number}, column {place + 1}") for place in used]
        for name, place in known.items():
            fields[name].append(_value(name, cells[place].strip(), f"{where}: line {number}: {name}"))
    if np.isinf(numbers).any():
        row = int(np.flatnonzero(np.isinf(numbers).any(axis=1))[0])
        raise ValueError(f"{where}: line {lines[row][0]}: expected finite numbers; got infinity")
    numbers = np.clip(numbers, -3e38, 3e38).astype(np.float32)  # `assemble` refuses numbers that are too large.
    per_axis = np.split(numbers, len(places), axis=1)
    confidence = per_axis[2] if len(places) == 3 else None
    for name in known:
        fields[name] = np.array(fields[name], np.int64 if name in _INTEGERS else np.str_)
    fields = {"frame": np.arange(first, first + len(lines)), "clip": stem, "subject": stem} | fields
    return Rows(held, np.stack(per_axis[:2], axis=-1), confidence=confidence, done=done, **fields)


def _value(name: str, cell: str, what: str) -> int | str:
    if name in _INTEGERS:
        try:
            value = float(cell)  # Spreadsheets and data frames write 3 as 3.0.
        except ValueError:
            value = math.nan
        if not (0 <= value < 2**31 and value.is_integer()):
            raise ValueError(f"{what}: expected an integer from 0; got {cell[:40]!r}")
        return int(value)
    if name == "split" and cell not in SPLITS:
        raise ValueError(f"{what}: expected train or test; got {cell[:40]!r}")
    if len(cell) > MAX_TEXT_LENGTH:
        raise ValueError(f"{what}: expected at most {MAX_TEXT_LENGTH} characters; got {len(cell)}")
    return cell
