"""The values that a pickle may hold, and the checks that refuse dangerous ones."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

MAX_DEPTH = 100
"""Most levels of lists in lists."""

MAX_VALUES = 1_000_000
"""Most values in all lists together, shared ones counted each time."""

_MAX_DIMENSIONS = 32  # Of an array, in NumPy 1.


class RefusedError(ValueError):
    """The file needs an operation that is refused here."""


@dataclasses.dataclass(frozen=True)
class Global:
    """A name out of `_ALLOWED`; `_Machine` has its meaning."""

    name: str


@dataclasses.dataclass
class Dtype:
    """A dtype that is not complete yet: BUILD gives the order of its bytes."""

    dtype: np.dtype


def require_plain(value: Any) -> None:
    """Refuses a value that is not plain, contains itself, or is shared so often that a walk would never end."""
    measured: dict[int, tuple[int, int]] = {}  # Of containers, by identity: values in it, and depth.
    above: set[int] = set()
    todo: list[tuple[Any, bool]] = [(value, False)]
    while todo:
        item, leaving = todo.pop()
        parts = _parts(item)
        if parts is None or id(item) in measured:
            continue
        if not leaving:
            if id(item) in above:
                raise RefusedError("file contains a value inside itself; refusing")
            above.add(id(item))
            todo.append((item, True))
            todo.extend((part, False) for part in parts)
            continue
        above.discard(id(item))
        sizes = [measured.get(id(part), (1, 0)) for part in parts]
        size, depth = 1 + sum(size for size, _ in sizes), 1 + max((depth for _, depth in sizes), default=0)
        if depth > MAX_DEPTH:
            raise RefusedError(f"values nested more than {MAX_DEPTH} deep; refusing")
        if size > MAX_VALUES:
            raise RefusedError(f"values shared so often that they are more than {MAX_VALUES}; refusing")
        measured[id(item)] = size, depth


def _parts(value: Any) -> list[Any] | None:
    """The values in a container; None for a plain value."""
    if isinstance(value, (list, tuple, set)):
        return list(value)
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return list(value.flat)
    if isinstance(value, (Global, Dtype)):
        name = value.name if isinstance(value, Global) else "numpy.dtype"
        raise RefusedError(f"file contains code object {name}; refusing")
    if isinstance(value, str):
        value.encode()  # Halves of surrogate pairs fail here, and not where they are printed.
    return None


def exactly(value: Any, kind: type) -> Any:
    """Returns `value`, which must have exactly the type `kind`."""
    if type(value) is not kind:
        raise ValueError(f"expected {kind.__name__.strip('_')}; got {type(value).__name__.strip('_')}")
    return value


def plain_key(value: Any) -> Any:
    """Returns `value` if it may be a key; others are refused, because the hash of nested tuples can take forever."""
    if value is not None and type(value) not in (bool, int, float, str, bytes):
        raise ValueError(f"expected a plain key; got {type(value).__name__}")
    return value


def plain_dict(items: list[Any]) -> dict[Any, Any]:
    """Makes a dict of `items`, in which keys and values alternate."""
    return {plain_key(key): value for key, value in zip(items[::2], items[1::2], strict=True)}


def built_dtype(dtype: np.dtype, state: tuple[Any, ...]) -> np.dtype:
    """`dtype` with the byte order of its state; states of records and dates, which have more in them, are refused."""
    version, order, *rest = state
    if version != 3 or order not in ("<", ">", "=", "|") or rest[:3] != [None, None, None]:
        raise RefusedError("file contains a type of records or dates; refusing")
    if dtype.kind in "SU" and rest[3] != dtype.itemsize:
        raise ValueError(f"text of {dtype.itemsize} bytes with another number of bytes")
    return dtype.newbyteorder(order)


def require_shape(shape: Any, count: int) -> None:
    """Refuses a value that is no shape of `count` values."""
    lengths = exactly(shape, tuple)
    if len(lengths) > _MAX_DIMENSIONS or not all(type(length) is int and 0 <= length < 2**40 for length in lengths):
        raise ValueError("no shape of an array")
    if math.prod(lengths) != count:
        raise ValueError(f"an array of shape {list(lengths)} with {count} values")


def require_contents(dtype: np.dtype, shape: Any, data: bytes) -> None:
    """Refuses bytes that are not the values of that dtype and shape."""
    if dtype.itemsize == 0 or len(data) % dtype.itemsize:
        raise ValueError(f"{len(data)} bytes for values of {dtype.itemsize}")
    require_shape(shape, len(data) // dtype.itemsize)
    if dtype.kind == "b" and data and max(data) > 1:
        raise ValueError("flags that are neither true nor false")
    if dtype.kind == "U" and data:
        points = np.frombuffer(data, np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if points.max() > 0x10FFFF:
            raise ValueError("text beyond Unicode")
