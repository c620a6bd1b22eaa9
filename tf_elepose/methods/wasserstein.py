"""The critic's side of SVMAC's game (eq. 16): what it minimises, and when it has lost.

WGAN-GP, Gulrajani et al., "Improved Training of Wasserstein GANs" (NeurIPS 2017).
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from tf_elepose.methods import replicas
from tf_elepose.nn.critic import Critic, gradient_penalty, slope

PENALTY = 10.0
"""lambda_gp of eq. 16, as Gulrajani et al. have it; the paper does not say."""

LARGEST_SLOPE = 10.0
"""Mean slope of the critic, which the penalty holds at 1, from which on training counts as lost."""

LARGEST_DISTANCE = 100.0
"""Wasserstein estimate likewise: poses of unit variance are sqrt(2 * 2 N) apart, 8 for 17 joints, and the critic's
slope is about 1."""

LEAST_DISTANCE = -1.0
"""Likewise: a distance is not negative. A critic that likes what is made better than the data has lost the race, and
the generator runs away."""

HEALTH = ("wasserstein", "critic_slope", "critic_gradient_norm")
"""What a step returns of the critic."""


def critic_terms(critic: Critic, real: tf.Tensor, made: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
    """Eq. 16 for pairs of latents [B, K] of the data's and of generated poses; [B] each.

    "critic": what it minimises, D(made) - D(real) + lambda_gp (|gradient of D at x^| - 1)^2, x^ between the two;
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
    """ValueError where means over some steps of `HEALTH` say that the game is lost."""
    distance, slopes = values["wasserstein"], values["critic_slope"]
    if not LEAST_DISTANCE <= distance <= LARGEST_DISTANCE or slopes > LARGEST_SLOPE:
        raise ValueError(
            f"training stopped: the critic diverged (Wasserstein estimate {distance:.3g}, {LEAST_DISTANCE:g} to "
            f"{LARGEST_DISTANCE:g} expected; slope {slopes:.3g}, about 1 expected): raise critic_steps, or lower "
            "the learning rate or term_weights.adversarial"
        )
