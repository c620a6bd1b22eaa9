"""Training of LInKs' fillers on the poses that its lifters predict for the training data; the lifters stay fixed."""

from __future__ import annotations

import tensorflow as tf

from tf_elepose import geometry, losses
from tf_elepose.methods.completion import seen_in
from tf_elepose.methods.elepose import virtual_rotation
from tf_elepose.methods.links import LInKs
from tf_elepose.methods.objective import Batch, Objective


class FillFitting(Objective):
    """Trains the fillers of a trained `LInKs` by the distance between each half's joints and their filled-in places.

    The pose is turned to a virtual camera first (eq. 5-7 of ElePose), so that fillers learn poses from all sides. (The
    published code turns the pose about the camera's y axis, and squares the distances.)
    """

    def __init__(self, model: LInKs) -> None:
        self.model = model
        self.networks = dict(model.fillers)
        self.term_weights = dict.fromkeys(model.fillers, 1.0)

    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """ "legs" and "torso" [B]: mean distance of the half's joints, unit scale."""
        model = self.model
        y, e = model.y(model.complete(batch["image"], seen_in(batch)) if "seen" in batch else batch["image"])
        y = tf.stop_gradient(geometry.rotate(virtual_rotation(e, seed, model.elevation), y))
        return {
            half: losses.mean_joint_distance(filler(model.rest_of(half, y)), tf.gather(y, model.halves[half], axis=1))
            for half, filler in model.fillers.items()
        }
