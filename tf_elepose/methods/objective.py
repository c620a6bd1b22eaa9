"""The objective of a training: networks, loss terms, their weights, and one step."""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping, Sequence
from typing import cast

import keras
import tensorflow as tf

from tf_elepose.methods import replicas
from tf_elepose.skeleton.skeletons import Skeleton

Batch = Mapping[str, tf.Tensor]
"""Named tensors, one row an example: "image" [B, J, 2], normalised 2D poses; where joints are missing, the mask "seen"
[B, J]; where poses are denoised, "detected" [B, J, 2], the poses with the detector's noise; for methods that learn from
it, "pose" [B, J, 3], the true 3D poses in unit scale."""


class Objective(abc.ABC):
    """Networks, loss terms, their weights and a step: everything that the training loop uses."""

    networks: dict[str, keras.Model]
    """The networks that a step updates."""

    term_weights: dict[str, float]
    batch_arrays: tuple[str, ...] = ("image",)
    """Names of the tensors that a batch must hold, see `Batch`."""

    health: tuple[str, ...] = ()
    """Names of other values that `train_step` returns and the loop logs, besides the terms, "loss" and "gradient_norm".
    """

    updates_per_step: Mapping[str, int] = {}
    """{network: how often `train_step` updates it}; 1 for networks that are not named."""

    def require_healthy(self, values: Mapping[str, float]) -> None:
        """Raises a ValueError where the values of `train_step`, as means over some steps, show a failed training."""
        del values

    @abc.abstractmethod
    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """The terms [B] of the objective by name, unweighted; random numbers come from `seed` [2]."""

    def gradients(self, batch: Batch, seed: tf.Tensor) -> tuple[dict[str, tf.Tensor], list[tf.Tensor]]:
        """This replica's share of the mean of every term over the global batch and of "loss", their weighted sum;
        and the gradients of that loss for all `variables`.
        """
        size = tf.shape(next(iter(batch.values())))[0]
        total = tf.cast(size * replicas.count(), tf.float32)
        watched = [variable.value for variable in self.variables]
        with tf.GradientTape() as tape:
            terms = self.loss_terms(batch, seed)
            means = {name: tf.reduce_sum(term) / total for name, term in terms.items()}
            loss = tf.add_n([self.term_weights[name] * mean for name, mean in means.items()])
        gradients = tape.gradient(loss, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return {**means, "loss": loss}, cast(list[tf.Tensor], gradients)

    @property
    def variables(self) -> list[keras.Variable]:
        """The trainable variables, network by network."""
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
          optimizers: {network: its optimizer}.
          weight_decay: added to the gradient as weight_decay * v (L2, as in PyTorch's Adam; Keras' is decoupled).
          clip_norm: bound on the norm of all gradients together, after they are summed over the replicas.
          jit_compile: compile loss and gradients, not the update, with XLA.

        Returns:
          scalars whose sums over the replicas are the values of the global batch: every term's mean, "loss" and
          "gradient_norm" (before clipping).
        """
        compute = tf.function(self.gradients, jit_compile=True, autograph=False) if jit_compile else self.gradients
        values, gradients = compute(batch, seed)
        norm = self._update(self.networks, gradients, optimizers, weight_decay, clip_norm)
        return {**values, "gradient_norm": norm / replicas.count()}

    def _update(
        self,
        networks: Mapping[str, keras.Model],
        gradients: Sequence[tf.Tensor],
        optimizers: Mapping[str, keras.optimizers.Optimizer],
        weight_decay: float,
        clip_norm: float | None,
    ) -> tf.Tensor:
        """Updates the weights of `networks` by this replica's `gradients`, see `train_step`.

        Returns:
          the norm of the gradients, summed over the replicas, before clipping.
        """
        variables = [variable for network in networks.values() for variable in network.trainable_variables]
        # The optimizers add up the gradients of the replicas; the norm and the clipping are those of that sum.
        norm = tf.linalg.global_norm([replicas.all_sum(gradient) for gradient in gradients])
        if clip_norm is not None:
            scale = clip_norm / tf.maximum(norm, clip_norm)
            gradients = [gradient * scale for gradient in gradients]
        if weight_decay:
            share = weight_decay / replicas.count()
            gradients = [g + share * v.value for g, v in zip(gradients, variables, strict=True)]
        rest = list(zip(gradients, variables, strict=True))
        for name, network in networks.items():
            count = len(network.trainable_variables)
            optimizers[name].apply_gradients(rest[:count])
            rest = rest[count:]
        return norm


def require_term_weights(term_weights: Mapping[str, float], terms: Sequence[str], skeleton: Skeleton) -> None:
    """Raises a ValueError unless each of `terms` has a finite weight, not all of them 0, and the skeleton names legs
    where "knees" has a weight other than 0.
    """
    if set(term_weights) != set(terms):
        raise ValueError(f"expected a weight for each of {', '.join(terms)}; got {', '.join(term_weights)}")
    if not all(map(math.isfinite, term_weights.values())) or not any(term_weights.values()):
        raise ValueError(f"expected finite term weights, at least one of them not 0; got {dict(term_weights)}")
    if term_weights.get("knees") and not skeleton.legs:
        raise ValueError(
            f"skeleton {skeleton.name!r} names no legs: give them, or use --config.lifter.term_weights.knees=0"
        )
