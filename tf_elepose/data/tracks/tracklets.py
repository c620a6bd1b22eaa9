"""Links people between neighbouring frames where only one partner is possible, for all clips at once.

Where this is not clear, because people are close together, come, go or are missing for a while, identity.py decides.
Nearly all rows of usual recordings are linked here, without a loop over frames.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

FEWEST_COMMON = 3
"""Joints are compared if at least this many are seen in both rows; the distance of fewer joints says little."""

# Costs are mean distances of the joints seen in both rows, in body sizes (see `Bodies`). The constants were chosen on
# CMU's clips of subjects S01 and S02; benchmarks/robustness/identity.py measures on other clips.
NEAR = 1.0
"""The largest cost of two rows in neighbouring frames that may be one person."""
_SURE = 0.8  # Rows of at most this cost are linked, if the next best pair of either row costs clearly more:
_RATIO, _MARGIN = 0.5, 0.15  # at least cost / _RATIO and at least cost + _MARGIN.

_PAIRS_TOGETHER = 1 << 16  # So few that their poses stay in the processor's cache.


@dataclasses.dataclass(frozen=True, eq=False)
class Bodies:
    """People on pictures, rows sorted by clip and frame.

    Attributes:
      pixels: [n, J, 2]; 0 for joints that are not seen.
      seen: [n, J].
      middle: [n, 2] px, the mean of the joints seen.
      size: [n] px, the mean distance of the joints seen from their middle: about a quarter of a standing person's
        height.
      mirror: [J] the joint of the other side for each joint, itself for those in the middle.
    """

    pixels: np.ndarray
    seen: np.ndarray
    middle: np.ndarray
    size: np.ndarray
    mirror: np.ndarray

    @classmethod
    def of(cls, pixels: np.ndarray, seen: np.ndarray, mirror: np.ndarray) -> Bodies:
        """Measures the bodies of poses [n, J, 2] px with the seen joints [n, J]; for `mirror` see the class."""
        pixels = np.asarray(pixels, np.float32)
        middle = np.empty((len(pixels), 2), np.float32)
        size = np.empty(len(pixels), np.float32)
        for first in range(0, len(pixels), _PAIRS_TOGETHER):
            part = slice(first, first + _PAIRS_TOGETHER)
            count = np.maximum(seen[part].sum(axis=1), 1).astype(np.float32)
            weight = seen[part].astype(np.float32)
            middle[part] = np.einsum("njk,nj->nk", pixels[part], weight) / count[:, np.newaxis]
            away = pixels[part] - middle[part, np.newaxis]
            size[part] = np.einsum("nj,nj->n", np.sqrt(np.einsum("njk,njk->nj", away, away)), weight) / count
        return cls(pixels, seen, middle, np.maximum(size, np.float32(1e-3)), mirror)


@dataclasses.dataclass(frozen=True, eq=False)
class Frames:
    """The frames of sorted rows.

    Attributes:
      first: [F] the first row of each frame.
      count: [F] the number of rows of each frame.
      follows: [F] whether the next frame is of the same clip and soon enough after it.
      of_row: [n] the frame of each row.
    """

    first: np.ndarray
    count: np.ndarray
    follows: np.ndarray
    of_row: np.ndarray

    @classmethod
    def of(cls, group: np.ndarray, frame: np.ndarray, most_steps: float) -> Frames:
        """Finds the frames of rows [n], given labels of their clips and frame numbers; rows are sorted by both.

        People are linked between frames whose numbers differ by at most `most_steps`.
        """
        new = np.ones(len(frame), bool)
        new[1:] = (group[1:] != group[:-1]) | (frame[1:] != frame[:-1])
        first = np.flatnonzero(new)
        follows = np.zeros(len(first), bool)
        follows[:-1] = (group[first[1:]] == group[first[:-1]]) & (np.diff(frame[first]) <= most_steps)
        return cls(first, np.diff(first, append=len(frame)), follows, np.cumsum(new) - 1)


@dataclasses.dataclass(frozen=True, eq=False)
class Tracklets:
    """Chains of rows that are linked without doubt.

    Attributes:
      before: [n] the row of the same person in the frame before; -1 where it is not known.
      best: [n] cost of the row's best partner in the next frame, if each is the other's best; otherwise infinite.
    """

    before: np.ndarray
    best: np.ndarray


def link(bodies: Bodies, frames: Frames, free: np.ndarray, twin: np.ndarray) -> Tracklets:
    """Links rows of neighbouring frames.

    Args:
      bodies, frames: of n rows.
      free: [n] which rows may be linked.
      twin: [n] which rows are a body that was found twice: it is not clear which of the two goes on.
    """
    n = len(bodies.size)
    before, best = np.full(n, -1), np.full(n, np.inf, np.float32)
    for one, other, alone in _pairs(frames):
        cost, known = _costs(bodies, one, other, alone)
        known &= free[one] & free[other]
        if alone:
            mutual = known & (cost <= NEAR)
            sure = mutual
        else:
            base, base_other = int(one[0]), int(other[0])
            best_of, next_of = _two_best(one - base, cost)
            best_to, next_to = _two_best(other - base_other, cost)
            mutual = known & (cost <= best_of[one - base]) & (cost <= best_to[other - base_other])
            rival = np.minimum(next_of[one - base], next_to[other - base_other])
            sure = mutual & (cost <= _SURE) & (cost <= _RATIO * rival) & (cost + _MARGIN <= rival)
            sure &= ~(twin[one] | twin[other])
        best[one[mutual]] = cost[mutual]
        before[other[sure]] = one[sure]
    return Tracklets(before, best)


def ends(before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the first and the last row of each row's chain of links, [n] each."""
    rows = np.arange(len(before))
    after = rows.copy()
    linked = before >= 0
    after[before[linked]] = rows[linked]
    return _followed(np.where(linked, before, rows)), _followed(after)


def _followed(to: np.ndarray) -> np.ndarray:
    """Finds the row where following `to` [n] ends, for each row; each round follows twice as far."""
    while True:
        farther = to[to]
        if np.array_equal(farther, to):
            return to
        to = farther


def _pairs(frames: Frames) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Yields pairs (row, row of the next frame), some ten thousand at a time, and whether these rows have no others."""
    at = np.flatnonzero(frames.follows)
    single = (frames.count[at] == 1) & (frames.count[at + 1] == 1)
    for alone, chosen in ((True, at[single]), (False, at[~single])):
        number = frames.count[chosen] * frames.count[chosen + 1]
        total = np.cumsum(number)
        edges = np.searchsorted(total, np.arange(0, total[-1] if len(total) else 0, _PAIRS_TOGETHER), side="left")
        edges = np.unique([*edges.tolist(), len(chosen)])
        for low, high in itertools.pairwise(edges.tolist()):
            here, many = chosen[low:high], number[low:high]
            width = np.repeat(frames.count[here + 1], many)
            place = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many)
            yield (
                np.repeat(frames.first[here], many) + place // width,
                np.repeat(frames.first[here + 1], many) + place % width,
                alone,
            )


def joint_distances(one: np.ndarray, other: np.ndarray, common: np.ndarray, mirror: np.ndarray | None) -> np.ndarray:
    """Distances [..., J] px of joints [..., J, 2], 0 where a joint is not seen in both (`common` [..., J] is 0).

    Detectors sometimes swap left and right for a frame or two. So if the joints' partners `mirror` [J] are given, a
    pair of joints that are seen in both is compared as it is and with sides swapped, and the smaller distances count.
    """
    apart = one - other
    distance = np.sqrt(np.einsum("...jc,...jc->...j", apart, apart)) * common
    if mirror is None:
        return distance
    apart = one - other[..., mirror, :]
    crossed = np.sqrt(np.einsum("...jc,...jc->...j", apart, apart))
    crossed += crossed[..., mirror]
    better = (crossed < distance + distance[..., mirror]) & ((common * common[..., mirror]) > 0.0)
    return np.where(better, np.float32(0.5) * crossed, distance)


def _costs(bodies: Bodies, one: np.ndarray, other: np.ndarray, alone: bool) -> tuple[np.ndarray, np.ndarray]:
    """Costs [p] of pairs of rows, and whether enough joints are seen in both; if not, the middles are compared."""
    size = np.maximum(bodies.size[one], bodies.size[other])
    apart = bodies.middle[one] - bodies.middle[other]
    cost = np.hypot(apart[:, 0], apart[:, 1]) / size
    known = np.zeros(len(one), bool)
    close = np.flatnonzero(cost < 4.0 * NEAR)  # The middle depends on which joints are seen.
    one, other = one[close], other[close]
    common = (bodies.seen[one] & bodies.seen[other]).astype(np.float32)
    count = common.sum(axis=1)
    mirror = None if alone else bodies.mirror  # With only one partner, the exact cost does not matter.
    distance = joint_distances(bodies.pixels[one], bodies.pixels[other], common, mirror).sum(axis=1)
    enough = count >= FEWEST_COMMON
    known[close] = enough
    cost[close[enough]] = (distance[enough] / count[enough]) / size[close[enough]]
    return cost, known


def _two_best(row: np.ndarray, cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the second least cost [r] of each row, given the row (from 0) and the cost of each pair [p]."""
    order = np.lexsort((cost, row))
    row, cost = row[order], cost[order]
    size = int(row[-1]) + 1
    best, following = np.full(size, np.inf, np.float32), np.full(size, np.inf, np.float32)
    new = np.ones(len(row), bool)
    new[1:] = row[1:] != row[:-1]
    best[row[new]] = cost[new]
    second = np.zeros(len(row), bool)
    second[1:] = new[:-1] & ~new[1:]
    following[row[second]] = cost[second]
    return best, following
