"""Follows the people of one clip from tracklet to tracklet."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_elepose.data.tracks.assignment import assign
from tf_elepose.data.tracks.outlook import HISTORY, Outlook, fit, outlook
from tf_elepose.data.tracks.people import People
from tf_elepose.data.tracks.tracklets import Bodies, Frames
from tf_elepose.data.tracks.twins import Twins

LONGEST_GAP = 2.0
"""Seconds for which a person may be missing; a person who comes back later gets a new number."""

BESIDE_IDS = 1_000_000
"""In clips in which some people have ids of the file, people without an id are counted from this number."""

# Gates: two rows whose cost is above the gate are not one person. Costs are mean distances of joints in body sizes.
_GATE = 2.0  # A mean distance of all joints of about the shoulders' height.
_WIDER, _WIDEST_AFTER = 1.0, 0.5  # The gate grows by this in each second without the person, for at most half a second.
_LONG, _LONG_GATE = 1.0, 1.5  # After this many seconds the gate is narrower: nobody knows where the person went.
_SHORT, _ALONE_GATE = 0.6, 3.5  # Up to this many seconds the gate is wider, if row and person have no other partner.
_DOUBTFUL = 1.0  # A row of a higher cost is doubted: the person may also come back to the place before it.
_FEW_FRAMES = 2  # A tracklet of at least this many frames is not doubted.
_FLEETING = 0.3  # Added to the cost of a row that no row follows, because detectors find bodies where nobody is.
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
      doubted: if the last tracklet may be something else, the last row before it and the outlook from there.
    """

    number: int
    has_id: bool
    last: int
    double: int | None = None
    outlook: Outlook | None = None
    doubted: tuple[int, Outlook] | None = None


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
      twins: which rows are one body.
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
    twins: Twins
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


def _gates(waited: np.ndarray) -> np.ndarray:
    """Gates [t]: the costs above which a row is not a person who has been missing for this many seconds [t]."""
    return np.where(waited > _LONG, _LONG_GATE, _GATE + _WIDER * np.minimum(waited, _WIDEST_AFTER))


class _Followed:
    """Holds the people of a clip, up to the current frame."""

    def __init__(self, rows: SortedRows, low: int, high: int, clip: ClipState, where: str) -> None:
        self.live = clip.tracks
        self._rows, self._low, self._high, self._clip, self._where = rows, low, high, clip, where
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
        twins = {row: heads for row in begun if (heads := rows.head[rows.twins.of(row)].tolist())}
        taken = set[int]()
        if waiting:
            gains, alone, costs, earlier = self._gains(begun, waiting, twins, now)
            for at, person in _pairs(gains, alone):
                row, track = begun[at], waiting[person]
                if rows.people.has_id[row]:
                    track.number, track.has_id = int(rows.people.person[row]), True
                if earlier[at, person] and track.doubted is not None:
                    track.last, track.outlook = track.doubted
                self._extend(track, row, doubtful=bool(costs[at, person] > _DOUBTFUL))
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
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Gains [r, t]: by how much the cost of each row for each person is below the gate; the gains [r, t] that hold
        where neither the row nor the person has another partner; the costs [r, t]; and a mask [r, t] of the people who
        come more likely from the place before a doubted tracklet.
        """
        rows = self._rows
        for track in waiting:
            if track.outlook is None:
                track.outlook = outlook(rows.bodies, rows.last_rows(track.last), rows.times, rows.step)
        outlooks = [track.outlook for track in waiting if track.outlook is not None]
        waited = now - rows.times[[track.last for track in waiting]]
        costs = fit(rows.bodies, begun, outlooks, waited)
        gates = np.broadcast_to(_gates(waited), costs.shape)
        long = np.broadcast_to(waited > _SHORT, costs.shape)
        earlier = np.zeros(costs.shape, bool)
        if doubted := [person for person, track in enumerate(waiting) if track.doubted is not None]:
            before = [track.doubted for track in waiting if track.doubted is not None]
            then = waited.copy()
            then[doubted] = now - rows.times[[row for row, _ in before]]
            other = costs.copy()
            other[:, doubted] = fit(rows.bodies, begun, [there for _, there in before], then[doubted])
            earlier = _gates(then) - other > gates - costs
            costs, gates = np.where(earlier, other, costs), np.where(earlier, _gates(then), gates)
            long = np.where(earlier, then > _SHORT, long)
        last = rows.frames.of_row[self._high - 1]
        fleeting = [rows.end[row] == row and rows.frames.of_row[row] < last for row in begun]
        gains = gates - costs - _FLEETING * np.array(fleeting)[:, np.newaxis]
        alone = np.where(long, 0.0, _ALONE_GATE - costs)
        nearest = dict(zip(begun, zip(costs.min(axis=1).tolist(), begun, strict=True), strict=True))
        for at, row in enumerate(begun):
            both = [nearest[row], *(nearest.get(other, (0.0, other)) for other in twins.get(row, ()))]
            # If none of the rows on a body is near anybody, the nearest of them may be a person who moved fast.
            if len(both) > 1 and (min(both)[0] <= _DOUBLE_GATE or min(both) < nearest[row]):
                gains[at, costs[at] > _DOUBLE_GATE] = alone[at] = 0.0
            if self._begins:
                until = rows.times[rows.end[row]]
                for person, track in enumerate(waiting):
                    begins = self._begins.get(track.number, ()) if track.has_id else ()
                    if track.has_id and (rows.people.has_id[row] or any(now <= begin <= until for begin in begins)):
                        gains[at, person] = alone[at, person] = 0.0
        return gains, alone, costs, earlier

    def _new_number(self) -> int:
        self._clip.next_number += 1
        return self._clip.next_number - 1

    def _add(self, row: int, number: int, *, has_id: bool) -> None:
        track = Track(number, has_id, int(self._rows.end[row]))
        self.live.append(track)
        self._of_head[row] = track

    def _extend(self, track: Track, row: int, *, doubtful: bool = False) -> None:
        rows = self._rows
        short = rows.frames.of_row[rows.end[row]] - rows.frames.of_row[row] < _FEW_FRAMES
        track.doubted = (track.last, track.outlook) if doubtful and short and track.outlook is not None else None
        rows.before[row] = track.last
        track.last, track.outlook = int(self._rows.end[row]), None
        self._of_head[row] = track
