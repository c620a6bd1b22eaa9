"""Reduces the noise of detected 2D poses by smoothing each joint over time.

A detector looks at one picture at a time, so that its errors in neighbouring pictures are nearly independent, while a
joint's path is smooth. A joint's coordinate is modelled as an integrated random walk (its velocity changes at random)
observed with independent errors (data/tracks/random_walk.py). The strength of smoothing is not set by hand: the
variances of errors (for each joint) and of movement (for each joint and stretch) are estimated by maximum likelihood.
Poses without noise stay nearly as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.tracks.random_walk import expected, smoothed

MAX_GAP = 5
"""Number of steps (of the track's usual length) that a joint or a frame may be missing; a longer gap starts a new
path."""

_RATIOS = np.logspace(-4, 4, 17)
"""The ratios that are tried: the variance of a velocity's change in a step, divided by the variance of a position's
error. With the largest ratio, positions stay nearly as they are."""

_PACES = np.array([1 / 64, 1 / 16, 1 / 4, 1.0, 4.0, 16.0, 64.0])
"""Factors of the variance of a velocity's change that are tried for each stretch: jumping differs from standing."""

_SAMPLE = 20_000  # Number of poses from which the variances are estimated.

_OUTLIER = 3.0  # In standard deviations. A larger error is gross: the larger it is, the less the detection weighs.

_ROUNDS = 3  # Rounds of smoothing; the errors of one round give the weights of the next.

_BINS = 10  # Bins of confidence with equal counts; each has its own variance of errors.

_BLOCK = 50_000  # Number of poses, padding included, that are smoothed at once.


@dataclasses.dataclass(frozen=True)
class Denoised:
    """The smoothed poses, and how much noise there was.

    Attributes:
      pixels: [N, J, 2] px, or the given unit; joints not seen stay as they were.
      noise: [J] estimated standard deviation of a coordinate's error at usual confidence, as a share of the body's
        size (the mean distance of its joints from their mean); 0 where too few tracks allow an estimate.
      in_tracks: share of the poses that have neighbours in time; the others are not changed.
    """

    pixels: np.ndarray
    noise: np.ndarray
    in_tracks: float


def denoise(keypoints: Keypoints, tracks: np.ndarray, frames: np.ndarray) -> Denoised:
    """Smooths poses over time, track by track, as strongly as their noise requires.

    Args:
      keypoints: of N rows, in px or any unit; if they have confidences, the variance of errors may depend on these.
      tracks: [N] labels, one for each person in a clip of a camera; rows in any order.
      frames: [N] integers.

    Raises:
      ValueError: `tracks` or `frames` does not have one entry for each row.
    """
    pixels, seen = keypoints.pixels, keypoints.seen
    rows, joints = seen.shape
    for name, labels in (("tracks", tracks), ("frames", frames)):
        if np.shape(labels) != (rows,):
            raise ValueError(f"denoise: {name}: expected {[rows]}; got {list(np.shape(labels))}")
    stretches = _stretches(np.asarray(tracks), np.asarray(frames))
    if not stretches:
        return Denoised(pixels.copy(), np.zeros(joints), 0.0)
    bins = _bins(keypoints.confidence, seen)
    model = _fit(list(_blocks(pixels, seen, frames, bins, _sample(stretches))), int(bins.max()) + 1)
    out = pixels.astype(np.float64)
    for block in _blocks(pixels, seen, frames, bins, stretches):
        pace, weight = _pace(block, model), np.ones(block.seen.shape)
        for _ in range(_ROUNDS):
            found = _smooth(block, model, pace, weight)
            weight = found.weight
        at = block.rows[block.seen.any(axis=-1)]
        whole = np.where(block.seen[..., np.newaxis], found.places * block.size + block.origin, out[block.rows])
        out[at] = whole[block.seen.any(axis=-1)]
    covered = sum(map(len, stretches)) / rows
    return Denoised(out.astype(pixels.dtype), np.sqrt(model.error), covered)


@dataclasses.dataclass(frozen=True)
class _Block:
    """S stretches side by side, the shorter ones padded to T poses; padding is not seen.

    Attributes:
      rows: [S, T] the row of each pose.
      places: [S, T, J, 2] positions relative to `origin`, in units of the body's `size`.
      seen, bins: [S, T, J] whether a joint is seen, and the bin of its confidence.
      steps: [S, T] time since the pose before, in the track's usual steps.
      size, origin: [S, 1, 1, 1] and [S, 1, 1, 2], in the unit of the poses.
    """

    rows: np.ndarray
    places: np.ndarray
    seen: np.ndarray
    bins: np.ndarray
    steps: np.ndarray
    size: np.ndarray
    origin: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Model:
    """Variances relative to the body's squared size, of errors [J] and of a velocity's change in a step [J]; and a
    factor on the variance of errors for each bin of confidence.
    """

    error: np.ndarray
    change: np.ndarray
    of_bin: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Smoothed:
    """Places [S, T, J, 2]; the weight [S, T, J] of each detection, 1 unless its error is gross; and the square of each
    error, divided by its expected value [S, T, J].
    """

    places: np.ndarray
    weight: np.ndarray
    surprise: np.ndarray


def _stretches(tracks: np.ndarray, frames: np.ndarray) -> list[np.ndarray]:
    """The rows of each stretch: three or more poses without a long gap in time."""
    order = np.lexsort((frames, tracks))
    found = []
    for track in np.split(order, np.flatnonzero(np.diff(tracks[order])) + 1):
        step = np.diff(frames[track])
        usual = np.median(step) if len(step) else 1
        found += np.split(track, np.flatnonzero((step > MAX_GAP * usual) | (step == 0)) + 1)
    return sorted((stretch for stretch in found if len(stretch) > 2), key=len)


def _sample(stretches: list[np.ndarray]) -> list[np.ndarray]:
    """An even sample of the stretches, long and short, with about `_SAMPLE` poses."""
    every = max(1, round(sum(map(len, stretches)) / _SAMPLE))
    return stretches[::every]


def _bins(confidence: np.ndarray | None, seen: np.ndarray) -> np.ndarray:
    """The bin [N, J] of every joint's confidence."""
    if confidence is None or not seen.any():
        return np.zeros(seen.shape, np.int8)
    edges = np.unique(np.quantile(confidence[seen], np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.searchsorted(edges, confidence).astype(np.int8)


def _blocks(
    poses: np.ndarray, seen: np.ndarray, frames: np.ndarray, bins: np.ndarray, stretches: list[np.ndarray]
) -> Iterator[_Block]:
    """Yields the stretches, which are sorted by length, in blocks of about `_BLOCK` poses."""
    begin = 0
    while begin < len(stretches):
        end = begin + 1
        while end < len(stretches) and (end + 1 - begin) * len(stretches[end]) <= _BLOCK:
            end += 1
        length = np.array([len(stretch) for stretch in stretches[begin:end]])
        rows = np.stack(
            [np.pad(stretch, (0, length[-1] - len(stretch)), mode="edge") for stretch in stretches[begin:end]]
        )
        present = np.arange(length[-1]) < length[:, np.newaxis]
        known = seen[rows] & present[..., np.newaxis] & np.isfinite(poses[rows]).all(axis=-1)
        places = np.where(known[..., np.newaxis], poses[rows], 0.0).astype(np.float64)
        count = np.maximum(known.sum(axis=(1, 2)), 1)[:, np.newaxis, np.newaxis, np.newaxis]
        origin = places.sum(axis=(1, 2), keepdims=True) / count
        middle = places.sum(axis=2, keepdims=True) / np.maximum(known.sum(axis=2), 1)[..., np.newaxis, np.newaxis]
        reach = np.where(known, np.linalg.norm(places - middle, axis=-1), 0.0)
        size = reach.sum(axis=(1, 2))[:, np.newaxis, np.newaxis, np.newaxis] / count
        size = np.where(size > 0, size, 1.0)
        step = np.diff(frames[rows].astype(np.float64), axis=1, prepend=0.0)
        usual = np.array([np.median(np.diff(frames[stretch])) for stretch in stretches[begin:end]])
        yield _Block(
            rows, np.where(known[..., np.newaxis], (places - origin) / size, 0.0), known, bins[rows],
            step / usual[:, np.newaxis], size, origin,
        )  # fmt: skip
        begin = end


def _fit(blocks: list[_Block], bins: int) -> _Model:
    """Fits the model by maximum likelihood; gross errors have small weights."""
    joints = blocks[0].seen.shape[-1]
    of_bin, weights = np.ones(bins), [np.ones(block.seen.shape) for block in blocks]
    paces = [np.ones((len(block.seen), 1)) for block in blocks]
    model = _Model(np.ones(joints), np.ones(joints), of_bin)
    for _ in range(_ROUNDS):
        # For each ratio, the errors' variance follows from the mean square of the innovations; only the ratio has to be
        # searched for. The log likelihood of an innovation e of variance S is -log S - |e|^2 / (2 S).
        count, squares, logs = np.zeros(joints), np.zeros((len(_RATIOS), joints)), np.zeros((len(_RATIOS), joints))
        for block, pace, weight in zip(blocks, paces, weights, strict=True):
            error = of_bin[block.bins] / weight
            predictable = _predictable(block)
            count += predictable.sum(axis=(0, 1))
            for number, ratio in enumerate(_RATIOS):
                covariance, _, innovation = _expected(block, error, pace * np.full(joints, ratio))
                spread = covariance[..., 0] + error
                squares[number] += np.where(predictable, (innovation**2).sum(axis=-1) / (2 * spread), 0).sum((0, 1))
                logs[number] += np.where(predictable, np.log(spread), 0).sum((0, 1))
        many = np.maximum(count, 1)
        best = np.argmin(logs / many + np.log(np.maximum(squares / many, 1e-300)), axis=0)
        error = (squares / many)[best, np.arange(joints)]
        model = _Model(error, _RATIOS[best] * error, of_bin)
        paces = [_pace(block, model) for block in blocks]
        found = [_smooth(*one) for one in zip(blocks, [model] * len(blocks), paces, weights, strict=True)]
        weights = [one.weight for one in found]
        of_bin = of_bin * _surprise(blocks, found, bins)
        of_bin /= of_bin.mean()
    return _Model(model.error, model.change, of_bin)


def _pace(block: _Block, model: _Model) -> np.ndarray:
    """Chooses the one of `_PACES` with the largest likelihood for each stretch [S, 1]."""
    error, predictable = model.error * model.of_bin[block.bins], _predictable(block)
    costs = []
    for pace in _PACES:
        covariance, _, innovation = _expected(block, error, pace * model.change)
        spread = covariance[..., 0] + error
        # A gross error says nothing about how a body moves.
        surprise = np.minimum((innovation**2).sum(axis=-1) / (2 * spread), _OUTLIER**2)
        costs.append(np.where(predictable, surprise + np.log(spread), 0.0).sum(axis=(1, 2)))
    return _PACES[np.argmin(costs, axis=0), np.newaxis]


def _expected(block: _Block, error: np.ndarray, change: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return expected(block.places, block.seen, block.steps, error, change)


def _predictable(block: _Block) -> np.ndarray:
    """Mask [S, T, J] of the positions that earlier ones predict: at least two are needed for position and velocity."""
    return block.seen & (np.cumsum(block.seen, axis=1) > 2)


def _surprise(blocks: list[_Block], smoothed: list[_Smoothed], bins: int) -> np.ndarray:
    """The mean of `surprise` in each bin of confidence [bins]; 1 for an empty bin."""
    total, count = np.zeros(bins), np.zeros(bins)
    for block, one in zip(blocks, smoothed, strict=True):
        total += np.bincount(block.bins[block.seen], one.surprise[block.seen], bins)
        count += np.bincount(block.bins[block.seen], minlength=bins)
    return np.where(count > 0, total / np.maximum(count, 1), 1.0)


def _smooth(block: _Block, model: _Model, pace: np.ndarray, weight: np.ndarray) -> _Smoothed:
    """Smooths the positions of a block, each from all poses of its stretch.

    `pace` [S, 1] multiplies the variances of the velocities' changes; `weight` [S, T, J] divides those of the errors.
    """
    usual = model.error * model.of_bin[block.bins]
    error = usual / weight
    places, variance = smoothed(block.places, block.seen, block.steps, error, pace * model.change)
    left = np.maximum(error - variance, 1e-12 * error)  # Variance of the residual after smoothing.
    residual = ((block.places - places) ** 2).sum(axis=-1) / 2
    others = error * variance / left  # Variance of the position as estimated from the other poses.
    alone = residual * (error / left) ** 2 / (usual + others)
    return _Smoothed(places, 1.0 / np.maximum(alone / (_OUTLIER**2 / 2), 1.0), residual / left)
