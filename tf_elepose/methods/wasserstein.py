"""The critic's objective of SVMAC (eq. 16), and the limits outside which its training has failed.

WGAN-GP, Gulrajani et al., "Improved Training of Wasserstein GANs" (NeurIPS 2017).
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from tf_elepose.methods import replicas
from tf_elepose.nn.critic import Critic, gradient_penalty, slope

PENALTY = 10.0
"""lambda_gp of eq. 16, the value of Gulrajani et al.; the SVMAC paper gives none."""

LARGEST_SLOPE = 10.0
"""Largest mean slope of the critic in a sound training; the penalty holds it at 1."""

LARGEST_DISTANCE = 100.0
"""Largest Wasserstein estimate in a sound training: poses of unit variance are sqrt(2 * 2 N) apart, 8 for 17 joints,
and the critic's slope is about 1."""

LEAST_DISTANCE = -1.0
"""Least Wasserstein estimate in a sound training: a distance is not negative. A critic that scores generated poses
higher than the data gives the generator a wrong direction, and the generator diverges."""

HEALTH = ("wasserstein", "critic_slope", "critic_gradient_norm")
"""Names of the values of the critic that a step returns."""


def critic_terms(critic: Critic, real: tf.Tensor, made: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
    """Eq. 16 for pairs of latents [B, K] of real and of generated poses; [B] each.

    "critic": its loss, D(made) - D(real) + lambda_gp (|gradient of D at x^| - 1)^2, x^ between the two;
    "wasserstein": the estimate D(real) - D(made); "critic_slope": |gradient of D at x^|.
    """
    shape = [tf.shape(real)[0], 1]
    share = replicas.draw(lambda size: tf.random.stateless_uniform(size, seed), shape)
    slopes = slope(critic, share * real + (1.0 - share) * made)
    distance = critic(real) - critic(made)
    return {
        "critic": PENALTY * gradient_penalty(slopes) - distance, "wasserstein": distance, "critic_slope": slopes,
    }  # fmt: skip


def require_healthy(values: Mapping[str, float]) -> None:
    """Raises a ValueError where means of `HEALTH` over some steps are outside the limits of a sound training."""
    distance, slopes = values["wasserstein"], values["critic_slope"]
    if not LEAST_DISTANCE <= distance <= LARGEST_DISTANCE or slopes > LARGEST_SLOPE:
        raise ValueError(
            f"training stopped: the critic diverged (Wasserstein estimate {distance:.3g}, {LEAST_DISTANCE:g} to "
            f"{LARGEST_DISTANCE:g} expected; slope {slopes:.3g}, about 1 expected): raise critic_steps, or lower "
            "the learning rate or term_weights.adversarial"
        )
