"""Reads npz archives of unknown origin; declared sizes are checked against real ones before memory is allocated.

Numbers and text are read, pickled objects never.
"""

from __future__ import annotations

import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import IO, Self

import numpy as np

from tf_elepose.data.parsers.limits import MAX_TEXT_LENGTH, MAX_UNPACKED_RATIO, SMALL_BYTES, listed, one_line

# Raised by zipfile for archives that it cannot read: damaged, cut short, encrypted (RuntimeError), packed by an unknown
# method or version (NotImplementedError), with names that are not text (UnicodeDecodeError, a ValueError).
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


class NpzReader:
    """The arrays of an npz file, read one at a time; a context manager.

    Attributes:
      where: what messages call the file.
      names: the names of its arrays.
    """

    def __init__(self, path: str | os.PathLike[str], what: str = "npz file") -> None:
        """Opens the file at `path`; messages call its kind `what`.

        Raises:
          ValueError: there is no such file, it is not a readable archive, or holds a name twice.
        """
        self.where = f"{what} {os.fspath(path)}"
        try:
            self._archive = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise ValueError(f"{self.where}: no such file") from None
        except DAMAGE as error:
            raise ValueError(f"{self.where}: not a readable .npz archive ({one_line(error)})") from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in self._archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name in self._members:
                raise ValueError(f"{self.where}: {listed([name])}: given twice")
            self._members[name] = info

    @property
    def names(self) -> list[str]:
        return list(self._members)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()

    def rename(self, name: str, new: str) -> None:
        """Calls the array `name` by the name `new`, which no other array may have."""
        self._members[new] = self._members.pop(name)

    def declared(self, name: str) -> tuple[tuple[int, ...], np.dtype]:
        """Shape and type of an array, from its .npy header; they must match the number of bytes of the member."""
        info, what = self._members[name], f"{self.where}: {listed([name])}"
        with self._opened(name) as stream:
            shape, _, dtype, start = read_header(stream, what)
        if dtype.kind not in "fiuUb":
            raise ValueError(f"{what}: expected numbers or text; got {dtype}")
        declared = start + math.prod(shape) * dtype.itemsize
        if declared != info.file_size:
            raise ValueError(f"{what}: its header declares {declared} bytes, the archive holds {info.file_size}")
        if dtype.kind == "U" and dtype.itemsize > MAX_TEXT_LENGTH * np.dtype("U1").itemsize:
            raise ValueError(f"{what}: expected text of at most {MAX_TEXT_LENGTH} characters; got {dtype}")
        if dtype.kind != "U" and declared > max(SMALL_BYTES, MAX_UNPACKED_RATIO * info.compress_size):
            raise ValueError(
                f"{what}: {info.compress_size} bytes that unpack to {declared}; at most 1:{MAX_UNPACKED_RATIO}"
            )
        return shape, dtype

    def array(self, name: str) -> np.ndarray:
        """Reads an array; its bytes are taken as numbers or text, never as pickled objects."""
        what = f"{self.where}: {listed([name])}"
        shape, dtype = self.declared(name)
        with self._opened(name) as stream:
            _, fortran_order, _, _ = read_header(stream, what)
            try:
                data = stream.read()
            except DAMAGE as error:
                raise ValueError(f"{what}: damaged ({one_line(error)})") from error
        if len(data) != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{what}: cut short at {len(data)} of {math.prod(shape) * dtype.itemsize} bytes")
        return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C")

    def require_sound(self) -> None:
        """Reads every member to its end; raises a ValueError where one is damaged."""
        for name in self.names:
            with self._opened(name) as stream:
                try:
                    while stream.read(1 << 20):
                        pass
                except DAMAGE as error:
                    raise ValueError(f"{self.where}: {listed([name])}: damaged ({one_line(error)})") from error

    def blocks(self, name: str, rows: int, row_axes: int = 1) -> Iterator[np.ndarray]:
        """Reads an array in blocks of `rows` rows of its first axis; several arrays may be read in turn.

        The checksum is known to be right only when the last block has come.

        Args:
          name: of the array.
          rows: the number of rows in a block.
          row_axes: this many first axes are counted as one axis of rows.
        """
        what = f"{self.where}: {listed([name])}"
        shape, dtype = self.declared(name)
        with self._opened(name) as stream:
            _, fortran_order, _, _ = read_header(stream, what)
            if fortran_order and len(shape) > 1:  # The first axis varies fastest: its rows are not contiguous.
                whole = self.array(name)
                whole = whole.reshape(-1, *shape[row_axes:]) if row_axes > 1 else whole
                yield from (whole[first : first + rows] for first in range(0, len(whole), rows))
                return
            length, row_bytes = math.prod(shape[:row_axes]), math.prod(shape[row_axes:]) * dtype.itemsize
            for first in range(0, length, rows):
                count = min(rows, length - first)
                try:
                    data = stream.read(count * row_bytes)
                    if first + count == length:
                        stream.read(1)  # At the end zipfile compares the checksum.
                except DAMAGE as error:
                    raise ValueError(f"{what}: damaged ({one_line(error)})") from error
                if len(data) != count * row_bytes:
                    held = first * row_bytes + len(data)
                    raise ValueError(f"{what}: cut short at {held} of {length * row_bytes} bytes")
                yield np.frombuffer(data, dtype).reshape(count, *shape[row_axes:])

    def parts(
        self, members: Mapping[str, str], rows: int, row_axes: int = 1
    ) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Yields (first row, {key: rows}) of the arrays {key: name} of equal length, `rows` rows at a time."""
        blocks = [self.blocks(name, rows, row_axes) for name in members.values()]
        for number, part in enumerate(zip(*blocks, strict=True)):
            yield number * rows, dict(zip(members, part, strict=True))

    def _opened(self, name: str) -> IO[bytes]:
        try:
            return self._archive.open(self._members[name])
        except DAMAGE as error:
            raise ValueError(f"{self.where}: {listed([name])}: cannot be unpacked ({one_line(error)})") from error


def read_header(stream: IO[bytes], what: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Reads an .npy header: shape, order, type and its length; leaves the stream at the array's first byte."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(stream)
        if version not in readers:
            raise ValueError(f"version {version} of the format")
        shape, fortran_order, dtype = readers[version](stream)
        if any(length < 0 for length in shape):
            raise ValueError(f"shape {shape}")
    except Exception as error:  # A header is a Python literal; a damaged one raises any error of the parser.
        raise ValueError(f"{what}: not a readable .npy array ({one_line(error)})") from error
    return shape, fortran_order, dtype, stream.tell()


def as_float32(array: np.ndarray) -> np.ndarray:
    """`array` as float32. Finite numbers stay finite: a number beyond all proportion is not taken for infinity."""
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = array.astype(np.float32)
        lost = np.isinf(narrow)
        if lost.any():
            narrow = np.where(lost & np.isfinite(array), np.sign(array) * np.float32(3e38), narrow).astype(np.float32)
    return narrow
