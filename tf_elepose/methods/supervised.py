"""Supervised lifting: the line that unsupervised methods are held against.

Martinez, Hossain, Romero, Little: "A simple yet effective baseline for 3d human pose estimation", ICCV 2017.
Trunk, data and loop are those of ElePose's lifter; what is minimised is the error itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tf_elepose import geometry, losses
from tf_elepose.methods.base import Method
from tf_elepose.methods.trainable import Batch, named_variables
from tf_elepose.nn.completer import PoseCompleter, blank_completer
from tf_elepose.nn.pose_lifter import PoseLifter
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import Skeleton


class Supervised(Method):
    """Learns from pairs of a 2D and a 3D pose."""

    name = "supervised"
    title = "Supervised lifting"
    batch_arrays = ("image", "pose")

    def __init__(
        self,
        skeleton: Skeleton,
        normalizer: Normalizer,
        *,
        width: int,
        flip_average: bool = False,
        precision: str = "float32",
        seed: int = 0,
        completer: PoseCompleter | None = None,
    ) -> None:
        """Args:
        skeleton, normalizer: of the training data.
        width: of the lifter, see `PoseLifter`.
        flip_average: `lift` averages each pose with that of its mirror image.
        precision: "float32" or "mixed_bfloat16", of the lifter's hidden layers while it is trained; a restored method
          computes in float32.
        seed: of the lifter's first weights.
        completer: fills in hidden joints; trained beforehand, it stays as it is.
        """
        self.skeleton = skeleton
        self.normalizer = normalizer
        self.completer = completer
        self.flip_average = flip_average
        self.term_weights = {"pose": 1.0}
        self.lifter = PoseLifter(
            skeleton.num_joints,
            width=width,
            input_deviation=normalizer.deviation,
            distance=normalizer.distance,
            precision=precision,
            seed=seed,
        )
        self.lifter.build()
        self.networks = {"lifter": self.lifter}

    def y(self, x: tf.Tensor) -> tf.Tensor:
        """The 3D pose [B, J, 3], its root at the origin, that the lifter sees in x [B, J, 2]."""
        return geometry.center(self.lifter(x), self.skeleton.root_index)

    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """ "pose" [B]: mean distance of the joints from those of the batch's true "pose" [B, J, 3], which is in unit
        scale with its root at the origin. The paper has squares; distances are what is measured in the end.
        """
        del seed
        if "pose" not in batch:
            raise ValueError(f"supervised: a batch needs the true 3D poses, pose; got {', '.join(batch)}")
        x = self.complete(batch["image"], batch["seen"]) if "seen" in batch else batch["image"]
        return {"pose": losses.mean_joint_distance(self.y(x), batch["pose"])}

    def lift(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """See `Method.lift`; the elevation is not known."""
        pose = self.y(image)
        if self.flip_average:
            flipped = self.y(geometry.flip(image, self.skeleton))
            pose = 0.5 * (pose + geometry.flip(flipped, self.skeleton))
        return pose, None

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "skeleton": self.skeleton.to_dict(),
            "normalizer": self.normalizer.to_dict(),
            "width": self.lifter.upscale.units,
            "flip_average": self.flip_average,
            "completer_width": None if self.completer is None else self.completer.upscale.units,
        }

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> Supervised:
        skeleton = Skeleton.from_dict(settings["skeleton"])
        return cls(
            skeleton,
            Normalizer.from_dict(settings["normalizer"], skeleton),
            width=settings["width"],
            flip_average=settings["flip_average"],
            completer=blank_completer(skeleton.num_joints, settings["completer_width"]),
        )

    def saved_variables(self) -> dict[str, Any]:
        networks = {"lifter": self.lifter} | ({} if self.completer is None else {"completer": self.completer})
        return named_variables(networks)
