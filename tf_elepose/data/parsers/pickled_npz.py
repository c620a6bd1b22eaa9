"""Reads npz archives whose arrays hold pickled objects, as `np.savez` writes dicts and ragged lists.

Plain values and arrays in them are read; code is refused, and the message names it (pickle.py).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tf_elepose.data.parsers.limits import MAX_UNPACKED_RATIO, SMALL_BYTES, listed
from tf_elepose.data.parsers.npz import NpzReader, read_header
from tf_elepose.data.parsers.pickle import read_pickle


class PickledNpz(NpzReader):
    """An npz archive whose arrays hold pickled objects; plain values in them are read, code is refused."""

    def holds_objects(self, name: str) -> bool:
        """Whether the array `name` is of objects, not of numbers or text."""
        with self._opened(name) as stream:
            _, _, dtype, _ = read_header(stream, f"{self.where}: {name}")
        return dtype == np.dtype(object)

    def plain(self, name: str) -> Any:
        """Reads the one object that the array `name` holds.

        Raises:
          ValueError: there is no such array, it holds something else or is damaged, or contains code.
        """
        objects = self.objects(name)
        if objects.size != 1:
            raise ValueError(f"{self.where}: {name}: expected one pickled object; got object {list(objects.shape)}")
        return objects.item()

    def objects(self, name: str) -> np.ndarray:
        """Reads the array of objects `name`.

        Raises:
          ValueError: as in `plain`.
        """
        what = f"{self.where}: {name}"
        if name not in self.names:
            raise ValueError(f"{what}: missing; the file holds {listed(self.names) or 'nothing'}")
        info = self._members[name]
        if info.file_size > max(SMALL_BYTES, MAX_UNPACKED_RATIO * info.compress_size):
            raise ValueError(
                f"{what}: {info.compress_size} bytes that unpack to {info.file_size}; at most 1:{MAX_UNPACKED_RATIO}"
            )
        with self._opened(name) as stream:
            shape, _, dtype, start = read_header(stream, what)
            if dtype != np.dtype(object):
                raise ValueError(f"{what}: expected pickled objects; got {dtype} {list(shape)}")
            value = read_pickle(stream, info.file_size - start, what)
        if not isinstance(value, np.ndarray) or value.dtype != np.dtype(object) or value.size != math.prod(shape):
            raise ValueError(f"{what}: expected {math.prod(shape)} pickled objects; got {described(value)}")
        return value.reshape(shape)


def described(value: Any) -> str:
    """Describes a value from a pickle for messages: its type and shape, never its contents."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {list(value.shape)}"
    return repr(value) if isinstance(value, int) else type(value).__name__
