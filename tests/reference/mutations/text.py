"""Damage to text: its numbers, lines, words and encoding."""

from __future__ import annotations

import pathlib
import re

from mutations.draws import InapplicableError, Random, pick

_NUMBER = re.compile(rb"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_HOSTILE_TEXT = (
    b"NaN", b"nan", b"Infinity", b"-inf", b"1e308", b"-1e308", b"1e400", b"-1", b"0", b"1e-320", b"9" * 400,
    b"9" * 5000, b"99999999999", b"2147483648", b"18446744073709551616", b"null", b'"text"', b"", b"1,2", b"1_000",
    b"0x10", b"--1", "\u0663".encode(), b"\xff\xfe", b"\0", b"\x1b[31m", b"true", b"[]", b"{}", b"1" + b"0" * 30,
    b"\n", b"0.0.0",
)  # fmt: skip


def number(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    if not (found := list(_NUMBER.finditer(data))):
        raise InapplicableError
    match = pick(rng, found)
    return data[: match.start()] + pick(rng, _HOSTILE_TEXT) + data[match.end() :]


def all_numbers(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """The same number everywhere, or all of them scaled out of proportion."""
    if rng.random() < 0.5:
        value = pick(rng, _HOSTILE_TEXT)
        return _NUMBER.sub(lambda match: value, data)
    return _NUMBER.sub(lambda match: match[0] + b"0" * 30, data)


def lines(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    lines = data.splitlines(keepends=True)
    if not lines:
        raise InapplicableError
    at, kind = int(rng.integers(len(lines))), int(rng.integers(5))
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines[at : at + 1] = [lines[at]] * pick(rng, (2, 2, 300))
    elif kind == 2:
        other = int(rng.integers(len(lines)))
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 3:
        lines[at] = lines[at].replace(pick(rng, (b",", b" ", b"\t", b":", b"{", b"}")), pick(rng, (b"", b";", b",,")))
    else:
        lines[at] = pick(rng, (b"", b"\n", b"{\n" * 20000, b"a," * 50000 + b"\n", b'"', b"\0\n", b" " * 100000 + b"\n"))
    return b"".join(lines)


def words(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    if not (found := list(re.finditer(rb"[A-Za-z_]\w*", data))):
        raise InapplicableError
    match = pick(rng, found)
    new = pick(rng, (b"", b"other", match[0].upper(), pick(rng, found)[0], b"a b", b"\xff", b"x" * 70000, b"\x1b]0;"))
    return data[: match.start()] + new + data[match.end() :]


def encoding(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    text = data.decode("utf-8", "replace")
    return pick(
        rng,
        (b"\xef\xbb\xbf" + data, text.encode("utf-16"), data.replace(b"\n", b"\r\n"), data.replace(b"\n", b"\r"),
         data.replace(b"\n", b""), data.replace(b" ", b"\0")),
    )  # fmt: skip


TEXT = (number, number, number, all_numbers, lines, lines, words, encoding)
"""The damages above, those that reach most readers more often."""
