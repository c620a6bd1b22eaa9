"""The flow is invertible, has the Jacobian's log-determinant, is a density, and agrees with the float64 rewrite."""

import elepose_float64 as reference
import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.nn.flow import CouplingBlock, FixedRotation, IndependentFlows, RealNVP
from tf_elepose.nn.variables import named_variables


def flow(size, *, noise=0.3, blocks=3, width=8, layers=1, seed=5):
    """A flow whose weights have the names of a prior's flow, with noise added to its first weights."""
    model = RealNVP(size, blocks=blocks, width=width, layers=layers, seed=seed)
    model.build()
    small_models.perturb(model.trainable_variables, noise)
    return model


def rewrite(model, layers=1):
    weights = small_models.weights64(named_variables({"flow": model}))
    return reference.Prior(
        {f"prior/{name}": value for name, value in weights.items()}, len(model.coupling_blocks), layers
    )


@pytest.mark.parametrize("size", [2, 5, 6])
@pytest.mark.parametrize("layers", [1, 2])
def test_agrees_with_the_float64_rewrite(size, layers):
    model = flow(size, layers=layers)
    other = rewrite(model, layers)
    x = np.random.default_rng(0).normal(size=(7, size))
    np.testing.assert_allclose(model(tf.constant(x, tf.float32)), [other.latent_log_prob(one) for one in x], rtol=1e-5)


def test_one_block_agrees_both_ways_with_its_log_determinant():
    model = flow(5)
    other, x = rewrite(model), np.random.default_rng(1).normal(size=(7, 5))
    value, log_det = tf.constant(x, tf.float32), 0.0
    for step in model.coupling_blocks[1].bijectors():
        log_det += step.forward_log_det_jacobian(value, event_ndims=1)
        value = step.forward(value)
    expected = [other.block_forward(1, one) for one in x]
    np.testing.assert_allclose(value, [y for y, _ in expected], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(log_det, [step for _, step in expected], rtol=1e-5, atol=1e-6)
    back = value
    for step in model.coupling_blocks[1].bijectors()[::-1]:
        back = step.inverse(tf.identity(back))
    np.testing.assert_allclose(back, [other.block_inverse(1, y) for y, _ in expected], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(back, x, atol=1e-5)


def test_inverse_undoes_forward_both_ways():
    model = flow(6, blocks=8, noise=0.05)
    x = tf.constant(np.random.default_rng(2).normal(size=(50, 6)), tf.float32)
    z = model.bijector().inverse(x)
    np.testing.assert_allclose(model.bijector().forward(tf.identity(z)), x, atol=1e-5)
    # A bijector remembers what it inverted; another one has to compute.
    np.testing.assert_allclose(model.bijector().inverse(model.bijector().forward(x)), x, atol=1e-5)


def test_log_determinant_is_that_of_the_jacobian():
    model = flow(5)
    x = tf.constant(np.random.default_rng(3).normal(size=(4, 5)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        z = model.bijector().inverse(x)
    _, expected = np.linalg.slogdet(tape.batch_jacobian(z, x).numpy().astype(np.float64))
    assert np.ptp(expected) > 0.05  # It depends on x.
    np.testing.assert_allclose(
        model.bijector().inverse_log_det_jacobian(tf.identity(x), event_ndims=1), expected, atol=2e-5
    )


def grid_density():
    """A flow on the plane and its density on a square grid that holds all of it."""
    model = flow(2, noise=0.1)
    axis = np.linspace(-20, 20, 601)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    density = np.exp(model(tf.constant(grid, tf.float32)).numpy().astype(np.float64))
    assert density[np.abs(grid).max(axis=1) > 19.9].max() < 1e-6
    normal = np.exp(-0.5 * np.sum(grid**2, axis=1)) / (2 * np.pi)
    assert np.abs(density - normal).max() > 0.02  # Not the normal distribution that it started as.
    return model, grid, density * (axis[1] - axis[0]) ** 2


def test_the_density_integrates_to_one():
    _, _, mass = grid_density()
    assert mass.sum() == pytest.approx(1.0, abs=1e-4)


def test_samples_have_the_density():
    model, grid, mass = grid_density()
    samples = model.bijector().forward(tf.random.stateless_normal([40000, 2], [1, 2])).numpy().astype(np.float64)
    mean = mass @ grid
    covariance = (mass[:, None] * (grid - mean)).T @ (grid - mean)
    np.testing.assert_allclose(samples.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(samples.T), covariance, atol=0.06)


def test_a_new_flow_is_a_rotation():
    model = flow(6, noise=0.0, blocks=8)
    x = tf.constant(np.random.default_rng(4).normal(size=(20, 6)), tf.float32)
    z = model.bijector().inverse(x).numpy()
    np.testing.assert_allclose(z @ z.T, x.numpy() @ x.numpy().T, atol=1e-5)  # All lengths and angles stay,
    assert np.abs(z - x).max() > 0.5  # coordinates do not.
    expected = -0.5 * np.sum(np.square(x), axis=1) - 3 * np.log(2 * np.pi)
    np.testing.assert_allclose(model(x), expected, rtol=1e-5)


def test_rotations_are_proper_fixed_and_different():
    model = flow(5, noise=0.0)
    rotations = [np.asarray(block.rotation) for block in model.coupling_blocks]
    for R in rotations:
        np.testing.assert_allclose(R @ R.T, np.eye(5), atol=1e-6)
        assert np.linalg.det(R) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(rotations[0] - rotations[1]).max() > 0.1
    assert not {variable.path for variable in model.trainable_variables} & {
        block.rotation.path for block in model.coupling_blocks
    }
    np.testing.assert_array_equal(rotations[0], flow(5, noise=0.0).coupling_blocks[0].rotation)
    assert np.abs(rotations[0] - np.asarray(flow(5, noise=0.0, seed=6).coupling_blocks[0].rotation)).max() > 0.1


def test_fixed_rotation_multiplies_by_the_matrix():
    step = FixedRotation(tf.constant([[0.0, -1.0], [1.0, 0.0]]))  # A quarter turn.
    np.testing.assert_allclose(step.forward(tf.constant([[1.0, 0.0], [0.0, 2.0]])), [[0, 1], [-2, 0]])
    np.testing.assert_allclose(step.inverse(tf.constant([[0.0, 1.0]])), [[1, 0]])
    assert float(step.forward_log_det_jacobian(tf.ones([3, 2]), event_ndims=1)) == 0.0


def test_a_coupling_stretches_by_no_more_than_its_clamp():
    model = flow(4, blocks=1)
    block = model.coupling_blocks[0]
    block.head.bias.assign([1e3, 1e3, 0.0, 0.0])
    step = block.bijectors()[0]
    log_det = step.forward_log_det_jacobian(tf.ones([1, 4]), event_ndims=1)
    np.testing.assert_allclose(log_det, [4.0], rtol=1e-6)  # Two coordinates, e^2 each.


def test_variables_keep_their_names():
    """A second flow in the same process can take over the first one's weights by name."""
    assert set(named_variables({"flow": flow(4)})) == set(named_variables({"flow": flow(4)}))


@pytest.mark.parametrize("number", ["blocks", "width"])
def test_numbers_out_of_range_are_refused(number):
    with pytest.raises(ValueError, match=f"flow: {number} must be at least 1; got 0"):
        flow(4, **{number: 0})


def test_one_dimension_cannot_be_split():
    with pytest.raises(ValueError, match="at least 2 dimensions; got 1"):
        CouplingBlock(1, width=4, layers=1, seed=0)


def test_the_density_is_that_of_the_bijectors():
    model, x = flow(5, layers=1), np.random.default_rng(1).normal(size=(16, 5)).astype(np.float32)
    np.testing.assert_allclose(model(x), model.distribution().log_prob(x), rtol=1e-5)


def test_bfloat16_is_near_and_only_between_hidden_layers():
    x = np.random.default_rng(1).normal(size=(64, 6)).astype(np.float32)
    one, two = (flow(6, layers=layers, width=32, noise=0.1) for layers in (1, 2))
    np.testing.assert_array_equal(one(x, half=True), one(x))
    exact, rounded = np.asarray(two(x)), np.asarray(two(x, half=True))
    assert rounded.dtype == np.float32 and np.any(exact != rounded)
    np.testing.assert_allclose(rounded, exact, rtol=0.02, atol=0.05)


def test_independent_flows_are_the_product_of_their_densities():
    model = IndependentFlows([2, 3], blocks=2, width=8, layers=1, seed=5)
    model.build()
    small_models.perturb(model.trainable_variables, 0.3)
    x = tf.constant(np.random.default_rng(0).normal(size=(7, 5)), tf.float32)
    np.testing.assert_allclose(model(x), model.flows[0](x[:, :2]) + model.flows[1](x[:, 2:]), rtol=1e-6)
    drawn = model.from_normal(x)
    back = [
        flow.bijector().inverse(tf.identity(p))
        for flow, p in zip(model.flows, (drawn[:, :2], drawn[:, 2:]), strict=True)
    ]
    np.testing.assert_allclose(tf.concat(back, axis=-1), x, atol=1e-4)
    first, second = (flow.coupling_blocks[0].rotation.numpy() for flow in model.flows)
    assert first.shape == (2, 2) and second.shape == (3, 3)
