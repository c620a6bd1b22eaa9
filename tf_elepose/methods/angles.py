"""A pose from one of SVMAC's n angles, and the functions over all of them."""

from __future__ import annotations

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Angle:
    """A pose from one of the n angles: at angle 0 the input, at the others what the model makes of it."""

    X_rot: tf.Tensor  # [B, N, 3] eq. 5, 8: the pose of angle 0, turned to this angle
    x: tf.Tensor  # [B, N, 2] the 2D pose, x_real or eq. 9
    X: tf.Tensor | None = None  # [B, N, 3] eq. 10, 14: lifted from x
    K: tf.Tensor | None = None  # [B, 2, 3] eq. 6, 10


def cameras(angles: list[Angle]) -> list[tf.Tensor]:
    """The cameras K [B, 2, 3] of the angles that were lifted."""
    return [angle.K for angle in angles if angle.K is not None]


def pairs_of(items: list[tf.Tensor]) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """All pairs of two items, the earlier one first."""
    return [(a, b) for i, a in enumerate(items) for b in items[i + 1 :]]


def mean(terms: list[tf.Tensor]) -> tf.Tensor:
    """Mean [B] of several terms [B]."""
    return tf.add_n(terms) / len(terms)


def squared_distance(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """1 / N |a - b|^2 [B] of poses [B, N, 2 or 3]."""
    return tf.reduce_mean(tf.reduce_sum(tf.square(a - b), axis=-1), axis=-1)
