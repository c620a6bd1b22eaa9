"""Follows the people of one clip from tracklet to tracklet."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from tf_elepose.data.tracks.assignment import assign
from tf_elepose.data.tracks.outlook import HISTORY, Outlook, fit, outlook
from tf_elepose.data.tracks.people import People
from tf_elepose.data.tracks.tracklets import Bodies, Frames

LONGEST_GAP = 2.0
"""Seconds for which a person may be missing; a person who comes back later gets a new number."""

BESIDE_IDS = 1_000_000
"""In clips in which some people have ids of the file, people without an id are counted from this number."""

# Gates: two rows whose cost is above the gate are not one person. Costs are mean distances of joints in body sizes.
_GATE = 2.0  # A mean distance of all joints of about the shoulders' height.
_WIDER, _WIDEST_AFTER = 1.0, 0.5  # The gate grows by this in each second without the person, for at most half a second.
_LONG, _LONG_GATE = 1.0, 1.5  # After this many seconds the gate is narrower: nobody knows where the person went.
_SHORT, _ALONE_GATE = 0.6, 3.5  # Up to this many seconds the gate is wider, if row and person have no other partner.
_DOUBLE_GATE = 0.5  # Two rows on one body (twins.py) may be two people who were just here: below this cost.


@dataclasses.dataclass(eq=False)
class Track:
    """A person of a clip.

    Attributes:
      number: the number of the person.
      has_id: whether the number is an id of the file.
      last: the last row of the person's last tracklet.
      double: the number of the rows in which this body was found a second time; None if there are none.
      outlook: where the person is expected, judged by the rows up to `last`; None if it must be computed again.
    """

    number: int
    has_id: bool
    last: int
    double: int | None = None
    outlook: Outlook | None = None


@dataclasses.dataclass(eq=False)
class ClipState:
    """Holds what is known of a clip from earlier parts.

    Attributes:
      video: whether the clip is a video; None while only one frame is known.
      next_number: the number of the next person without an id.
      has_ids: whether the file gives ids to some of the clip's people.
      frame: the last frame; -1 before the first.
      tracks: the people who may be seen again.
    """

    video: bool | None = None
    next_number: int = 0
    has_ids: bool = False
    frame: int = -1
    tracks: list[Track] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, eq=False)
class SortedRows:
    """Rows sorted by clip and frame.

    Attributes:
      people: the rows.
      bodies: their poses.
      frames: their frames.
      times: [n] s.
      before: [n] the earlier row of the same person, -1 where it is not known; completed while people are followed.
      head, end: [n] the first and the last row of each row's tracklet.
      best: [n] see `Tracklets`.
      twins: for rows that are a body that was found more than once, the other rows of this body in the frame.
      step: seconds from one frame to the next.
    """

    people: People
    bodies: Bodies
    frames: Frames
    times: np.ndarray
    before: np.ndarray
    head: np.ndarray
    end: np.ndarray
    best: np.ndarray
    twins: Mapping[int, list[int]]
    step: float

    def last_rows(self, row: int) -> list[int]:
        """Returns a person's last rows up to `row`, the newest first, at most `HISTORY` rows."""
        rows = [row]
        while len(rows) < HISTORY and (row := int(self.before[row])) >= 0:
            rows.append(row)
        return rows


def follow(rows: SortedRows, low: int, high: int, clip: ClipState, where: str) -> np.ndarray:
    """Finds the numbers [high - low] of the people in a clip's rows.

    Args:
      rows: of this and other clips.
      low, high: the clip's rows, low to high - 1; the last rows of the part before may come first.
      clip: what is known from earlier parts; this part is added to it.
      where: names the clip in messages.

    Raises:
      ValueError: the file gives an id after people without ids have been counted from 0.
    """
    followed = _Followed(rows, low, high, clip, where)
    new = low + np.flatnonzero(rows.before[low:high] < 0)
    for begun in np.split(new, np.flatnonzero(np.diff(rows.frames.of_row[new])) + 1):
        followed.take(begun.tolist())
    clip.tracks = followed.live
    return followed.numbers(high)


def _pairs(gains: np.ndarray, alone: np.ndarray) -> list[tuple[int, int]]:
    """Finds the pairs with the largest total gain; then, among the remaining rows and people, by the gains `alone`."""
    pairs = assign(gains)
    if len(pairs) == min(gains.shape):
        return pairs
    rows = [row for row in range(len(gains)) if row not in {row for row, _ in pairs}]
    people = [person for person in range(gains.shape[1]) if person not in {person for _, person in pairs}]
    return pairs + [(rows[row], people[person]) for row, person in assign(alone[np.ix_(rows, people)])]


class _Followed:
    """Holds the people of a clip, up to the current frame."""

    def __init__(self, rows: SortedRows, low: int, high: int, clip: ClipState, where: str) -> None:
        self.live = clip.tracks
        self._rows, self._low, self._clip, self._where = rows, low, clip, where
        self._of_head: dict[int, Track] = {}  # By the first row of a tracklet.
        self._doubles: dict[int, int] = {}
        self._begins: dict[int, list[float]] = {}  # The times at which tracklets of each id begin.
        own = low + np.flatnonzero(rows.people.has_id[low:high])
        for row in own[rows.before[own] < 0].tolist():
            self._begins.setdefault(int(rows.people.person[row]), []).append(float(rows.times[row]))
        if self._begins:
            if min(self._begins) < clip.next_number and not clip.has_ids:
                raise ValueError(
                    f"{where}: id {min(self._begins)} comes after people without ids, who were counted from 0"
                )
            clip.has_ids, clip.next_number = True, max(clip.next_number, BESIDE_IDS)

    def numbers(self, high: int) -> np.ndarray:
        """Returns the number of the person in each row up to `high`."""
        by_row = np.full(high - self._low, -1, np.int64)
        for head, track in self._of_head.items():
            by_row[head - self._low] = track.number
        for head, number in self._doubles.items():
            by_row[head - self._low] = number
        return by_row[self._rows.head[self._low : high] - self._low]

    def take(self, begun: list[int]) -> None:
        """Gives the tracklets that begin with these rows of one frame to missing people, or to new people."""
        rows = self._rows
        now = float(rows.times[begun[0]])
        self.live = [track for track in self.live if now - rows.times[track.last] <= LONGEST_GAP]
        waiting = [track for track in self.live if rows.times[track.last] < now]
        for row in [row for row in begun if rows.people.has_id[row]]:
            known = next((t for t in self.live if t.has_id and t.number == rows.people.person[row]), None)
            if known is not None:
                self._extend(known, row)
                waiting = [track for track in waiting if track is not known]
                begun = [other for other in begun if other != row]
        if not begun:
            return
        twins = {row: [int(rows.head[other]) for other in rows.twins[row]] for row in begun if row in rows.twins}
        taken = set[int]()
        if waiting:
            for at, person in _pairs(*self._gains(begun, waiting, twins, now)):
                row, track = begun[at], waiting[person]
                if rows.people.has_id[row]:
                    track.number, track.has_id = int(rows.people.person[row]), True
                self._extend(track, row)
                taken.add(row)
        for row in begun:
            if row in taken:
                continue
            whose = next((self._of_head[head] for head in twins.get(row, ()) if head in self._of_head), None)
            if rows.people.has_id[row]:
                self._add(row, int(rows.people.person[row]), has_id=True)
            elif whose is None:
                self._add(row, self._new_number(), has_id=False)
            else:
                whose.double = self._new_number() if whose.double is None else whose.double
                self._doubles[row] = whose.double

    def _gains(
        self, begun: list[int], waiting: list[Track], twins: dict[int, list[int]], now: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gains [r, t]: by how much the cost of each row for each person is below the gate; and the gains [r, t] that
        hold where neither the row nor the person has another partner.
        """
        rows = self._rows
        for track in waiting:
            if track.outlook is None:
                track.outlook = outlook(rows.bodies, rows.last_rows(track.last), rows.times, rows.step)
        waited = now - rows.times[[track.last for track in waiting]]
        costs = fit(rows.bodies, begun, [track.outlook for track in waiting if track.outlook is not None], waited)
        gates = np.where(waited > _LONG, _LONG_GATE, _GATE + _WIDER * np.minimum(waited, _WIDEST_AFTER))
        gains = gates - costs
        alone = np.where(waited > _SHORT, 0.0, _ALONE_GATE - costs)
        best = dict(zip(begun, zip(costs.min(axis=1).tolist(), begun, strict=True), strict=True))
        for at, row in enumerate(begun):
            if any(best.get(other, (-1.0, other)) < best[row] for other in twins.get(row, ())):
                gains[at, costs[at] > _DOUBLE_GATE] = alone[at] = 0.0
            if self._begins:
                until = rows.times[rows.end[row]]
                for person, track in enumerate(waiting):
                    begins = self._begins.get(track.number, ()) if track.has_id else ()
                    if track.has_id and (rows.people.has_id[row] or any(now <= begin <= until for begin in begins)):
                        gains[at, person] = alone[at, person] = 0.0
        return gains, alone

    def _new_number(self) -> int:
        self._clip.next_number += 1
        return self._clip.next_number - 1

    def _add(self, row: int, number: int, *, has_id: bool) -> None:
        track = Track(number, has_id, int(self._rows.end[row]))
        self.live.append(track)
        self._of_head[row] = track

    def _extend(self, track: Track, row: int) -> None:
        self._rows.before[row] = track.last
        track.last, track.outlook = int(self._rows.end[row]), None
        self._of_head[row] = track
