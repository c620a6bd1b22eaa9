"""`deeplabcut`: the csv of DeepLabCut's predictions or labels, of one or several individuals.

The header has the lines scorer, individuals (only with several), bodyparts and coords (x, y, likelihood); every further
line is a frame, in px. The first column is the frame; in labels it is the picture's path, which may be cut into three
columns (DeepLabCut deeplabcut/pose_estimation_pytorch/apis/utils.py,
generate_training_dataset/trainingsetmanipulation.py). The individual "single" has body parts that belong to no
individual; if there are other individuals, it is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
from absl import logging

from tf_elepose.data.frame_names import frame_places
from tf_elepose.data.identities import PERSON
from tf_elepose.data.parsers.delimited import cells_of, delimiter_of, number_of, read_line, read_lines
from tf_elepose.data.parsers.limits import listed, opened, share_read, unpacked_name
from tf_elepose.data.readers.keypoint_lists import text
from tf_elepose.data.readers.node_columns import Line, NodeColumns
from tf_elepose.data.readers.table_labels import REPEATED
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton.conversion import Convention

_SCORER, _INDIVIDUALS, _PARTS, _COORDS = "scorer", "individuals", "bodyparts", "coords"
_AXES = ("x", "y", "likelihood")
_SHARED = "single"
_HEADER_LINES = 4
_PART_CELLS = 500_000
_LARGEST_FRAME = 2**31 - 1


def is_deeplabcut(columns: list[str]) -> bool:
    """Whether the first line of a table is that of DeepLabCut."""
    return columns[:1] == [_SCORER]


def read_deeplabcut(path: str | os.PathLike[str], *, convention: str | None = None) -> Iterator[Rows]:
    """Yields the rows of the csv file at `path`, some thousands of frames at a time.

    The clip is the part of the file's name before the name of the network. Individuals are people, numbered in the
    order of the file; a frame has no row for an individual that is not found in it. In labels, the names of pictures
    give clip and frame.

    Args:
      path: of the file.
      convention: of the body parts; without it, their names decide.

    Raises:
      ValueError: there is no such file, or the table is wrong; the message names the line of the file.
    """
    where = f"DeepLabCut file {os.fspath(path)}"
    with opened(path, where) as stream:
        table = _Table(_header(stream, where), convention, where)
        pictures = None
        for number, line in read_lines(stream, where, table.first_line):
            if not _is_frame(cells_of(line, table.delimiter, f"{where}: line {number}")[0]):
                pictures = _Pictures(path, table, where)
            break
    clip = text(_clip(unpacked_name(path).stem, table.scorer), f"{where}: its name")
    with opened(path, where) as stream:
        _header(stream, where)
        lines: list[Line] = []
        most = max(1, _PART_CELLS // table.num_columns)
        for number, line in read_lines(stream, where, table.first_line):
            lines.append((number, table.cells(number, line)))
            if len(lines) == most:
                yield table.rows(lines, clip, pictures, share_read(stream))
                lines = []
        if lines:
            yield table.rows(lines, clip, pictures, 1.0)


class _Table:
    """The columns of a file.

    Attributes:
      delimiter: of its cells.
      scorer: name of the network or person.
      num_columns: of every line.
      first_line: number of the first line after the header.
      names_columns: how many of the first columns name the frame.
    """

    def __init__(self, header: Sequence[str], convention: str | None, where: str) -> None:
        self._where = where
        self.delimiter = delimiter_of(header[0])
        cells = [cells_of(line, self.delimiter, f"{where}: line {at}") for at, line in enumerate(header, 1)]
        rows = {row[0].strip().lower(): [cell.strip() for cell in row] for row in cells if row}
        expected = [_SCORER, *[_INDIVIDUALS] * (_INDIVIDUALS in rows), _PARTS, _COORDS]
        if list(rows)[: len(expected)] != expected:
            raise ValueError(f"{where}: expected the lines {_SCORER}, {_PARTS}, {_COORDS}; got {listed(rows)}")
        self.first_line = len(expected) + 1
        self.num_columns = len(rows[_COORDS])
        if lengths := sorted({len(rows[name]) for name in expected} - {self.num_columns}):
            raise ValueError(
                f"{where}: expected {self.num_columns} columns in each line of the header; got {lengths[0]}"
            )
        self.names_columns = next((at for at, cell in enumerate(rows[_COORDS]) if at and cell), self.num_columns)
        self.scorer = rows[_SCORER][-1]
        self._people = self._individuals(rows)
        self._met: set[tuple[str, int]] = set()
        first = next(iter(self._people.values()))
        self._convention: Convention = first.convention(convention, f"{where}: {_PARTS}")
        for columns in self._people.values():
            if columns is not first:
                columns.convention(convention, f"{where}: {_PARTS}")

    def _individuals(self, rows: dict[str, list[str]]) -> dict[str, NodeColumns]:
        """Returns {individual: the columns of its body parts}; all individuals must have the same body parts."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for at in range(self.names_columns, self.num_columns):
            person = rows[_INDIVIDUALS][at] if _INDIVIDUALS in rows else ""
            part, axis = rows[_PARTS][at], rows[_COORDS][at].lower()
            if axis not in _AXES:
                raise ValueError(f"{self._where}: {_COORDS}: expected {', '.join(_AXES)}; got {axis[:40]!r}")
            places = found.setdefault(person, {}).setdefault(part, {})
            if axis in places:
                raise ValueError(f"{self._where}: column {at + 1}: {axis} of {listed([part])}: given twice")
            places[axis] = at
        if len(found) > 1 and found.pop(_SHARED, None) is not None:
            logging.warning("%s: left out: the body parts of %r, which belong to no individual", self._where, _SHARED)
        if not found:
            raise ValueError(f"{self._where}: {_PARTS}: expected columns for body parts; there are none")
        first, parts = next(iter(found.items()))
        for person, others in found.items():
            if {axis for places in others.values() for axis in places} != {*next(iter(parts.values()))}:
                raise ValueError(
                    f"{self._where}: {_COORDS}: expected the same of {listed([first])} and {listed([person])}"
                )
            if set(others) != set(parts):
                raise ValueError(
                    f"{self._where}: {_INDIVIDUALS}: expected the same body parts of {listed([first])} and "
                    f"{listed([person])}; they differ in {listed(sorted(set(parts) ^ set(others)))}"
                )
        return {
            person: NodeColumns({part: others[part] for part in parts}, "likelihood", f"{self._where}: {_COORDS}")
            for person, others in found.items()
        }

    def cells(self, number: int, line: str) -> list[str]:
        """The cells of line `number`."""
        cells = cells_of(line, self.delimiter, f"{self._where}: line {number}")
        if len(cells) != self.num_columns:
            raise ValueError(
                f"{self._where}: line {number}: expected {self.num_columns} columns as in line 1; got {len(cells)}"
            )
        return cells

    def rows(self, lines: list[Line], clip: str, pictures: _Pictures | None, done: float) -> Rows:
        """Returns the rows of the next lines: for each frame, one row for each individual that is found in it."""
        where, named, kept = self._where, list[tuple[str, int]](), list[Line]()
        for number, cells in lines:
            if pictures is None:
                place = (clip, _frame(number, cells, where))
            else:
                place = pictures.place("/".join(cells[: self.names_columns]))
            if place not in self._met:
                self._met.add(place)
                named.append(place)
                kept.append((number, cells))
        repeated, lines = len(self._people) * (len(lines) - len(kept)), kept
        clips, frames = np.array([name for name, _ in named], np.str_), np.array([at for _, at in named], np.int64)
        read = [columns.read(lines, where) for columns in self._people.values()]
        joints, people = self._convention.num_joints, len(read)
        places = np.stack([places[:, :joints] for places, _ in read], axis=1).reshape(-1, joints, 2)
        scores = [scores[:, :joints] for _, scores in read if scores is not None]
        confidence = np.stack(scores, axis=1).reshape(-1, joints) if scores else None
        found = np.isfinite(places).all(axis=-1).any(axis=-1) if people > 1 else np.ones(len(places), bool)
        dropped = {"of individuals who are not found": int((~found).sum()), REPEATED: repeated}
        return Rows(
            self._convention,
            places[found],
            confidence=None if confidence is None else confidence[found],
            subject=clip,
            clip=np.repeat(clips, people)[found],
            frame=np.repeat(frames, people)[found],
            person=np.tile(np.arange(people), len(lines))[found] if people > 1 else None,
            identity=PERSON,
            dropped={reason: count for reason, count in dropped.items() if count},
            done=done,
        )


class _Pictures:
    """The clips and frames of labelled pictures, by their paths."""

    def __init__(self, path: str | os.PathLike[str], table: _Table, where: str) -> None:
        with opened(path, where) as stream:
            _header(stream, where)
            names = dict.fromkeys(
                text("/".join(table.cells(number, line)[: table.names_columns]), f"{where}: line {number}")
                for number, line in read_lines(stream, where, table.first_line)
            )
        clip = text(unpacked_name(path).stem, f"{where}: its name")
        self._where = where
        self._places = dict(
            zip(names, frame_places(list(names), clip, where) or [(clip, at) for at in range(len(names))], strict=True)
        )

    def place(self, name: str) -> tuple[str, int]:
        """Returns (clip, frame) of the picture `name`."""
        if name not in self._places:
            raise ValueError(f"{self._where}: changed while it was read")
        return self._places[name]


def _header(stream: BinaryIO, where: str) -> list[str]:
    """Reads the lines of the header."""
    lines: list[str] = []
    while len(lines) < _HEADER_LINES:
        line = read_line(stream, where, len(lines) + 1)
        if line is None:
            raise ValueError(
                f"{where}: expected the lines {_SCORER}, {_PARTS}, {_COORDS}; the file ends after {len(lines)} lines"
            )
        lines.append(line)
        if line.lstrip('"').lower().startswith(_COORDS):
            return lines
    raise ValueError(
        f"{where}: expected the lines {_SCORER}, {_PARTS}, {_COORDS}; the first {_HEADER_LINES} lines are others"
    )


def _is_frame(cell: str) -> bool:
    try:
        return float(cell).is_integer()
    except (ValueError, OverflowError):
        return False


def _frame(number: int, cells: list[str], where: str) -> int:
    frame = number_of(cells[0], f"{where}: line {number}: frame")
    if not (0 <= frame <= _LARGEST_FRAME and frame.is_integer()):
        raise ValueError(f"{where}: line {number}: frame: expected an integer from 0; got {cells[0][:40]!r}")
    return int(frame)


def _clip(stem: str, scorer: str) -> str:
    """Finds the video's name in the file's: "walk" in walkDLC_resnet50_walkNov1shuffle1_1000_filtered."""
    video = stem.partition(scorer)[0].rstrip("_- ") if scorer else ""
    return video or stem
