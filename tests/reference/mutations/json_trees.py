"""Damage to a value, key or list of a JSON tree."""

from __future__ import annotations

import contextlib
import json
import math
import pathlib
from typing import Any

from mutations.draws import InapplicableError, Random, pick

_HOSTILE_VALUES: tuple[Any, ...] = (
    math.nan, math.inf, 1e308, -1, 0, 10**30, 2**31, 10**400, 0.5, 1e-320, "", "text", "\0", "\ud800", "\x1b[31m",
    "a\nb", "9" * 5000, None, True, [], {}, [[]], [None], {"a": {}}, [1, 2, 3], list(range(1000)),
    "../../../etc/passwd",
)  # fmt: skip
_BOMB = "\ue000nesting bomb\ue000"  # Stands in the tree for what json cannot write.


def json_tree(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """One value, key or list of the tree replaced."""
    try:
        tree = json.loads(data)
    except ValueError:
        raise InapplicableError from None
    places: list[tuple[Any, Any]] = []
    pending = [tree]
    while pending:
        node = pending.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            places.append((node, key))
            pending.append(node[key])
    if not places:
        raise InapplicableError
    # Long lists of numbers would hide the few keys.
    named = [place for place in places if isinstance(place[0], dict)]
    parent, key = pick(rng, named if named and rng.random() < 0.6 else places)
    _change(parent, key, places, rng)
    text = json.dumps(tree)
    depth = pick(rng, (200, 5000, 100000))
    opening, closing = pick(rng, (("[", "]"), ('{"a":', "}")))
    return text.replace(json.dumps(_BOMB), opening * depth + "1" + closing * depth).encode()


def _change(parent: Any, key: Any, places: list[tuple[Any, Any]], rng: Random) -> None:
    value, kind = parent[key], int(rng.integers(8))
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[pick(rng, ("", "other", str(key) + " ", "\x1b[31m\n", "0"))] = parent.pop(key)
    elif kind == 2 and isinstance(value, list):
        parent[key] = value[: int(rng.integers(len(value) + 1))]
    elif kind == 3 and isinstance(value, list):
        parent[key] = (value * pick(rng, (2, 2, 100)))[:20000]
    elif kind == 4:
        node, other = pick(rng, places)
        with contextlib.suppress(KeyError, IndexError):
            parent[key] = json.loads(json.dumps(node[other]))
    elif kind == 5:
        parent[key] = _BOMB
    else:
        parent[key] = pick(rng, _HOSTILE_VALUES)
