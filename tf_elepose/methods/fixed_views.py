"""The likelihood of lifted poses from a fixed set of virtual cameras: the same number every time, no random draws.

Section 4.3 of ElePose draws the cameras at random. Here they are the middles of equally likely parts of the
distributions that are drawn from: for people who use a model, a pose that has one likelihood.
"""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.normalization import Normalizer

VIEWS = 8
"""A power of 2: every azimuth and every elevation is in a part of its own (a Hammersley set). More do not rank poses
better; docs/training.md has the figures."""

QUANTILES = 101
"""How many numbers say how a likelihood is distributed over the training poses: 0 %, 1 %, ... 100 %."""


def blank_quantiles() -> keras.Variable:
    """[QUANTILES] for likelihoods that were not measured yet."""
    return keras.Variable(np.full(QUANTILES, np.nan, np.float32), trainable=False, name="likelihood_quantiles")


def normal_quantiles(mean: float, deviation: float) -> np.ndarray:
    """[VIEWS] the middles of equally likely parts of a normal distribution."""
    return mean + deviation * tf.math.ndtri(tf.constant(_shares(), tf.float64)).numpy()


def uniform_quantiles(low: float, high: float) -> np.ndarray:
    """[VIEWS] the middles of equally likely parts of a uniform distribution."""
    return low + (high - low) * _shares()


def rotations(raised: np.ndarray) -> np.ndarray:
    """[VIEWS, 3, 3] from a levelled pose to virtual cameras all around it, one at each of the ascending elevations
    `raised` [VIEWS], radians, positive looking down (eq. 5-7 of ElePose).
    """
    azimuths = -math.pi + 2.0 * math.pi * _shares()
    bits = VIEWS.bit_length() - 1
    mixed = [int(f"{view:0{bits}b}"[::-1], 2) for view in range(VIEWS)]  # Neighbours in azimuth differ in elevation.
    up = geometry.rotation_x(tf.constant(np.take(raised, mixed), tf.float32))
    return (up @ geometry.rotation_y(tf.constant(azimuths, tf.float32))).numpy()


def negative_log_likelihood(
    levelled: tf.Tensor, views: np.ndarray, prior: PosePrior, normalizer: Normalizer
) -> tf.Tensor:
    """Mean over `views` [V, 3, 3] of -log p [B], nats, of the projections of `levelled` poses [B, J, 3]."""
    joints = normalizer.skeleton.num_joints
    turned = geometry.rotate(tf.constant(views, tf.float32), levelled[:, tf.newaxis])
    seen = geometry.project(turned, normalizer.distance)
    seen, _ = normalizer.rescale(tf.reshape(seen, [-1, joints, 2]))
    return -tf.reduce_mean(tf.reshape(prior.log_prob(seen), [-1, len(views)]), axis=-1)


def _shares() -> np.ndarray:
    return (np.arange(VIEWS) + 0.5) / VIEWS
