"""Finds what looks wrong in a recording that comes in parts, as if it were whole."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_elepose.data.checks import sanity
from tf_elepose.data.checks.sanity import Finding
from tf_elepose.data.recording import Recording, row_fields

MOST_WINDOWS = 200
"""At most this many windows are kept, evenly spread over the parts that have come so far."""

_WINDOW_ROWS = 250  # At most this many rows of a window are kept: enough to judge it, and few enough for memory.


class PartsSeen:
    """Keeps a sample of limited size of the parts, by which all parts are judged together."""

    def __init__(self) -> None:
        self._kept: list[tuple[Recording, np.ndarray]] = []  # Each with the sizes of its pictures.
        self._stride, self._met, self._rows = 1, 0, 0
        self._ever_seen: dict[str, np.ndarray] = {}

    def add(self, part: Recording) -> None:
        """Adds a sample of the next part."""
        self._rows += len(part)
        for poses in sanity.seen_poses(part):
            seen = np.any(poses.seen, axis=0)
            self._ever_seen[poses.name] = self._ever_seen.get(poses.name, False) | seen
        pictures = sanity.pictures_of(part)
        pictures = np.full((len(part), 2), np.nan) if pictures is None else pictures
        for rows in sanity.windows_of(part):
            if self._met % self._stride == 0:
                rows = rows[:_WINDOW_ROWS]
                self._kept.append((part.select(rows), pictures[rows]))
            self._met += 1
            if len(self._kept) > MOST_WINDOWS:
                self._kept, self._stride = self._kept[::2], 2 * self._stride

    def findings(self) -> list[Finding]:
        """Finds what looks wrong in all parts together, see `sanity.findings`; empty when there were no parts."""
        if not self._kept:
            return []
        pictures = np.concatenate([pictures for _, pictures in self._kept])
        found = [f for f in sanity.findings(self._sample(), pictures) if f.test != "missing_joint"]
        for name, seen in self._ever_seen.items():
            found += sanity.missing_joints(name, seen, self._rows, self._kept[0][0].skeleton)
        return found

    def _sample(self) -> Recording:
        """The rows of the kept windows as one recording."""
        first = self._kept[0][0]
        fields = row_fields(first.skeleton.num_joints)
        values = {field: [getattr(window, field) for window, _ in self._kept] for field in fields}
        known = {
            field: None if any(one is None for one in of_all) else np.concatenate(of_all)
            for field, of_all in values.items()
        }
        return dataclasses.replace(first, **known, image_size=None)
