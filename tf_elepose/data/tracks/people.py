"""The input of linking people over time: their rows, as arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class ClipName(NamedTuple):
    """A clip as one camera sees it."""

    subject: str
    clip: str
    camera: int

    def __str__(self) -> str:
        camera = f", camera {self.camera}" if self.camera else ""
        return f"clip {self.clip!r}{camera}"


@dataclasses.dataclass(frozen=True, eq=False)
class People:
    """Rows, in any order, of clips whose people are to be linked.

    Attributes:
      clip: [n] labels, one for each clip of a camera: indices into `names`.
      names: tell the clips of all parts apart.
      mirror: [J] for each joint its partner on the other side; joints in the middle are their own partners.
      frame, person: [n] integers.
      has_id: [n] whether `person` is an id of the file, and not a place in a list.
      pixels: [n, J, 2] px, 0 for joints that are not seen.
      seen: [n, J].
    """

    clip: np.ndarray
    names: Sequence[ClipName]
    mirror: np.ndarray
    frame: np.ndarray
    person: np.ndarray
    has_id: np.ndarray
    pixels: np.ndarray
    seen: np.ndarray

    def select(self, rows: np.ndarray) -> People:
        """The rows with these indices."""
        arrays = {name: getattr(self, name)[rows] for name in _ROW_FIELDS}
        return dataclasses.replace(self, **arrays)


_ROW_FIELDS = ("clip", "frame", "person", "has_id", "pixels", "seen")


def concatenate(parts: Sequence[People]) -> People:
    """The rows of all parts; names of clips are those of the last part."""
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ROW_FIELDS}
    return dataclasses.replace(parts[-1], **arrays)
