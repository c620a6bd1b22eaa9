"""CanonPose: self-supervised lifting that learns from several uncalibrated cameras and needs one when it is used.

Wandt, Rudolph, Zell, Rhodin, Rosenhahn: "CanonPose: Self-Supervised Monocular 3D Human Pose Estimation in the Wild",
CVPR 2021. Equation numbers are the paper's; so are the letters: W a 2D pose of a view, C the confidences of its
joints, X the canonical 3D pose predicted from it, R the rotation from X to that view's camera. Here poses have joints
as rows, W [B, V, J, 2] for the V views of B moments; a view that is missing has confidence 0 everywhere.

Cameras are weakly perspective, so eq. 1-8 cannot distinguish a scene from its depth mirror, whatever the number of
views: with M = diag(1, 1, -1), the camera M R M sees M X exactly as the camera R sees X. The knees decide
(`losses.backward_knees`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from tf_elepose import geometry, losses
from tf_elepose.methods import replicas
from tf_elepose.methods.completion import hide_joints
from tf_elepose.methods.joint_trust import JointTrust
from tf_elepose.methods.objective import Batch, Objective, require_term_weights
from tf_elepose.methods.pose_model import LiftedTensors, PoseModel
from tf_elepose.methods.rig_partners import values_of_partners
from tf_elepose.nn.canonical_lifter import CanonicalLifter
from tf_elepose.nn.pose_statistics import blank_statistics
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import Skeleton

TERMS = ("reprojection", "view", "camera", "knees", "pose_equality", "camera_equality")
"""Eq. 5 for each view's own pose, for poses mixed between views (3.2), for rotations mixed between moments (eq. 8); an
anatomical term against the depth mirror; and the two direct equalities of table 4, which do not work alone."""

MOST_HIDDEN = 0.5
"""Largest share of the joints of a view that training hides."""


class CanonPose(PoseModel):
    """The lifting model of the paper."""

    name = "canonpose"
    title = "CanonPose"
    has_canonical = True

    def __init__(
        self,
        skeleton: Skeleton,
        normalizer: Normalizer,
        lifter: CanonicalLifter,
        *,
        hidden: float = 0.0,
        flip_average: bool = False,
    ) -> None:
        """Holds the network.

        Args:
          skeleton, normalizer: of the training data. The shape of a predicted pose does not depend on the pose's size
            in the image; the size of the predicted 3D pose does.
          lifter: gives X and R; built. If it takes confidences (section 3.3), they weigh the errors too; otherwise a
            joint is only seen or not seen.
          hidden: share of the training views in which joints are hidden, so that the model learns to lift incomplete
            poses; with 0 it lifts complete poses only.
          flip_average: `lift` averages each pose with that of its mirror image.

        Raises:
          ValueError: `hidden` out of its range.
        """
        if not 0 <= hidden <= 1:
            raise ValueError(f"hidden must lie between 0 and 1; got {hidden}")
        self.skeleton = skeleton
        self.normalizer = normalizer
        self.lifter = lifter
        self.hidden = float(hidden)
        self.flip_average = flip_average
        self.trust = JointTrust(skeleton.num_joints, used=lifter.confidences)

    @property
    def networks(self) -> dict[str, keras.Model]:
        return {"lifter": self.lifter}

    def X_and_R(self, W: tf.Tensor, C: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Eq. 3-4 and figure 3: canonical poses [..., J, 3] and rotations [..., 3, 3] of views W [..., J, 2] with
        confidences C [..., J].
        """
        joints = self.skeleton.num_joints
        X, axis_angle = self.lifter(tf.reshape(W, [-1, joints, 2]), tf.reshape(C, [-1, joints]))
        views = tf.shape(W)[:-2]
        X = tf.reshape(X, tf.concat([views, [joints, 3]], axis=0))
        return X, geometry.rotation_vector(tf.reshape(axis_angle, tf.concat([views, [3]], axis=0)))

    @property
    def uses_confidence(self) -> bool:
        return self.trust.used

    @property
    def usual_confidence(self) -> np.ndarray | None:
        return self.trust.range.numpy()[1] if self.uses_confidence else None

    @property
    def completes(self) -> bool:
        return self.hidden > 0.0

    def complete(self, image: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        """See `PoseModel.complete`: hidden joints are guessed as `CanonicalLifter.guess` does."""
        if not self.completes:
            return image
        guess = self.lifter.guess(image, seen)
        whole = geometry.center(tf.where(seen[..., tf.newaxis], image, guess), self.skeleton.root_index)
        resized, _ = self.normalizer.rescale(whole)
        return tf.where(tf.reduce_all(seen, axis=-1)[..., tf.newaxis, tf.newaxis], image, resized)

    def complete_and_lift(
        self, image: tf.Tensor, seen: tf.Tensor, confidence: tf.Tensor | None = None
    ) -> LiftedTensors:
        """See `PoseModel.complete_and_lift`; joints without a confidence get the usual one, no elevation is predicted.

        With flip_average the pose in the camera's frame is the mean of the poses of the image and of its mirror image;
        the rotation is that of the image itself.
        """
        x, c = self.complete(image, seen), self.trust.input_confidence(confidence, seen)
        y, R = self._camera_frame(x, c)
        if self.flip_average:
            flipped = geometry.flip(x, self.skeleton), tf.gather(c, self.skeleton.mirror, axis=-1)
            y = 0.5 * (y + geometry.flip(self._camera_frame(*flipped)[0], self.skeleton))
        return LiftedTensors(x, y, None, R)

    def lift(self, image: tf.Tensor) -> tuple[tf.Tensor, None]:
        """See `PoseModel.lift`; no elevation is predicted."""
        return self.complete_and_lift(image, tf.ones_like(image[..., 0], tf.bool)).poses_3d, None

    def _camera_frame(self, x: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Poses [B, J, 3] that, seen from the normalizer's distance, are as large as x [B, J, 2]; and R."""
        X, R = self.X_and_R(x, c)
        y = geometry.rotate(R, X)
        ratio = tf.math.divide_no_nan(geometry.frobenius_norm(x), geometry.frobenius_norm(y[..., :2]))
        return self.normalizer.distance * ratio[..., tf.newaxis, tf.newaxis] * y, R

    def sample(self, count: int, seed: int) -> np.ndarray:
        """See `PoseModel.sample`: poses of the normal distribution that the guesses of hidden joints come from."""
        image = self.lifter.distribution.sample(count, seed)
        return image - image[:, self.skeleton.root_index, np.newaxis]

    # ---- storing ---------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "skeleton": self.skeleton.to_dict(),
            "normalizer": self.normalizer.to_dict(),
            "width": self.lifter.width,
            "confidences": self.lifter.confidences,
            "hidden": self.hidden,
            "flip_average": self.flip_average,
        }

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> Self:
        """See `PoseModel.restore`."""
        skeleton = Skeleton.from_dict(settings["skeleton"])
        lifter = CanonicalLifter(
            skeleton.num_joints, skeleton.root_index, blank_statistics(skeleton.num_joints),
            width=settings["width"], confidences=settings["confidences"],
        )  # fmt: skip
        lifter.build()
        normalizer = Normalizer.from_dict(settings["normalizer"], skeleton)
        return cls(skeleton, normalizer, lifter, hidden=settings["hidden"], flip_average=settings["flip_average"])

    def saved_variables(self) -> dict[str, Any]:
        return {**super().saved_variables(), "statistics/confidence_range": self.trust.range}


class CanonposeObjective(Objective):
    """Eq. 1 to 8, in the paper's order."""

    def __init__(self, model: CanonPose, *, term_weights: Mapping[str, float]) -> None:
        """Holds the model, and a weight for each of `TERMS`; 0 leaves a term out.

        Raises:
          ValueError: an unknown term.
        """
        require_term_weights(term_weights, TERMS, model.skeleton)
        self.model = model
        self.networks = {"lifter": model.lifter}
        self.skeleton, self.trust = model.skeleton, model.trust
        self.term_weights = {name: float(weight) for name, weight in term_weights.items() if weight}

    def W_rep(self, R: tf.Tensor, X: tf.Tensor) -> tf.Tensor:
        """Eq. 1 for all m^2 combinations (section 3.2), [B, target, source, J, 2]: poses X [B, V, J, 3] of the source
        views, turned by the rotations R [B, V, 3, 3] of the target views.
        """
        return geometry.rotate(R[:, :, tf.newaxis], X[:, tf.newaxis])[..., :2]

    def L_rep(self, W_rep: tf.Tensor, W: tf.Tensor, C: tf.Tensor) -> tf.Tensor:
        """Eq. 5 (eq. 2 where all confidences are 1): [B, target, source] of W_rep against the targets' W and C."""
        return losses.scale_independent_error(W_rep, W[:, :, tf.newaxis], C[:, :, tf.newaxis])

    def carried(self, R_s: tf.Tensor, R: tf.Tensor, X: tf.Tensor) -> tf.Tensor:
        """R_1^(s)T R_1^(s') X^(s'): a rotation by R_2^(s) gives eq. 8, since R_1,2^(s) = R_2^(s) R_1^(s)T (eq. 7)."""
        return geometry.rotate_back(R_s, geometry.rotate(R, X))

    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Eq. 5 to 8, the two equalities of table 4 and the knees, by name; each [B].

        A batch has "image" [B, V, J, 2], and where they are known "confidence" [B, V, J] and "rig" [B]: equal numbers
        mark moments seen by the same cameras in the same places.
        """
        W, C = batch["image"], self.trust.weights(batch)
        present = tf.reduce_any(C > 0.0, axis=-1)
        X, R = self.model.X_and_R(*self.lifter_input(W, C, seed))
        own = tf.eye(W.shape[1], dtype=tf.bool)[tf.newaxis]
        both = present[:, :, tf.newaxis] & present[:, tf.newaxis]

        def mixed() -> tf.Tensor:
            if "mixed" not in computed:
                computed["mixed"] = self.L_rep(self.W_rep(R, X), W, C)
            return computed["mixed"]

        def partner() -> tuple[tf.Tensor, tf.Tensor]:
            if "partner" not in computed:
                rig = batch.get("rig", tf.zeros_like(W[:, 0, 0, 0]))
                seed_s = replicas.fold_in(seed, 0)
                R_s = values_of_partners(R, rig, seed_s)
                present_s = values_of_partners(tf.cast(present, tf.float32), rig, seed_s) > 0.0
                computed["partner"] = R_s, both & present_s[:, :, tf.newaxis] & present_s[:, tf.newaxis] & ~own
            return computed["partner"]

        def camera() -> tf.Tensor:
            R_s, pairs = partner()
            return _mean(self.L_rep(self.W_rep(R_s, self.carried(R_s, R, X)), W, C), pairs)

        def camera_equality() -> tf.Tensor:
            R_s, pairs = partner()
            difference = _relative(R) - _relative(R_s)
            return _mean(tf.reduce_sum(tf.square(difference), axis=(-2, -1)), pairs)

        def pose_equality() -> tf.Tensor:
            difference = X[:, :, tf.newaxis] - X[:, tf.newaxis]
            return _mean(tf.reduce_sum(tf.square(difference), axis=(-2, -1)), both & ~own)

        computed: dict[str, Any] = {}  # Several terms share these tensors; each is made once.
        terms = {
            "reprojection": lambda: _mean(mixed(), both & own),
            "view": lambda: _mean(mixed(), both & ~own),
            "camera": camera,
            "knees": lambda: _mean(losses.backward_knees(X, self.skeleton), present),
            "pose_equality": pose_equality,
            "camera_equality": camera_equality,
        }
        return {name: terms[name]() for name in self.term_weights}

    def lifter_input(self, W: tf.Tensor, C: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Views [B, V, J, 2] and confidences [B, V, J] that the lifter gets for W and C: some joints of some views are
        hidden from the lifter; the errors still count these joints.
        """
        if not self.model.completes:
            return W, self.trust.input_confidence(C, C > 0.0)
        joints = self.skeleton.num_joints
        image, seen = tf.reshape(W, [-1, joints, 2]), tf.reshape(C > 0.0, [-1, joints])
        coins = replicas.draw(
            lambda size: tf.random.stateless_uniform(size, replicas.fold_in(seed, 1)), [tf.shape(image)[0], 1]
        )
        seen = tf.where(coins < self.model.hidden, hide_joints(seen, replicas.fold_in(seed, 2), MOST_HIDDEN), seen)
        whole = self.model.complete(image, seen)
        seen = tf.reshape(seen, tf.shape(C))
        return tf.reshape(whole, tf.shape(W)), self.trust.input_confidence(C, seen)


def _mean(values: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Mean [B] of the `values` [B, ...] that are chosen; 0 where none is."""
    axes = list(range(1, values.shape.rank))
    weight = tf.cast(chosen, values.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(weight * values, axis=axes), tf.reduce_sum(weight, axis=axes))


def _relative(R: tf.Tensor) -> tf.Tensor:
    """Eq. 7, R_1,2 = R_2 R_1^T, for all pairs: [B, 1, 2, 3, 3] of R [B, V, 3, 3]."""
    return tf.matmul(R[:, tf.newaxis], R[:, :, tf.newaxis], transpose_b=True)
