"""Finds rows of one frame that are the same body, which a detector found twice."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from tf_elepose.data.tracks.tracklets import FEWEST_COMMON, Bodies, Frames

SAME_BODY = 0.15
"""Rows of one frame are one body if the mean distance of their common joints is below this, in body sizes."""

_NEAR = 1.0  # In body sizes. Only bodies whose middles are this near are compared: middles depend on which joints are
# seen.
_PAIRS_TOGETHER = 1 << 18


@dataclasses.dataclass(frozen=True, eq=False)
class Twins:
    """The rows of one frame that are one body.

    Attributes:
      others: the other rows of the bodies of row 0, of row 1 and so on.
      edges: [n + 1] where those of each row begin in `others`, and the end.
    """

    others: np.ndarray
    edges: np.ndarray

    @property
    def some(self) -> np.ndarray:
        """Mask [n] of the rows that have others."""
        return np.diff(self.edges) > 0

    def of(self, row: int) -> np.ndarray:
        """The other rows of the body of `row`, ascending."""
        return self.others[self.edges[row] : self.edges[row + 1]]


def twins(bodies: Bodies, frames: Frames) -> Twins:
    """Finds the rows of each frame that are one body."""
    several = np.flatnonzero(frames.count > 1)
    pairs = frames.count[several] ** 2
    edges = np.searchsorted(np.cumsum(pairs), np.arange(0, pairs.sum(), _PAIRS_TOGETHER))
    found = [np.zeros((2, 0), np.int64)]
    for low, high in itertools.pairwise(np.unique([*edges.tolist(), len(several)]).tolist()):
        of_frame = np.repeat(several[low:high], pairs[low:high])
        place = np.arange(len(of_frame)) - np.repeat(np.cumsum(pairs[low:high]) - pairs[low:high], pairs[low:high])
        one = frames.first[of_frame] + place // frames.count[of_frame]
        other = frames.first[of_frame] + place % frames.count[of_frame]
        found.append(_same(bodies, one, other))
    one, other = np.concatenate([*found, *(pair[::-1] for pair in found)], axis=1)
    order = np.lexsort((other, one))
    return Twins(other[order], np.searchsorted(one[order], np.arange(len(bodies.size) + 1)))


def _same(bodies: Bodies, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the pairs [2, p] of `one` < `other` that are one body."""
    size = np.maximum(bodies.size[one], bodies.size[other])
    apart = np.abs(bodies.middle[one] - bodies.middle[other]).max(axis=1)
    near = (one < other) & (apart < _NEAR * size)
    one, other, size = one[near], other[near], size[near]
    common = bodies.seen[one] & bodies.seen[other]
    count = common.sum(axis=1)
    away = bodies.pixels[one] - bodies.pixels[other]
    distance = (np.hypot(away[..., 0], away[..., 1]) * common).sum(axis=1) / np.maximum(count, 1)
    return np.stack([one, other])[:, (count >= FEWEST_COMMON) & (distance < SAME_BODY * size)]
