"""LInKs: ElePose that lifts and scores legs and torso separately, and fills in a missing half in 3D.

Hardy, Kim: "LInKs 'Lifting Independent Keypoints' - Partial Pose Lifting for Occlusion Handling with Improved Accuracy
in 2D-3D Human Pose Estimation", WACV 2024.

The differences from ElePose:
  lifters      one for the legs, one for the torso with arms and head; each has its own half of the 2D pose as its input
               and gives its depths and an elevation. Both halves have the same camera: e is the mean of the two.
  likelihood   a flow for each half; L_NF is the sum of both.
  filling      where a whole half is hidden, the other half is lifted alone, and a network predicts the missing joints
               from its 3D pose ("lift, then fill"). Single hidden joints are completed in 2D, as in ElePose.
The other terms use the whole pose, in ElePose's letters (methods/elepose.py). The root is the origin of every pose; it
belongs to both halves and is an input of neither lifter.

From the paper's published code: the halves, the mean of the elevations, the sum of the likelihoods, and which half
fills which. Left out are the paper's second split (left and right), its networks for single limbs, and drawing training
poses from a flow of whole poses; here ElePose's PCA of each half takes the place of that flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import keras
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.methods.elepose import ElePose, restored_parts
from tf_elepose.methods.pose_model import LiftedTensors
from tf_elepose.nn import seeds
from tf_elepose.nn.completer import PoseCompleter
from tf_elepose.nn.part_filler import PartFiller
from tf_elepose.nn.part_lifter import PartLifter, scatter_joints
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import Skeleton


class LInKs(ElePose):
    """The lifting model of the paper; prior and completer are trained before it, the fillers after it."""

    name = "links"
    title = "LInKs"

    lifter: PartLifter

    def __init__(
        self,
        skeleton: Skeleton,
        normalizer: Normalizer,
        prior: PosePrior,
        lifter: PartLifter,
        *,
        fillers: Mapping[str, PartFiller],
        elevation: str = "predicted",
        flip_average: bool = False,
        completer: PoseCompleter | None = None,
    ) -> None:
        """Holds the networks.

        Args:
          skeleton: names its legs.
          normalizer, elevation, flip_average, completer: see `ElePose`.
          prior: has the halves as its subspace's groups.
          lifter: lifts each half, see `new_part_lifter`.
          fillers: {half: network that fills in its joints}, see `new_fillers`; empty: completion of halves in 2D.

        Raises:
          ValueError: a skeleton without legs, and as in `ElePose`.
        """
        super().__init__(
            skeleton, normalizer, prior, lifter, elevation=elevation, flip_average=flip_average, completer=completer
        )
        self.halves = joints_of_halves(skeleton)
        self.fillers = dict(fillers)

    @property
    def networks(self) -> dict[str, keras.Model]:
        return {**super().networks, **self.fillers}

    # ---- lift, then fill -------------------------------------------------------------------------------------------

    def rest_of(self, half: str, pose: tf.Tensor) -> tf.Tensor:
        """The joints of `pose` [B, J, d] that belong to the other half, without the root, in that half's order."""
        return tf.gather(pose, [j for other, joints in self.halves.items() if other != half for j in joints], axis=1)

    def missing_halves(self, seen: tf.Tensor) -> dict[str, tf.Tensor]:
        """{half: mask [B] of the poses with no joint of it `seen` [B, J], but with seen joints of the other half}."""
        any_seen = {half: tf.reduce_any(tf.gather(seen, own, axis=1), axis=1) for half, own in self.halves.items()}
        some = tf.reduce_any(tf.stack(list(any_seen.values()), axis=-1), axis=-1)
        return {half: some & ~own for half, own in any_seen.items()}

    def lift_then_fill(self, x: tf.Tensor, missing: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """y [B, J, 3] and e [B] of poses x [B, J, 2]; x of the halves that are `missing` [B] has no influence."""
        d, e = self.lifter.by_part(x)
        y = geometry.back_project(x, d, self.distance, self.skeleton.root_index)
        present = 1.0 - tf.cast(tf.stack(list(missing.values()), axis=-1), tf.float32)
        e = tf.reduce_sum(present * e, axis=-1) / tf.reduce_sum(present, axis=-1)
        filled = y
        for half, filler in self.fillers.items():
            guess = scatter_joints(filler(self.rest_of(half, y)), self.halves[half], self.skeleton.num_joints)
            filled = tf.where(self._missing_joints(half, missing), guess, filled)
        return filled, e

    def _missing_joints(self, half: str, missing: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Mask [B, J, 1] of the joints of a half in poses where it is missing."""
        joints = [joint in self.halves[half] for joint in range(self.skeleton.num_joints)]
        return (missing[half][:, tf.newaxis] & tf.constant(joints))[..., tf.newaxis]

    def complete_and_lift(
        self, image: tf.Tensor, seen: tf.Tensor, confidence: tf.Tensor | None = None
    ) -> LiftedTensors:
        """See `PoseModel.complete_and_lift`; in 2D, a missing half is the projection of its filled-in 3D joints."""
        if not self.fillers:
            return super().complete_and_lift(image, seen, confidence)
        whole, missing = self.complete(image, seen), self.missing_halves(seen)
        y, e = self.averaged(whole, lambda x: self.lift_then_fill(x, missing))
        for half in self.halves:
            whole = tf.where(self._missing_joints(half, missing), geometry.project(y, self.distance), whole)
        return LiftedTensors(whole, y, -e if self.elevation == "predicted" else None)

    # ---- storing ---------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, Any]:
        width = next(iter(self.fillers.values())).width if self.fillers else None
        return {**super().settings, "filler_width": width}

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> Self:
        """See `PoseModel.restore`."""
        skeleton = Skeleton.from_dict(settings["skeleton"])
        normalizer = Normalizer.from_dict(settings["normalizer"], skeleton)
        lifter = new_part_lifter(skeleton, normalizer, width=settings["width"], arch=settings["arch"])
        width = settings["filler_width"]
        fillers = {} if width is None else new_fillers(skeleton, width=width)
        return cls(skeleton, normalizer, lifter=lifter, fillers=fillers, **restored_parts(settings, skeleton))


def joints_of_halves(skeleton: Skeleton) -> dict[str, list[int]]:
    """{half: its joints' indices}.

    Raises:
      ValueError: a skeleton without legs.
    """
    return {half: list(skeleton.indices(joints)) for half, joints in skeleton.halves.items()}


def new_part_lifter(
    skeleton: Skeleton, normalizer: Normalizer, *, width: int, arch: str, precision: str = "float32", seed: int = 0
) -> PartLifter:
    """A lifter of both halves with initial weights drawn from `seed`; arguments as in `DepthElevationLifter`."""
    halves = joints_of_halves(skeleton)
    lifter = PartLifter(
        skeleton.num_joints, list(halves.values()), list(halves),
        width=width, arch=arch, input_deviation=normalizer.deviation, precision=precision, seed=seed,
    )  # fmt: skip
    lifter.build()
    return lifter


def new_fillers(skeleton: Skeleton, *, width: int, precision: str = "float32", seed: int = 0) -> dict[str, PartFiller]:
    """A filler for each half, {half: network that fills in its joints}; arguments as in `PartFiller`."""
    fillers = {}
    for i, (half, joints) in enumerate(joints_of_halves(skeleton).items()):
        seed_i, rest = seeds.derive(seed, 100 + i), skeleton.num_joints - len(joints) - 1
        fillers[half] = PartFiller(
            rest, len(joints), width=width, precision=precision, seed=seed_i, name=f"{half}_filler"
        )
        fillers[half].build()
    return fillers
