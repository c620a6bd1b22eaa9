"""Where a person is expected to be a little later, and how well bodies that are found then fit."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_elepose.data.tracks.tracklets import Bodies, joint_distances

HISTORY = 8
"""So many of a person's last rows say how it moves."""

_LOOK_BACK = 0.3  # Seconds of them at most.
_KEPT = 0.4  # Seconds in which the movement falls to a third: after that people have turned or stopped.
_SHY = 1.5  # Frames by which the movement is held back: two frames alone show noise more than movement.

# Costs beside the joints' distance.
_OF_SIZE = 1.0  # For another size: of the absolute logarithm of the ratio.
_UNKNOWN = 0.5  # For two rows without a joint in common, whose middles alone can be compared.


@dataclasses.dataclass(frozen=True, eq=False)
class Outlook:
    """A person as last seen.

    Attributes:
      pixels: [J, 2] last known place of each joint, moved on to the time of the last row.
      known: [J] which joints were seen lately.
      velocity: [2] px a second.
      size: px, of its body, the largest of the last rows: joints may be missing.
    """

    pixels: np.ndarray
    known: np.ndarray
    velocity: np.ndarray
    size: float


def outlook(bodies: Bodies, rows: list[int], times: np.ndarray, step: float) -> Outlook:
    """How a person goes on that was seen in `rows`, the newest first.

    Args:
      bodies: people on pictures.
      rows: at most `HISTORY`, of one person.
      times: [n] s, of all rows of `bodies`.
      step: s, of one frame.
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
    """The costs [r, t] of taking each row for each person: distance of the joints and difference of size.

    Args:
      bodies: people on pictures.
      rows: r of them, of one frame.
      outlooks: t people.
      waited: [t] s since each was last seen.
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
    middle = bodies.middle[rows][:, np.newaxis, np.newaxis]  # Near it numbers are small, and squares exact enough.
    ratio = _spread(pixels[:, np.newaxis] - middle, common, enough) / _spread(expected - middle, common, enough)
    cost += (0.5 * _OF_SIZE) * np.abs(np.log(ratio))
    for row, person in np.argwhere(count < 2):
        there = outlooks[person]
        middle = there.pixels[there.known].mean(axis=0) + there.velocity * on[person]
        cost[row, person] = np.hypot(*(bodies.middle[rows[row]] - middle)) / size[row, person] + _UNKNOWN
    return cost


def _spread(pixels: np.ndarray, common: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mean square distance [r, t], at least 1, of joints [r, t, J, 2] from their middle, of those in `common`."""
    used = pixels * common[..., np.newaxis]
    middle = used.sum(axis=2) / count[..., np.newaxis]
    square = (used * used).sum(axis=(2, 3)) / count - (middle * middle).sum(axis=-1)
    return np.maximum(square, 1.0)
