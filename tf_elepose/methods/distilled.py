"""A student of a trained ElePose: small, quick, and trained on the errors that detectors make.

The teacher lifts its own training poses. The results are 3D poses, of which views can be made from anywhere, by any
camera, in other bodies, with noise and with hidden joints (methods/virtual_views.py). The student learns to recover
the 3D poses from these views. All of this comes from the teacher's 2D poses: no 3D label is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import keras
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.methods.lifted_likelihood import LiftedLikelihood, blank_prior, subspace_settings
from tf_elepose.methods.objective import Batch, Objective, require_term_weights
from tf_elepose.methods.pose_model import LiftedTensors, PoseModel
from tf_elepose.methods.virtual_views import ViewSettings, random_view
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.nn.pose_statistics import blank_statistics
from tf_elepose.nn.student import PoseStudent
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import Skeleton

TERMS = ("pose", "elevation")
"""Distance of the lifted joints from the truth, and of the elevation from the camera's."""


class Distilled(PoseModel):
    """The student, and a prior that measures how likely a lifted pose is."""

    name = "distilled"
    title = "Distilled ElePose"
    density: LiftedLikelihood  # Always there.

    def __init__(self, skeleton: Skeleton, normalizer: Normalizer, prior: PosePrior, student: PoseStudent) -> None:
        """Holds the networks.

        Args:
          skeleton, normalizer: the teacher's; the normalizer's rule is "pose".
          prior: the teacher's too, or a smaller one with the same bases, trained on the same poses.
          student: completes and lifts; built.

        Raises:
          ValueError: another normalisation rule.
        """
        if normalizer.rule != "pose":
            raise ValueError(
                "a student sees people at any distance: its teacher needs normalization.rule=pose; "
                f"got {normalizer.rule}"
            )
        self.skeleton, self.normalizer, self.prior, self.student = skeleton, normalizer, prior, student
        self.distance = normalizer.distance
        self.density = LiftedLikelihood(prior, normalizer)

    @property
    def networks(self) -> dict[str, keras.Model]:
        return {"prior": self.prior, "student": self.student}

    def complete_and_lift(
        self, image: tf.Tensor, seen: tf.Tensor, confidence: tf.Tensor | None = None
    ) -> LiftedTensors:
        """See `PoseModel.complete_and_lift`; seen joints are corrected too, as the student has learnt in training."""
        del confidence
        whole, d, elevation = self.student(image, seen)
        whole, _ = self.normalizer.rescale(geometry.center(whole, self.skeleton.root_index))
        return LiftedTensors(whole, geometry.back_project(whole, d, self.distance, self.skeleton.root_index), elevation)

    def complete(self, image: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        """See `PoseModel.complete`."""
        return self.complete_and_lift(image, seen).image

    @property
    def completes(self) -> bool:
        return True

    def lift(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """See `PoseModel.lift`."""
        lifted = self.complete_and_lift(image, tf.ones_like(image[..., 0], tf.bool))
        return lifted.poses_3d, lifted.elevation

    # ---- storing ---------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "skeleton": self.skeleton.to_dict(),
            "normalizer": self.normalizer.to_dict(),
            "prior": self.prior.settings,
            "subspace": subspace_settings(self.prior),
            "width": self.student.width,
            "depth": len(self.student.trunk.blocks),
        }

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> Self:
        """See `PoseModel.restore`."""
        skeleton = Skeleton.from_dict(settings["skeleton"])
        statistics = blank_statistics(skeleton.num_joints)
        student = PoseStudent(skeleton.num_joints, statistics, width=settings["width"], depth=settings["depth"])
        student.build()
        return cls(
            skeleton,
            Normalizer.from_dict(settings["normalizer"], skeleton),
            blank_prior(skeleton, settings["subspace"], settings["prior"]),
            student,
        )


class DistilledObjective(Objective):
    """The distance of the student's poses from the teacher's, seen from random virtual cameras."""

    batch_arrays = ("pose",)

    def __init__(self, model: Distilled, *, views: ViewSettings, term_weights: Mapping[str, float]) -> None:
        """Holds the model, the distribution of its views, and the weights of `TERMS`.

        Raises:
          ValueError: other terms than those.
        """
        require_term_weights(term_weights, TERMS, model.skeleton)
        self.model = model
        self.networks = {"student": model.student}
        self.views = views
        self.term_weights = {name: float(weight) for name, weight in term_weights.items()}

    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """The terms of one random view of each levelled 3D pose "pose" [B, J, 3].

        "pose" [B]: mean distance of the joints of the lifted view from the true joints, which are scaled to the lifted
        pose: an image does not show the size of a pose.
        "elevation" [B]: radians.
        """
        view = random_view(batch["pose"], self.model.normalizer, self.views, seed)
        lifted = self.model.complete_and_lift(view.image, view.seen)
        product = tf.reduce_sum(lifted.poses_3d * view.pose, axis=[-2, -1], keepdims=True)
        scale = product / tf.reduce_sum(tf.square(view.pose), axis=[-2, -1], keepdims=True)
        distance = geometry.safe_norm(lifted.poses_3d - scale * view.pose)
        return {"pose": tf.reduce_mean(distance, axis=-1), "elevation": tf.abs(view.elevation - lifted.elevation)}
