"""Confidences of a view's joints, as weights of errors and as a network's input (CanonPose 3.3)."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tf_elepose.methods.objective import Batch


class JointTrust:
    """A detector's confidences, 0 to 1; 0 means that a joint is not seen.

    Attributes:
      used: whether confidences are used; otherwise a joint is only seen or not seen.
      range: [3, J] low, usual and high confidence of each joint in training (1 %, 50 %, 99 %): the network gets no
        confidence outside them. Stored with a trained model; 0, 1 and 1 until `measure`.
    """

    def __init__(self, num_joints: int, *, used: bool) -> None:
        self.used = used
        blank = np.repeat(np.array([[0.0], [1.0], [1.0]], np.float32), num_joints, axis=1)
        self.range = keras.Variable(blank, trainable=False, name="confidence_range")

    def measure(self, confidence: np.ndarray) -> None:
        """Set the range from the confidences [N, J] of the training poses."""
        for joint, column in enumerate(confidence.T):
            values = np.clip(column[column > 0.0], 0.0, 1.0)
            if len(values):
                quantiles = self.range.numpy()
                quantiles[:, joint] = np.quantile(values, [0.01, 0.5, 0.99])
                self.range.assign(quantiles)

    def weights(self, batch: Batch) -> tf.Tensor:
        """Eq. 6: the confidences C [B, V, J] that weigh the errors; 1 for seen joints where confidences are not used or
        not known.
        """
        if "confidence" in batch:
            C = tf.clip_by_value(batch["confidence"], 0.0, 1.0)
        else:
            C = tf.ones_like(batch["image"][..., 0])
        if "seen" in batch:
            C = tf.where(batch["seen"], C, 0.0)
        return C if self.used else tf.cast(C > 0.0, tf.float32)

    def input_confidence(self, confidence: tf.Tensor | None, seen: tf.Tensor) -> tf.Tensor:
        """The confidences [..., J] that the network gets as its input: within the training's range, 0 where a joint is
        not `seen` [..., J], and the usual confidence where `confidence` is None.
        """
        low, usual, high = tf.unstack(tf.convert_to_tensor(self.range))
        if confidence is None:
            confidence = usual + tf.zeros_like(seen, tf.float32)
        return tf.where(seen, tf.clip_by_value(confidence, low, high), 0.0)
