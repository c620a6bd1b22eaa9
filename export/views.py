"""The likelihood of a lifted pose over a fixed set of virtual cameras: the same number every time, no random draws."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.methods.elepose import FIXED_ELEVATION, ElePose

AZIMUTHS = 16
ELEVATIONS = 4
"""The middles of so many equally likely parts of the distributions that the method draws from in training."""


def rotations(method: ElePose) -> np.ndarray:
    """[AZIMUTHS x ELEVATIONS, 3, 3]: from a levelled pose to each virtual camera (eq. 5-7 of ElePose)."""
    azimuths = -math.pi + 2.0 * math.pi * (np.arange(AZIMUTHS) + 0.5) / AZIMUTHS
    shares = (np.arange(ELEVATIONS) + 0.5) / ELEVATIONS
    if method.elevation == "predicted":
        mean, deviation = float(method.elevation_mean), float(method.elevation_deviation)
        raised = -mean + deviation * tf.math.ndtri(tf.constant(shares, tf.float64)).numpy()
    else:
        raised = FIXED_ELEVATION * (2.0 * shares - 1.0)
    up = geometry.rotation_x(tf.constant(raised[:, np.newaxis], tf.float32))
    around = geometry.rotation_y(tf.constant(azimuths[np.newaxis], tf.float32))
    return (up @ around).numpy().reshape(-1, 3, 3)


def negative_log_likelihood(method: ElePose, image: tf.Tensor) -> tf.Tensor:
    """Mean over the views of -log p [B], nats, of complete normalised poses [B, J, 2]; see
    `ElePose.negative_log_likelihood`, which draws the views.
    """
    joints = method.skeleton.num_joints
    y, e = method.averaged(image)
    if method.elevation == "predicted":
        y = geometry.rotate(geometry.rotation_x(e), y)
    with tf.init_scope():  # Numbers of the trained model, not of the graph that is being traced.
        turn = rotations(method)
    seen = geometry.project(geometry.rotate(tf.constant(turn), y[:, tf.newaxis]), method.distance)
    seen, _ = method.normalizer.rescale(tf.reshape(seen, [-1, joints, 2]))
    return -tf.reduce_mean(tf.reshape(method.prior.log_prob(seen), [-1, len(turn)]), axis=-1)
