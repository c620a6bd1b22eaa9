"""ElePose: unsupervised lifting by camera elevation and normalizing flows on 2D poses.

Wandt, Little, Rhodin: "ElePose: Unsupervised 3D Human Pose Estimation by Predicting Camera Elevation and Learning
Normalizing Flows on 2D Poses", CVPR 2022. Equation numbers are the paper's; so are the letters: x a normalised 2D
pose [B, J, 2], y a 3D pose [B, J, 3] in the camera frame with its root at the origin, d depth offsets [B, J],
e elevation [B], D the distance of the root.

The elevation e is the angle that levels a pose, Rx(e) y: negative for a camera that looks down. Users get -e, the
camera's angle above the horizon.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from tf_elepose import geometry, losses
from tf_elepose.methods import replicas
from tf_elepose.methods.lifted_likelihood import LiftedLikelihood, blank_prior, subspace_settings
from tf_elepose.methods.objective import Batch, Objective, require_term_weights
from tf_elepose.methods.pose_model import PoseModel
from tf_elepose.nn.completer import PoseCompleter, blank_completer
from tf_elepose.nn.lifters import DepthElevationLifter
from tf_elepose.nn.part_lifter import PartLifter
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.anthropometry import BonePrior
from tf_elepose.skeleton.skeletons import Skeleton

FIXED_ELEVATION = math.pi / 9
"""Bound of the uniform elevation prior of earlier work, which the paper compares with ("[-pi/9, pi/9] [4, 59]")."""

TERMS = ("likelihood", "bone", "lifting", "deformation", "reprojection", "knees", "elevation")
"""L_NF, L_bone, L_3D, L_def, L_2D of eq. 13; an anatomical term against the depth mirror; and the error of the
elevation predicted for the virtual camera, whose true elevation is known."""

ELEVATIONS = ("predicted", "fixed")


@dataclasses.dataclass(frozen=True)
class Lift:
    """A pose in three forms: lifted, turned to a virtual camera, and lifted again from there."""

    y1: tf.Tensor  # [B, J, 3] eq. 2
    e: tf.Tensor  # [B]
    R: tf.Tensor  # [B, 3, 3] eq. 7
    x2: tf.Tensor  # [B, J, 2] eq. 3 of R y1
    y2: tf.Tensor  # [B, J, 3] R y1
    y2_again: tf.Tensor  # [B, J, 3] lifted from x2
    y1_again: tf.Tensor  # [B, J, 3] R^T y2_again
    e_again: tf.Tensor  # [B] with x2


class ElePose(PoseModel):
    """The lifting model of the paper: lifter, prior and, where joints may be missing, a completer."""

    name = "elepose"
    title = "ElePose"
    density: LiftedLikelihood  # Always there.

    def __init__(
        self,
        skeleton: Skeleton,
        normalizer: Normalizer,
        prior: PosePrior,
        lifter: DepthElevationLifter | PartLifter,
        *,
        elevation: str = "predicted",
        flip_average: bool = False,
        completer: PoseCompleter | None = None,
    ) -> None:
        """Holds the networks.

        Args:
          skeleton, normalizer: of the training data.
          prior: p(x) of normalised poses.
          lifter: gives d and e of x; built.
          elevation: "predicted" (the paper), or "fixed" for the uniform prior of earlier work.
          flip_average: `lift` averages each pose with that of its mirror image.
          completer: fills in hidden joints; None for a model that lifts complete poses only.

        Raises:
          ValueError: an unknown choice of elevation.
        """
        if elevation not in ELEVATIONS:
            raise ValueError(f"unknown elevation {elevation!r}; expected {' or '.join(ELEVATIONS)}")
        self.skeleton = skeleton
        self.normalizer = normalizer
        self.distance = normalizer.distance
        self.prior = prior
        self.lifter = lifter
        self.completer = completer
        self.elevation = elevation
        self.flip_average = flip_average
        self.density = LiftedLikelihood(prior, normalizer, FIXED_ELEVATION if elevation == "fixed" else None)

    @property
    def networks(self) -> dict[str, keras.Model]:
        completer = {} if self.completer is None else {"completer": self.completer}
        return {"prior": self.prior, "lifter": self.lifter, **completer}

    def y(self, x: tf.Tensor, detected: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Eq. 2: 3D pose and elevation of x; `detected`, where given, is the lifter's input in the place of x."""
        d, e = self.lifter(x if detected is None else detected)
        return geometry.back_project(x, d, self.distance, self.skeleton.root_index), e

    def averaged(
        self, x: tf.Tensor, lifted: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]] | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """y and e as they are used after training: with flip_average the means over x and its mirror image.

        `lifted` gives y and e of an image; None: the method `y` does.
        """
        lifted = lifted or self.y
        y, e = lifted(x)
        if self.flip_average:
            y_flipped, e_flipped = lifted(geometry.flip(x, self.skeleton))
            y, e = 0.5 * (y + geometry.flip(y_flipped, self.skeleton)), 0.5 * (e + e_flipped)
        return y, e

    def lift(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """See `PoseModel.lift`; no elevation with elevation="fixed", where the lifter does not learn it."""
        y, e = self.averaged(image)
        return y, -e if self.elevation == "predicted" else None

    def measure_elevation(self, image: np.ndarray, seen: np.ndarray | None = None) -> None:
        """Set the elevation statistics from the whole training set `image` [N, J, 2] with its mask `seen` [N, J]
        (section 4.3).
        """
        elevation = self.predict_normalized(image, seen).elevation
        if elevation is not None:
            self.density.measure_elevation(elevation)

    # ---- storing ---------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "skeleton": self.skeleton.to_dict(),
            "normalizer": self.normalizer.to_dict(),
            "prior": self.prior.settings,
            "subspace": subspace_settings(self.prior),
            "flip_average": self.flip_average,
            "width": self.lifter.width,
            "arch": self.lifter.arch,
            "elevation": self.elevation,
            "completer_width": None if self.completer is None else self.completer.width,
        }

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> Self:
        """See `PoseModel.restore`."""
        skeleton = Skeleton.from_dict(settings["skeleton"])
        normalizer = Normalizer.from_dict(settings["normalizer"], skeleton)
        lifter = DepthElevationLifter(
            skeleton.num_joints, input_deviation=normalizer.deviation, width=settings["width"], arch=settings["arch"]
        )
        lifter.build()
        return cls(skeleton, normalizer, lifter=lifter, **restored_parts(settings, skeleton))


def restored_parts(settings: Mapping[str, Any], skeleton: Skeleton) -> dict[str, Any]:
    """Keywords of `ElePose`, apart from skeleton, normalizer and lifter, from stored `ElePose.settings`."""
    return {
        "prior": blank_prior(skeleton, settings["subspace"], settings["prior"]),
        "completer": blank_completer(skeleton.num_joints, settings["completer_width"]),
        "elevation": settings["elevation"],
        "flip_average": settings["flip_average"],
    }


def virtual_rotation(e: tf.Tensor, seed: tf.Tensor, elevation: str = "predicted") -> tf.Tensor:
    """Eq. 5-7: R = Rx(e~) Ry(a) Rx(e), with gradient through the batch's mean and deviation of e.

    Rx(e) levels the pose, a ~ U(-pi, pi) turns it about the vertical, e~ ~ N(-mean(e), deviation(e)) raises the
    virtual camera. (Eq. 7 writes the first factor as the transpose of a levelling rotation; a draw from the
    distribution of -e has the same effect.) With elevation="fixed": R = Rx(e~) Ry(a),
    e~ ~ U(-pi/9, pi/9), the prior of Chen et al. and Yu et al.
    """
    shape = [tf.shape(e)[0]]
    seed_a, seed_e = replicas.fold_in(seed, 0), replicas.fold_in(seed, 1)
    azimuth = replicas.draw(lambda n: tf.random.stateless_uniform(n, seed_a, -math.pi, math.pi), shape)
    if elevation == "fixed":
        raised = replicas.draw(
            lambda n: tf.random.stateless_uniform(n, seed_e, -FIXED_ELEVATION, FIXED_ELEVATION), shape
        )
        return geometry.rotation_x(raised) @ geometry.rotation_y(azimuth)
    mean, deviation = replicas.mean_and_deviation(e)
    raised = -mean + deviation * replicas.draw(lambda n: tf.random.stateless_normal(n, seed_e), shape)
    return geometry.rotation_x(raised) @ geometry.rotation_y(azimuth) @ geometry.rotation_x(e)


class EleposeObjective(Objective):
    """Eq. 3 to 13 for a model whose prior and completer are trained beforehand and stay as they are."""

    def __init__(
        self,
        model: ElePose,
        *,
        bone_prior: BonePrior,
        term_weights: Mapping[str, float],
        likelihood_ceiling: float = 0.0,
        half: bool = False,
    ) -> None:
        """Holds the model, and the weights of the terms.

        Args:
          model: its lifter is trained.
          bone_prior: the expected relative bone lengths.
          term_weights: a weight for each of `TERMS`; 0 leaves a term out.
          likelihood_ceiling: nats above which L_NF grows like its logarithm, see `losses.soft_ceiling`; counted in
            whitened latents, where poses of the data have about 10. 0: no ceiling (the paper).
          half: whether products between hidden layers of the frozen prior are bfloat16.

        Raises:
          ValueError: an unknown term, or a number out of its range.
        """
        require_term_weights(term_weights, TERMS, model.skeleton)
        if not 0 <= likelihood_ceiling < math.inf:
            raise ValueError(f"likelihood_ceiling must be at least 0; got {likelihood_ceiling}")
        self.model = model
        self.networks = {"lifter": model.lifter}
        self.skeleton, self.normalizer, self.prior = model.skeleton, model.normalizer, model.prior
        self.distance = model.distance
        self.bone_prior = bone_prior
        self.term_weights = {name: float(weight) for name, weight in term_weights.items() if weight}
        if model.elevation == "fixed":  # The model does not predict an elevation that could be compared.
            self.term_weights.pop("elevation", None)
        self.likelihood_ceiling = float(likelihood_ceiling)
        self._half = half

    def turn_and_lift_again(self, x: tf.Tensor, seed: tf.Tensor, detected: tf.Tensor | None = None) -> Lift:
        """Figure 2: lift, turn, project, lift again, turn back.

        Where the poses x are denoised, the lifter gets the poses `detected` [B, J, 2] with their noise, as it will when
        it is used, and virtual poses with the errors that the detector made in another pose of the batch.
        """
        y1, e = self.model.y(x, detected)
        R = virtual_rotation(e, seed, self.model.elevation)
        y2 = geometry.rotate(R, y1)
        # Under the normalisation rule "pose" all poses have one size: the projection is divided by its factor, and the
        # pose lifted from it is multiplied by the same factor.
        x2, factor = self.normalizer.rescale(geometry.project(y2, self.distance))
        y2_again, e_again = self.model.y(x2, None if detected is None else x2 + replicas.neighbours(detected - x))
        y2_again *= factor[..., tf.newaxis, tf.newaxis]
        return Lift(y1, e, R, x2, y2, y2_again, geometry.rotate_back(R, y2_again), e_again)

    def likelihood_loss(self, lift: Lift) -> tf.Tensor:
        """Eq. 4: L_NF = -log p(x2), flattened where x2 is far from all data."""
        nll = -self.prior.log_prob(lift.x2, self._half)
        if not self.likelihood_ceiling:
            return nll
        unit = self.prior.log_volume()
        return losses.soft_ceiling(nll + unit, self.likelihood_ceiling) - unit

    def bone_loss(self, lift: Lift, seen: tf.Tensor | None = None) -> tf.Tensor:
        """Eq. 8: L_bone, the relative bone lengths of y1 against their prior, over bones with both ends seen."""
        return losses.relative_bone_error(lift.y1, self.skeleton, self.bone_prior, seen)

    def lifting_loss(self, lift: Lift) -> tf.Tensor:
        """Eq. 9: L_3D = |y2~ - y2|."""
        return losses.pose_distance(lift.y2_again, lift.y2)

    def deformation_loss(self, lift: Lift) -> tf.Tensor:
        """Eq. 10: L_def = |(y1~a - y1~b) - (y1a - y1b)|, a and b neighbours in the batch; both get this value."""
        change, change_again = (y[0::2] - y[1::2] for y in (lift.y1, lift.y1_again))
        return tf.repeat(losses.pose_distance(change_again, change), 2)

    def reprojection_loss(self, lift: Lift, x: tf.Tensor, seen: tf.Tensor | None = None) -> tf.Tensor:
        """Eq. 11: L_2D = |x~ - x|_1, x~ = P(y1~), over the joints that are seen."""
        return losses.absolute_error(geometry.project(lift.y1_again, self.distance), x, seen)

    def knee_loss(self, lift: Lift) -> tf.Tensor:
        """Not in the paper: knees bend forwards. This separates a pose from its depth mirror; eq. 13 hardly does."""
        return losses.backward_knees(lift.y1, self.skeleton)

    def elevation_loss(self, lift: Lift) -> tf.Tensor:
        """Not in the paper: x2 comes from a virtual camera of known elevation, which e_again should be. The error is
        the squared distance (about the squared angle) between the true vertical and the vertical levelled with e_again.
        """
        up = tf.constant([geometry.UP])  # R Rx(-e) turns it into the virtual camera's frame.
        vertical = tf.stop_gradient(geometry.rotate(lift.R, geometry.rotate(geometry.rotation_x(-lift.e), up)))
        levelled = geometry.rotate(geometry.rotation_x(lift.e_again), vertical)
        return tf.reduce_sum(tf.square(levelled - up), axis=(-2, -1))

    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Eq. 12 and 13, term by term; hidden joints are completed first."""
        seen = batch.get("seen")
        x = batch["image"] if seen is None else self.model.complete(batch["image"], seen)
        detected = batch.get("detected")
        if detected is not None and seen is not None:
            detected = self.model.complete(detected, seen)
        lift = self.turn_and_lift_again(x, seed, detected)
        terms = {
            "likelihood": lambda: self.likelihood_loss(lift),
            "bone": lambda: self.bone_loss(lift, seen),
            "lifting": lambda: self.lifting_loss(lift),
            "deformation": lambda: self.deformation_loss(lift),
            "reprojection": lambda: self.reprojection_loss(lift, x, seen),
            "knees": lambda: self.knee_loss(lift),
            "elevation": lambda: self.elevation_loss(lift),
        }
        return {name: terms[name]() for name in self.term_weights}
