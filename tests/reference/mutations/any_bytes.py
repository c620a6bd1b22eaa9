"""Damage that any bytes can take."""

from __future__ import annotations

import pathlib

from mutations.draws import EXTREMES, Random, pick, place


def bits(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    changed = bytearray(data)
    for _ in range(pick(rng, (1, 1, 4, 64))):
        changed[place(rng, data)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def noise(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    start = place(rng, data)
    return data[:start] + (noise := rng.bytes(pick(rng, (1, 8, 200)))) + data[start + len(noise) :]


def truncate(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    return data[: place(rng, data)]


def splice(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    first, second, to = *sorted((place(rng, data), place(rng, data))), place(rng, data)
    block = data[first : second + 1][: 1 << 16]
    return data[:to] + block * pick(rng, (1, 1, 2, 50)) + data[to + (len(block) if rng.random() < 0.5 else 0) :]


def lengths(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A number of 1 to 8 bytes set to an extreme, as if it were a length."""
    size, order = pick(rng, (1, 2, 4, 8)), pick(rng, ("little", "big"))
    start = place(rng, data) // size * size if rng.random() < 0.7 else place(rng, data)
    value = pick(rng, EXTREMES) % 256**size
    return data[:start] + value.to_bytes(size, order) + data[start + size :]


def empty(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    return pick(rng, (b"", b"\0" * len(data), rng.bytes(len(data) or 1), data + rng.bytes(100), data + data))
