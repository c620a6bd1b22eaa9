"""How 2D poses are distributed, were they distributed normally: what the seen joints then say of the hidden ones."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_elepose.nn import pca

_PLACE_VARIANCE = 100.0  # Of the whole pose's place, in units of the coordinates' variance: anywhere.

_LEAST_VARIANCE = 1e-4  # In any direction, likewise: about a pixel. A spine made of root and thorax has none.

_TINY = 1e-12  # Keeps 0 / 0 at 0, once nothing is left to improve.

ITERATIONS = 32
"""Of the solver: conjugate gradients; as many as hidden coordinates would do, if numbers were exact."""


@dataclasses.dataclass(frozen=True)
class PoseStatistics:
    """A normal distribution of normalised poses, anywhere in the image.

    Attributes:
      mean: [2 J], about the root, in units of `deviation`.
      precision: [2 J, 2 J] inverse of the covariance.
      deviation: standard deviation of the coordinates, units of the normaliser.
    """

    mean: np.ndarray
    precision: np.ndarray
    deviation: float

    def add_to(self, layer: keras.layers.Layer) -> PoseDistribution:
        """The distribution with its numbers as constants of `layer`, stored with its weights."""
        return PoseDistribution(
            *(
                layer.add_weight(
                    shape=np.shape(value),
                    initializer=lambda shape, dtype, value=value: tf.constant(np.asarray(value), dtype),
                    name=name,
                    trainable=False,
                )
                for name, value in dataclasses.asdict(self).items()
            )
        )


def fit_statistics(flat: np.ndarray, known: np.ndarray | None = None) -> PoseStatistics:
    """Of poses `flat` [N, 2 J] about their roots, of whose coordinates `known` [N, 2 J] count; all when None.

    Raises:
      ValueError: two coordinates that no two poses know together.
    """
    flat = np.asarray(flat, np.float64)
    mean, covariance = pca.moments(flat, known)
    deviation = float(np.sqrt(np.trace(covariance) / len(covariance)))
    # Covariances of pairs, where joints are missing, need not be those of any distribution: raise what is negative.
    variance, vectors = np.linalg.eigh(covariance / deviation**2)
    covariance = (vectors * np.maximum(variance, _LEAST_VARIANCE)) @ vectors.T
    return PoseStatistics(mean / deviation, np.linalg.inv(covariance + _any_place(len(mean))), deviation)


def blank_statistics(num_joints: int) -> PoseStatistics:
    """To build a network with whose weights are then read."""
    return PoseStatistics(np.zeros(2 * num_joints), np.eye(2 * num_joints), 1.0)


class PoseDistribution(NamedTuple):
    """`PoseStatistics` as variables of a network."""

    mean: keras.Variable
    precision: keras.Variable
    deviation: keras.Variable

    def sample(self, count: int, seed: int) -> np.ndarray:
        """Poses [count, J, 2] of the distribution, units of the normaliser, about where the roots are."""
        mean, precision = (np.asarray(values).astype(np.float64) for values in (self.mean, self.precision))
        variance, vectors = np.linalg.eigh(np.linalg.inv(precision) - _any_place(len(mean)))
        noise = np.random.default_rng(seed).normal(size=(count, len(mean))) * np.sqrt(np.maximum(variance, 0.0))
        return (float(self.deviation) * (mean + noise @ vectors.T)).reshape(count, -1, 2).astype(np.float32)

    def guess(self, image, seen, iterations: int = ITERATIONS):
        """All joints [B, J, 2], in units of the deviation, as the `conditional_mean` given those `seen` [B, J].

        `image` [B, J, 2] are normalised poses, any finite numbers where not seen.
        """
        known = tf.where(seen[..., tf.newaxis], image, 0.0) / tf.convert_to_tensor(self.deviation)
        mean, precision = tf.convert_to_tensor(self.mean), tf.convert_to_tensor(self.precision)
        return conditional_mean(known, tf.cast(seen, tf.float32), mean, precision, iterations)


def _any_place(coordinates: int) -> np.ndarray:
    """Covariance of all x, and of all y, that a whole pose lies anywhere by; in units of the coordinates' variance."""
    return np.kron(np.ones((coordinates // 2, coordinates // 2)), _PLACE_VARIANCE * np.eye(2))


def describe(whole, seen):
    """What a network is told of guessed poses `whole` [B, J, 2], of which `seen` [B, J] is not guessed: [B, 3 J].

    The pose about its middle, for the root is a joint like the others and may be a guess; and which joints are guesses.
    """
    flat = tf.reshape(whole - tf.reduce_mean(whole, axis=-2, keepdims=True), [-1, 2 * whole.shape[-2]])
    return tf.concat([flat, tf.cast(seen, tf.float32) - 1.0], axis=-1)


def conditional_mean(
    pose: tf.Tensor, shown: tf.Tensor, mean: tf.Tensor, precision: tf.Tensor, iterations: int
) -> tf.Tensor:
    """The mean [B, J, 2] of a normal distribution of poses, given the joints that are shown.

    With precision L and offset d from the mean, the hidden part h solves L_hh d_h = -L_hv d_v: by conjugate gradients,
    preconditioned by the diagonal, which is matrix products alone and converts to any runtime.

    Args:
      pose: [B, J, 2] in units of the distribution's deviation, 0 where hidden.
      shown: [B, J] 1 where the joint is shown, else 0.
      mean, precision: [2 J] and [2 J, 2 J], see `PoseStatistics`.
      iterations: of the solver.
    """
    joints = pose.shape[-2]
    mean = tf.reshape(mean, [joints, 2])
    weight = shown[..., tf.newaxis]
    count = tf.maximum(tf.reduce_sum(weight, axis=-2, keepdims=True), 1.0)
    place = tf.reduce_sum(weight * (pose - mean), axis=-2, keepdims=True) / count
    size = [-1, 2 * joints]
    offset = tf.reshape(weight * (pose - mean - place), size)
    hidden = tf.reshape(tf.repeat(1.0 - weight, 2, axis=-1), size)
    inverse_diagonal = 1.0 / tf.linalg.diag_part(precision)

    def product(a, b):
        return tf.reduce_sum(a * b, axis=-1, keepdims=True)

    solution = tf.zeros_like(offset)
    residual = -hidden * tf.matmul(offset, precision)
    direction = residual * inverse_diagonal
    energy = product(residual, direction)
    for _ in range(iterations):
        image = hidden * tf.matmul(direction, precision)
        step = energy / tf.maximum(product(direction, image), _TINY)
        solution += step * direction
        residual -= step * image
        scaled = residual * inverse_diagonal
        last, energy = energy, product(residual, scaled)
        direction = scaled + energy / tf.maximum(last, _TINY) * direction
    return tf.reshape(offset + solution, [-1, joints, 2]) + mean + place
