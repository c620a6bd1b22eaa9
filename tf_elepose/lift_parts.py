"""Lifting poses a part at a time: files of any length in the memory of a few parts.

While one part is lifted, the next is read and the last is written.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from tf_elepose.data.recording import SPLITS, Recording
from tf_elepose.data.sources import stream_source
from tf_elepose.lift_summary import LiftSummary
from tf_elepose.lifted import Lifted
from tf_elepose.lifter import Lifter

Item = TypeVar("Item")

Shown = Callable[[int, int | None], None]
"""Told how many poses are lifted, and how many there are, as far as that is known."""


def lifted_parts(
    lifter: Lifter,
    source: str,
    readers: Mapping[str, Any],
    summary: LiftSummary,
    *,
    split: str | None = None,
    show: Shown,
    **options: Any,
) -> Iterator[Lifted]:
    """The poses of `source`, in its order.

    Args:
      lifter: of a model to which every pose is one of its own.
      source: see `data.sources`.
      readers: keywords of `stream_source`.
      summary: gets to know every part.
      split: only rows of this one.
      show: see `Shown`.
      **options: of `Lifter.lift_recording`, those that look at one pose at a time.

    Raises:
      ValueError: from reading and lifting; or no row is of that split.
    """
    total: list[int] = []

    def reading(rows: int, share: float | None) -> None:
        total[:] = [max(round(rows / share), 1)] if share else []

    done = 0

    def lift(recording: Recording) -> Lifted:
        nonlocal done
        before = done
        lifted = lifter.lift_recording(
            recording, progress=lambda poses: show(before + poses, total[0] if total else None), **options
        )
        done += len(recording)
        summary.add(lifted, recording)
        return lifted

    parts = stream_source(source, lifter.skeleton, **({"progress": reading} | dict(readers)))
    chosen = parts if split is None else _of_split(parts, split)
    yield from _read_ahead(map(lift, _read_ahead(chosen)))


def _of_split(parts: Iterator[Recording], split: str) -> Iterator[Recording]:
    found, source = set[str](), ""
    for part in parts:
        found |= {name for name in SPLITS if (part.split == name).any()}
        source = part.source
        if (part.split == split).any():
            yield part.of_split(split)
    if split not in found:
        raise ValueError(f"{source}: no rows of split {split!r}; splits here are {', '.join(sorted(found))}")


def _read_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; the next is made while the caller works on one."""
    end = object()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
