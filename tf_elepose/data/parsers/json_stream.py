"""Reads JSON files of unknown origin and any length, an element at a time.

A file of hundreds of megabytes holds one long list, or an object with a few long lists. The standard library's scanner
parses the elements one after the other, in a window of the text that moves along the file.
"""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from tf_elepose.data.parsers.limits import one_line, opened, share_read, unpacked_name

MAX_ELEMENT = 1 << 22
"""Largest number of characters in an element, and of bytes in a file read whole: in the worst case ("[],[],...") the
parsed values need about twenty times that memory. A frame with a hundred people is a tenth of this limit."""

MAX_KEYS = 1 << 20
"""Largest number of keys in the outermost object; they are stored, because none may come twice."""

MAX_DEPTH = 64
"""Largest number of nested brackets in an element; the scanner is recursive."""

LINES_ENDINGS = (".jsonl", ".ndjson")
"""Endings of the names of JSON lines (jsonlines.org, ndjson.org)."""

_CHUNK = 1 << 20  # Bytes read at a time.

_SPACE = re.compile(r"[ \t\n\r]*")
# A string, or the beginning of one at the end of the text. Possessive quantifiers: no backtracking.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = re.compile(r"[^\[\]{}]+")
_NUMBER_CUT = 2  # Characters: if the window ends in "1e+|5", the scanner takes "1" for the number.
_CUT_LENGTH = 16  # Characters: the longest token, except strings, that is an error when cut ("-Infinity", "\u00e4").


class JsonStream:
    """Iterates over the parts of one JSON file, in order; a context manager.

    A list gives pairs (None, element); an object gives pairs (key, value), but where a value is a list, a pair
    (key, element) for each of its elements. JSON lines, one value in each line, are read as the list of these values. A
    file has JSON lines if its name ends with .jsonl or .ndjson, or if its first line is a whole value and another line
    follows. Text is UTF-8. NaN and Infinity are read as numbers, because many programs write them.

    Attributes:
      where: what messages call the file.
      done: share of the file read so far.
    """

    def __init__(self, path: str | os.PathLike[str], what: str = "JSON file") -> None:
        """Opens the file at `path`; messages call its kind `what`.

        Raises:
          ValueError: there is no such file.
          OSError: the file cannot be read.
        """
        self.where = f"{what} {os.fspath(path)}"
        self._file = opened(path, self.where)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at = "", 0  # The window, and the position in it up to which everything is parsed.
        self._read, self._start = 0, 0  # Bytes read from the file; the byte where the window starts.
        self._ended = False
        self._lines = unpacked_name(path).suffix.lower() in LINES_ENDINGS
        self._part: tuple[str | None, int | None] = (None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def is_list(self) -> bool:
        """Whether the file holds a list or JSON lines, not an object; to be called before iterating."""
        return self._next() == "[" or self._holds_lines()

    @property
    def done(self) -> float:
        return share_read(self._file)

    @property
    def place(self) -> str:
        """The place of the last pair, as messages call it: "element 3", "annotations 3", "info"."""
        key, number = self._part
        return " ".join(["element" if key is None else key] + [str(number)] * (number is not None))

    def __iter__(self) -> Iterator[tuple[str | None, Any]]:
        """Yields the pairs; works only once.

        Raises:
          ValueError: the file is not JSON, or beyond the limits above; says at which byte.
        """
        opening = self._next()
        if opening and self._holds_lines():
            yield from ((None, value) for value in self.documents())
        elif opening == "[":
            yield from self._elements(None)
        elif opening == "{":
            yield from self._members()
        else:
            raise self._error(f"expected a list or an object; got {opening!r}" if opening else "holds no JSON")
        if follows := self._next():
            raise self._error(f"expected the end of the file; got {follows!r}")

    def documents(self) -> Iterator[Any]:
        """Yields the values of a file of JSON lines, which may have only one value; works only once.

        Raises:
          ValueError: as `__iter__`; each value is as long as an element may be.
        """
        number = 0
        while self._next():
            self._part = (None, number)
            yield self._value()
            number += 1
        if number == 0:
            raise self._error("holds no JSON")

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

    def _holds_lines(self) -> bool:
        """Whether the file holds JSON lines; to be called at its first value, when the window has the first line."""
        if self._lines:
            return True
        end = self._text.find("\n", self._at)
        if end < 0 or not self._text[end:].strip():
            return False
        try:
            at = _scan(self._text[:end], self._at)[1]
        except (StopIteration, ValueError, RecursionError):
            return False
        # In a file without JSON lines, text after a value is an error; it is reported when it is read.
        self._lines = not self._text[at:end].strip() and self._text[end:].lstrip()[0] in "[{"
        return self._lines

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
        """Whether `closing` comes next; otherwise skips a comma, which must come next."""
        follows = self._next()
        if follows not in (closing, ","):
            raise self._error(f"expected ',' or {closing!r}; got {follows!r}" if follows else "ends too early")
        self._at += follows == ","
        return follows == closing

    def _next(self) -> str:
        """Skips white space; returns the next character without skipping it, or "" at the end of the file."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # It also matches nothing.
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._refill():
                return ""

    def _value(self) -> Any:
        """Parses the next value, after any white space."""
        self._next()
        while True:
            value, end, problem = self._scanned()
            if problem is None and (end < len(self._text) - _NUMBER_CUT or self._ended):
                if end - self._at > MAX_ELEMENT:
                    raise self._too_long()
                self._at = end
                return value
            # Any other value can be cut by the end of the window only if the scanner reached that end.
            cut = problem is None or end > len(self._text) - _CUT_LENGTH or problem.startswith("Unterminated string")
            if self._ended or not cut:
                raise self._error(_TOO_EARLY if end >= len(self._text) else str(problem), end)
            if len(self._text) - self._at > MAX_ELEMENT:
                raise self._too_long()
            del value  # Freed before the longer text is parsed.
            self._refill()

    def _scanned(self) -> tuple[Any, int, str | None]:
        """Scans the rest of the window: (value, its end, None), or (None, position of the error, the problem)."""
        try:
            return *_scan(self._text, self._at), None
        except StopIteration as error:
            return None, error.value, "not a JSON value"
        except json.JSONDecodeError as error:
            return None, error.pos, error.msg
        except (ValueError, RecursionError) as error:  # A number of thousands of digits, a key given twice.
            raise self._error(one_line(error)) from error

    def _refill(self) -> bool:
        """Moves the window to the text not parsed yet, and adds more of the file; False at the end of the file."""
        if self._ended:
            return False
        left = self._text[self._at :]
        self._start += len(self._text[: self._at].encode())
        # A long element is scanned again from its start; the window grows fast, so that this happens only a few times.
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
    """Reads a JSON file of at most `MAX_ELEMENT` bytes whole, with the limits of `JsonStream`.

    Raises:
      ValueError: there is no such file, or it is longer, not JSON, or beyond the limits; says at which byte.
      OSError: the file cannot be read.
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
    """`value` as one short line for messages; of a container only the length, because it may be deep and long."""
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
    """Whether brackets in `text` are nested more than MAX_DEPTH deep; `text` must begin outside of a string.

    Text after the first bracket that does not fit is ignored, because the scanner stops there, too.
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
_scan = _DECODER.scan_once  # type: ignore[attr-defined]  # Written in C in most interpreters.
