"""Finds keypoints that are not seen, in the graph of exported models: the rule of `tf_elepose.data.visibility`.

Each pose is judged alone: the poses of a request may come from different people and programs, and a server puts
several requests into one batch.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tf_elepose.data.visibility import LARGEST_PX, ONE_IN, ROUNDING


def seen(
    keypoints: tf.Tensor, confidence: tf.Tensor, min_confidence: float, root_weights: np.ndarray | None
) -> tf.Tensor:
    """Mask [B, K] of the joints that are seen, by the rule of `visibility.seen`.

    Each pose is judged alone, as in `visibility.root_centred`. The graph has only comparisons and sums of float32,
    which every runtime has.

    Args:
      keypoints: [B, K, 2] px.
      confidence: [B, K].
      min_confidence: joints whose confidence is not above this number are not seen.
      root_weights: see `visibility.root_weights`.
    """
    x, y = keypoints[..., 0], keypoints[..., 1]
    given = (tf.abs(x) < LARGEST_PX) & (tf.abs(y) < LARGEST_PX)
    given = given & (confidence > min_confidence) & (confidence < LARGEST_PX)
    left_out = tf.equal(x, y) & (tf.equal(x, 0.0) | tf.equal(x, -1.0))
    if root_weights is None:
        return given & tf.logical_not(left_out)
    centred = _root_centred(tf.where(given[..., tf.newaxis], keypoints, 0.0), given, left_out, root_weights)
    return given & (centred[:, tf.newaxis] | tf.logical_not(left_out))


def _root_centred(poses: tf.Tensor, given: tf.Tensor, left_out: tf.Tensor, root_weights: np.ndarray) -> tf.Tensor:
    """Mask [B] of root-centred poses; `poses` [B, K, 2] are 0 where not `given` [B, K]."""
    used = np.flatnonzero(root_weights.any(axis=1)).astype(np.int32)
    root = tf.reduce_sum(tf.gather(poses, used, axis=1) * root_weights[used].astype(np.float32), axis=1)
    near = tf.reduce_max(tf.abs(root), axis=-1) <= ROUNDING * tf.reduce_max(tf.abs(poses), axis=[1, 2])
    at_origin = near & tf.reduce_all(tf.gather(given, used, axis=1), axis=-1)
    others = given & tf.logical_not(left_out)
    sides = [
        tf.minimum(_count(others & (values < 0.0)), _count(others & (values > 0.0)))
        for values in (poses[..., 0], poses[..., 1])
    ]
    around = ONE_IN * tf.maximum(*sides) >= tf.maximum(_count(others), 1.0)
    return at_origin & around


def _count(mask: tf.Tensor) -> tf.Tensor:
    """The number [B] of true elements of `mask` [B, K], as float32: int32 sums are not in every runtime."""
    return tf.reduce_sum(tf.cast(mask, tf.float32), axis=-1)
