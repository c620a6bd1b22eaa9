"""A student of a trained ElePose: small, quick, and taught to bear what detectors do.

The teacher lifts its own training poses. What it says are 3D poses, and 3D poses can be seen from anywhere, by any
camera, in other bodies, with noise and with joints hidden (methods/virtual_views.py). The student learns to undo that.
Nothing but the teacher's 2D poses was ever known: no 3D label is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.methods.base import Method
from tf_elepose.methods.lifted_likelihood import LiftedLikelihood, blank_prior, subspace_settings
from tf_elepose.methods.prediction import Said
from tf_elepose.methods.trainable import Batch, named_variables, require_term_weights
from tf_elepose.methods.virtual_views import ViewSettings, random_view
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.nn.pose_statistics import PoseStatistics, blank_statistics
from tf_elepose.nn.student import PoseStudent
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import Skeleton

TERMS = ("pose", "elevation")


class Distilled(Method):
    """The lifting method, with a prior to say how likely a lifted pose is."""

    name = "distilled"
    title = "Distilled ElePose"
    batch_arrays = ("pose",)

    def __init__(
        self,
        skeleton: Skeleton,
        normalizer: Normalizer,
        prior: PosePrior,
        statistics: PoseStatistics,
        *,
        width: int,
        depth: int,
        views: ViewSettings | None,
        term_weights: Mapping[str, float],
        precision: str = "float32",
        seed: int = 0,
        prior_settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Args:
        skeleton, normalizer: the teacher's; the normaliser's rule is "pose".
        prior, prior_settings: the teacher's too, or a smaller one of the same poses and bases.
        statistics: of the teacher's training poses.
        width, depth, precision, seed: of the student, see `PoseStudent`.
        views: what it is trained on; None for one that is trained.
        term_weights: of `TERMS`.

        Raises:
          ValueError: another normalisation rule, or terms that are not those.
        """
        if normalizer.rule != "pose":
            raise ValueError(
                "a student sees people at any distance: its teacher needs normalization.rule=pose; "
                f"got {normalizer.rule}"
            )
        require_term_weights(term_weights, TERMS, skeleton)
        self.skeleton, self.normalizer, self.prior = skeleton, normalizer, prior
        self.distance = normalizer.distance
        self.views = views
        self.term_weights = {name: float(weight) for name, weight in term_weights.items()}
        self._prior_settings = dict(prior_settings or {})
        self.student = PoseStudent(
            skeleton.num_joints, statistics, width=width, depth=depth, precision=precision, seed=seed
        )
        self.student.build()
        self.networks = {"student": self.student}
        self.density = LiftedLikelihood(prior, normalizer)

    # ---- training --------------------------------------------------------------------------------------------------

    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Of levelled 3D poses "pose" [B, J, 3]:

        "pose" [B]: mean distance of the joints of the lifted view from the truth, which is scaled to it: the size of a
        pose is not in its image.
        "elevation" [B]: radians.
        """
        assert self.views is not None
        view = random_view(batch["pose"], self.normalizer, self.views, seed)
        said = self.complete_and_lift(view.image, view.seen)
        lifted = said.poses
        product = tf.reduce_sum(lifted * view.pose, axis=[-2, -1], keepdims=True)
        scale = product / tf.reduce_sum(tf.square(view.pose), axis=[-2, -1], keepdims=True)
        distance = geometry.safe_norm(lifted - scale * view.pose)
        return {"pose": tf.reduce_mean(distance, axis=-1), "elevation": tf.abs(view.elevation - said.elevation)}

    # ---- use -------------------------------------------------------------------------------------------------------

    def complete_and_lift(self, image: tf.Tensor, seen: tf.Tensor, confidence: tf.Tensor | None = None) -> Said:
        """See `Method.complete_and_lift`; joints that are seen are corrected too, as far as training has shown how."""
        del confidence
        whole, d, elevation = self.student(image, seen)
        whole, _ = self.normalizer.rescale(geometry.center(whole, self.skeleton.root_index))
        return Said(whole, geometry.back_project(whole, d, self.distance, self.skeleton.root_index), elevation)

    def complete(self, image: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        """See `Method.complete`."""
        return self.complete_and_lift(image, seen).image

    @property
    def completes(self) -> bool:
        return True

    def lift(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """See `Method.lift`."""
        said = self.complete_and_lift(image, tf.ones_like(image[..., 0], tf.bool))
        return said.poses, said.elevation

    # ---- storing ---------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "skeleton": self.skeleton.to_dict(),
            "normalizer": self.normalizer.to_dict(),
            "prior": self._prior_settings,
            "subspace": subspace_settings(self.prior),
            "term_weights": self.term_weights,
            "width": self.student.upscale.units,
            "depth": len(self.student.blocks),
        }

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> Distilled:
        skeleton = Skeleton.from_dict(settings["skeleton"])
        return cls(
            skeleton,
            Normalizer.from_dict(settings["normalizer"], skeleton),
            blank_prior(skeleton, settings["subspace"], settings["prior"]),
            blank_statistics(skeleton.num_joints),
            width=settings["width"],
            depth=settings["depth"],
            views=None,
            term_weights=settings["term_weights"],
            prior_settings=settings["prior"],
        )

    def saved_variables(self) -> dict[str, Any]:
        return {**named_variables({"prior": self.prior, "student": self.student}), **self.density.saved_variables()}
