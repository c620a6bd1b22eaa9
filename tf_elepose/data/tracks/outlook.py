"""Predicts where a person will be a little later, and measures how well bodies found then fit the prediction."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_elepose.data.tracks.tracklets import Bodies, joint_distances

HISTORY = 8
"""The movement of a person is estimated from at most this many of its last rows."""

_LOOK_BACK = 0.3  # And only from rows of this many seconds.
_KEPT = 0.4  # Seconds in which the expected speed falls to a third: later, people have turned or stopped.
_SHY = 1.5  # In frames; it makes the estimated speed smaller, because two frames alone show noise more than movement.

# Costs that are added to the distance of the joints.
_OF_SIZE = 1.0  # For different sizes: factor on the absolute logarithm of their ratio.
_UNKNOWN = 0.5  # For two rows without a common joint: only their middles can be compared.


@dataclasses.dataclass(frozen=True, eq=False)
class Outlook:
    """Holds where and how a person was last seen.

    Attributes:
      pixels: [J, 2] last known place of each joint, moved on to the time of the last row.
      known: [J] which joints were seen in the last rows.
      velocity: [2] px a second.
      size: px, of the body; the largest in the last rows, because missing joints make it smaller.
    """

    pixels: np.ndarray
    known: np.ndarray
    velocity: np.ndarray
    size: float


def outlook(bodies: Bodies, rows: list[int], times: np.ndarray, step: float) -> Outlook:
    """Estimates how a person moves on who was seen in `rows`.

    Args:
      bodies: people on pictures.
      rows: at most `HISTORY` rows of one person, the newest first.
      times: [n] seconds, of all rows of `bodies`.
      step: seconds from one frame to the next.
    """
    age = times[rows[0]] - times[rows]
    rows = [row for row, old in zip(rows, age.tolist(), strict=True) if old <= _LOOK_BACK]
    age = age[: len(rows)]
    pixels, seen = bodies.pixels[rows], bodies.seen[rows]
    size = float(bodies.size[rows].max())
    velocity = np.zeros(2, np.float32)
    if len(rows) > 1:
        common = (seen & seen[0]).astype(np.float32)
        count = common.sum(axis=1)
        moved = np.einsum("kjc,kj->kc", pixels[0] - pixels, common) / np.maximum(count, 1.0)[:, np.newaxis]
        weight = age * (count >= 2)
        velocity = (weight @ moved / (weight @ age + (_SHY * step) ** 2)).astype(np.float32)
    newest = np.argmax(seen, axis=0)
    joints = np.arange(seen.shape[1])
    last = pixels[newest, joints] + age[newest].astype(np.float32)[:, np.newaxis] * velocity
    return Outlook(last, seen[newest, joints], velocity, size)


def fit(bodies: Bodies, rows: list[int], outlooks: list[Outlook], waited: np.ndarray) -> np.ndarray:
    """Costs [r, t] of each row for each person: the distance of the joints, and the difference of size.

    Args:
      bodies: people on pictures.
      rows: r rows of one frame.
      outlooks: those of t people.
      waited: [t] seconds since each person was last seen.
    """
    on = (_KEPT * (1.0 - np.exp(-waited / _KEPT))).astype(np.float32)
    expected = np.stack([o.pixels + o.velocity * seconds for o, seconds in zip(outlooks, on.tolist(), strict=True)])
    known = np.stack([o.known for o in outlooks])
    size = np.maximum(np.array([o.size for o in outlooks], np.float32), bodies.size[rows][:, np.newaxis])
    pixels = bodies.pixels[rows]
    common = (bodies.seen[rows][:, np.newaxis] & known).astype(np.float32)
    count = common.sum(axis=-1)
    distance = joint_distances(pixels[:, np.newaxis], expected, common, bodies.mirror)
    enough = np.maximum(count, 1.0)
    cost = distance.sum(axis=-1) / enough / size
    middle = bodies.middle[rows][
        :, np.newaxis, np.newaxis
    ]  # Relative to it, coordinates are small, and their squares exact.
    ratio = _spread(pixels[:, np.newaxis] - middle, common, enough) / _spread(expected - middle, common, enough)
    cost += (0.5 * _OF_SIZE) * np.abs(np.log(ratio))
    for row, person in np.argwhere(count < 2):
        there = outlooks[person]
        middle = there.pixels[there.known].mean(axis=0) + there.velocity * on[person]
        cost[row, person] = np.hypot(*(bodies.middle[rows[row]] - middle)) / size[row, person] + _UNKNOWN
    return cost


def _spread(pixels: np.ndarray, common: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mean square distance [r, t], at least 1, of the joints in `common` of [r, t, J, 2] from their middle."""
    used = pixels * common[..., np.newaxis]
    middle = used.sum(axis=2) / count[..., np.newaxis]
    square = (used * used).sum(axis=(2, 3)) / count - (middle * middle).sum(axis=-1)
    return np.maximum(square, 1.0)
