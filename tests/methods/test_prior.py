"""Fitting the prior: the loss is the negative log-likelihood, and a step along the gradient lowers it."""

import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.methods.prior import PriorFitting

SEED = tf.constant([1, 2])


@pytest.fixture
def image():
    return small_models.normalized()[0]


def test_the_loss_is_the_negative_log_likelihood(image):
    prior = small_models.small_prior(image)
    terms = PriorFitting(prior).loss_terms({"image": tf.constant(image)}, SEED)
    assert set(terms) == {"nll"}
    np.testing.assert_array_equal(terms["nll"], -prior.log_prob(image))


def test_pca_and_rotations_are_not_trained(image):
    trained = {variable.path for variable in PriorFitting(small_models.small_prior(image)).variables}
    assert not any(part in path for path in trained for part in ("mean", "basis", "deviation", "rotation"))
    assert len(trained) == small_models.PRIOR["blocks"] * 6  # Two layers' kernels and biases, scale, shift.


def test_noise_is_normal_in_the_latents_and_follows_the_seed(image):
    prior = small_models.small_prior(image)
    fitting = PriorFitting(prior, noise=0.5)
    repeated = tf.constant(np.tile(image[:1], (20000, 1, 1)))
    terms = fitting.loss_terms({"image": repeated}, SEED)["nll"].numpy()
    # A new prior's NLL is |z|^2 / 2 and a constant: noise adds z.n + |n|^2 / 2, mean 6 * 0.25 / 2.
    clean = -prior.log_prob(image[:1]).numpy()[0]
    assert (terms - clean).mean() == pytest.approx(0.75, abs=0.05)
    length = np.sum(prior.latents(image[:1]).numpy() ** 2)
    assert (terms - clean).var() == pytest.approx(0.25 * length + 6 * 0.0625 / 2, rel=0.1)
    np.testing.assert_array_equal(fitting.loss_terms({"image": repeated}, SEED)["nll"], terms)
    assert np.abs(fitting.loss_terms({"image": repeated}, SEED + 1)["nll"] - terms).max() > 0.1


def test_noise_is_independent_of_the_flips_of_poses(image):
    """Batches draw their flips from the pair (seed, step) too; the noise must not use the same random numbers."""
    prior = small_models.small_prior(image)
    repeated = tf.constant(np.tile(image[:1], (4000, 1, 1)))
    noisy = PriorFitting(prior, noise=0.5).loss_terms({"image": repeated}, SEED)["nll"].numpy()
    direct = tf.random.stateless_normal([4000, 6], SEED) * 0.5 + prior.latents(repeated)
    assert abs(np.corrcoef(noisy, -prior.latent_log_prob(direct).numpy())[0, 1]) < 0.1


def test_following_the_gradient_lowers_the_loss(image):
    prior = small_models.small_prior(image)
    small_models.perturb(prior.trainable_variables, 0.2)
    fitting = PriorFitting(prior)
    values, gradients = fitting.gradients({"image": tf.constant(image)}, SEED)
    for variable, gradient in zip(fitting.variables, gradients, strict=True):
        variable.assign(variable.value - 1e-3 * gradient)
    expected = float(values["loss"]) - 1e-3 * sum(float(tf.reduce_sum(g * g)) for g in gradients)
    again, _ = fitting.gradients({"image": tf.constant(image)}, SEED)
    assert float(again["loss"]) < float(values["loss"])
    assert float(values["loss"]) - float(again["loss"]) == pytest.approx(float(values["loss"]) - expected, rel=0.3)


def test_negative_noise_is_refused(image):
    with pytest.raises(ValueError, match="prior: noise must be at least 0; got -1"):
        PriorFitting(small_models.small_prior(image), noise=-1)
