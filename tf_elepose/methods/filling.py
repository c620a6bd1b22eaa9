"""Training of LInKs' fillers, on what its lifters make of the training poses; the lifters stay as they are."""

from __future__ import annotations

import tensorflow as tf

from tf_elepose import geometry, losses
from tf_elepose.methods.completion import seen_in
from tf_elepose.methods.links import LInKs
from tf_elepose.methods.trainable import Batch, Trainable


class FillFitting(Trainable):
    """Trains the fillers of a trained `LInKs` by the distance of each half's joints from where they are filled in.

    The pose is turned to a virtual camera first (eq. 5-7 of ElePose): a half has to be found from all sides. (The
    published code turns the pose about the camera's y axis, and squares the distances.)
    """

    def __init__(self, method: LInKs) -> None:
        self.method = method
        self.networks = dict(method.fillers)
        self.term_weights = dict.fromkeys(method.fillers, 1.0)

    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """ "legs" and "torso" [B]: mean distance of the half's joints, unit scale."""
        method = self.method
        y, e = method.y(method.complete(batch["image"], seen_in(batch)) if "seen" in batch else batch["image"])
        y = tf.stop_gradient(geometry.rotate(method.virtual_rotation(e, seed), y))
        return {
            half: losses.mean_joint_distance(filler(method.rest_of(half, y)), tf.gather(y, method.halves[half], axis=1))
            for half, filler in method.fillers.items()
        }
