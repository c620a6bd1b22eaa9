"""The prior of 2D poses: the whole density agrees with the float64 rewrite, and has the properties of a density."""

import elepose_float64 as reference
import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.nn import pca
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.nn.variables import named_variables


@pytest.fixture(scope="module")
def image():
    return small_models.normalized()[0]


@pytest.fixture(scope="module")
def prior(image):
    prior = small_models.small_prior(image)
    small_models.perturb(prior.trainable_variables, 0.2)
    return prior


def test_log_prob_agrees_with_the_float64_rewrite(prior, image):
    other = reference.Prior(small_models.weights64(named_variables({"prior": prior})), blocks=2, layers=1)
    np.testing.assert_allclose(
        prior.log_prob(image[:9]), [other.log_prob(one) for one in image[:9]], rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        prior.latents(image[:9]), [other.latents(one) for one in image[:9]], rtol=1e-4, atol=1e-4
    )


def test_leading_axes_are_free(prior, image):
    flat = prior.log_prob(image[:12]).numpy()
    nested = prior.log_prob(tf.reshape(tf.constant(image[:12]), [2, 3, 2, 17, 2]))
    np.testing.assert_allclose(tf.reshape(nested, [-1]), flat, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(prior(image[:12]), flat, rtol=1e-5, atol=1e-5)


def test_latents_round_trip_and_are_white(prior, image):
    latents = prior.latents(image)
    np.testing.assert_allclose(np.cov(latents.numpy().T), np.eye(6), atol=1e-4)
    np.testing.assert_allclose(prior.latents(prior.from_latents(latents)), latents, atol=1e-4)


def test_only_the_part_inside_the_subspace_counts(prior, image):
    inside = prior.from_latents(prior.latents(image[:5]))
    assert np.abs(inside - image[:5]).max() > 1e-3
    np.testing.assert_allclose(prior.log_prob(inside), prior.log_prob(image[:5]), rtol=1e-4)


def test_a_pose_is_denser_in_smaller_units():
    image, _ = small_models.normalized()
    wide, narrow = small_models.small_prior(3 * image), small_models.small_prior(image)
    # Six latent coordinates, each three times as wide: density 3^6 times lower.
    difference = narrow.log_prob(image[:5]) - wide.log_prob(3 * image[:5])
    np.testing.assert_allclose(difference, np.full(5, 6 * np.log(3)), rtol=1e-3)


def test_a_new_prior_is_the_normal_distribution_of_the_data():
    image, _ = small_models.normalized()
    prior = small_models.small_prior(image)
    flat = image.reshape(len(image), -1).astype(np.float64)
    subspace = pca.fit_pca(flat, 6)
    inside = (flat - flat.mean(axis=0)) @ subspace.basis.T
    covariance = np.cov(inside.T)
    expected = -0.5 * (
        np.einsum("ni,ij,nj->n", inside, np.linalg.inv(covariance), inside)
        + np.linalg.slogdet(2 * np.pi * covariance)[1]
    )
    np.testing.assert_allclose(prior.log_prob(image), expected, rtol=1e-4)


def test_samples_look_like_the_data_and_follow_the_seed():
    image, _ = small_models.normalized()
    prior = small_models.small_prior(image)
    samples = prior.sample(5000, tf.constant([3, 4])).numpy()
    assert samples.shape == (5000, 17, 2)
    np.testing.assert_allclose(samples.mean(axis=0), image.mean(axis=0), atol=0.01)
    latents = prior.latents(samples).numpy()
    np.testing.assert_allclose(np.cov(latents.T), np.eye(6), atol=0.1)
    np.testing.assert_array_equal(prior.sample(5000, tf.constant([3, 4])), samples)
    assert np.abs(prior.sample(5000, tf.constant([3, 5])) - samples).max() > 0.01


def test_without_pca_the_root_is_left_out(image):
    flat = image.reshape(len(image), -1)
    subspace = pca.fit_coordinates(flat)
    assert subspace.size == 32  # 34 without the root's two.
    prior = PosePrior(subspace, **small_models.PRIOR)
    prior.build()
    expected = -0.5 * np.sum(((flat - flat.mean(axis=0))[:, 2:] / flat.std(axis=0, ddof=1)[2:]) ** 2, axis=1)
    expected -= np.log(flat.std(axis=0, ddof=1)[2:]).sum() + 16 * np.log(2 * np.pi)
    np.testing.assert_allclose(prior.log_prob(image), expected, rtol=1e-4)
