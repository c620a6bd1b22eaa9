"""Finds out what the numbers of a line in Ultralytics' pose files are; only the length of the lines shows it.

A line is class, box (4), x y or x y c of each keypoint, [the box's confidence], [track id]. Prediction writes them
(ultralytics/engine/results.py, save_txt); in labels for training, c is a visibility (0, 1 or 2), and nothing follows
the keypoints (Ultralytics' documentation, "Pose Estimation Datasets").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

BEFORE = 5
"""The numbers before the keypoints: class, and the box's middle and size."""

LAST = ("confidence", "track")
"""What the user may call a last number."""


def usual_keypoints(count: int, known: Sequence[int]) -> int:
    """How many keypoints with confidences a line of `count` numbers holds, of the `known` numbers; otherwise the first.

    Without confidences, one number too many in a line of 17 keypoints would make 26 of them.
    """
    return next((k for k in known if 0 <= count - BEFORE - 3 * k <= 2), known[0])


@dataclasses.dataclass(frozen=True)
class Columns:
    """The meaning of the numbers in a line; the same for all lines of a folder.

    Attributes:
      keypoints: the number of keypoints.
      dimensions: 2 if each keypoint is x y, 3 if it is x y c.
      flags: whether c is a visibility (0, 1, 2) instead of a confidence.
      confidence: whether the box's confidence follows the keypoints.
      track: whether at least some lines end with a track id: at first a tracker may have no ids.
    """

    keypoints: int
    dimensions: int
    flags: bool
    confidence: bool
    track: bool

    def split(self, numbers: np.ndarray) -> tuple[np.ndarray, float | None, float | None]:
        """Splits a line into keypoints [K, 2 or 3], the box's confidence and the track id; None for what it lacks."""
        rest = BEFORE + self.keypoints * self.dimensions
        pose = numbers[BEFORE:rest].reshape(self.keypoints, self.dimensions)
        confidence = float(numbers[rest]) if self.confidence else None
        rest += self.confidence
        return pose, confidence, float(numbers[rest]) if len(numbers) > rest else None


class ColumnsSeen:
    """Collects the lengths of the lines of a folder, file by file; `columns` then says what the numbers are."""

    def __init__(self, keypoints: int, where: str) -> None:
        self._keypoints = keypoints
        self._where = where
        self._places: dict[tuple[int, int], str] = {}  # {(dimensions, numbers that follow): the first such line}
        self._flags = True
        self._follow_integers, self._follow_shares, self._once_a_file = True, True, True

    def add(self, lines: Iterable[tuple[str, np.ndarray]]) -> None:
        """Adds the lines (place, numbers) of one file.

        Raises:
          ValueError: a line has a length that does not fit the number of keypoints.
        """
        last: dict[bytes, float] = {}  # Repeated lines count once.
        for place, numbers in lines:
            rest = len(numbers) - BEFORE
            fitting = [d for d in (2, 3) if 0 <= rest - d * self._keypoints <= 2]
            if len(fitting) != 1:
                raise ValueError(f"{self._where}: {place}: {self._expected(len(numbers))}")
            (dimensions,) = fitting
            self._places.setdefault((dimensions, rest - dimensions * self._keypoints), place)
            if dimensions == 3:
                third = numbers[BEFORE + 2 : BEFORE + 3 * self._keypoints : 3]
                self._flags = self._flags and bool(np.isin(third, (0, 1, 2)).all())
            if rest - dimensions * self._keypoints == 1:
                last[numbers.tobytes()] = float(numbers[-1])
        following = list(last.values())
        self._follow_integers &= all(value >= 0 and value.is_integer() for value in following)
        self._follow_shares &= all(0 <= value <= 1 for value in following)
        self._once_a_file &= len(set(following)) == len(following)

    def columns(self, last: str | None = None) -> Columns:
        """Says what the numbers are.

        Args:
          last: one of `LAST`, what a single number after the keypoints is; if None, the numbers decide.

        Raises:
          ValueError: the lines are of different runs, or a last number may be either.
        """
        if not self._places:
            return Columns(self._keypoints, 3, False, False, False)
        dimensions = {dimensions for dimensions, _ in self._places}
        if len(dimensions) > 1:
            raise self._mixed("keypoints with and without confidence")
        places = {extra: place for (_, extra), place in self._places.items()}
        kind = None
        if 1 in places and 2 not in places:
            kind = last or self._kind(places[1], tracked=0 in places)
        confidence, track = 2 in places or kind == "confidence", 2 in places or kind == "track"
        if confidence and 0 in places:
            raise self._mixed("boxes with and without confidence")
        three = dimensions == {3}
        return Columns(self._keypoints, 3 if three else 2, three and self._flags, confidence, track)

    def _mixed(self, what: str) -> ValueError:
        examples = ", ".join(list(self._places.values())[:3])
        return ValueError(f"{self._where}: expected the files of one run; got {what}: {examples}")

    def _kind(self, place: str, *, tracked: bool) -> str:
        """Says whether a single last number is a confidence or a track id."""
        if self._follow_integers and self._once_a_file:
            return "track"  # A detector is never sure of every box to six digits.
        if self._follow_shares and not tracked:
            return "confidence"
        raise ValueError(
            f"{self._where}: {place}: the number after the keypoints may be the box's confidence or a track id; say "
            f"--option=last={LAST[0]} or --option=last={LAST[1]}"
        )

    def _expected(self, count: int) -> str:
        if BEFORE <= count <= BEFORE + 2:
            return f"expected a box and keypoints; got {count} numbers, a box alone, as a detection model writes it"
        k = self._keypoints
        two, three = (BEFORE + d * k for d in (2, 3))
        return (
            f"expected {two} to {two + 2} numbers, or {three} to {three + 2} with confidences, for {k} keypoints; got "
            f"{count}; say --option=convention=NAME for other keypoints"
        )
