"""What the readers of files of unknown origin share: limits, opening, and texts out of a file in messages."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import BinaryIO

MAX_UNPACKED_RATIO = 100
"""Deflate packs zeros a thousandfold, so a file of a megabyte may unpack to a gigabyte. Measured poses hardly shrink:
float32 pixels to about 0.9, rounded ones to about 0.2 of their size."""

SMALL_BYTES = 64 * 2**20
"""Arrays up to this size may be packed as they like."""

MAX_TEXT_LENGTH = 256
"""Characters of a name or label."""


def opened(path: str | os.PathLike[str], where: str) -> BinaryIO:
    """The file at `path`, open for reading; `where` begins the messages.

    Raises:
      ValueError: no such file, a folder, or what has no size (a pipe).
      OSError: it cannot be read.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"{where}: expected a file; is {'a folder' if os.path.isdir(path) else 'something else'}")
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise ValueError(f"{where}: no such file") from None


def listed(fields: Iterable[str]) -> str:
    """Names out of a file, on one line whatever they hold; the first few of many."""
    names = [(field if field.isidentifier() else repr(field))[:60] for field in fields]
    return ", ".join(names[:20] + ["..."] * (len(names) > 20))


def one_line(error: BaseException) -> str:
    """The message of `error`, on one line and of bounded length whatever it quotes."""
    return " ".join(str(error).split())[:200]
