"""A normal distribution of 2D poses, and the mean of the hidden joints given the seen joints."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_elepose.nn import pca

# Variance of a whole pose's position, in units of the coordinates' variance: large, so the pose may lie anywhere.
_PLACE_VARIANCE = 100.0

# Smallest variance in any direction, same unit: about a pixel. A joint computed from others (a spine between root and
# thorax) adds a direction without variance.
_LEAST_VARIANCE = 1e-4

_TINY = 1e-12  # Keeps 0 / 0 at 0 once the solver has converged.

ITERATIONS = 32
"""Steps of the conjugate-gradient solver. In exact arithmetic, one step for each hidden coordinate would suffice."""


@dataclasses.dataclass(frozen=True)
class PoseStatistics:
    """A normal distribution of normalised poses, anywhere in the image.

    Attributes:
      mean: [2 J], about the root, in units of `deviation`.
      precision: [2 J, 2 J] inverse of the covariance.
      deviation: standard deviation of the coordinates, units of the normalizer.
    """

    mean: np.ndarray
    precision: np.ndarray
    deviation: float

    def add_to(self, layer: keras.layers.Layer) -> PoseDistribution:
        """The distribution as constants of `layer`, which are stored with the layer's weights."""
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


def fit_statistics(flat: np.ndarray, seen: np.ndarray | None = None) -> PoseStatistics:
    """Fits the distribution to poses `flat` [N, 2 J] about their roots; `seen` [N, 2 J] marks the coordinates to use,
    None: all.

    Raises:
      ValueError: two coordinates that are seen together in fewer than two poses.
    """
    flat = np.asarray(flat, np.float64)
    mean, covariance = pca.moments(flat, seen)
    deviation = float(np.sqrt(np.trace(covariance) / len(covariance)))
    # Where joints are missing, each covariance comes from other poses, and the matrix may have negative eigenvalues,
    # which no distribution has: raise them.
    variance, vectors = np.linalg.eigh(covariance / deviation**2)
    covariance = (vectors * np.maximum(variance, _LEAST_VARIANCE)) @ vectors.T
    return PoseStatistics(mean / deviation, np.linalg.inv(covariance + _any_place(len(mean))), deviation)


def blank_statistics(num_joints: int) -> PoseStatistics:
    """Statistics of the right shapes for building a network; loading the network's weights then replaces them."""
    return PoseStatistics(np.zeros(2 * num_joints), np.eye(2 * num_joints), 1.0)


class PoseDistribution(NamedTuple):
    """`PoseStatistics` as variables of a network."""

    mean: keras.Variable
    precision: keras.Variable
    deviation: keras.Variable

    def sample(self, count: int, seed: int) -> np.ndarray:
        """Draws poses [count, J, 2] from the distribution, units of the normalizer, about their roots."""
        mean, precision = (np.asarray(values).astype(np.float64) for values in (self.mean, self.precision))
        variance, vectors = np.linalg.eigh(np.linalg.inv(precision) - _any_place(len(mean)))
        noise = np.random.default_rng(seed).normal(size=(count, len(mean))) * np.sqrt(np.maximum(variance, 0.0))
        return (float(self.deviation) * (mean + noise @ vectors.T)).reshape(count, -1, 2).astype(np.float32)

    def guess(self, image, seen, iterations: int | None = None):
        """All joints [B, J, 2], in units of the deviation: the `conditional_mean` given the joints `seen` [B, J].

        `image` [B, J, 2] are normalised poses, any finite numbers where not seen; `iterations` None: `ITERATIONS`.
        """
        pose = tf.where(seen[..., tf.newaxis], image, 0.0) / tf.convert_to_tensor(self.deviation)
        mean, precision = tf.convert_to_tensor(self.mean), tf.convert_to_tensor(self.precision)
        return conditional_mean(pose, tf.cast(seen, tf.float32), mean, precision, iterations or ITERATIONS)


def _any_place(coordinates: int) -> np.ndarray:
    """Covariance that moves all x, and all y, together: the whole pose may lie anywhere; same unit as above."""
    return np.kron(np.ones((coordinates // 2, coordinates // 2)), _PLACE_VARIANCE * np.eye(2))


def describe(whole, seen):
    """Network inputs [B, 3 J] from guessed poses `whole` [B, J, 2], in which the joints not `seen` [B, J] are guesses.

    They are the pose about its mean, because the root may be a guess like any joint, and which joints are guesses.
    """
    flat = tf.reshape(whole - tf.reduce_mean(whole, axis=-2, keepdims=True), [-1, 2 * whole.shape[-2]])
    return tf.concat([flat, tf.cast(seen, tf.float32) - 1.0], axis=-1)


def conditional_mean(
    pose: tf.Tensor, seen: tf.Tensor, mean: tf.Tensor, precision: tf.Tensor, iterations: int
) -> tf.Tensor:
    """The mean [B, J, 2] of a normal distribution of poses, given the joints that are seen.

    With precision L and offset d from the mean, the hidden part h solves L_hh d_h = -L_hv d_v, v the seen part. The
    solver is conjugate gradients, preconditioned by the diagonal: only matrix products, which any runtime has.

    Args:
      pose: [B, J, 2] in units of the distribution's deviation, 0 where hidden.
      seen: [B, J] 1 where the joint is seen, else 0.
      mean, precision: [2 J] and [2 J, 2 J], see `PoseStatistics`.
      iterations: of the solver.
    """
    joints = pose.shape[-2]
    mean = tf.reshape(mean, [joints, 2])
    weight = seen[..., tf.newaxis]
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
