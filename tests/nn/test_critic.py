"""The critic's slope and its penalty, against answers worked out by hand."""

import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.nn import pca
from tf_elepose.nn.critic import Critic, gradient_penalty, slope


def small_critic():
    image, _ = small_models.normalized()
    critic = Critic(pca.fit_pca(image.reshape(len(image), -1), 6), width=10, seed=3)
    critic.build()
    return critic, image


def test_a_critic_has_the_blocks_that_it_is_given():
    image, _ = small_models.normalized()
    subspace = pca.fit_pca(image.reshape(len(image), -1), 6)
    assert [len(Critic(subspace, blocks=count, width=4).trunk.blocks) for count in (2, 3)] == [2, 3]


def test_the_penalty_of_a_linear_critic_depends_only_on_its_weights():
    """D(x) = w x has the gradient w everywhere: with |w| = 3 the penalty is 4, whatever the poses."""
    w = tf.constant([1.0, 2.0, -2.0])
    poses = tf.constant(np.random.default_rng(0).normal(size=(5, 3)), tf.float32)
    slopes = slope(lambda x: tf.linalg.matvec(x, w), poses)
    np.testing.assert_allclose(slopes, np.full(5, 3.0), rtol=1e-6)
    np.testing.assert_allclose(gradient_penalty(slopes), np.full(5, 4.0), rtol=1e-6)


def test_the_penalty_of_a_quadratic_critic_and_its_own_gradient():
    """D(x) = a |x|^2 / 2 has the slope a |x|; the penalty (a |x| - 1)^2 changes with a by 2 (a |x| - 1) |x|."""
    poses = tf.constant([[3.0, 4.0], [0.6, 0.8], [0.0, 0.2]])
    a = tf.Variable(0.4)
    with tf.GradientTape() as tape:
        slopes = slope(lambda x: 0.5 * a * tf.reduce_sum(x * x, axis=-1), poses)
        penalty = tf.reduce_sum(gradient_penalty(slopes))
    np.testing.assert_allclose(slopes, [2.0, 0.4, 0.08], rtol=1e-5)
    expected = sum(2 * (0.4 * r - 1) * r for r in (5.0, 1.0, 0.2))
    assert float(tape.gradient(penalty, a)) == pytest.approx(expected, rel=1e-5)


def test_where_the_critic_is_flat_the_gradient_is_finite():
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        penalty = tf.reduce_sum(gradient_penalty(slope(lambda x: weight * x[:, 0], tf.ones([2, 3]))))
    assert float(penalty) == 2.0 and np.isfinite(float(tape.gradient(penalty, weight)))


def test_the_critics_inputs_are_whitened():
    critic, image = small_critic()
    latents = critic.latents(tf.constant(image)).numpy()
    np.testing.assert_allclose(latents.mean(axis=0), 0.0, atol=1e-4)
    np.testing.assert_allclose(latents.std(axis=0, ddof=1), 1.0, rtol=1e-3)


def test_scores_do_not_depend_on_the_other_poses():
    critic, image = small_critic()
    latents = critic.latents(tf.constant(image[:8]))
    scores = critic(latents).numpy()
    assert scores.shape == (8,) and len(np.unique(scores)) == 8
    np.testing.assert_allclose(np.concatenate([critic(latents[i : i + 1]) for i in range(8)]), scores, atol=1e-6)
