"""`csv`: keypoints in a plain table, with the names of the joints or in a convention that the user names.

One row is one person in one frame of one camera. The file has a header; its columns are <joint>_x, <joint>_y and
optionally <joint>_confidence for every joint, in any order (joint_columns.py), or x0, y0, [c0], x1, ... in the order of
the convention. Columns are separated by comma, semicolon or tab: the one that is most frequent in the header.

Other columns say clip, frame and person of a row (table_labels.py). A warning names unknown columns. DeepLabCut's and
SLEAP's tables are recognised by their headers.

A joint is missing if its cells are empty, NaN or NA, if its confidence is 0, or if it lies at exactly (0, 0) or
(-1, -1), see `visibility`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from tf_elepose.data.parsers.delimited import cells_of, delimiter_of, numbers_of, read_line, read_lines
from tf_elepose.data.parsers.limits import listed, opened, share_read, unpacked_name
from tf_elepose.data.readers.deeplabcut import is_deeplabcut, read_deeplabcut
from tf_elepose.data.readers.joint_columns import joint_columns
from tf_elepose.data.readers.sleap import is_sleap, read_sleap
from tf_elepose.data.readers.table_labels import RowLabels
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton.conversion import Convention

_PART_ROWS, _PART_CELLS = 4096, 500_000  # For a csv file.


def read_csv(path: str | os.PathLike[str], *, convention: str | None = None) -> Iterator[Rows]:
    """Yields the rows of the table at `path`, some thousands at a time.

    Args:
      path: of the file.
      convention: a name or the path of a convention file; required where the header does not name the joints.

    Raises:
      ValueError: there is no such file or no convention, or the table is wrong; the message names the line of the file.
    """
    where = f"csv file {path}"
    with opened(path, where) as stream:
        header = read_line(stream, where, 1)
        if header is None:
            raise ValueError(f"{where}: expected a header; the file is empty")
        delimiter = delimiter_of(header)
        names = [name.strip() for name in cells_of(header, delimiter, f"{where}: line 1")]
        columns = [name.lower() for name in names]
        for belongs, reader in ((is_deeplabcut, read_deeplabcut), (is_sleap, read_sleap)):
            if belongs(columns):
                yield from reader(path, convention=convention)
                return
        if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
            raise ValueError(f"{where}: line 1: {listed(twice)}: given twice")
        joints = joint_columns(names, convention, f"{where}: line 1")
        held, places = joints.convention, joints.places
        used = [place for axis in places for place in axis]
        stem, part_rows = unpacked_name(path).stem, min(_PART_ROWS, _PART_CELLS // len(columns))
        rows = _rows_of(stream, delimiter, len(columns), where)
        first = next(rows, None)
        labels = RowLabels(names, used, first[1] if first else [], stem, where)
        if labels.learns:
            labels.learn(_rows_again(path, delimiter, len(columns), where))
        rows = itertools.chain([first] if first else [], rows)
        while lines := list(itertools.islice(rows, part_rows)):
            yield _csv_rows(lines, places, labels, held, share_read(stream), where)
        labels.tell()


def _rows_of(stream: BinaryIO, delimiter: str, columns: int, where: str) -> Iterator[tuple[int, list[str]]]:
    """Yields (line, cells) of the remaining rows in `stream`, from line 2."""
    for number, line in read_lines(stream, where, 2):
        cells = cells_of(line, delimiter, f"{where}: line {number}")
        if len(cells) == columns + 1 and not cells[-1].strip():
            cells.pop()  # Programs end lines with a delimiter that the header lacks.
        if len(cells) != columns:
            hint = "; decimals need a point" if delimiter == "," and len(cells) > columns else ""
            raise ValueError(f"{where}: line {number}: expected {columns} columns as in line 1; got {len(cells)}{hint}")
        yield number, cells


def _rows_again(
    path: str | os.PathLike[str], delimiter: str, columns: int, where: str
) -> Iterator[tuple[int, list[str]]]:
    with opened(path, where) as stream:
        read_line(stream, where, 1)
        yield from _rows_of(stream, delimiter, columns, where)


def _csv_rows(
    lines: list[tuple[int, list[str]]],
    places: list[list[int]],
    labels: RowLabels,
    held: Convention,
    done: float,
    where: str,
) -> Rows:
    used = [place for axis in places for place in axis]
    fields, keep = labels.fields(lines)
    lines = [line for line, kept in zip(lines, keep, strict=True) if kept]
    per_axis = np.split(numbers_of(lines, used, where), len(places), axis=1)
    confidence = per_axis[2] if len(places) == 3 else None
    return Rows(held, np.stack(per_axis[:2], axis=-1), confidence=confidence, done=done, **fields)
