"""Reads a file packed with gzip, and unpacks it as it is read.

Deflate makes a run of zeros a thousand times smaller. So the number of unpacked bytes is limited: otherwise a small
file could keep a program busy for hours.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from typing import IO, Any

MAGIC = b"\x1f\x8b"
"""The first bytes of every file packed with gzip (RFC 1952, 2.3.1)."""


class GzipStream(io.RawIOBase):
    """The unpacked bytes of an open gzip file, from first to last; closing it closes the file."""

    def __init__(self, file: IO[bytes], where: str, most_bytes: int) -> None:
        """Starts at the first byte.

        Args:
          file: open at its first byte.
          where: the name of the file in messages.
          most_bytes: a file with more unpacked bytes is refused.
        """
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._where = where
        self._most_bytes = most_bytes
        self._unpacked = gzip.GzipFile(fileobj=file, mode="rb")
        self._read = 0

    @property
    def share(self) -> float:
        """The share of the packed file that has been read, 0 to 1."""
        return min(1.0, self._file.tell() / max(self._size, 1))

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def tell(self) -> int:
        return self._read

    def readinto(self, buffer: Any) -> int:
        """Reads the next bytes into `buffer`; returns how many, 0 at the end.

        Raises:
          ValueError: the file is damaged, cut short or unpacks to too many bytes.
        """
        try:
            data = self._unpacked.read(len(buffer))
        except (EOFError, OSError, zlib.error) as error:
            problem = "ends too early" if isinstance(error, EOFError) else " ".join(str(error).split())[:100]
            raise ValueError(f"{self._where}: not a readable gzip file ({problem})") from error
        self._read += len(data)
        if self._read > self._most_bytes:
            raise ValueError(
                f"{self._where}: {self._size} bytes of gzip that unpack to more than {self._most_bytes}; unpack it "
                "first"
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._unpacked.close()
            self._file.close()
        super().close()
