"""Maximum likelihood for the prior over 2D poses (ElePose section 3, trained before the lifter, then frozen)."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from tf_elepose.methods import replicas
from tf_elepose.methods.objective import Batch, Objective
from tf_elepose.nn.pose_prior import PosePrior


class PriorFitting(Objective):
    """Trains a `PosePrior` by the negative log-likelihood of the training poses."""

    def __init__(
        self,
        prior: PosePrior,
        *,
        noise: float = 0.0,
        complete: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
    ) -> None:
        """Holds the prior and how its training poses are prepared.

        Args:
          prior: the network that is trained.
          noise: standard deviation of normal noise added to the whitened latents; it keeps the density from
            collapsing onto the training poses of a small data set. 0 in ElePose.
          complete: (poses [B, J, 2], seen [B, J]) -> whole poses [B, J, 2]: later the prior has to score poses with
            guessed joints, so it learns from such poses. None: all poses are complete.

        Raises:
          ValueError: noise that is negative or not finite.
        """
        if not 0 <= noise < math.inf:
            raise ValueError(f"prior: noise must be at least 0; got {noise}")
        self.prior = prior
        self.noise = noise
        self.complete = complete
        self.networks = {"prior": prior}
        self.term_weights = {"nll": 1.0}

    def loss_terms(self, batch: Batch, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """ "nll" [B]: eq. 4 on the training poses."""
        image = batch["image"]
        if self.complete is not None and "seen" in batch:
            image = self.complete(image, batch["seen"])
        latents = self.prior.latents(image)
        if self.noise:
            shape = [tf.shape(latents)[0], latents.shape[-1]]
            # Not `seed` itself: batches draw their flips from a pair (seed, step) too.
            own = replicas.fold_in(seed, 0)
            latents += replicas.draw(lambda size: self.noise * tf.random.stateless_normal(size, own), shape)
        return {"nll": -self.prior.latent_log_prob(latents)}
