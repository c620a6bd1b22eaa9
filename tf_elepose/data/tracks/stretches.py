"""Stretches of a track: poses that follow each other in time, without long gaps, jumps and repeated pictures."""

from __future__ import annotations

import dataclasses

import numpy as np

MAX_GAP = 5
"""Number of steps (of the track's usual length) that a frame may be missing; a longer gap starts a new stretch."""

FEWEST = 3
"""Stretches of fewer poses tell nothing of errors: two positions lie on a straight path."""

JUMP = 1.0
"""Body's sizes (mean distances of joints from their mean, about half a metre): where half of the joints move by more
in a step, and by so much more than in both neighbouring steps, the poses are of two people or of none. A sprinter
moves by a third of a metre in 1/30 s."""

MOST_JUMPS = 0.1
"""Share of a track's steps that may be jumps; where there are more, what lies between them is as doubtful."""


@dataclasses.dataclass(frozen=True)
class Stretches:
    """The stretches of all tracks.

    Attributes:
      rows: of each stretch the indices of its poses in the order of time, the shorter stretches first.
      first: [N] for each row the row whose picture it repeats: itself, unless a pose comes twice with equal numbers.
      lone: [N] the rows of no stretch.
    """

    rows: list[np.ndarray]
    first: np.ndarray
    lone: np.ndarray


def stretches(pixels: np.ndarray, seen: np.ndarray, tracks: np.ndarray, frames: np.ndarray) -> Stretches:
    """Finds the stretches of every track.

    Args:
      pixels: [N, J, 2] px or any unit, finite where `seen` [N, J].
      seen: [N, J].
      tracks: [N] labels; rows in any order.
      frames: [N] integers.
    """
    order, first = np.lexsort((frames, tracks)), np.arange(len(tracks))
    found, lone = [], np.ones(len(tracks), bool)
    for track in np.split(order, np.flatnonzero(np.diff(tracks[order])) + 1):
        repeated = _repeated(pixels[track], seen[track])
        first[track] = track[np.maximum.accumulate(np.where(repeated, 0, np.arange(len(track))))]
        pictures = track[~repeated]
        time = frames[pictures].astype(np.float64)
        step = np.diff(time)
        usual = np.median(step) if len(step) else 1
        jumps = _jumps(pixels[pictures], seen[pictures], time)
        if jumps.sum() > max(1.0, MOST_JUMPS * len(jumps)):
            continue
        cut = np.flatnonzero((step > MAX_GAP * usual) | (step == 0) | jumps)
        parts = [part for part in np.split(pictures, cut + 1) if len(part) >= FEWEST]
        found += parts
        lone[track] = ~np.isin(first[track], np.concatenate([*parts, track[:0]]))
    return Stretches(sorted(found, key=len), first, lone)


def _repeated(pixels: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Mask [T] of the poses that repeat the one before in every number: the same picture came again (a video with more
    frames a second than its camera), or a tracker held what it had lost. Nobody has measured anew there.
    """
    same = np.where(seen[1:, :, np.newaxis], pixels[1:] == pixels[:-1], True).all(axis=(1, 2))
    return np.concatenate([[False], same & (seen[1:] == seen[:-1]).all(axis=1) & seen[1:].any(axis=1)])


def _jumps(pixels: np.ndarray, seen: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Mask [T - 1] of the steps at which most joints jump, see `JUMP`."""
    if len(pixels) < 2:
        return np.zeros(0, bool)
    known = np.where(seen[..., np.newaxis], pixels, np.nan).astype(np.float64)
    count = seen.sum(axis=1)
    middle = np.nansum(known, axis=1) / np.maximum(count, 1)[:, np.newaxis]
    reach = np.linalg.norm(known - middle[:, np.newaxis], axis=-1)
    many = count > 1
    size = np.median(np.nansum(reach[many], axis=1) / count[many]) if many.any() else 0.0
    if not size > 0.0:
        return np.zeros(len(pixels) - 1, bool)
    long = np.maximum(np.diff(time), 1e-9)[:, np.newaxis, np.newaxis]
    velocity = np.diff(known, axis=0) / long
    # How far each joint is from where it was, and from where its velocity before and after would have it. Where these
    # are not known, the first alone decides.
    far = np.linalg.norm(velocity * long, axis=-1)
    turn = np.linalg.norm(np.diff(velocity, axis=0), axis=-1)
    since, until = np.full((2, *far.shape), np.nan)
    since[1:], until[:-1] = turn * long[1:, :, 0], turn * long[:-1, :, 0]
    far = np.fmin(far, np.fmin(since, until))
    both = seen[1:] & seen[:-1]
    jumped = (np.where(both, far, 0.0) > JUMP * size).sum(axis=1)
    return 2 * jumped > np.maximum(both.sum(axis=1), 1)
