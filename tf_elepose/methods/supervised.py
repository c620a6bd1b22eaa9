"""Supervised lifting: the baseline that unsupervised methods are compared with.

Martinez, Hossain, Romero, Little: "A simple yet effective baseline for 3d human pose estimation", ICCV 2017.
The network's trunk, the data and the loop are those of ElePose's lifter; the objective is the error itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import keras
import tensorflow as tf

from tf_elepose import geometry, losses
from tf_elepose.methods.objective import Batch, Objective
from tf_elepose.methods.pose_model import PoseModel
from tf_elepose.nn.completer import PoseCompleter, blank_completer
from tf_elepose.nn.pose_lifter import PoseLifter
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import Skeleton


class Supervised(PoseModel):
    """A lifter that predicts 3D poses and, where joints may be missing, a completer."""

    name = "supervised"
    title = "Supervised lifting"

    def __init__(
        self,
        skeleton: Skeleton,
        normalizer: Normalizer,
        lifter: PoseLifter,
        *,
        flip_average: bool = False,
        completer: PoseCompleter | None = None,
    ) -> None:
        """Holds the networks.

        Args:
          skeleton, normalizer: of the training data.
          lifter: predicts the 3D pose of a 2D pose; built.
          flip_average: `lift` averages each pose with that of its mirror image.
          completer: fills in hidden joints; trained beforehand, it stays as it is.
        """
        self.skeleton = skeleton
        self.normalizer = normalizer
        self.lifter = lifter
        self.completer = completer
        self.flip_average = flip_average

    @property
    def networks(self) -> dict[str, keras.Model]:
        return {"lifter": self.lifter, **({} if self.completer is None else {"completer": self.completer})}

    def y(self, x: tf.Tensor) -> tf.Tensor:
        """The 3D pose [B, J, 3], its root at the origin, that the lifter predicts for x [B, J, 2]."""
        return geometry.center(self.lifter(x), self.skeleton.root_index)

    def lift(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """See `PoseModel.lift`; no elevation is predicted."""
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
            "width": self.lifter.width,
            "flip_average": self.flip_average,
            "completer_width": None if self.completer is None else self.completer.width,
        }

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> Self:
        """See `PoseModel.restore`."""
        skeleton = Skeleton.from_dict(settings["skeleton"])
        normalizer = Normalizer.from_dict(settings["normalizer"], skeleton)
        completer = blank_completer(skeleton.num_joints, settings["completer_width"])
        lifter = new_pose_lifter(skeleton, normalizer, width=settings["width"])
        return cls(skeleton, normalizer, lifter, flip_average=settings["flip_average"], completer=completer)


def new_pose_lifter(
    skeleton: Skeleton, normalizer: Normalizer, *, width: int, precision: str = "float32", seed: int = 0
) -> PoseLifter:
    """A lifter of normalised poses with initial weights drawn from `seed`; arguments as in `PoseLifter`."""
    lifter = PoseLifter(
        skeleton.num_joints, width=width, input_deviation=normalizer.deviation, distance=normalizer.distance,
        precision=precision, seed=seed,
    )  # fmt: skip
    lifter.build()
    return lifter


class SupervisedObjective(Objective):
    """The distance from the true 3D pose."""

    batch_arrays = ("image", "pose")

    def __init__(self, model: Supervised) -> None:
        self.model = model
        self.networks = {"lifter": model.lifter}
        self.term_weights = {"pose": 1.0}

    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """ "pose" [B]: mean distance of the joints from those of the batch's true "pose" [B, J, 3], which is in unit
        scale with its root at the origin. The paper squares the distances; here they are as in the evaluation.
        """
        del seed
        if "pose" not in batch:
            raise ValueError(f"supervised: a batch needs the true 3D poses, pose; got {', '.join(batch)}")
        x = self.model.complete(batch["image"], batch["seen"]) if "seen" in batch else batch["image"]
        return {"pose": losses.mean_joint_distance(self.model.y(x), batch["pose"])}
