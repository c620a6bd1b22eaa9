"""Lifting poses a part at a time: files of any length in the memory of a few parts.

While one part is lifted, the next is read and the last is written.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import errno
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from tf_elepose.data.recording import SPLITS, Recording
from tf_elepose.data.sources import stream_source
from tf_elepose.inference.lifter import Lifter
from tf_elepose.inference.summary import LiftSummary
from tf_elepose.motion.lifted import Lifted

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
      OSError: `source` cannot be read.
    """
    total: int | None = None
    done = 0
    closed = False

    def reading(rows: int, share: float | None) -> None:
        nonlocal total
        total = max(round(rows / share), 1) if share else None

    def lift(recording: Recording) -> Lifted:
        nonlocal done
        before = done

        def progress(poses: int) -> None:
            if closed:  # Nobody wants the rest.
                raise concurrent.futures.CancelledError
            show(before + poses, total)

        lifted = lifter.lift_recording(recording, progress=progress, **options)
        done += len(recording)
        summary.add(lifted, recording)
        return lifted

    recordings = _named(stream_source(source, lifter.skeleton, **({"progress": reading} | dict(readers))), source)
    if split is not None:
        recordings = _of_split(recordings, split)
    parts = _read_ahead(map(lift, _read_ahead(recordings)))
    try:
        yield from parts
    finally:
        closed = True
        parts.close()


def _named(recordings: Iterator[Recording], source: str) -> Iterator[Recording]:
    """The same, with the source's name in errors of the system, which may not say what could not be read."""
    try:
        yield from recordings
    except OSError as error:
        raise OSError(error.errno or errno.EIO, f"cannot be read: {error.strerror or error}", source) from error


def _of_split(recordings: Iterator[Recording], split: str) -> Iterator[Recording]:
    """The rows of one split; what was left out of other parts when they were read counts with the next, or the last."""
    found, source = set[str](), ""
    waiting = collections.Counter[str]()
    ready: Recording | None = None
    for recording in recordings:
        source = recording.source
        found |= {name for name in SPLITS if (recording.split == name).any()}
        waiting.update(recording.dropped)
        if (recording.split == split).any():
            if ready is not None:
                yield ready
            ready = dataclasses.replace(recording.of_split(split), dropped=dict(waiting))
            waiting.clear()
    if ready is None:
        raise ValueError(f"{source}: no rows of split {split!r}; splits here are {', '.join(sorted(found))}")
    waiting.update(ready.dropped)
    yield dataclasses.replace(ready, dropped=dict(waiting))


def _read_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; the next is made while the caller works on one."""
    end = object()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
