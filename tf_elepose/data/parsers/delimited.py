"""Cuts lines of a text table into cells, and reads their numbers; has limits, and names the line in messages."""

from __future__ import annotations

import array
import csv
import math
import operator
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

DELIMITERS = (",", ";", "\t", "|")

MAX_COLUMNS = 2000  # Whole-body detectors have 133 joints, three columns each.
_MAX_LINE_BYTES = 64 * MAX_COLUMNS


def read_line(stream: BinaryIO, where: str, number: int) -> str | None:
    """Reads the next line of `stream`, line `number` of the file, as text; None at the end.

    Raises:
      ValueError: it is too long, or not UTF-8.
    """
    line = stream.readline(_MAX_LINE_BYTES + 1)
    if not line:
        return None
    if len(line) > _MAX_LINE_BYTES:
        raise ValueError(f"{where}: line {number}: expected at most {_MAX_LINE_BYTES} bytes; got more")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}: line {number}: expected text in UTF-8; byte {error.start} is not") from None
    return text.removeprefix("\ufeff") if number == 1 else text


def read_lines(stream: BinaryIO, where: str, first: int) -> Iterator[tuple[int, str]]:
    """Yields (number, text) of the remaining lines of `stream` that are not blank; the next line is line `first`."""
    number = first
    while (line := read_line(stream, where, number)) is not None:
        if line.strip():
            yield number, line
        number += 1


def delimiter_of(header: str) -> str:
    """Returns the delimiter of a table: the one that is most frequent in `header`."""
    return max(DELIMITERS, key=header.count)


def cells_of(line: str, delimiter: str, what: str) -> list[str]:
    """Returns the cells of a line, without the quotes around them.

    Raises:
      ValueError: there are too many, or a quote is not closed; the message begins with `what`.
    """
    text = line.rstrip("\r\n")
    if text and '"' not in text and "\r" not in text:  # Five times as fast as csv.reader, which gives the same.
        cells = text.split(delimiter)
    else:
        try:
            cells = next(csv.reader([text], delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            why = "lines end with a carriage return alone; save it with line feeds" if "\r" in text else str(error)
            raise ValueError(f"{what}: not a line of a table ({why})") from None
    if len(cells) > MAX_COLUMNS:
        raise ValueError(f"{what}: expected at most {MAX_COLUMNS} columns; got {len(cells)}")
    return cells


_MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "--", "."}


def is_missing(cell: str) -> bool:
    """Says whether a cell is empty or holds a sign for "no value" (of R, pandas, spreadsheets or SAS)."""
    return cell.strip().lower() in _MISSING


def number_of(cell: str, what: str) -> float:
    """Returns the number in a cell, NaN if it `is_missing`.

    Raises:
      ValueError: the cell is not a number; the message begins with `what`.
    """
    try:
        return math.nan if is_missing(cell) else float(cell)
    except ValueError:
        raise ValueError(f"{what}: expected a number or nothing; got {cell[:40]!r}{decimals_hint(cell)}") from None


def numbers_of(lines: Sequence[tuple[int, list[str]]], places: Sequence[int], where: str) -> np.ndarray:
    """Returns the numbers [n, len(places)], float32, in the cells at two or more `places` of lines (number, cells).

    A cell that `is_missing` gives NaN, and so does infinity.

    Raises:
      ValueError: a cell is not a number; the message begins with `where` and names the line.
    """
    found = array.array("d")
    picked = operator.itemgetter(*places)
    for number, cells in lines:
        held = len(found)
        try:
            found.extend(map(float, picked(cells)))
        except ValueError:
            del found[held:]
            found.extend(_with_missing(cells, places, f"{where}: line {number}"))
    numbers = np.frombuffer(found, np.float64).reshape(len(lines), len(places))
    numbers = np.where(np.isinf(numbers), np.nan, numbers)
    return np.clip(numbers, -3e38, 3e38).astype(np.float32)  # `assemble` refuses numbers that are too large.


def _with_missing(cells: Sequence[str], places: Sequence[int], what: str) -> list[float]:
    """Returns the numbers of a line in which some cells are missing."""
    try:
        return [float(cells[at] or "nan") for at in places]
    except ValueError:
        return [number_of(cells[at], f"{what}, column {at + 1}") for at in places]


def decimals_hint(word: str) -> str:
    """Returns a hint for the end of a message about `word`, if it is a number with a decimal comma; otherwise ""."""
    return "; decimals need a point" if re.fullmatch(r"\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*", word) else ""
