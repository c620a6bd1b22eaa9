"""Reads an npy file of unknown origin, with the checks of the arrays in npz archives."""

from __future__ import annotations

import os
import zipfile
from types import TracebackType
from typing import IO, BinaryIO

from tf_elepose.data.parsers.limits import opened, size_of
from tf_elepose.data.parsers.pickled_npz import PickledNpz

NPY_NAME = "array"
"""The name of the one array of an npy file in messages."""

_MAGIC = b"\x93NUMPY"  # numpy/lib/format.py


def open_arrays(path: str | os.PathLike[str], what: str) -> PickledNpz:
    """Opens the npz or npy file at `path` and returns its arrays; the first bytes show which format it is."""
    with opened(path, f"{what} {os.fspath(path)}", whole=True) as stream:
        is_npy = stream.read(len(_MAGIC)) == _MAGIC
    return NpyReader(path, what) if is_npy else PickledNpz(path, what)


class NpyReader(PickledNpz):
    """The array of an npy file, as if it were the only one of an archive, with the name `NPY_NAME`."""

    def __init__(self, path: str | os.PathLike[str], what: str = "npy file") -> None:
        """Opens the file at `path`; messages call its kind `what`.

        Raises:
          ValueError: there is no such file.
        """
        self.where = f"{what} {os.fspath(path)}"
        self._path = path
        info = zipfile.ZipInfo(NPY_NAME)
        with self._file() as stream:
            info.file_size = info.compress_size = size_of(stream)
        self._members = {NPY_NAME: info}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass  # No file stays open between two calls.

    def _file(self) -> BinaryIO:
        return opened(self._path, self.where, whole=True)

    def _opened(self, name: str) -> IO[bytes]:
        del name  # An npy file has one array.
        return self._file()
