"""The opcodes in the bytes of a pickle of unknown origin."""

from __future__ import annotations

import codecs
import io
import pickletools
from typing import IO, Any

_OPCODES: dict[str, Any] = {opcode.code: opcode for opcode in pickletools.opcodes}


class OpcodeStream:
    """Reads opcodes; a length beyond the end is refused before memory is allocated.

    Attributes:
      left: number of bytes left.
    """

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[arg-type]  # Any file will do.
        self.left = size

    def opcode(self) -> tuple[str, Any]:
        """Name and argument of the next opcode; None for opcodes without an argument.

        Raises:
          ValueError: no known opcode, or an argument that is damaged or longer than the rest of the pickle.
        """
        opcode = _OPCODES.get(self.read(1).decode("latin-1"))
        if opcode is None:
            raise ValueError("unknown opcode")
        if opcode.name == "STRING":
            return opcode.name, _quoted(self.readline())
        return opcode.name, None if opcode.arg is None else opcode.arg.reader(self)

    def read(self, length: int) -> bytes:
        """The next `length` bytes; ValueError when fewer are left."""
        if length > self.left:
            raise ValueError(f"{length} bytes are declared, {self.left} are left")
        self.left -= length
        return self._stream.read(length)

    def readline(self) -> bytes:
        """The rest of the line, with its end."""
        line = self._stream.readline(self.left)
        self.left -= len(line)
        return line


def _quoted(line: bytes) -> str:
    """Text as protocol 0 of Python 2 writes it, in quotes; `pickletools` allows ASCII only."""
    text = line.strip()
    if len(text) < 2 or text[:1] not in (b"'", b'"') or text[-1:] != text[:1]:
        raise ValueError("text without quotes")
    return codecs.escape_decode(text[1:-1])[0].decode("latin-1")  # type: ignore[attr-defined]  # Not in its list of names.
