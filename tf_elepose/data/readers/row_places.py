"""Numbers the people in arrays that have a frame for each row, and finds rows that repeat an earlier one."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np

from tf_elepose.data.identities import PLACE
from tf_elepose.data.readers.table_labels import REPEATED


class RowPlaces:
    """Numbers the people in the rows of one file, which come in parts.

    If the file has no numbers of people, a person's number is its place among the rows of its clip, camera and frame.
    If the file has numbers, a row with the same clip, camera, frame and person as an earlier row is left out, because
    nobody is at two places.
    """

    def __init__(self) -> None:
        """Starts before the first row."""
        self._met: collections.Counter[tuple[Any, ...]] = collections.Counter()
        self._grown: list[list[np.ndarray]] | None = []  # The parts so far, while frames only increase.
        self._last: tuple[Any, ...] = ()

    def numbered(self, fields: dict[str, Any], n: int) -> tuple[dict[str, Any], np.ndarray]:
        """Adds person and identity to `fields` of the next `n` rows; also returns which of these rows [n] are kept.

        Args:
          fields: keywords of `Rows`, one value or [n]; frame [n].
          n: number of rows.
        """
        clips, cameras = (np.broadcast_to(np.asarray(fields.get(name, 0)), n) for name in ("clip", "camera"))
        people, frames = fields.get("person"), np.asarray(fields["frame"])
        columns = [clips, cameras, frames] if people is None else [clips, cameras, frames, people]
        counts = np.zeros(n, np.int64)
        if not self._only_grow(columns):
            for row, key in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
                counts[row] = self._met[key]
                self._met[key] += 1
        if people is None:
            return fields | {"person": counts, "identity": PLACE}, np.ones(n, bool)
        keep = counts == 0
        kept = {name: value[keep] if isinstance(value, np.ndarray) else value for name, value in fields.items()}
        return kept | ({} if keep.all() else {"dropped": {REPEATED: int((~keep).sum())}}), keep

    def _only_grow(self, columns: list[np.ndarray]) -> bool:
        """Whether all rows so far are of one clip and camera, each with a later frame than the row before.

        Then no row can repeat another. This is the usual file, and quick to see. After the first row that is different,
        all rows so far are counted.
        """
        if self._grown is None:
            return False
        clips, cameras, frames = columns[:3]
        if not len(frames):
            return True
        first = (clips[0], cameras[0], int(frames[0]))
        follows = not self._last or (first[:2] == self._last[:2] and first[2] > self._last[2])
        one = (clips == clips[0]).all() and (cameras == cameras[0]).all() and (np.diff(frames) > 0).all()
        if follows and one:
            self._grown.append(columns)
            self._last = (*first[:2], int(frames[-1]))
            return True
        for part in self._grown:
            self._met.update(zip(*(column.tolist() for column in part), strict=True))
        self._grown = None
        return False
