"""Writes npz files larger than memory, a part of their arrays at a time."""

from __future__ import annotations

import contextlib
import math
import os
import pathlib
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import IO, BinaryIO

import numpy as np

from tf_elepose.storage import files


def write_npz_parts(
    path: str | os.PathLike[str],
    parts: Iterable[Mapping[str, np.ndarray]],
    whole: Callable[[], Mapping[str, np.ndarray]],
) -> None:
    """Makes `path` an npz file, as `write_npz` does, of arrays that come in parts and are never whole in memory.

    Until the last part has come, the arrays are kept in unnamed temporary files in the folder of `path`.

    Args:
      path: of the file.
      parts: {name: rows} with the same names in each. An array of numbers has one dtype in all parts; text may become
        longer.
      whole: called after the last part; returns the arrays that have no parts.

    Raises:
      ValueError: as in `write_npz`; there are no parts, or parts do not fit together.
      OSError: as in `write_bytes`.
    """
    with files.replacing(path) as file, contextlib.ExitStack() as stack:
        columns: dict[str, _Column] = {}
        for number, part in enumerate(parts):
            if number == 0:
                folder = pathlib.Path(path).resolve().parent
                columns = {name: _Column(stack.enter_context(tempfile.TemporaryFile(dir=folder))) for name in part}
            if part.keys() != columns.keys():
                given, expected = ", ".join(part), ", ".join(columns)
                raise ValueError(f"{os.fspath(path)}: part {number} has {given}; expected {expected}")
            for name, array in part.items():
                columns[name].add(files.plain_array(path, name, array), f"{os.fspath(path)}: array {name!r}")
        if not columns:
            raise ValueError(f"{os.fspath(path)}: nothing to write: expected at least one part")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, column in columns.items():
                with files.npz_member(archive, name) as member:
                    column.copy_to(member)
            for name, array in whole().items():
                with files.npz_member(archive, name) as member:
                    np.lib.format.write_array(member, files.plain_array(path, name, array), allow_pickle=False)


class _Column:
    """The rows of one array, written to a file one part after the other."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._parts: list[tuple[np.dtype, int]] = []
        self._tail: tuple[int, ...] = ()

    def add(self, rows: np.ndarray, what: str) -> None:
        first = self._parts[0][0] if self._parts else rows.dtype
        fits = rows.ndim > 0 and (rows.dtype == first or rows.dtype.kind == first.kind == "U")
        if not fits or (self._parts and rows.shape[1:] != self._tail):
            expected = f"more {first} {list(self._tail)}"
            raise ValueError(f"{what}: expected {expected}; got {rows.dtype} {list(rows.shape[1:])}")
        self._tail = rows.shape[1:]
        self._parts.append((rows.dtype, len(rows)))
        self._file.write(np.ascontiguousarray(rows).data)

    def copy_to(self, member: IO[bytes]) -> None:
        widest = max((dtype for dtype, _ in self._parts), key=lambda dtype: dtype.itemsize)
        shape = (sum(count for _, count in self._parts), *self._tail)
        header = {"descr": np.lib.format.dtype_to_descr(widest), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(member, header)
        self._file.seek(0)
        for dtype, count in self._parts:
            data = self._file.read(count * math.prod(self._tail) * dtype.itemsize)
            member.write(np.frombuffer(data, dtype).astype(widest, copy=False).data)
