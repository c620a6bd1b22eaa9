"""Shared by the parsers of files of unknown origin: limits, opening a file, and quoting its texts in messages."""

from __future__ import annotations

import io
import os
import pathlib
from collections.abc import Iterable
from typing import BinaryIO

from tf_elepose.data.parsers.gzip_stream import MAGIC, GzipStream

MAX_UNPACKED_RATIO = 100
"""Largest accepted ratio of unpacked to packed size. Deflate packs zeros a thousandfold, so a file of a megabyte may
unpack to a gigabyte; real poses hardly shrink: float32 pixels to about 0.9, rounded ones to about 0.2 of their size."""

SMALL_BYTES = 64 * 2**20
"""Arrays up to this size may be packed with any ratio."""

MAX_TEXT_LENGTH = 256
"""Largest number of characters in a name or label."""


_UNPACKED_CHUNK = 1 << 18  # Number of bytes that are read from a gzip file at a time: few calls, little memory.


def opened(path: str | os.PathLike[str], where: str, *, whole: bool = False) -> BinaryIO:
    """Opens the file at `path` for reading; a file packed with gzip is unpacked as it is read.

    Args:
      path: of the file.
      where: beginning of messages.
      whole: a gzip file of at most `SMALL_BYTES` is unpacked at once, for a parser that does not read in order.

    Raises:
      ValueError: there is no such file, or it is a folder or has no size (a pipe). For a gzip file that is damaged, or
        that unpacks to far more bytes than it has, the error comes later, during reading.
      OSError: the file cannot be read.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"{where}: expected a file; is {'a folder' if os.path.isdir(path) else 'something else'}")
    try:
        file = open(path, "rb")  # noqa: SIM115  # It is what is returned.
    except FileNotFoundError:
        raise ValueError(f"{where}: no such file") from None
    if not file.peek(len(MAGIC)).startswith(MAGIC):
        return file
    most = SMALL_BYTES if whole else max(SMALL_BYTES, MAX_UNPACKED_RATIO * os.fstat(file.fileno()).st_size)
    stream = io.BufferedReader(GzipStream(file, where, most), _UNPACKED_CHUNK)
    if not whole:
        return stream
    with stream:
        return io.BytesIO(stream.read())


def size_of(stream: BinaryIO) -> int:
    """Returns the number of bytes of a stream from `opened`; for a gzip file, that of the packed bytes."""
    return stream.getbuffer().nbytes if isinstance(stream, io.BytesIO) else os.fstat(stream.fileno()).st_size


def share_read(stream: BinaryIO) -> float:
    """Returns the share of a stream from `opened` that has been read, 0 to 1."""
    raw = getattr(stream, "raw", None)
    return raw.share if isinstance(raw, GzipStream) else min(1.0, stream.tell() / max(size_of(stream), 1))


def unpacked_name(path: str | os.PathLike[str]) -> pathlib.Path:
    """Cuts the ending .gz: "walk.csv.gz" becomes "walk.csv"."""
    plain = pathlib.Path(path)
    return plain.with_suffix("") if plain.suffix.lower() == ".gz" else plain


def listed(fields: Iterable[str]) -> str:
    """Names from a file as one printable line; only the first few if there are many, and fewer if they are long."""
    names = [(field if field.isidentifier() else repr(field))[:60] for field in fields]
    shown = [name for place, name in enumerate(names[:20]) if not place or sum(map(len, names[: place + 1])) <= 500]
    return ", ".join(shown + ["..."] * (len(names) > len(shown)))


def one_line(error: BaseException) -> str:
    """The message of `error` on one line of limited length."""
    return " ".join(str(error).split())[:200]
