"""Links people over time by place and size of their bodies, where a file does not say who is who.

Rows of neighbouring frames that are one person without doubt become tracklets (tracklets.py). Where tracklets begin,
the people who are missing at that time are expected at places where they may have moved (outlook.py). The best pairs of
tracklets and missing people are taken (following.py, assignment.py): the cost of a pair is the mean distance of the
joints, in body sizes. A tracklet that fits nobody is a new person.

If hardly anybody in a clip is near a place where somebody was in the frame before, the clip is a set of pictures, not a
video: nothing is linked, and people keep the numbers of their places in the lists.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tf_elepose.data.tracks import tracklets
from tf_elepose.data.tracks.following import LONGEST_GAP, ClipState, SortedRows, follow
from tf_elepose.data.tracks.people import ClipName, People, concatenate
from tf_elepose.data.tracks.tracklets import Bodies, Frames
from tf_elepose.data.tracks.twins import twins

FRAME_RATE = 30.0
"""Frames a second that are assumed if none are given."""

_OPEN_CLIPS = 1000  # Of sources read in parts: this many clips may go on at a time, to limit memory.
_FEWEST_FOUND = 0.3  # A clip is a video if this share of the people is found again in the next frame.


@dataclasses.dataclass(frozen=True, eq=False)
class _LastRows:
    """The last rows of the people of a clip; and for each the index, among them, of the row before it (-1: none)."""

    rows: People
    before: np.ndarray


class Linker:
    """Numbers the people of clips from 0 in the order of appearance; clips come in one part or in several."""

    def __init__(self, source: str, frame_rate: float = FRAME_RATE, *, parts: bool = False) -> None:
        """Starts without clips.

        Args:
          source: name of the data in messages.
          frame_rate: frames a second.
          parts: whether clips may go on in a later part.
        """
        self._source = source
        self._rate = frame_rate
        self._parts = parts
        self._clips: dict[ClipName, tuple[ClipState, _LastRows | None]] = {}

    def __call__(self, people: People) -> tuple[np.ndarray, np.ndarray]:
        """Numbers [n] of the people in the next part, and a mask [n] of the linked rows; other rows keep their numbers.

        Raises:
          ValueError: a frame of a clip comes after a later frame of an earlier part; or the file gives an id after
            people without ids have been counted from 0.
        """
        known = [self._clips.get(name, (ClipState(), None)) for name in people.names]
        rows, order = self._sorted(people, [last for _, last in known])
        clip = rows.people.clip
        self._judge(rows, [state for state, _ in known])
        numbers, linked = rows.people.person.astype(np.int64), np.zeros(len(clip), bool)
        earliest = np.full(len(known), np.iinfo(np.int64).max)
        np.minimum.at(earliest, people.clip, people.frame)
        edges = np.searchsorted(clip, np.arange(len(known) + 1)).tolist()
        for label, (state, last) in enumerate(known):
            low, high = edges[label] + (0 if last is None else len(last.before)), edges[label + 1]
            if state.video is None and label < len(known) - _OPEN_CLIPS:
                continue  # An image, which may be one of a million: it does not go on so much later.
            if low == high or not (state.video or (state.video is None and self._parts)):
                self._keep(people.names[label], state, None)
                continue
            frame, where = int(earliest[label]), f"{self._source}: {people.names[label]}"
            if frame < state.frame:
                raise ValueError(
                    f"{where}: frame {frame} comes after frame {state.frame}: to link people in a source that is "
                    "read in parts, frames must be in order; first make a file of the source with "
                    "python -m tf_elepose.convert --output=FILE.npz"
                )
            for track in state.tracks:
                track.last += edges[label]
                track.doubted = track.doubted and (track.doubted[0] + edges[label], track.doubted[1])
            numbers[low:high] = follow(rows, low, high, state, where)
            linked[low:high] = ~rows.people.has_id[low:high]
            state.frame = int(rows.people.frame[high - 1])
            if self._parts:
                self._keep(people.names[label], state, _last_rows(rows, state))
        new = order >= len(order) - len(people.frame)
        place = order[new] - (len(order) - len(people.frame))
        in_order, linked_in_order = np.empty(len(place), np.int64), np.empty(len(place), bool)
        in_order[place], linked_in_order[place] = numbers[new], linked[new]
        return in_order, linked_in_order

    def _keep(self, name: ClipName, state: ClipState, last: _LastRows | None) -> None:
        """Keeps what is known of a clip for the next part; only the last `_OPEN_CLIPS` clips are kept."""
        if self._parts:
            self._clips.pop(name, None)
            self._clips[name] = state, last
            if len(self._clips) > _OPEN_CLIPS:
                del self._clips[next(iter(self._clips))]

    def _sorted(self, people: People, last: Sequence[_LastRows | None]) -> tuple[SortedRows, np.ndarray]:
        """Sorts rows by clip and frame, each clip's last rows of the part before first; also returns their order."""
        before = [np.full(0, -1)]
        parts = []
        for label, kept in enumerate(last):
            if kept is not None:
                parts.append(dataclasses.replace(kept.rows, clip=np.full(len(kept.before), label)))
                before.append(np.where(kept.before < 0, -1, kept.before + sum(map(len, before))))
        old = sum(map(len, before))
        joined = concatenate([*parts, people]) if parts else people
        n = len(joined.frame)
        order = np.lexsort((joined.frame, joined.clip))
        if not np.array_equal(order, np.arange(n)):
            joined = joined.select(order)
        frames = Frames.of(joined.clip, joined.frame, LONGEST_GAP * self._rate)
        bodies = Bodies.of(joined.pixels, joined.seen, joined.mirror)
        same = twins(bodies, frames)
        links = tracklets.link(bodies, frames, ~joined.has_id & (order >= old), same.some)
        rows = links.before
        if old:
            place = np.argsort(order)
            kept = np.concatenate(before)
            rows[place[:old]] = np.where(kept < 0, -1, place[np.maximum(kept, 0)])
        if joined.has_id.any():
            _link_ids(joined, frames, rows)
        head, end = tracklets.ends(rows)
        times = joined.frame / self._rate
        return SortedRows(joined, bodies, frames, times, rows, head, end, links.best, same, 1.0 / self._rate), order

    def _judge(self, rows: SortedRows, clips: Sequence[ClipState]) -> None:
        """Finds out which of the clips are videos."""
        frames, clip = rows.frames, rows.people.clip
        free = np.bincount(frames.of_row[~rows.people.has_id], minlength=len(frames.first))
        could = np.where(frames.follows, np.minimum(free, np.append(free[1:], 0)), 0)
        possible = np.bincount(clip[frames.first], could, len(clips))
        near = rows.best <= tracklets.NEAR
        found = np.bincount(clip[near], minlength=len(clips))
        several = np.bincount(clip[frames.first], minlength=len(clips)) > 1
        ids = np.bincount(clip[rows.people.has_id], minlength=len(clips)) > 0
        for label in np.flatnonzero(several | ids).tolist():
            state = clips[label]
            if state.video is None:
                state.video = bool(ids[label] or found[label] >= max(_FEWEST_FOUND * possible[label], 1))


def _link_ids(people: People, frames: Frames, before: np.ndarray) -> None:
    """Links rows with the same id in consecutive frames, by setting `before`."""
    own = np.flatnonzero(people.has_id)
    own = own[np.lexsort((frames.of_row[own], people.person[own], people.clip[own]))]
    one, other = own[:-1], own[1:]
    same = (people.clip[one] == people.clip[other]) & (people.person[one] == people.person[other])
    same &= frames.of_row[other] == frames.of_row[one] + 1
    before[other[same]] = one[same]


def _last_rows(rows: SortedRows, state: ClipState) -> _LastRows:
    """Copies the last rows of the tracks of `state`; the tracks then refer to rows among these copies."""
    ends = [track.last for track in state.tracks] + [track.doubted[0] for track in state.tracks if track.doubted]
    chains = [rows.last_rows(end)[::-1] for end in ends]
    kept = np.array(sorted({row for chain in chains for row in chain}), np.int64)
    before = np.full(len(kept), -1)
    for chain in chains:
        place = np.searchsorted(kept, chain)
        before[place[1:]] = place[:-1]
    for track in state.tracks:
        track.last = int(np.searchsorted(kept, track.last))
        track.doubted = track.doubted and (int(np.searchsorted(kept, track.doubted[0])), track.doubted[1])
    return _LastRows(rows.people.select(kept), before)
