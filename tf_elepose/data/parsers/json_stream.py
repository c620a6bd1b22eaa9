"""JSON of unknown origin and any length, read an element at a time.

A file of hundreds of megabytes holds one long list, or an object with a few long lists. Its elements are parsed one
after the other by the standard library's scanner out of a window of the text that moves along the file.
"""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from tf_elepose.data.parsers.limits import one_line, opened

MAX_ELEMENT = 1 << 22
"""Characters of one element, bytes of a file read whole: the worst of text ("[],[],...") takes some twenty times its
length when it is parsed. A frame with a hundred people is a tenth of it."""

MAX_KEYS = 1 << 20
"""Keys of the outermost object, which are kept: none may come twice."""

MAX_DEPTH = 64
"""Brackets within brackets in one element. The scanner calls itself for each."""

_CHUNK = 1 << 20  # Bytes read at a time.

_SPACE = re.compile(r"[ \t\n\r]*")
# A string, or what begins as one and ends with the text. Possessive: never tried a second way.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = re.compile(r"[^\[\]{}]+")
_NUMBER_CUT = 2  # Characters: cut in "1e+|5", a number ends before the "e" for the scanner.
_CUT_LENGTH = 16  # Characters: the longest token but strings that makes no sense cut in two ("-Infinity", "\u00e4").


class JsonStream:
    """The parts of one JSON file, in order; a context manager.

    Iterating gives pairs (key, value): of a list (None, element), of an object (key, value); a value of the object
    that is a list comes as (key, element) for each of its elements. Text is UTF-8. NaN and Infinity are read as
    numbers, as many writers mean them.

    Attributes:
      where: what messages call the file.
      done: share of the file read so far.
    """

    def __init__(self, path: str | os.PathLike[str], what: str = "JSON file") -> None:
        """Args: the file, and what messages call its kind.

        Raises:
          ValueError: no such file.
          OSError: it cannot be read.
        """
        self.where = f"{what} {os.fspath(path)}"
        self._file = opened(path, self.where)
        self._size = os.fstat(self._file.fileno()).st_size
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at = "", 0  # The window, and how far in it everything has been read.
        self._read, self._start = 0, 0  # Bytes out of the file; the byte that the window starts with.
        self._ended = False
        self._part: tuple[str | None, int | None] = (None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def is_list(self) -> bool:
        """Whether the outermost bracket is a list's; to be asked before iterating."""
        return self._next() == "["

    @property
    def done(self) -> float:
        return min(1.0, self._read / max(self._size, 1))

    @property
    def place(self) -> str:
        """What messages call the place of the pair given last: "element 3", "annotations 3", "info"."""
        key, number = self._part
        return " ".join(["element" if key is None else key] + [str(number)] * (number is not None))

    def __iter__(self) -> Iterator[tuple[str | None, Any]]:
        """The pairs, once.

        Raises:
          ValueError: it is not JSON, or beyond the limits above; with the byte.
        """
        opening = self._next()
        if opening == "[":
            yield from self._elements(None)
        elif opening == "{":
            yield from self._members()
        else:
            raise self._error(f"expected a list or an object; got {opening!r}" if opening else "holds no JSON")
        if follows := self._next():
            raise self._error(f"expected the end of the file; got {follows!r}")

    def _elements(self, key: str | None) -> Iterator[tuple[str | None, Any]]:
        self._at += 1
        number = 0
        closing = self._next() == "]"
        while not closing:
            self._part = (key, number)
            yield key, self._value()
            number += 1
            if not (closing := self._comma_or("]")) and self._next() == "]":
                raise self._error("expected a value after ','; got ']'")
        self._at += 1

    def _members(self) -> Iterator[tuple[str | None, Any]]:
        self._at += 1
        seen: set[str] = set()
        closing = self._next() == "}"
        while not closing:
            if (quote := self._next()) != '"':
                raise self._error(f"expected a key in quotes; got {quote!r}")
            key = self._value()
            if key in seen:
                raise self._error(f"key {shown(key)} given twice")
            seen.add(key)
            if len(seen) > MAX_KEYS:
                raise self._error(f"more than {MAX_KEYS} keys")
            if (colon := self._next()) != ":":
                raise self._error(f"expected ':' after the key {shown(key)}; got {colon!r}")
            self._at += 1
            name = shown(key)[1:-1]
            if self._next() == "[":
                for _, element in self._elements(name):
                    yield key, element
            else:
                self._part = (name, None)
                yield key, self._value()
            closing = self._comma_or("}")
        self._at += 1

    def _comma_or(self, closing: str) -> bool:
        """Whether `closing` comes next; otherwise a comma must, and is passed over."""
        follows = self._next()
        if follows not in (closing, ","):
            raise self._error(f"expected ',' or {closing!r}; got {follows!r}" if follows else "ends too early")
        self._at += follows == ","
        return follows == closing

    def _next(self) -> str:
        """The next character that is not white space, which is passed over; "" at the end of the file."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._refill():
                return ""

    def _value(self) -> Any:
        """The value that begins at the next character that is not white space."""
        self._next()
        while True:
            value, end, problem = self._scanned()
            if problem is None and (end < len(self._text) - _NUMBER_CUT or self._ended):
                if end - self._at > MAX_ELEMENT:
                    raise self._too_long()
                self._at = end
                return value
            # Any other value is cut where the window ends only if the scanner got so far.
            cut = problem is None or end > len(self._text) - _CUT_LENGTH or problem.startswith("Unterminated string")
            if self._ended or not cut:
                raise self._error(_TOO_EARLY if end >= len(self._text) else str(problem), end)
            if len(self._text) - self._at > MAX_ELEMENT:
                raise self._too_long()
            del value  # Before the longer text is parsed.
            self._refill()

    def _scanned(self) -> tuple[Any, int, str | None]:
        """The value at the start of what is left of the window, where it ends, None; or None, where it fails, why."""
        try:
            return *_scan(self._text, self._at), None
        except StopIteration as error:
            return None, error.value, "not a JSON value"
        except json.JSONDecodeError as error:
            return None, error.pos, error.msg
        except (ValueError, RecursionError) as error:  # A number of thousands of digits, a key given twice.
            raise self._error(one_line(error)) from error

    def _refill(self) -> bool:
        """Moves the window on to what has not been read, and some more; whether there was more."""
        if self._ended:
            return False
        left = self._text[self._at :]
        self._start += len(self._text[: self._at].encode())
        # A long element is scanned anew from its start: the window grows fast, so that it is not so often.
        data = self._file.read(max(_CHUNK, min(4 * len(left), MAX_ELEMENT + _CHUNK - len(left))))
        pending = len(self._decoder.getstate()[0])
        try:
            more = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.where}: byte {self._read - pending + error.start}: not UTF-8 text") from error
        if self._read == 0 and more.startswith("\ufeff"):
            more, self._start = more[1:], 3
        self._read += len(data)
        self._ended = not data
        self._text, self._at = left + more, 0
        if _too_deep(self._text):
            raise self._error(f"brackets nested deeper than {MAX_DEPTH} within the next {len(self._text)} characters")
        return True

    def _too_long(self) -> ValueError:
        return self._error(f"{self.place}: longer than {MAX_ELEMENT} characters")

    def _error(self, problem: str, at: int | None = None) -> ValueError:
        byte = self._start + len(self._text[: self._at if at is None else at].encode())
        return ValueError(f"{self.where}: byte {byte}: {problem}")


def load_json(path: str | os.PathLike[str], what: str = "JSON file") -> Any:
    """The value in a file of at most `MAX_ELEMENT` bytes, under the same limits.

    Raises:
      ValueError: no such file; it is longer, not JSON, or beyond the limits; with the byte.
      OSError: it cannot be read.
    """
    where = f"{what} {os.fspath(path)}"
    with opened(path, where) as file:
        data = file.read(MAX_ELEMENT + 1)
    if len(data) > MAX_ELEMENT:
        raise ValueError(f"{where}: longer than {MAX_ELEMENT} bytes")
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}: byte {error.start}: not UTF-8 text") from error
    if _too_deep(text):
        raise ValueError(f"{where}: brackets nested deeper than {MAX_DEPTH}")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        problem = _TOO_EARLY if error.pos >= len(text) else error.msg
        byte = len(data) - len(text.encode()) + len(text[: error.pos].encode())
        raise ValueError(f"{where}: byte {byte}: {problem}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: {one_line(error)}") from error


def shown(value: Any) -> str:
    """`value` on one short line, for messages: containers by their length only, for they may be deep and long."""
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, int) and abs(value) >= 10**20:
        return "an integer of more than 20 digits"
    if isinstance(value, str) and len(value) > 60:
        return repr(value[:60])[:-1] + "...'"
    return "null" if value is None else repr(value)


def _too_deep(text: str) -> bool:
    """Whether brackets open more than MAX_DEPTH deep in `text`, which begins outside of all strings.

    Only what is well-formed up to there counts: the scanner stops at the first bracket that does not fit.
    """
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    brackets = np.frombuffer(_NOT_BRACKETS.sub("", _STRING.sub("", text)).encode(), np.uint8)
    opening = (brackets == ord("[")) | (brackets == ord("{"))
    return bool(np.cumsum(np.where(opening, 1, -1)).max(initial=0) > MAX_DEPTH)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"key {shown(twice)} given twice")
    return values


_TOO_EARLY = "ends too early"
_DECODER = json.JSONDecoder(object_pairs_hook=_object)
_scan = _DECODER.scan_once  # type: ignore[attr-defined]  # In C where the interpreter has it so.
