"""Shared by the parsers of files of unknown origin: limits, opening a file, and quoting its texts in messages."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import BinaryIO

MAX_UNPACKED_RATIO = 100
"""Largest accepted ratio of unpacked to packed size. Deflate packs zeros a thousandfold, so a file of a megabyte may
unpack to a gigabyte; real poses hardly shrink: float32 pixels to about 0.9, rounded ones to about 0.2 of their size."""

SMALL_BYTES = 64 * 2**20
"""Arrays up to this size may be packed with any ratio."""

MAX_TEXT_LENGTH = 256
"""Largest number of characters in a name or label."""


def opened(path: str | os.PathLike[str], where: str) -> BinaryIO:
    """Opens the file at `path` for reading; messages begin with `where`.

    Raises:
      ValueError: there is no such file, or it is a folder or has no size (a pipe).
      OSError: the file cannot be read.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"{where}: expected a file; is {'a folder' if os.path.isdir(path) else 'something else'}")
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise ValueError(f"{where}: no such file") from None


def listed(fields: Iterable[str]) -> str:
    """Names from a file as one printable line; only the first few if there are many."""
    names = [(field if field.isidentifier() else repr(field))[:60] for field in fields]
    return ", ".join(names[:20] + ["..."] * (len(names) > 20))


def one_line(error: BaseException) -> str:
    """The message of `error` on one line of limited length."""
    return " ".join(str(error).split())[:200]
