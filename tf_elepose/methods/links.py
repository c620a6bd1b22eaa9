"""LInKs: ElePose with legs and torso lifted and scored apart, and missing halves filled in in 3D.

Hardy, Kim: "LInKs 'Lifting Independent Keypoints' - Partial Pose Lifting for Occlusion Handling with Improved Accuracy
in 2D-3D Human Pose Estimation", WACV 2024.

What differs from ElePose:
  lifters      one for the legs, one for the torso with arms and head; each has its own half of the 2D pose as its input
               and gives its depths and an elevation. One camera sees both: e is the mean of the two.
  likelihood   a flow for each half; L_NF is the sum of both.
  filling      where the whole of a half is hidden, the other is lifted alone, and a network says from its 3D pose where
               the missing joints are ("lift, then fill"). Single hidden joints are completed in 2D, as in ElePose.
The other terms see the whole pose, in ElePose's letters (methods/elepose.py). The root is the origin of every pose; it
belongs to both halves and is told to neither.

From the paper's published code: halves, mean of the elevations, sum of likelihoods, what fills what. Left out are the
paper's second split (left and right), its networks for single limbs, and drawing training poses from a flow of whole
poses, for which ElePose's PCA of each half stands.
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
          fillers: {half: fills in its joints}, see `new_fillers`; empty: missing halves are completed in 2D.

        Raises:
          ValueError: a skeleton without legs, or see `ElePose`.
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
        """The joints of `pose` [B, J, d] that are neither of `half` nor the root, in the other half's order."""
        return tf.gather(pose, [j for other, joints in self.halves.items() if other != half for j in joints], axis=1)

    def missing_halves(self, seen: tf.Tensor) -> dict[str, tf.Tensor]:
        """Of poses of which `seen` [B, J] is known, which show nothing of a half [B], but something of the other."""
        shown = {half: tf.reduce_any(tf.gather(seen, joints, axis=1), axis=1) for half, joints in self.halves.items()}
        some = tf.reduce_any(tf.stack(list(shown.values()), axis=-1), axis=-1)
        return {half: some & ~there for half, there in shown.items()}

    def lift_then_fill(self, x: tf.Tensor, missing: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """y [B, J, 3] and e [B] of poses x [B, J, 2] with halves `missing` [B], whose numbers in x do not count."""
        d, e = self.lifter.by_part(x)
        y = geometry.back_project(x, d, self.distance, self.skeleton.root_index)
        there = 1.0 - tf.cast(tf.stack(list(missing.values()), axis=-1), tf.float32)
        e = tf.reduce_sum(there * e, axis=-1) / tf.reduce_sum(there, axis=-1)
        filled = y
        for half, filler in self.fillers.items():
            guess = scatter_joints(filler(self.rest_of(half, y)), self.halves[half], self.skeleton.num_joints)
            filled = tf.where(self._of_missing(half, missing), guess, filled)
        return filled, e

    def _of_missing(self, half: str, missing: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """[B, J, 1] joints of the half in poses that miss it."""
        joints = [joint in self.halves[half] for joint in range(self.skeleton.num_joints)]
        return (missing[half][:, tf.newaxis] & tf.constant(joints))[..., tf.newaxis]

    def complete_and_lift(
        self, image: tf.Tensor, seen: tf.Tensor, confidence: tf.Tensor | None = None
    ) -> LiftedTensors:
        """See `PoseModel.complete_and_lift`; the joints of a missing half are where their 3D joints are seen."""
        if not self.fillers:
            return super().complete_and_lift(image, seen, confidence)
        whole, missing = self.complete(image, seen), self.missing_halves(seen)
        y, e = self.averaged(whole, lambda x: self.lift_then_fill(x, missing))
        for half in self.halves:
            whole = tf.where(self._of_missing(half, missing), geometry.project(y, self.distance), whole)
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
    """A lifter of both halves with first weights drawn from `seed`; arguments as in `DepthElevationLifter`."""
    halves = joints_of_halves(skeleton)
    lifter = PartLifter(
        skeleton.num_joints, list(halves.values()), list(halves),
        width=width, arch=arch, input_deviation=normalizer.deviation, precision=precision, seed=seed,
    )  # fmt: skip
    lifter.build()
    return lifter


def new_fillers(skeleton: Skeleton, *, width: int, precision: str = "float32", seed: int = 0) -> dict[str, PartFiller]:
    """A filler for each half, {half: fills in its joints}; arguments as in `PartFiller`."""
    fillers = {}
    for i, (half, joints) in enumerate(joints_of_halves(skeleton).items()):
        seed_i, rest = seeds.derive(seed, 100 + i), skeleton.num_joints - len(joints) - 1
        fillers[half] = PartFiller(
            rest, len(joints), width=width, precision=precision, seed=seed_i, name=f"{half}_filler"
        )
        fillers[half].build()
    return fillers
