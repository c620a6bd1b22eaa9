"""Random draws that all kinds of damage use."""

from __future__ import annotations

from typing import Any

import numpy as np

Random = np.random.Generator

EXTREMES = (0, 1, -1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**31, 2**40, 2**62, 2**63 - 1, 2**64 - 1)


class InapplicableError(Exception):
    """This damage cannot be done to these bytes."""


def pick(rng: Random, options: Any) -> Any:
    return options[int(rng.integers(len(options)))]


def place(rng: Random, data: bytes) -> int:
    if not data:
        raise InapplicableError
    # Headers are small and matter most.
    return int(rng.integers(min(len(data), 512) if rng.random() < 0.4 else len(data)))


def spoil(array: np.ndarray, rng: Random) -> None:
    """Some or all values set to something hostile, in place."""
    if array.size == 0:
        raise InapplicableError
    where = slice(None) if rng.random() < 0.3 else int(rng.integers(array.size))
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            array.reshape(-1)[where] = pick(rng, (np.nan, np.inf, -np.inf, 1e308, -1, 0, 1e-40, 1e20, 5e5))
    elif array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        array.reshape(-1)[where] = pick(rng, (limits.min, limits.max, 0, 1, 100))
    elif array.dtype.kind == "U":
        array.reshape(-1)[where] = pick(rng, ("", "train", "a" * 300, "a\nb", "\x1b[31m", "../a.yaml"))
    elif array.dtype.kind == "b":
        array.reshape(-1)[where] = pick(rng, (False, True))
    else:
        raise InapplicableError
