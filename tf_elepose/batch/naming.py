"""Finds the convention that a record names."""

from __future__ import annotations

import functools
from typing import Any

from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention


def named_convention(name: Any, otherwise: Convention | None) -> Convention:
    """The convention that a record names, or `otherwise` where it names none.

    Raises:
      ValueError: an unknown name, or no name and no `otherwise`. Only known names are accepted, because a record must
        not make a worker open files.
    """
    if name is None:
        if otherwise is None:
            raise ValueError("no convention: the record must name one, or the command with --convention=NAME")
        return otherwise
    found = _found(name) if isinstance(name, str) else None
    if found is None:
        raise ValueError(f"unknown convention {name!r:.60}")
    return found


_found = functools.lru_cache(conventions.find_convention)
