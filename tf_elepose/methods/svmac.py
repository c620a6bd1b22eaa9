"""SVMAC: unsupervised lifting by a critic of 2D poses and single-view-multi-angle consistency.

Deng, Sun, Zhu, Sun: "SVMAC: Unsupervised 3D Human Pose Estimation from a Single Image with Single-view-multi-angle
Consistency", 3DV 2021. Equation numbers are the paper's; so are the letters: x a 2D pose [B, N, 2] whose mean
joint-root distance is 1 / c, X a 3D pose [B, N, 3] in the camera frame, D depths [B, N], K a camera [B, 2, 3], n angles
theta_i. Here X has its root at the origin: X - [0, 0, c].

In this unit the mean joint-root distance of a 3D pose is 1; users get the normalizer's unit, root to head.

The file is long because a paper is one file: here the generator's model, its objective and the critic's step.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Self, cast

import keras
import tensorflow as tf

from tf_elepose import geometry, losses
from tf_elepose.methods import replicas, wasserstein
from tf_elepose.methods.angles import Angle, cameras, mean, pairs_of, squared_distance
from tf_elepose.methods.objective import Batch, Objective, require_term_weights
from tf_elepose.methods.pose_model import PoseModel
from tf_elepose.nn.completer import PoseCompleter, blank_completer
from tf_elepose.nn.critic import Critic
from tf_elepose.nn.generator import Generator
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import Skeleton

TERMS = ("adversarial", "angle", "camera", "symmetry", "lifting", "consistency", "knees", "supervision")
"""L_adv, L_angle, L_cam, L_sym, L_3D, L_svmac of eq. 24; an anatomical term against the depth mirror that is not in the
paper; and the distance from the true poses that are known (table 4)."""


class SVMAC(PoseModel):
    """The lifting model of the paper: its generator."""

    name = "svmac"
    title = "SVMAC"
    only_trained = ("critic/",)

    def __init__(
        self,
        skeleton: Skeleton,
        normalizer: Normalizer,
        generator: Generator,
        *,
        flip_average: bool = False,
        completer: PoseCompleter | None = None,
    ) -> None:
        """Holds the networks.

        Args:
          skeleton, normalizer: of the training data.
          generator: gives D and K of x, see `new_generator`.
          flip_average: `lift` averages each pose with that of its mirror image.
          completer: fills in hidden joints; trained beforehand, it stays as it is.
        """
        self.skeleton = skeleton
        self.normalizer = normalizer
        self.completer = completer
        self.c = normalizer.distance
        self.unit = _unit(normalizer)
        self.generator = generator
        self.flip_average = flip_average

    @property
    def networks(self) -> dict[str, keras.Model]:
        return {"generator": self.generator, **({} if self.completer is None else {"completer": self.completer})}

    def GEN(self, x: tf.Tensor, seed: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Eq. 1-3: X_pred about its root, and K. With the `seed` [2] of a step the generator is in training mode."""

        def uniform(number: int, shape: list) -> tf.Tensor:
            assert seed is not None  # Only training draws.
            own = replicas.fold_in(seed, number)
            return replicas.draw(lambda size: tf.random.stateless_uniform(size, own), shape)

        # Under the normalisation rule "pose" all poses have one size; the lifted pose gets the projection's size back.
        x, factor = self.one_size(x)
        D, K = self.generator(x, training=seed is not None, uniform=uniform)
        X = geometry.back_project(x, D, self.c, self.skeleton.root_index)
        return X * factor[..., tf.newaxis, tf.newaxis], K

    def one_size(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Poses x [B, N, 2] in the one size of the normalisation rule "pose", and the divisors [B] that give it."""
        resized, factor = self.normalizer.rescale(x / self.unit)
        return resized * self.unit, factor

    def lift(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """See `PoseModel.lift`; no elevation is predicted."""
        X, _ = self.GEN(self.unit * image)
        if self.flip_average:
            flipped, _ = self.GEN(self.unit * geometry.flip(image, self.skeleton))
            X = 0.5 * (X + geometry.flip(flipped, self.skeleton))
        return X / self.unit, None

    # ---- storing ---------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "skeleton": self.skeleton.to_dict(),
            "normalizer": self.normalizer.to_dict(),
            "width": self.generator.width,
            "batch_norm": self.generator.batch_norm,
            "dropout": self.generator.dropout,
            "flip_average": self.flip_average,
            "completer_width": None if self.completer is None else self.completer.width,
        }

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> Self:
        """See `PoseModel.restore`."""
        skeleton = Skeleton.from_dict(settings["skeleton"])
        normalizer = Normalizer.from_dict(settings["normalizer"], skeleton)
        sizes = {name: settings[name] for name in ("width", "batch_norm", "dropout")}
        return cls(
            skeleton,
            normalizer,
            new_generator(skeleton, normalizer, **sizes),
            flip_average=settings["flip_average"],
            completer=blank_completer(skeleton.num_joints, settings["completer_width"]),
        )


def new_generator(
    skeleton: Skeleton,
    normalizer: Normalizer,
    *,
    width: int,
    batch_norm: bool = True,
    dropout: float = 0.0,
    dropout_in_camera: bool = True,
    precision: str = "float32",
    seed: int = 0,
) -> Generator:
    """A generator for normalised poses with initial weights drawn from `seed`; arguments as in `Generator`."""
    generator = Generator(
        skeleton.num_joints, width=width, input_deviation=normalizer.deviation * _unit(normalizer),
        distance=normalizer.distance, batch_norm=batch_norm, dropout=dropout, dropout_in_camera=dropout_in_camera,
        precision=precision, seed=seed,
    )  # fmt: skip
    generator.build()
    return generator


def _unit(normalizer: Normalizer) -> float:
    """Factor from root-head units to units of the mean distance of the *other* joints from the root (section 3)."""
    joints = normalizer.skeleton.num_joints
    return normalizer.head_to_spread * (joints - 1) / joints


class SvmacObjective(Objective):
    """Eq. 7 to 24, in the paper's order, and the critic."""

    health = wasserstein.HEALTH

    def __init__(
        self,
        model: SVMAC,
        critic: Critic,
        *,
        term_weights: Mapping[str, float],
        angles: int,
        critic_steps: int = 1,
    ) -> None:
        """Holds the model, its critic, and the weights of the terms.

        Args:
          model: its generator is trained.
          critic: scores 2D poses in coordinates that were fitted to normalised training poses; built.
          term_weights: a weight for each of `TERMS`; 0 leaves a term out, and for "adversarial" the critic too.
          angles: the paper's n. With 1 a turned pose is only scored by the critic, and not lifted again.
          critic_steps: updates of the critic before each of the generator.

        Raises:
          ValueError: an unknown term, or a number out of its range.
        """
        require_term_weights(term_weights, TERMS, model.skeleton)
        for what, count in (("angles", angles), ("critic_steps", critic_steps)):
            if count < 1:
                raise ValueError(f"{what} must be at least 1; got {count}")
        self.model = model
        self.skeleton, self.generator, self.critic, self.unit = model.skeleton, model.generator, critic, model.unit
        self.angles = angles
        self.critic_steps = critic_steps
        self.updates_per_step = {"critic": critic_steps}
        self.term_weights = {name: float(weight) for name, weight in term_weights.items() if weight}
        if angles == 1:  # No second view to lift.
            self.term_weights.pop("lifting", None)
        self.batch_arrays = ("image", "pose") if "supervision" in self.term_weights else ("image",)
        self.networks: dict[str, keras.Model] = {"generator": self.generator}
        if "adversarial" in self.term_weights:
            self.networks["critic"] = self.critic

    def turned(self, X: tf.Tensor, K: tf.Tensor, seed: tf.Tensor) -> Angle:
        """Eq. 7-9: X turned about the vertical by a random theta, and its projection by K."""
        theta = replicas.draw(lambda size: tf.random.stateless_uniform(size, seed, -math.pi, math.pi), [tf.shape(X)[0]])
        X_rot = geometry.rotate(geometry.rotation_y(theta), X)
        return Angle(X_rot, geometry.observe(K, X_rot))

    def from_all_angles(self, x: tf.Tensor, seed: tf.Tensor) -> list[Angle]:
        """Eq. 3-10: the pose from angle 0 and from the others; with n = 1 there is one other, not lifted again."""
        X, K = self.model.GEN(x, replicas.fold_in(seed, 0))
        found = [Angle(X, x, X, K)]
        for i in range(1, max(self.angles, 2)):
            angle = self.turned(X, K, replicas.fold_in(seed, 100 * i))
            if self.angles > 1:
                X_again, K_again = self.model.GEN(angle.x, replicas.fold_in(seed, i))
                angle = dataclasses.replace(angle, X=X_again, K=K_again)
            found.append(angle)
        return found

    def lifting_loss(self, angles: list[Angle]) -> tf.Tensor:
        """Eq. 11: L_3D."""
        return mean([squared_distance(angle.X, angle.X_rot) for angle in angles[1:] if angle.X is not None])

    def equal_camera_loss(self, angles: list[Angle]) -> tf.Tensor:
        """Eq. 12: L_cameq; 0 with a single camera."""
        pairs = [tf.reduce_mean(tf.abs(a - b), axis=(-2, -1)) for a, b in pairs_of(cameras(angles))]
        return mean(pairs) if pairs else tf.zeros_like(angles[0].x[..., 0, 0])

    def consistency_loss(self, angles: list[Angle]) -> tf.Tensor:
        """Eq. 13-15: L_svmac over the m_i = n + 1 2D poses of each angle: the projections by all n cameras of the pose
        that was lifted there, and the 2D pose that it was lifted from.
        """

        def disagreement(x: tf.Tensor, X: tf.Tensor) -> tf.Tensor:
            P = [x, *(geometry.observe(K, X) for K in cameras(angles))]
            return tf.add_n([squared_distance(a, b) for a, b in pairs_of(P)]) / len(P)

        return mean([disagreement(angle.x, angle.X) for angle in angles if angle.X is not None])

    def adversarial_loss(self, angles: list[Angle]) -> tf.Tensor:
        """Eq. 16, the generator's part: how different from the data the reprojections are. (The signs are those of a
        critic that scores the data higher; the paper has them the other way round.)
        """
        return -tf.add_n([self.score(angle.x) for angle in angles[1:]])

    def camera_loss(self, angles: list[Angle]) -> tf.Tensor:
        """Eq. 17-20: L_cam = L_weakcam + L_cameq."""
        weak = tf.add_n([losses.weak_perspective_error(K) for K in cameras(angles)])
        return weak + self.equal_camera_loss(angles)

    def supervision_loss(self, X: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
        """Distance of X from the true pose, given in users' unit; 0 where the true pose is not known (all zero)."""
        return losses.known_pose_distance(X, truth * self.unit)

    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Eq. 24, term by term; hidden joints are completed first."""
        return self._terms(batch, self.from_all_angles(self._x(batch), seed))

    def _x(self, batch: Batch) -> tf.Tensor:
        return self.unit * (self.model.complete(batch["image"], batch["seen"]) if "seen" in batch else batch["image"])

    def _terms(self, batch: Batch, angles: list[Angle]) -> dict[str, tf.Tensor]:
        X = angles[0].X_rot
        terms = {
            "adversarial": lambda: self.adversarial_loss(angles),
            "angle": lambda: losses.backward_face(X, self.skeleton),
            "camera": lambda: self.camera_loss(angles),
            "symmetry": lambda: losses.unequal_sides(X, self.skeleton),
            "lifting": lambda: self.lifting_loss(angles),
            "consistency": lambda: self.consistency_loss(angles),
            "knees": lambda: losses.backward_knees(X, self.skeleton),
            "supervision": lambda: self.supervision_loss(X, batch["pose"]),
        }
        return {name: terms[name]() for name in self.term_weights}

    # ---- the critic ------------------------------------------------------------------------------------------------

    def score(self, x: tf.Tensor) -> tf.Tensor:
        """The critic's score D(x) [B]."""
        return self.critic(self._latents(x))

    def _latents(self, x: tf.Tensor) -> tf.Tensor:
        return self.critic.latents(self.model.one_size(x)[0] / self.unit)

    def critic_terms(self, x: tf.Tensor, x_proj: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Eq. 16, the critic's part, for each x and one reprojection x_proj of another pose; [B] each."""
        return wasserstein.critic_terms(self.critic, self._latents(x), self._latents(x_proj), seed)

    def _critic_gradients(
        self, x: tf.Tensor, angle: Angle, seed: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], list[tf.Tensor]]:
        """This replica's share of the means of `critic_terms`, and of the gradients of "critic" for the critic's
        weights; the reprojections are those of the pose of angle 0, `angle`, turned to a new random angle.
        """
        assert angle.K is not None
        X, K = tf.stop_gradient(angle.X_rot), tf.stop_gradient(angle.K)
        x_proj = self.turned(X, K, replicas.fold_in(seed, 0)).x
        watched = [variable.value for variable in self.critic.trainable_variables]
        with tf.GradientTape() as tape:
            terms = self.critic_terms(replicas.neighbours(x), x_proj, replicas.fold_in(seed, 1))
            means = {name: tf.reduce_sum(term) / self._total(x) for name, term in terms.items()}
        return means, cast(list[tf.Tensor], tape.gradient(means["critic"], watched))

    # ---- one step --------------------------------------------------------------------------------------------------

    def gradients(self, batch: Batch, seed: tf.Tensor) -> tuple[dict[str, tf.Tensor], list[tf.Tensor]]:
        """See `Objective.gradients`: the generator's, of the weighted sum; the critic's, of its own objective."""
        x = self._x(batch)
        with tf.GradientTape() as tape:
            angles = self.from_all_angles(x, seed)
            values = self._weighted(batch, angles)
        watched = [variable.value for variable in self.generator.trainable_variables]
        gradients = cast(
            list[tf.Tensor],
            tape.gradient(values["loss"], watched, unconnected_gradients=tf.UnconnectedGradients.ZERO),
        )
        if "critic" in self.networks:
            gradients += self._critic_gradients(x, angles[0], replicas.fold_in(seed, 1000))[1]
        return values, gradients

    def _weighted(self, batch: Batch, angles: list[Angle]) -> dict[str, tf.Tensor]:
        total = self._total(angles[0].x)
        means = {name: tf.reduce_sum(term) / total for name, term in self._terms(batch, angles).items()}
        return {**means, "loss": tf.add_n([self.term_weights[name] * mean for name, mean in means.items()])}

    def _total(self, x: tf.Tensor) -> tf.Tensor:
        """Number of poses in the global batch."""
        return tf.cast(tf.shape(x)[0] * replicas.count(), tf.float32)

    def train_step(
        self,
        batch: Batch,
        seed: tf.Tensor,
        optimizers: Mapping[str, keras.optimizers.Optimizer],
        *,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        jit_compile: bool = False,
    ) -> dict[str, tf.Tensor]:
        """Updates the critic `critic_steps` times on the generator's poses of the batch, then the generator once.

        Arguments and result as in `Objective.train_step`; "critic_gradient_norm" and the other values of `health` are
        those of the critic's last update.
        """
        if jit_compile:
            raise ValueError("svmac: XLA cannot compile a step of several updates; use --config.loop.jit_compile=False")
        x, health = self._x(batch), {name: tf.constant(0.0) for name in self.health}
        with tf.GradientTape() as tape:
            angles = self.from_all_angles(x, seed)
            if "critic" in self.networks:
                with tape.stop_recording():
                    for step in range(self.critic_steps):
                        means, gradients = self._critic_gradients(x, angles[0], replicas.fold_in(seed, 1000 + step))
                        norm = self._update({"critic": self.critic}, gradients, optimizers, weight_decay, clip_norm)
                        health = {**means, "critic_gradient_norm": norm / replicas.count()}
            values = self._weighted(batch, angles)
        variables = [variable.value for variable in self.generator.trainable_variables]
        gradients = tape.gradient(values["loss"], variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        norm = self._update({"generator": self.generator}, gradients, optimizers, weight_decay, clip_norm)
        return {**values, "gradient_norm": norm / replicas.count(), **{name: health[name] for name in self.health}}

    def require_healthy(self, values: Mapping[str, float]) -> None:
        """See `Objective.require_healthy`: a critic of unbounded slope gives the generator no useful gradient."""
        wasserstein.require_healthy(values)
