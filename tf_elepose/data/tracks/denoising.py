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
from tf_elepose.data.tracks.stretches import stretches

_RATIOS = np.logspace(-4, 4, 17)
"""The ratios that are tried: the variance of a velocity's change in a step, divided by the variance of a position's
error. With the largest ratio, positions stay nearly as they are."""

_PACES = np.array([1 / 64, 1 / 16, 1 / 4, 1.0, 4.0, 16.0, 64.0])
"""Factors of the variance of a velocity's change that are tried for each stretch: jumping differs from standing."""

_SAMPLE = 20_000  # Number of poses from which the variances are estimated.

_OUTLIER = 3.0  # In standard deviations. A larger error is gross: the larger it is, the less the detection weighs.

_ROUNDS = 3  # Rounds of smoothing; the errors of one round give the weights of the next.

_BINS = 10  # Bins of confidence with equal counts; each has its own variance of errors.

_LEAST = 1e-6
"""Least standard deviation of an error, as a share of the body's size: the rounding of pixels in float32. A joint that
never moves (the root of root-centred poses) has no errors of its own."""

_MOST_A_ROUND = 1e3  # Largest factor by which a round of fitting changes the errors' variance of a bin.

_BLOCK = 50_000  # Poses, padding included, that are smoothed at once.


@dataclasses.dataclass(frozen=True)
class Denoised:
    """The smoothed poses, and how much noise there was.

    Attributes:
      pixels: [N, J, 2] px, or the given unit; joints not seen stay as they were.
      noise: [J] estimated standard deviation of a coordinate's error at usual confidence, as a share of the body's
        size (the mean distance of its joints from their mean); 0 where too few tracks allow an estimate.
      lone: [N] the poses that are not changed, because the size of their errors cannot be estimated: those without
        neighbours in time, and those of tracks that jump most of the time.
    """

    pixels: np.ndarray
    noise: np.ndarray
    lone: np.ndarray

    @property
    def in_tracks(self) -> float:
        """Share of the poses that have neighbours in time."""
        return 1.0 - float(self.lone.mean()) if len(self.lone) else 0.0


def denoise(keypoints: Keypoints, tracks: np.ndarray, frames: np.ndarray) -> Denoised:
    """Smooths poses over time, track by track, as strongly as their noise requires.

    Args:
      keypoints: of N rows, in px or any unit; if they have confidences, the variance of errors may depend on these.
      tracks: [N] labels, one for each person in a clip of a camera; rows in any order.
      frames: [N] integers.

    Raises:
      ValueError: `tracks` or `frames` does not have one entry for each row.
    """
    pixels = keypoints.pixels
    seen = keypoints.seen & np.isfinite(pixels).all(axis=-1)
    rows, joints = seen.shape
    for name, labels in (("tracks", tracks), ("frames", frames)):
        if np.shape(labels) != (rows,):
            raise ValueError(f"denoise: {name}: expected {[rows]}; got {list(np.shape(labels))}")
    tracks, frames = np.asarray(tracks), np.asarray(frames)
    found = stretches(pixels, seen, tracks, frames)
    if not found.rows:
        return Denoised(pixels.copy(), np.zeros(joints), found.lone)
    bins = _bins(keypoints.confidence, seen)
    model = _fit(list(_blocks(pixels, seen, frames, bins, _sample(found.rows))), int(bins.max()) + 1)
    out = pixels.astype(np.float64)
    for block in _blocks(pixels, seen, frames, bins, found.rows):
        pace, weight = _pace(block, model), np.ones(block.seen.shape)
        for _ in range(_ROUNDS):
            smooth = _smooth(block, model, pace, weight)
            weight = smooth.weight
        at = block.rows[block.seen.any(axis=-1)]
        whole = np.where(block.seen[..., np.newaxis], smooth.places * block.size + block.origin, out[block.rows])
        out[at] = whole[block.seen.any(axis=-1)]
    noisy = model.error > _LEAST**2
    out = np.where((seen & noisy)[..., np.newaxis], out[found.first], pixels).astype(pixels.dtype)
    return Denoised(out, np.where(noisy, np.sqrt(model.error), 0.0), found.lone)


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
    """Places [S, T, J, 2]; the weight [S, T, J] that each error suggests, 1 unless it is gross; the errors' squares
    over what they were expected to be [S, T, J]; and the share of the errors' variance [S, T, J] that smoothing shows.
    """

    places: np.ndarray
    weight: np.ndarray
    surprise: np.ndarray
    shown: np.ndarray


def _sample(rows: list[np.ndarray]) -> list[np.ndarray]:
    """An even sample of the stretches, long and short, with about `_SAMPLE` poses."""
    every = max(1, round(sum(map(len, rows)) / _SAMPLE))
    return rows[::every]


def _bins(confidence: np.ndarray | None, seen: np.ndarray) -> np.ndarray:
    """The bin [N, J] of every joint's confidence."""
    if confidence is None or not seen.any():
        return np.zeros(seen.shape, np.int8)
    confidence = np.nan_to_num(confidence)  # A confidence that is not known counts as 0.
    edges = np.unique(np.quantile(confidence[seen], np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.searchsorted(edges, confidence).astype(np.int8)


def _blocks(
    poses: np.ndarray, seen: np.ndarray, frames: np.ndarray, bins: np.ndarray, of_time: list[np.ndarray]
) -> Iterator[_Block]:
    """Yields the stretches, which are sorted by length, in blocks of about `_BLOCK` poses."""
    begin = 0
    while begin < len(of_time):
        end = begin + 1
        while end < len(of_time) and (end + 1 - begin) * len(of_time[end]) <= _BLOCK:
            end += 1
        length = np.array([len(stretch) for stretch in of_time[begin:end]])
        rows = np.stack(
            [np.pad(stretch, (0, length[-1] - len(stretch)), mode="edge") for stretch in of_time[begin:end]]
        )
        present = np.arange(length[-1]) < length[:, np.newaxis]
        known = seen[rows] & present[..., np.newaxis]
        places = np.where(known[..., np.newaxis], poses[rows], 0.0).astype(np.float64)
        count = np.maximum(known.sum(axis=(1, 2)), 1)[:, np.newaxis, np.newaxis, np.newaxis]
        origin = places.sum(axis=(1, 2), keepdims=True) / count
        middle = places.sum(axis=2, keepdims=True) / np.maximum(known.sum(axis=2), 1)[..., np.newaxis, np.newaxis]
        reach = np.where(known, np.linalg.norm(places - middle, axis=-1), 0.0)
        size = reach.sum(axis=(1, 2))[:, np.newaxis, np.newaxis, np.newaxis] / count
        size = np.where(size > 0, size, 1.0)
        step = np.diff(frames[rows].astype(np.float64), axis=1, prepend=0.0)
        usual = np.array([np.median(np.diff(frames[stretch])) for stretch in of_time[begin:end]])
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
                covariance, _, innovation = _expected(block, error, pace * np.full(joints, ratio), np.ones(joints))
                spread = covariance[..., 0] + error
                squares[number] += np.where(predictable, (innovation**2).sum(axis=-1) / (2 * spread), 0).sum((0, 1))
                logs[number] += np.where(predictable, np.log(spread), 0).sum((0, 1))
        many = np.maximum(count, 1)
        best = np.argmin(logs / many + np.log(np.maximum(squares / many, 1e-300)), axis=0)
        error = np.maximum((squares / many)[best, np.arange(joints)], _LEAST**2)
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
        covariance, _, innovation = _expected(block, error, pace * model.change, model.error)
        spread = covariance[..., 0] + error
        # A gross error says nothing about how a body moves.
        surprise = np.minimum((innovation**2).sum(axis=-1) / (2 * spread), _OUTLIER**2)
        costs.append(np.where(predictable, surprise + np.log(spread), 0.0).sum(axis=(1, 2)))
    return _PACES[np.argmin(costs, axis=0), np.newaxis]


def _expected(
    block: _Block, error: np.ndarray, change: np.ndarray, usual: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return expected(block.places, block.seen, block.steps, error, change, usual)


def _predictable(block: _Block) -> np.ndarray:
    """Mask [S, T, J] of the positions that earlier ones predict: at least two are needed for position and velocity."""
    return block.seen & (np.cumsum(block.seen, axis=1) > 2)


def _surprise(blocks: list[_Block], smoothed: list[_Smoothed], bins: int) -> np.ndarray:
    """The mean of `surprise` in each bin of confidence [bins]; 1 for an empty bin.

    A place is weighted by the share of its error that is `shown`: a place about which no other place says anything
    agrees with itself.
    """
    total, count = np.zeros(bins), np.zeros(bins)
    for block, one in zip(blocks, smoothed, strict=True):
        shown = one.shown[block.seen]
        total += np.bincount(block.bins[block.seen], shown * one.surprise[block.seen], bins)
        count += np.bincount(block.bins[block.seen], shown, bins)
    mean = np.where(count > 0, total / np.where(count > 0, count, 1.0), 1.0)
    return np.clip(mean, 1 / _MOST_A_ROUND, _MOST_A_ROUND)


def _smooth(block: _Block, model: _Model, pace: np.ndarray, weight: np.ndarray) -> _Smoothed:
    """Smooths the positions of a block, each from all poses of its stretch.

    `pace` [S, 1] multiplies the variances of the velocities' changes; `weight` [S, T, J] divides those of the errors.
    """
    usual = model.error * model.of_bin[block.bins]
    error = usual / weight
    places, variance = smoothed(block.places, block.seen, block.steps, error, pace * model.change, model.error)
    # Variance of the residual after smoothing; it is nearly 0 for a place about which no other place says anything.
    left = np.where(block.seen, np.maximum(error - variance, 1e-12 * error), error)
    # A place that is not seen was not measured: it has no residual, and says nothing about errors.
    residual = np.where(block.seen, ((block.places - places) ** 2).sum(axis=-1) / 2, 0.0)
    others = error * variance / left  # Variance of the position as estimated from the other poses.
    alone = residual * (error / left) ** 2 / (usual + others)
    return _Smoothed(places, 1.0 / np.maximum(alone / (_OUTLIER**2 / 2), 1.0), residual / left, left / error)
