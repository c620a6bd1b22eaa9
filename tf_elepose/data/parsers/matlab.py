"""Reads MATLAB files (version 5, as `save -v6` and `-v7` write them) of unknown origin.

scipy.io.loadmat is not used: scipy 1.17 follows nested cells and structs in compiled code without a limit, and a small
file of nested cells ends the process with a segmentation fault. Here only the requested values are read, one level at a
time, and every size is checked against the number of bytes; values that MATLAB would have to evaluate (objects,
function handles) are refused.

The format is MathWorks' "MAT-File Format", Level 5. An element is a tag (type, bytes) and data padded to 8 bytes; small
data is packed into the tag. A matrix is an element that holds elements: flags, dimensions, name, and its values.
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from types import TracebackType
from typing import Self

import numpy as np

from tf_elepose.data.parsers.limits import (
    MAX_TEXT_LENGTH,
    MAX_UNPACKED_RATIO,
    SMALL_BYTES,
    listed,
    one_line,
    opened,
    size_of,
)

_HEADER_BYTES = 128
_HEAD_BYTES = 4096  # Enough for the header of any matrix (flags, at most 32 dimensions, a name of 63 characters).
_MAX_DIMENSIONS = 32
_MAX_ELEMENTS = 2**48  # More than any file holds, and not too many for NumPy where one dimension is 0.
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXTS = {1: "utf-8", 2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16"}
_CLASSES = {
    1: "cell", 2: "struct", 3: "object", 4: "text", 5: "sparse", 6: "double", 7: "single", 8: "int8", 9: "uint8",
    10: "int16", 11: "uint16", 12: "int32", 13: "uint32", 14: "int64", 15: "uint64", 16: "function", 17: "opaque",
}  # fmt: skip
_NUMERIC = tuple(_CLASSES[number] for number in range(6, 16))
_COMPLEX = 0x0800  # The bit of the flags that marks complex numbers.


class MatReader:
    """The variables of a MATLAB file, read one at a time; a context manager.

    Attributes:
      where: what messages call the file.
      names: the names of its variables.
    """

    def __init__(self, path: str | os.PathLike[str], what: str = "MATLAB file") -> None:
        """Opens the file at `path`; messages call its kind `what`.

        Raises:
          ValueError: there is no such file, or it is not a MATLAB file of version 5.
        """
        self.where = f"{what} {os.fspath(path)}"
        self._file = opened(path, self.where, whole=True)
        try:
            self._size = size_of(self._file)
            self._order = self._byte_order()
            self._places = self._variables()
        except BaseException:
            self._file.close()
            raise

    @property
    def names(self) -> list[str]:
        return list(self._places)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def variable(self, name: str) -> MatValue:
        """The variable of that name, with its bytes unpacked but its values not read yet.

        Raises:
          ValueError: there is no such variable, it is damaged, or it unpacks to far more bytes than are allowed.
        """
        if name not in self._places:
            raise ValueError(f"{self.where}: missing {name}; it holds {listed(sorted(self._places)) or 'nothing'}")
        start, count, packed = self._places[name]
        what = f"{self.where}: {listed([name])}"
        self._file.seek(start)
        data = self._file.read(count)
        if packed:
            data = _unpacked(data, self._order, what)
        return MatValue(data, 0, len(data), self._order, what)

    def _byte_order(self) -> str:
        header = self._file.read(_HEADER_BYTES)
        order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
        version = struct.unpack(order + "H", header[124:126])[0] if order else None
        if version == 0x0200 or header[:8] == b"\x89HDF\r\n\x1a\n":
            raise ValueError(f"{self.where}: expected a MATLAB file of version 5; got version 7.3, which is HDF5")
        if order is None or version != 0x0100:
            raise ValueError(f"{self.where}: not a MATLAB file of version 5")
        return order

    def _variables(self) -> dict[str, tuple[int, int, bool]]:
        """The places {name: (start, bytes, whether packed)} of the file's variables."""
        places: dict[str, tuple[int, int, bool]] = {}
        start, number = _HEADER_BYTES, 0
        while start + 8 <= self._size:
            self._file.seek(start)
            kind, count = struct.unpack(self._order + "II", self._file.read(8))
            start, what = start + 8, f"{self.where}: element {number}"
            if kind not in (_MATRIX, _COMPRESSED) or count > self._size - start:
                raise ValueError(f"{what}: damaged or cut short")
            data = self._file.read(min(count, _HEAD_BYTES))
            if kind == _COMPRESSED:
                data = _inflated(zlib.decompressobj(), data, _HEAD_BYTES, what)[8:]
            name = _head(data, 0, len(data), self._order, what)[2]
            if name in places:
                raise ValueError(f"{self.where}: {listed([name])}: given twice")
            places[name] = (start, count, kind == _COMPRESSED)
            start, number = start + count, number + 1
        return places


class MatValue:
    """A matrix, struct array, cell array or text; its contents are read by the methods below.

    Attributes:
      kind: "double", "uint8", ..., "text", "struct", "cell", or one that cannot be read.
      shape: as MATLAB has it, at least two numbers; elements are counted down the columns.
    """

    __slots__ = ("_at", "_complex", "_data", "_end", "_order", "_parts", "kind", "shape", "where")

    def __init__(self, data: bytes, start: int, end: int, order: str, where: str) -> None:
        """Reads the head of the matrix in `data[start:end]` (without its tag); `order` is "<" or ">".

        Raises:
          ValueError: the matrix is damaged; the message begins with `where`.
        """
        self.kind, self.shape, _, self._at, self._complex = _head(data, start, end, order, where)
        self._data, self._end, self._order, self.where = data, end, order, where
        self._parts: tuple[tuple[str, ...], list[tuple[int, int]]] | None = None

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def fields(self) -> tuple[str, ...]:
        """The field names of a struct array."""
        self._require("struct")
        return self._children()[0]

    def field(self, name: str) -> list[MatValue]:
        """The values of one field, one for each element of a struct array."""
        self._require("struct")
        names, places = self._children()
        if name not in names:
            raise ValueError(f"{self.where}: missing {name}; it holds {listed(names) or 'nothing'}")
        where = f"{self.where}.{listed([name])}"
        chosen = places[names.index(name) :: len(names)]
        return [MatValue(self._data, start, end, self._order, where) for start, end in chosen]

    def scalars(self, name: str) -> np.ndarray:
        """The numbers [elements] float64 in one field of all elements of a struct array."""
        values = [value.numbers() for value in self.field(name)]
        if wrong := [place for place, value in enumerate(values) if value.size != 1]:
            shape = list(values[wrong[0]].shape)
            raise ValueError(f"{self.where}({wrong[0] + 1}).{name}: expected one number; got {shape}")
        return np.array([value.item() for value in values], np.float64)

    def cells(self) -> list[MatValue]:
        """The values in a cell array."""
        self._require("cell")
        places = self._children()[1]
        return [
            MatValue(self._data, start, end, self._order, f"{self.where}{{{number}}}")
            for number, (start, end) in enumerate(places, start=1)
        ]

    def numbers(self) -> np.ndarray:
        """The read-only array of `shape`, in the type that the file stores; it may be smaller than `kind`."""
        if self.kind not in _NUMERIC or self._complex:
            raise ValueError(f"{self.where}: expected real numbers; got {'complex ' * self._complex}{self.kind}")
        if self.size == 0:
            return np.zeros(self.shape)
        kind, start, count, _ = _tag(self._data, self._at, self._end, self._order, self.where)
        dtype = np.dtype(self._order + _NUMBERS.get(kind, "V1"))
        if kind not in _NUMBERS or count != self.size * dtype.itemsize:
            raise ValueError(f"{self.where}: damaged: {count} bytes of type {kind} for {list(self.shape)} numbers")
        return np.frombuffer(self._data, dtype, self.size, start).reshape(self.shape, order="F")

    def text(self) -> str:
        """The value as one line of text."""
        self._require("text")
        if self.size == 0:
            return ""
        kind, start, count, _ = _tag(self._data, self._at, self._end, self._order, self.where)
        if kind not in _TEXTS or self.shape[0] != 1 or self.size > MAX_TEXT_LENGTH or count > 4 * MAX_TEXT_LENGTH:
            raise ValueError(f"{self.where}: expected a line of at most {MAX_TEXT_LENGTH} characters")
        encoding = _TEXTS[kind]
        if encoding == "utf-16":
            encoding += "-le" if self._order == "<" else "-be"
        try:
            return self._data[start : start + count].decode(encoding)
        except UnicodeDecodeError:
            raise ValueError(f"{self.where}: text is damaged") from None

    def _require(self, kind: str) -> None:
        if self.kind != kind:
            raise ValueError(f"{self.where}: expected a {kind}; got {self.kind} {list(self.shape)}")

    def _children(self) -> tuple[tuple[str, ...], list[tuple[int, int]]]:
        """Field names, and (start, end) of the values in a struct or cell array; fields vary fastest."""
        if self._parts is None:
            names, at = self._names() if self.kind == "struct" else ((), self._at)
            count = self.size * (len(names) if self.kind == "struct" else 1)
            if count > (self._end - at) // 8:
                raise ValueError(f"{self.where}: damaged: {count} values in {self._end - at} bytes")
            places = []
            for _ in range(count):
                kind, start, length, at = _tag(self._data, at, self._end, self._order, self.where)
                if kind != _MATRIX:
                    raise ValueError(f"{self.where}: damaged: expected a matrix; got type {kind}")
                places.append((start, start + length))
            self._parts = names, places
        return self._parts

    def _names(self) -> tuple[tuple[str, ...], int]:
        """A struct's field names, and where they end; in the file they have equal lengths, padded with zeros."""
        _, start, count, at = _tag(self._data, self._at, self._end, self._order, self.where)
        length = struct.unpack_from(self._order + "i", self._data, start)[0] if count == 4 else 0
        _, start, count, at = _tag(self._data, at, self._end, self._order, self.where)
        if length <= 0 or count % length:
            raise ValueError(f"{self.where}: damaged: field names of length {length} in {count} bytes")
        names = (self._data[first : first + length] for first in range(start, start + count, length))
        return tuple(name.split(b"\0")[0].decode("latin-1") for name in names), at


def _head(data: bytes, at: int, end: int, order: str, where: str) -> tuple[str, tuple[int, ...], str, int, bool]:
    """Kind, shape and name of the matrix at `at`, where its values begin, and whether they are complex."""
    if at == end:  # MATLAB writes an empty matrix as no bytes.
        return "double", (0, 0), "", at, False
    if end - at < 24:
        raise ValueError(f"{where}: damaged or cut short")
    kind, count, flags, _, dims_kind, dims_count = struct.unpack_from(order + "6I", data, at)
    held = _CLASSES.get(flags & 0xFF)
    if kind != 6 or count != 8 or held is None:
        raise ValueError(f"{where}: damaged: no array flags")
    shape: tuple[int, ...] = (0, 0)
    at += 16
    if held != "opaque":  # An opaque matrix has a name but no dimensions.
        if dims_kind != 5 or dims_count % 4 or not 8 <= dims_count <= min(4 * _MAX_DIMENSIONS, end - at - 8):
            raise ValueError(f"{where}: damaged: no dimensions")
        shape = struct.unpack_from(f"{order}{dims_count // 4}i", data, at + 8)
        if min(shape) < 0 or math.prod(max(1, length) for length in shape) > _MAX_ELEMENTS:
            raise ValueError(f"{where}: damaged: dimensions {list(shape)}")
        at += 8 + -(-dims_count // 8) * 8
    _, start, count, at = _tag(data, at, end, order, where)
    return held, shape, data[start : start + count].decode("latin-1"), at, bool(flags & _COMPLEX)


def _tag(data: bytes, at: int, end: int, order: str, where: str) -> tuple[int, int, int, int]:
    """Type, first byte and number of bytes of the element at `at`, and where the next begins."""
    if end - at < 8:
        raise ValueError(f"{where}: damaged or cut short")
    kind, count = struct.unpack_from(order + "II", data, at)
    if small := kind >> 16:
        kind, start, count, after = kind & 0xFFFF, at + 4, small, at + 8
    else:
        start = at + 8
        after = min(end, start + -(-count // 8) * 8)
    if start + count > after:
        raise ValueError(f"{where}: damaged or cut short")
    return kind, start, count, after


def _unpacked(data: bytes, order: str, where: str) -> bytes:
    """The matrix in a compressed element, without its tag."""
    stream = zlib.decompressobj()
    tag = _inflated(stream, data, 8, where)
    kind, count = struct.unpack(order + "II", tag) if len(tag) == 8 else (0, 0)
    if kind != _MATRIX:
        raise ValueError(f"{where}: damaged: expected a matrix")
    if count > max(SMALL_BYTES, MAX_UNPACKED_RATIO * len(data)):
        raise ValueError(f"{where}: {len(data)} bytes that unpack to {count}; at most 1:{MAX_UNPACKED_RATIO}")
    matrix = _inflated(stream, stream.unconsumed_tail, count, where) if count else b""
    rest = _inflated(stream, stream.unconsumed_tail, 1, where)  # Only the checksum is left.
    if len(matrix) != count or rest or not stream.eof:
        raise ValueError(f"{where}: damaged: does not unpack to {count} bytes")
    return matrix


def _inflated(stream: zlib._Decompress, data: bytes, most: int, where: str) -> bytes:
    try:
        return stream.decompress(data, most)
    except zlib.error as error:
        raise ValueError(f"{where}: damaged ({one_line(error)})") from error
