"""The completer: where the joints of a pose that nobody saw probably are.

It has two parts. If poses were normally distributed, the best guess would be linear in the seen joints, with other
coefficients for every pattern of hidden joints: the conditional mean of a normal distribution. That part is fitted, not
trained. Poses are not normal, so a network corrects the guess; beginning there it learns in a fraction of the steps it
would need to find all those coefficients by itself.
"""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.nn import blocks, pca, seeds
from tf_elepose.normalization import Normalizer

_BLOCKS = 2

_ITERATIONS = 32  # Conjugate gradients; as many as hidden coordinates would do, if numbers were exact.

_PLACE_VARIANCE = 100.0  # Of the whole pose's place, in units of the coordinates' variance: anywhere.

_LEAST_VARIANCE = 1e-4  # In any direction, likewise: about a pixel. A spine made of root and thorax has none.

_TINY = 1e-12  # Keeps 0 / 0 at 0, once nothing is left to improve.


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

    def add_to(self, layer: keras.layers.Layer) -> list[keras.Variable]:
        """Mean, precision and deviation as constants of `layer`, stored with its weights."""
        return [
            layer.add_weight(
                shape=np.shape(value),
                initializer=lambda shape, dtype, value=value: tf.constant(np.asarray(value), dtype),
                name=name,
                trainable=False,
            )
            for name, value in dataclasses.asdict(self).items()
        ]

    def sample(self, count: int, seed: int) -> np.ndarray:
        """Poses [count, J, 2] of the distribution, units of the normaliser, about where the roots are."""
        rng, size = np.random.default_rng(seed), len(self.mean)
        variance, vectors = np.linalg.eigh(np.linalg.inv(self.precision.astype(np.float64)) - _any_place(size))
        spread = vectors * np.sqrt(np.maximum(variance, 0.0))
        flat = self.deviation * (self.mean + rng.normal(size=(count, size)) @ spread.T)
        return flat.reshape(count, -1, 2).astype(np.float32)


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


def _any_place(coordinates: int) -> np.ndarray:
    """Covariance of all x, and of all y, that a whole pose lies anywhere by."""
    return np.kron(np.ones((coordinates // 2, coordinates // 2)), _PLACE_VARIANCE * np.eye(2))


def blank_statistics(num_joints: int) -> PoseStatistics:
    """To build a completer with whose weights are then read."""
    return PoseStatistics(np.zeros(2 * num_joints), np.eye(2 * num_joints), 1.0)


def blank_completer(num_joints: int, width: int | None) -> PoseCompleter | None:
    """A completer whose weights are then read; None for a model without one, whose width is None."""
    if width is None:
        return None
    completer = PoseCompleter(num_joints, blank_statistics(num_joints), width=width)
    completer.build()
    return completer


class PoseCompleter(keras.Model):
    """Fills the hidden joints of 2D poses from those that are seen; those stay as they are.

    A pose may lie anywhere: it needs no root.
    """

    def __init__(
        self,
        num_joints: int,
        statistics: PoseStatistics,
        *,
        width: int,
        precision: str = "float32",
        seed: int = 0,
        name: str = "completer",
        **kwargs,
    ) -> None:
        """Args:
        num_joints: J.
        statistics: of the training poses.
        width: of the network's hidden layers.
        precision: "float32", or "mixed_bfloat16" for their matrix products.
        seed: of the first weights.
        """
        super().__init__(name=name, **kwargs)
        self.num_joints = num_joints
        self._fitted = statistics
        self.upscale = blocks.dense(width, seeds.derive(seed, 0), "upscale", precision)
        self.blocks = [
            blocks.ResidualBlock(width, seed=seeds.derive(seed, i + 1), dtype=precision, name=f"block_{i}")
            for i in range(_BLOCKS)
        ]
        # Small at first, so that the linear guess stands; float32, for its numbers are places.
        self.head = blocks.dense(2 * num_joints, seeds.derive(seed, _BLOCKS + 1), "head", scale=0.01)

    def build(self, input_shape=None) -> None:
        self.mean, self.precision, self.deviation = self._fitted.add_to(self)
        width = self.upscale.units
        self.upscale.build((None, 3 * self.num_joints))
        for block in self.blocks:
            block.build((None, width))
        self.head.build((None, width))
        self.built = True

    def call(self, pose, seen):
        """The complete pose [B, J, 2], in the unit of `pose` [B, J, 2]; `seen` [B, J] says which joints it shows.

        Coordinates of hidden joints do not matter, as long as they are finite.
        """
        return tf.where(seen[..., tf.newaxis], pose, self.guess(pose, seen))

    @property
    def statistics(self) -> PoseStatistics:
        """Of the training poses."""
        return PoseStatistics(np.asarray(self.mean), np.asarray(self.precision), float(self.deviation))

    def guess(self, pose, seen):
        """All joints [B, J, 2] as the completer has them, seen or not."""
        shown = tf.cast(seen, tf.float32)
        deviation = tf.convert_to_tensor(self.deviation)
        whole = self.linear_guess(tf.where(seen[..., tf.newaxis], pose, 0.0) / deviation, shown)
        # About its middle: nothing here knows which joint is the root.
        flat = tf.reshape(whole - tf.reduce_mean(whole, axis=-2, keepdims=True), [-1, 2 * self.num_joints])
        features = self.upscale(tf.concat([flat, shown - 1.0], axis=-1))
        features = keras.ops.leaky_relu(features, blocks.LEAKY_SLOPE)
        for block in self.blocks:
            features = block(features)
        return deviation * (whole + tf.reshape(self.head(features), [-1, self.num_joints, 2]))

    def linear_guess(self, pose, shown):
        """The `conditional_mean` [B, J, 2] of the completer's own distribution."""
        mean, precision = tf.convert_to_tensor(self.mean), tf.convert_to_tensor(self.precision)
        return conditional_mean(pose, shown, mean, precision, _ITERATIONS)


def conditional_mean(
    pose: tf.Tensor, shown: tf.Tensor, mean: tf.Tensor, precision: tf.Tensor, iterations: int = _ITERATIONS
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


def complete(completer: PoseCompleter, normalizer: Normalizer, image: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
    """Normalised poses [B, J, 2], of which `seen` [B, J] is known, with all joints and about their root.

    A guess is the mean of the completer's for the pose and for its mirror image, which is nearer to the truth than
    either. Under the normalisation rule "pose" a completed pose gets the size that complete ones have.
    """
    skeleton = normalizer.skeleton
    mirrored = completer.guess(geometry.flip(image, skeleton), tf.gather(seen, skeleton.mirror, axis=-1))
    guess = 0.5 * (completer.guess(image, seen) + geometry.flip(mirrored, skeleton))
    whole = geometry.center(tf.where(seen[..., tf.newaxis], image, guess), skeleton.root_index)
    resized, _ = normalizer.rescale(whole)
    hides = ~tf.reduce_all(seen, axis=-1)[..., tf.newaxis, tf.newaxis]
    return tf.where(hides, resized, image)
