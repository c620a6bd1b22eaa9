"""Training of the skeleton morphing network, on poses with joints from a detector and from the data set."""

from __future__ import annotations

import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.methods.objective import Batch, Objective
from tf_elepose.nn.morpher import PoseMorpher


class MorphFitting(Objective):
    """Trains a `PoseMorpher` by the distance from the data set's joints."""

    def __init__(self, morpher: PoseMorpher) -> None:
        self.morpher = morpher
        self.networks = {"morpher": morpher}
        self.term_weights = {"offset": 1.0}

    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """ "offset" [B]: mean distance, in units of the coordinates' deviation, of the moved joints of "image"
        [B, J, 2] from "target" [B, J, 2], both about the detected root, over the joints that are seen in both: those
        with "confidence" [B, J] over 0 and in the target's mask "target_seen" [B, J]. A distance, not its square, so
        that gross outliers have little weight.
        """
        del seed
        image = batch["image"]
        confidence = batch.get("confidence", tf.ones_like(image[..., 0]))
        counts = confidence > 0.0
        if "target_seen" in batch:
            counts = counts & batch["target_seen"]
        moved = self.morpher(image, confidence) - batch.get("target", tf.zeros_like(image))
        distance = geometry.safe_norm(moved) / self.morpher.input_deviation
        weight = tf.cast(counts, tf.float32)
        count = tf.maximum(tf.reduce_sum(weight, axis=-1), 1.0)
        return {"offset": tf.reduce_sum(weight * distance, axis=-1) / count}
