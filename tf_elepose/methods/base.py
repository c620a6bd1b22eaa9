"""What a method is: its networks, its loss terms, one step, and what it predicts."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from tf_elepose.methods import replicas
from tf_elepose.normalization import Normalizer
from tf_elepose.skeletons import Skeleton

Batch = Mapping[str, tf.Tensor]
"""Named tensors, one row an example; "image" [B, J, 2] holds normalised 2D poses."""


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a method says of N poses.

    Attributes:
      poses_3d: [N, J, 3] camera frame, root at the origin, unit scale (about one from root to head).
      elevation: [N] degrees of the camera above the horizon, positive looking down; None where it is not predicted.
    """

    poses_3d: np.ndarray
    elevation: np.ndarray | None = None


class Trainable(abc.ABC):
    """Something with networks, loss terms and a step: all that the training loop asks for."""

    networks: dict[str, keras.Model]
    term_weights: dict[str, float]

    @abc.abstractmethod
    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """The terms [B] of the objective by name, unweighted; random numbers come from `seed` [2]."""

    def gradients(self, batch: Batch, seed: tf.Tensor) -> tuple[dict[str, tf.Tensor], list[tf.Tensor]]:
        """This replica's share of the mean of every term over the global batch and of "loss", their weighted sum;
        and the gradients of that loss for all `variables`.
        """
        total = tf.cast(tf.shape(batch["image"])[0] * replicas.count(), tf.float32)
        watched = [variable.value for variable in self.variables]
        with tf.GradientTape() as tape:
            terms = self.loss_terms(batch, seed)
            means = {name: tf.reduce_sum(term) / total for name, term in terms.items()}
            loss = tf.add_n([self.term_weights[name] * mean for name, mean in means.items()])
        gradients = tape.gradient(loss, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return {**means, "loss": loss}, cast(list[tf.Tensor], gradients)

    @property
    def variables(self) -> list[keras.Variable]:
        """What is trained, network by network."""
        return [variable for network in self.networks.values() for variable in network.trainable_variables]

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
        """One update of every network; runs in replica context.

        Args:
          batch, seed: this replica's examples, and the step's seed [2], the same on every replica.
          optimizers: one a network.
          weight_decay: added to the gradient as weight_decay * v (L2, as in PyTorch's Adam; Keras' is decoupled).
          clip_norm: bound on the norm of all gradients together, after they are summed over the replicas.
          jit_compile: compile loss and gradients, not the update, with XLA.

        Returns:
          scalars of this replica that sum over replicas to the values of the global batch: every term's mean, "loss"
          and "gradient_norm" (before clipping).
        """
        compute = tf.function(self.gradients, jit_compile=True) if jit_compile else self.gradients
        values, gradients = compute(batch, seed)
        # The optimizers add the replicas' gradients up; that sum is what is judged and clipped.
        norm = tf.linalg.global_norm([replicas.all_sum(gradient) for gradient in gradients])
        if clip_norm is not None:
            scale = clip_norm / tf.maximum(norm, clip_norm)
            gradients = [gradient * scale for gradient in gradients]
        if weight_decay:
            share = weight_decay / replicas.count()
            gradients = [g + share * v.value for g, v in zip(gradients, self.variables, strict=True)]
        rest = list(zip(gradients, self.variables, strict=True))
        for name, network in self.networks.items():
            count = len(network.trainable_variables)
            optimizers[name].apply_gradients(rest[:count])
            rest = rest[count:]
        return {**values, "gradient_norm": norm / replicas.count()}


class Method(Trainable):
    """A way to learn lifting; what evaluation, export and benchmarks see of it."""

    name: str
    skeleton: Skeleton
    normalizer: Normalizer

    @property
    @abc.abstractmethod
    def settings(self) -> dict[str, Any]:
        """Plain values that `restore` rebuilds an equal, untrained method from."""

    @classmethod
    @abc.abstractmethod
    def restore(cls, settings: Mapping[str, Any]) -> Method:
        """The inverse of `settings`; weights are assigned afterwards."""

    @abc.abstractmethod
    def saved_variables(self) -> dict[str, Any]:
        """All variables that make up a trained model, by name."""

    @abc.abstractmethod
    def lift(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """3D poses [B, J, 3] (camera frame, root at the origin) of normalised poses [B, J, 2], and the camera's
        elevation [B] in radians above the horizon, or None.
        """

    @abc.abstractmethod
    def negative_log_likelihood(self, image: tf.Tensor, seed: tf.Tensor, views: int) -> tf.Tensor | None:
        """Mean negative log-likelihood [B], nats, of `views` random projections of the lifted poses [B, J, 2]; None
        when the method knows no density.
        """

    def predict(self, poses_2d: np.ndarray, groups: np.ndarray | None = None) -> Prediction:
        """Lift poses in px.

        Args:
          poses_2d: [N, J, 2] px.
          groups: [N] labels of clip and camera; the normalisation rule `clip` needs them.

        Raises:
          ValueError: as `Normalizer.apply`.
        """
        image, _ = self.normalizer.apply(poses_2d, groups)
        return self.predict_normalized(image)

    def predict_normalized(self, image: np.ndarray) -> Prediction:
        """As `predict`, of poses [N, J, 2] that went through the normaliser."""
        poses, elevations = [], []
        for batch in _batches(image, 4096):
            pose, elevation = self._compiled(self.lift, "lift")(batch)
            poses.append(pose.numpy())
            if elevation is not None:
                elevations.append(np.rad2deg(elevation.numpy()))
        return Prediction(np.concatenate(poses), np.concatenate(elevations) if elevations else None)

    def likelihood(
        self, poses_2d: np.ndarray, groups: np.ndarray | None = None, *, views: int = 100, seed: int = 0
    ) -> np.ndarray | None:
        """How unlikely each lifted pose is: its mean negative log-likelihood [N] in nats, lower is likelier.

        Args:
          poses_2d, groups: as in `predict`.
          views: random projections a pose is averaged over; 100 in ElePose (section 4.3).
          seed: of the projections.

        Returns:
          None when the method knows no density.
        """
        image, _ = self.normalizer.apply(poses_2d, groups)
        return self.likelihood_normalized(image, views=views, seed=seed)

    def likelihood_normalized(self, image: np.ndarray, *, views: int, seed: int) -> np.ndarray | None:
        """As `likelihood`, of poses [N, J, 2] that went through the normaliser."""

        def nll(batch: tf.Tensor) -> tf.Tensor | None:
            return self.negative_log_likelihood(batch, tf.constant([seed, 0], tf.int32), views)

        parts = [self._compiled(nll, f"nll {views} {seed}")(batch) for batch in _batches(image, 1024)]
        return None if parts[0] is None else np.concatenate(parts)

    def _compiled(self, function: Callable, key: str) -> Callable:
        """`function` of a batch of normalised poses as one graph, traced once under `key`."""
        compiled = self.__dict__.setdefault("_compiled_functions", {})
        if key not in compiled:
            spec = tf.TensorSpec([None, self.skeleton.num_joints, 2], tf.float32)
            compiled[key] = tf.function(function, input_signature=[spec])
        return compiled[key]


def _batches(image: np.ndarray, size: int) -> Iterator[tf.Tensor]:
    for first in range(0, len(image), size):
        yield tf.constant(image[first : first + size])


def named_variables(networks: Mapping[str, keras.Model]) -> dict[str, Any]:
    """Every variable of `networks` by a name that a rebuilt network gives it again.

    Raises:
      ValueError: two variables share a name, so they could not be told apart in a file.
    """
    named: dict[str, Any] = {}
    for network in networks.values():
        for variable in network.variables:
            if variable.path in named:
                raise ValueError(f"two variables are called {variable.path!r}; layers need names of their own")
            named[variable.path] = variable
    return named
