"""ElePose's objective against its float64 rewrite, its gradients against finite differences."""

import dataclasses
import itertools
import math

import elepose_float64 as reference
import numpy as np
import pytest
import small_models
import tensorflow as tf
from elepose_rewrite import rewrite

from tf_elepose import geometry
from tf_elepose.methods import replicas
from tf_elepose.methods.elepose import FIXED_ELEVATION, TERMS, virtual_rotation
from tf_elepose.skeleton.skeletons import H36M_17

SEED = tf.constant([3, 8])
BATCH = 8


def virtual_cameras(objective, images, rewritten):
    """Azimuth and normal noise that the objective drew, computed from its rotations Rx(e~) Ry(a) Rx(e)."""
    R = objective.turn_and_lift_again(tf.constant(images), SEED).R.numpy().astype(np.float64)
    e = np.array([rewritten.lift(image)[1] for image in images])
    azimuth, raised = [], []
    for one, angle in zip(R, e, strict=True):
        M = one @ reference.rotation("x", -angle)
        assert abs(M[0, 1]) < 1e-6  # True for every product Rx(e~) Ry(a).
        azimuth.append(math.atan2(M[0, 2], M[0, 0]))
        raised.append(math.atan2(M[2, 1], M[1, 1]))
        np.testing.assert_allclose(
            reference.rotation("x", raised[-1]) @ reference.rotation("y", azimuth[-1]), M, atol=1e-6
        )
    noise = (np.array(raised) + e.mean()) / e.std(ddof=1)
    return np.array(azimuth), noise


def gradient(objective, images, seed=SEED):
    """Loss and the gradient of all weights as one vector."""
    values, gradients = objective.gradients({"image": tf.constant(images)}, seed)
    return float(values["loss"]), np.concatenate([np.ravel(g) for g in gradients])


# ---- the objective --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("dataset", {}),
        ("dataset", {"arch": "paper"}),
        ("pose", {}),
        ("dataset", {"likelihood_ceiling": 6.0}),
    ],
    ids=["code", "paper", "pose", "ceiling"],
)
def test_every_term_and_the_total_agree_with_the_float64_rewrite(rule, options):
    objective, images = small_models.small_elepose_objective(rule, **options)
    images, rewritten = images[:BATCH], rewrite(objective, rule=rule)
    azimuth, noise = virtual_cameras(objective, images, rewritten)
    terms = objective.loss_terms({"image": tf.constant(images)}, SEED)
    expected = rewritten.terms(images, azimuth, noise)
    assert set(terms) == set(expected) == set(TERMS)
    for name in TERMS:
        assert terms[name].shape == (BATCH,) and np.any(np.abs(expected[name]) > 1e-3), name
        np.testing.assert_allclose(terms[name], expected[name], rtol=2e-5, atol=2e-5, err_msg=name)
        assert np.mean(terms[name]) == pytest.approx(expected[name].mean(), rel=1e-5), name
    loss, _ = gradient(objective, images)
    assert loss == pytest.approx(rewritten.loss(images, azimuth, noise), rel=1e-5)
    if "likelihood_ceiling" in options:
        rewritten.ceiling = 0.0
        assert np.any(rewritten.terms(images, azimuth, noise)["likelihood"] > terms["likelihood"] + 0.1)


def test_the_lifter_gets_detections_and_the_terms_use_the_denoised_poses():
    """Each virtual pose gets the detector's errors of the other pose of its pair."""
    objective, images = small_models.small_elepose_objective()
    images, rewritten = images[:BATCH], rewrite(objective)
    detected = images + np.random.default_rng(5).normal(size=images.shape, scale=0.02).astype(np.float32)
    azimuth, noise = virtual_cameras(objective, detected, rewritten)
    terms = objective.loss_terms({"image": tf.constant(images), "detected": tf.constant(detected)}, SEED)
    expected = rewritten.terms(images, azimuth, noise, detected)
    for name in TERMS:
        np.testing.assert_allclose(terms[name], expected[name], rtol=2e-5, atol=2e-5, err_msg=name)
    exact = objective.loss_terms({"image": tf.constant(images)}, SEED)
    assert all(np.any(np.abs(exact[name] - terms[name]) > 1e-3) for name in TERMS)


def test_the_elevation_term_teaches_the_lifter_without_moving_the_virtual_camera():
    """A virtual camera of elevation 0 would be the easiest to predict: the term must not train the camera to that."""
    objective, images = small_models.small_elepose_objective()
    e, e_again = (tf.constant([0.1, -0.3, 0.2, 0.05]) * sign for sign in (1, -1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch((e, e_again))
        lift = objective.turn_and_lift_again(tf.constant(images[:4]), SEED)
        lift = dataclasses.replace(lift, e=e, R=virtual_rotation(e, SEED), e_again=e_again)
        loss = objective.elevation_loss(lift)
    assert tape.gradient(loss, e) is None
    raised = np.arctan2(*[(lift.R.numpy() @ geometry.rotation_x(-e).numpy())[:, i, 1] for i in (2, 1)])
    np.testing.assert_allclose(loss, 2 - 2 * np.cos(raised + e_again), atol=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, e_again), 2 * np.sin(raised + e_again), atol=1e-6)


@pytest.mark.parametrize("rule", ["dataset", "pose"])
def test_gradients_are_finite_differences_of_the_float64_rewrite(rule):
    """Gradients go through lifter, rotation by the predicted angle, mean and deviation of the batch, and prior."""
    # The term "elevation" has no gradient through the angles, see
    # test_the_elevation_term_teaches_the_lifter_without_moving_the_virtual_camera.
    weights = {**small_models.PAPER_WEIGHTS, "knees": 3.0}
    objective, images = small_models.small_elepose_objective(rule, noise=0.05, term_weights=weights)
    method = objective.model
    images = images[:BATCH]
    azimuth, noise = virtual_cameras(objective, images, rewrite(objective, rule=rule))
    _, got = gradient(objective, images)
    weights = small_models.weights64(method.saved_variables())
    names = [variable.path for variable in objective.variables]
    rng = np.random.default_rng(0)
    for _ in range(3):
        direction = {name: rng.normal(size=weights[name].shape) for name in names}
        losses = []
        for step in (1e-6, -1e-6):
            moved = {**weights, **{name: weights[name] + step * direction[name] for name in names}}
            losses.append(rewrite(objective, moved, rule).loss(images, azimuth, noise))
        expected = (losses[0] - losses[1]) / 2e-6
        slope = got @ np.concatenate([direction[name].ravel() for name in names])
        assert slope == pytest.approx(expected, rel=1e-4, abs=1e-5 * float(np.linalg.norm(got)))


def test_gradient_flows_through_mean_and_deviation_of_the_elevation():
    objective, _ = small_models.small_elepose_objective()
    e = tf.constant([-0.3, -0.1, 0.05, -0.2])
    weight = np.random.default_rng(1).normal(size=(4, 3, 3))
    with tf.GradientTape() as tape:
        tape.watch(e)
        R = virtual_rotation(e, SEED)
        value = tf.reduce_sum(R[0] * weight[0].astype(np.float32))  # The first pose only.
    got = tape.gradient(value, e).numpy()
    rewritten = rewrite(objective)
    start = e.numpy().astype(np.float64)
    azimuth, raised = [], []
    for one, angle in zip(R.numpy().astype(np.float64), start, strict=True):
        M = one @ reference.rotation("x", -angle)
        azimuth.append(math.atan2(M[0, 2], M[0, 0]))
        raised.append(math.atan2(M[2, 1], M[1, 1]))
    noise = (np.array(raised) + start.mean()) / start.std(ddof=1)
    expected = []
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-5
        high, low = (rewritten.rotations(start + sign * step, azimuth, noise)[0] for sign in (1, -1))
        expected.append(np.sum((high - low) * weight[0]) / 2e-5)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)
    assert np.all(np.abs(got[1:]) > 1e-3)  # The elevations of other poses move the camera of this one.


def test_virtual_cameras_are_distributed_as_eq_5_to_7_say():
    rng = np.random.default_rng(2)
    e = rng.normal(-0.2, 0.1, 4000).astype(np.float32)
    R = virtual_rotation(tf.constant(e), SEED).numpy().astype(np.float64)
    M = np.array([one @ reference.rotation("x", -angle) for one, angle in zip(R, e, strict=True)])
    azimuth, raised = np.arctan2(M[:, 0, 2], M[:, 0, 0]), np.arctan2(M[:, 2, 1], M[:, 1, 1])
    assert largest_gap(azimuth, lambda a: (a + np.pi) / (2 * np.pi)) < 1.63 / math.sqrt(4000)  # Kolmogorov, 1 %.
    normal = np.vectorize(lambda x: 0.5 * (1 + math.erf((x - 0.2) / 0.1 / math.sqrt(2))))
    assert largest_gap(raised, normal) < 0.035
    assert abs(np.corrcoef(azimuth, raised)[0, 1]) < 0.05 and abs(np.corrcoef(e, raised)[0, 1]) < 0.05


def largest_gap(sample, cumulative):
    sample = np.sort(sample)
    return np.abs(cumulative(sample) - (np.arange(len(sample)) + 0.5) / len(sample)).max()


def test_the_virtual_camera_of_a_correct_prediction_looks_down_too():
    """Poses levelled by negative angles are again seen from above, heads nearer than roots, as in the data."""
    e = tf.fill([6], -0.3)
    upright = np.tile(small_models.standing() * [1, -1, -1], (6, 1, 1))
    seen = np.array([reference.rotation("x", 0.3) @ pose.T for pose in upright]).transpose(0, 2, 1)
    R = virtual_rotation(e, SEED).numpy()
    turned = np.einsum("bij,bkj->bki", R, seen)
    head = H36M_17.index("head")
    np.testing.assert_allclose(turned[:, head], seen[:, head], atol=1e-5)
    assert np.all(turned[:, head, 2] < -0.25)


def test_fixed_elevation_is_the_prior_of_earlier_work():
    objective, images = small_models.small_elepose_objective(elevation="fixed")
    method = objective.model
    e = tf.constant(np.random.default_rng(3).normal(-0.2, 0.1, 4000), tf.float32)
    M = virtual_rotation(e, SEED, "fixed").numpy().astype(np.float64)
    raised, azimuth = np.arctan2(M[:, 2, 1], M[:, 1, 1]), np.arctan2(M[:, 0, 2], M[:, 0, 0])
    np.testing.assert_allclose(M[:, 0, 1], np.zeros(4000), atol=1e-7)
    bound = math.pi / 9
    assert bound == FIXED_ELEVATION
    assert largest_gap(raised, lambda a: (a + bound) / (2 * bound)) < 1.63 / math.sqrt(4000)
    assert largest_gap(azimuth, lambda a: (a + np.pi) / (2 * np.pi)) < 1.63 / math.sqrt(4000)
    np.testing.assert_array_equal(virtual_rotation(0 * e, SEED, "fixed"), M.astype(np.float32))  # e has no influence.
    assert method.predict(small_models.poses_2d(3)).elevation is None
    _, gradients = objective.gradients({"image": tf.constant(images[:BATCH])}, SEED)
    for variable, one in zip(objective.variables, gradients, strict=True):
        assert np.any(one != 0) != ("elevation" in variable.path), variable.path


def test_a_weight_of_zero_leaves_the_term_out():
    weights = {**dict.fromkeys(TERMS, 0.0), "bone": 50.0, "lifting": 2.0}
    objective, images = small_models.small_elepose_objective(term_weights=weights)
    full, _ = small_models.small_elepose_objective()
    batch = {"image": tf.constant(images[:BATCH])}
    terms = objective.loss_terms(batch, SEED)
    assert set(terms) == {"bone", "lifting"}
    every = full.loss_terms(batch, SEED)
    np.testing.assert_allclose(terms["bone"], every["bone"], rtol=1e-6)
    expected = 50 * np.mean(every["bone"]) + 2 * np.mean(every["lifting"])
    assert gradient(objective, images[:BATCH])[0] == pytest.approx(expected, rel=1e-5)


def test_deformation_pairs_neighbours():
    objective, images = small_models.small_elepose_objective()
    pairs = objective.loss_terms({"image": tf.constant(images[:BATCH])}, SEED)["deformation"].numpy()
    np.testing.assert_array_equal(pairs[0::2], pairs[1::2])
    assert len(set(pairs)) == BATCH // 2


# ---- singular points ------------------------------------------------------------------------------------------------


def test_gradients_are_finite_for_the_zero_pose_and_coincident_joints():
    objective, images = small_models.small_elepose_objective(noise=0.0)
    for variable in objective.variables:
        variable.assign(tf.zeros_like(variable.value))  # All poses are flat and level, all elevations are equal.
    images = images[:4].copy()
    images[0] = 0.0
    images[1, H36M_17.index("l_ankle")] = images[1, H36M_17.index("l_knee")]
    images[2, 1:] = images[2, 1]
    loss, gradients = gradient(objective, images)
    assert math.isfinite(loss) and np.all(np.isfinite(gradients))
    loss, gradients = gradient(objective, np.zeros_like(images))
    assert math.isfinite(loss) and np.all(np.isfinite(gradients))


def test_gradients_are_finite_for_the_zero_pose_under_the_pose_rule():
    objective, images = small_models.small_elepose_objective("pose")
    loss, gradients = gradient(objective, np.concatenate([np.zeros_like(images[:2]), images[:2]]))
    assert math.isfinite(loss) and np.all(np.isfinite(gradients))


# ---- eager, graph, XLA ----------------------------------------------------------------------------------------------


def test_graph_and_xla_give_the_eager_gradients(monkeypatch):
    objective, images = small_models.small_elepose_objective("pose")  # The rule that computes most.
    batch = {"image": tf.constant(images[:BATCH])}
    # XLA draws other random numbers from the same seed: give all three the same azimuths and noise.
    rng = np.random.default_rng(5)
    numbers = itertools.cycle(rng.uniform(-3, 3, (2, BATCH)).astype(np.float32))
    monkeypatch.setattr(replicas, "draw", lambda sampler, shape: tf.constant(next(numbers)))
    values, gradients = objective.gradients(batch, SEED)
    scale = max(np.abs(one).max() for one in gradients)
    for xla in (False, True):
        other_values, other = tf.function(objective.gradients, autograph=False, jit_compile=xla)(batch, SEED)
        for name, value in values.items():
            np.testing.assert_allclose(other_values[name], value, rtol=2e-5, err_msg=name)
        for variable, a, b in zip(objective.variables, gradients, other, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-5 * scale, err_msg=variable.path)
