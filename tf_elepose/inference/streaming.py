"""Lifting poses a part at a time: files of any length in the memory of a few parts.

While one part is lifted, the next is read and the last is written.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import errno
from collections.abc import Generator, Iterator, Mapping
from typing import Any, Protocol, TypeVar, cast

from tf_elepose.data.recording import SPLITS, Recording
from tf_elepose.data.sources import stream_source
from tf_elepose.inference.lifter import Progress
from tf_elepose.inference.summary import LiftSummary
from tf_elepose.motion.lifted import Lifted
from tf_elepose.skeleton.skeletons import Skeleton

Item = TypeVar("Item")


class Lift(Protocol):
    """`Lifter.lift_recording` with options under which each pose is lifted by itself."""

    def __call__(self, recording: Recording, *, progress: Progress) -> Lifted: ...


def read_parts(
    source: str, skeleton: Skeleton, options: Mapping[str, Any], split: str | None = None
) -> Iterator[Recording]:
    """The rows of `source`, in its order, a part at a time.

    Args:
      source: see `data.sources`.
      skeleton: the joints wanted.
      options: keywords of `stream_source`.
      split: only rows of this split.

    Raises:
      ValueError: from reading; or no row is of that split.
      OSError: `source` cannot be read; the message names it.
    """
    recordings = _named(stream_source(source, skeleton, **options), source)
    return recordings if split is None else _of_split(recordings, split)


def lifted_parts(
    lift: Lift, recordings: Iterator[Recording], summary: LiftSummary, show: Progress
) -> Generator[Lifted]:
    """The lifted poses of `recordings`, in their order.

    Args:
      lift: of a model that lifts each pose by itself.
      recordings: from `read_parts`.
      summary: every part is added to it.
      show: called with the number of poses lifted so far.

    Raises:
      ValueError: from reading and lifting.
      OSError: from reading.
    """
    done = 0
    closed = False

    def lifted(recording: Recording) -> Lifted:
        nonlocal done
        before = done

        def progress(poses: int) -> None:
            if closed:  # The caller does not want the rest.
                raise concurrent.futures.CancelledError
            show(before + poses)

        part = lift(recording, progress=progress)
        done += len(recording)
        summary.add(part, recording)
        return part

    parts = _read_ahead(map(lifted, _read_ahead(recordings)))
    try:
        yield from parts
    finally:
        closed = True
        parts.close()


def _named(recordings: Iterator[Recording], source: str) -> Iterator[Recording]:
    """`recordings`, with the source's name in errors of the system, which may not name the file."""
    try:
        yield from recordings
    except OSError as error:
        raise OSError(error.errno or errno.EIO, f"cannot be read: {error.strerror or error}", source) from error


def _of_split(recordings: Iterator[Recording], split: str) -> Iterator[Recording]:
    """The rows of one split; the dropped rows of parts without any are counted with the next part, or with the last."""
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


def _read_ahead(items: Iterator[Item]) -> Generator[Item]:
    """The `items`; the next one is made while the caller works on one."""
    end = object()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield cast("Item", item)
