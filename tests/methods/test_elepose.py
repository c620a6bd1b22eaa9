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


def virtual_cameras(made, images, objective):
    """Azimuth and normal noise that the objective drew, read off its rotations Rx(e~) Ry(a) Rx(e)."""
    R = made.turn_and_lift_again(tf.constant(images), SEED).R.numpy().astype(np.float64)
    e = np.array([objective.lift(image)[1] for image in images])
    azimuth, raised = [], []
    for one, angle in zip(R, e, strict=True):
        M = one @ reference.rotation("x", -angle)
        assert abs(M[0, 1]) < 1e-6  # Rx(e~) Ry(a) leaves no other freedom than two angles.
        azimuth.append(math.atan2(M[0, 2], M[0, 0]))
        raised.append(math.atan2(M[2, 1], M[1, 1]))
        np.testing.assert_allclose(
            reference.rotation("x", raised[-1]) @ reference.rotation("y", azimuth[-1]), M, atol=1e-6
        )
    noise = (np.array(raised) + e.mean()) / e.std(ddof=1)
    return np.array(azimuth), noise


def gradient(made, images, seed=SEED):
    """Loss and the gradient of all weights as one vector."""
    values, gradients = made.gradients({"image": tf.constant(images)}, seed)
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
    made, images = small_models.small_elepose_objective(rule, **options)
    images, objective = images[:BATCH], rewrite(made, rule=rule)
    azimuth, noise = virtual_cameras(made, images, objective)
    terms = made.loss_terms({"image": tf.constant(images)}, SEED)
    expected = objective.terms(images, azimuth, noise)
    assert set(terms) == set(expected) == set(TERMS)
    for name in TERMS:
        assert terms[name].shape == (BATCH,) and np.any(np.abs(expected[name]) > 1e-3), name
        np.testing.assert_allclose(terms[name], expected[name], rtol=2e-5, atol=2e-5, err_msg=name)
        assert np.mean(terms[name]) == pytest.approx(expected[name].mean(), rel=1e-5), name
    loss, _ = gradient(made, images)
    assert loss == pytest.approx(objective.loss(images, azimuth, noise), rel=1e-5)
    if "likelihood_ceiling" in options:
        objective.ceiling = 0.0
        assert np.any(objective.terms(images, azimuth, noise)["likelihood"] > terms["likelihood"] + 0.1)


def test_the_lifter_is_shown_detections_and_judged_by_the_poses():
    """Virtual poses get the errors of the other pose of their pair."""
    made, images = small_models.small_elepose_objective()
    images, objective = images[:BATCH], rewrite(made)
    detected = images + np.random.default_rng(5).normal(size=images.shape, scale=0.02).astype(np.float32)
    azimuth, noise = virtual_cameras(made, detected, objective)
    terms = made.loss_terms({"image": tf.constant(images), "detected": tf.constant(detected)}, SEED)
    expected = objective.terms(images, azimuth, noise, detected)
    for name in TERMS:
        np.testing.assert_allclose(terms[name], expected[name], rtol=2e-5, atol=2e-5, err_msg=name)
    exact = made.loss_terms({"image": tf.constant(images)}, SEED)
    assert all(np.any(np.abs(exact[name] - terms[name]) > 1e-3) for name in TERMS)


def test_a_virtual_cameras_elevation_is_learnt_from_and_not_changed():
    """The easiest way to see the right elevation is to draw none: the term must not teach that."""
    made, images = small_models.small_elepose_objective()
    e, e_again = (tf.constant([0.1, -0.3, 0.2, 0.05]) * sign for sign in (1, -1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch((e, e_again))
        lift = made.turn_and_lift_again(tf.constant(images[:4]), SEED)
        lift = dataclasses.replace(lift, e=e, R=virtual_rotation(e, SEED), e_again=e_again)
        loss = made.elevation_loss(lift)
    assert tape.gradient(loss, e) is None
    raised = np.arctan2(*[(lift.R.numpy() @ geometry.rotation_x(-e).numpy())[:, i, 1] for i in (2, 1)])
    np.testing.assert_allclose(loss, 2 - 2 * np.cos(raised + e_again), atol=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, e_again), 2 * np.sin(raised + e_again), atol=1e-6)


@pytest.mark.parametrize("rule", ["dataset", "pose"])
def test_gradients_are_finite_differences_of_the_float64_rewrite(rule):
    """Through everything: lifter, rotation by the predicted angle, mean and deviation of the batch, prior."""
    # The term "elevation" does not go through the angles: see below.
    weights = {**small_models.PAPER_WEIGHTS, "knees": 3.0}
    made, images = small_models.small_elepose_objective(rule, noise=0.05, term_weights=weights)
    method = made.model
    images = images[:BATCH]
    azimuth, noise = virtual_cameras(made, images, rewrite(made, rule=rule))
    _, got = gradient(made, images)
    weights = small_models.weights64(method.saved_variables())
    names = [variable.path for variable in made.variables]
    rng = np.random.default_rng(0)
    for _ in range(3):
        direction = {name: rng.normal(size=weights[name].shape) for name in names}
        losses = []
        for step in (1e-6, -1e-6):
            moved = {**weights, **{name: weights[name] + step * direction[name] for name in names}}
            losses.append(rewrite(made, moved, rule).loss(images, azimuth, noise))
        expected = (losses[0] - losses[1]) / 2e-6
        slope = got @ np.concatenate([direction[name].ravel() for name in names])
        assert slope == pytest.approx(expected, rel=1e-4, abs=1e-5 * float(np.linalg.norm(got)))


def test_gradient_flows_through_mean_and_deviation_of_the_elevation():
    made, _ = small_models.small_elepose_objective()
    e = tf.constant([-0.3, -0.1, 0.05, -0.2])
    weight = np.random.default_rng(1).normal(size=(4, 3, 3))
    with tf.GradientTape() as tape:
        tape.watch(e)
        R = virtual_rotation(e, SEED)
        value = tf.reduce_sum(R[0] * weight[0].astype(np.float32))  # The first pose only.
    got = tape.gradient(value, e).numpy()
    objective = rewrite(made)
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
        high, low = (objective.rotations(start + sign * step, azimuth, noise)[0] for sign in (1, -1))
        expected.append(np.sum((high - low) * weight[0]) / 2e-5)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)
    assert np.all(np.abs(got[1:]) > 1e-3)  # Others' elevations move this pose's camera.


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


def test_a_right_prediction_is_seen_by_a_camera_that_looks_down_again():
    """Poses levelled by negative angles come back with heads nearer than roots, as the data has them."""
    e = tf.fill([6], -0.3)
    upright = np.tile(small_models.standing() * [1, -1, -1], (6, 1, 1))
    seen = np.array([reference.rotation("x", 0.3) @ pose.T for pose in upright]).transpose(0, 2, 1)
    R = virtual_rotation(e, SEED).numpy()
    turned = np.einsum("bij,bkj->bki", R, seen)
    head = H36M_17.index("head")
    np.testing.assert_allclose(turned[:, head], seen[:, head], atol=1e-5)
    assert np.all(turned[:, head, 2] < -0.25)


def test_fixed_elevation_is_the_earlier_works_prior():
    made, images = small_models.small_elepose_objective(elevation="fixed")
    method = made.model
    e = tf.constant(np.random.default_rng(3).normal(-0.2, 0.1, 4000), tf.float32)
    M = virtual_rotation(e, SEED, "fixed").numpy().astype(np.float64)
    raised, azimuth = np.arctan2(M[:, 2, 1], M[:, 1, 1]), np.arctan2(M[:, 0, 2], M[:, 0, 0])
    np.testing.assert_allclose(M[:, 0, 1], np.zeros(4000), atol=1e-7)
    bound = math.pi / 9
    assert bound == FIXED_ELEVATION
    assert largest_gap(raised, lambda a: (a + bound) / (2 * bound)) < 1.63 / math.sqrt(4000)
    assert largest_gap(azimuth, lambda a: (a + np.pi) / (2 * np.pi)) < 1.63 / math.sqrt(4000)
    np.testing.assert_array_equal(virtual_rotation(0 * e, SEED, "fixed"), M.astype(np.float32))  # e plays no part.
    assert method.predict(small_models.poses_2d(3)).elevation is None
    _, gradients = made.gradients({"image": tf.constant(images[:BATCH])}, SEED)
    for variable, one in zip(made.variables, gradients, strict=True):
        assert np.any(one != 0) != ("elevation" in variable.path), variable.path


def test_a_weight_of_zero_leaves_the_term_out():
    weights = {**dict.fromkeys(TERMS, 0.0), "bone": 50.0, "lifting": 2.0}
    made, images = small_models.small_elepose_objective(term_weights=weights)
    full, _ = small_models.small_elepose_objective()
    batch = {"image": tf.constant(images[:BATCH])}
    terms = made.loss_terms(batch, SEED)
    assert set(terms) == {"bone", "lifting"}
    every = full.loss_terms(batch, SEED)
    np.testing.assert_allclose(terms["bone"], every["bone"], rtol=1e-6)
    expected = 50 * np.mean(every["bone"]) + 2 * np.mean(every["lifting"])
    assert gradient(made, images[:BATCH])[0] == pytest.approx(expected, rel=1e-5)


def test_deformation_pairs_neighbours():
    made, images = small_models.small_elepose_objective()
    pairs = made.loss_terms({"image": tf.constant(images[:BATCH])}, SEED)["deformation"].numpy()
    np.testing.assert_array_equal(pairs[0::2], pairs[1::2])
    assert len(set(pairs)) == BATCH // 2


# ---- singular points ------------------------------------------------------------------------------------------------


def test_gradients_are_finite_for_the_zero_pose_and_coincident_joints():
    made, images = small_models.small_elepose_objective(noise=0.0)
    for variable in made.variables:
        variable.assign(tf.zeros_like(variable.value))  # Flat, level, every elevation alike.
    images = images[:4].copy()
    images[0] = 0.0
    images[1, H36M_17.index("l_ankle")] = images[1, H36M_17.index("l_knee")]
    images[2, 1:] = images[2, 1]
    loss, gradients = gradient(made, images)
    assert math.isfinite(loss) and np.all(np.isfinite(gradients))
    loss, gradients = gradient(made, np.zeros_like(images))
    assert math.isfinite(loss) and np.all(np.isfinite(gradients))


def test_gradients_are_finite_for_the_zero_pose_under_the_pose_rule():
    made, images = small_models.small_elepose_objective("pose")
    loss, gradients = gradient(made, np.concatenate([np.zeros_like(images[:2]), images[:2]]))
    assert math.isfinite(loss) and np.all(np.isfinite(gradients))


# ---- eager, graph, XLA ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["dataset", "pose"])
def test_graph_and_xla_give_the_eager_gradients(rule, monkeypatch):
    made, images = small_models.small_elepose_objective(rule)
    batch = {"image": tf.constant(images[:BATCH])}
    # XLA draws other random numbers from the same seed: give all three the same azimuths and noise.
    rng = np.random.default_rng(5)
    numbers = itertools.cycle(rng.uniform(-3, 3, (2, BATCH)).astype(np.float32))
    monkeypatch.setattr(replicas, "draw", lambda sampler, shape: tf.constant(next(numbers)))
    values, gradients = made.gradients(batch, SEED)
    scale = max(np.abs(one).max() for one in gradients)
    xla = [tf.function(made.gradients, jit_compile=True)] if rule == "pose" else []  # "pose" computes most.
    for compiled in (tf.function(made.gradients), *xla):
        other_values, other = compiled(batch, SEED)
        for name, value in values.items():
            np.testing.assert_allclose(other_values[name], value, rtol=2e-5, err_msg=name)
        for variable, a, b in zip(made.variables, gradients, other, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-5 * scale, err_msg=variable.path)
