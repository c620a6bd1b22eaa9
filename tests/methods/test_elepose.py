"""ElePose against its float64 rewrite, its own gradients against finite differences, and what must not change it."""

import dataclasses
import itertools
import math

import elepose_float64 as reference
import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.methods import replicas
from tf_elepose.methods.elepose import FIXED_ELEVATION, TERMS, ElePose
from tf_elepose.skeletons import H36M_17
from tf_elepose.training import workdir

SEED = tf.constant([3, 8])
BATCH = 8


def rewrite(method, weights=None, rule="dataset"):
    """The float64 objective with the method's weights."""
    weights = weights or small_models.weights64(method.saved_variables())
    place = H36M_17.index
    return reference.Objective(
        lifter=reference.Lifter(weights, method.lifter.arch, method.normalizer.deviation),
        prior=reference.Prior(weights, small_models.PRIOR["blocks"], small_models.PRIOR["layers"]),
        bones=[(place(child), place(parent)) for child, parent in H36M_17.bones],
        bone_lengths=method.bone_prior.lengths,
        bone_deviations=method.bone_prior.deviations,
        legs=[[place(f"{side}_{joint}") for joint in ("hip", "knee", "ankle")] for side in "lr"],
        weights=method.term_weights,
        ceiling=method.likelihood_ceiling,
        pose_scale=method.normalizer.head_to_spread if rule == "pose" else None,
    )  # fmt: skip


def virtual_cameras(method, images, objective):
    """Azimuth and normal noise that the method drew, read off its rotations Rx(e~) Ry(a) Rx(e)."""
    R = method.turn_and_lift_again(tf.constant(images), SEED).R.numpy().astype(np.float64)
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


def gradient(method, images, seed=SEED):
    """Loss and the gradient of all weights as one vector."""
    values, gradients = method.gradients({"image": tf.constant(images)}, seed)
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
    method, images = small_models.small_elepose(rule, **options)
    images, objective = images[:BATCH], rewrite(method, rule=rule)
    azimuth, noise = virtual_cameras(method, images, objective)
    terms = method.loss_terms({"image": tf.constant(images)}, SEED)
    expected = objective.terms(images, azimuth, noise)
    assert set(terms) == set(expected) == set(TERMS)
    for name in TERMS:
        assert terms[name].shape == (BATCH,) and np.any(np.abs(expected[name]) > 1e-3), name
        np.testing.assert_allclose(terms[name], expected[name], rtol=2e-5, atol=2e-5, err_msg=name)
        assert np.mean(terms[name]) == pytest.approx(expected[name].mean(), rel=1e-5), name
    loss, _ = gradient(method, images)
    assert loss == pytest.approx(objective.loss(images, azimuth, noise), rel=1e-5)
    if "likelihood_ceiling" in options:
        objective.ceiling = 0.0
        assert np.any(objective.terms(images, azimuth, noise)["likelihood"] > terms["likelihood"] + 0.1)


@pytest.mark.parametrize("rule", ["dataset", "pose"])
def test_gradients_are_finite_differences_of_the_float64_rewrite(rule):
    """Through everything: lifter, rotation by the predicted angle, mean and deviation of the batch, prior."""
    method, images = small_models.small_elepose(rule, noise=0.05)
    images = images[:BATCH]
    azimuth, noise = virtual_cameras(method, images, rewrite(method, rule=rule))
    _, got = gradient(method, images)
    weights = small_models.weights64(method.saved_variables())
    names = [variable.path for variable in method.variables]
    rng = np.random.default_rng(0)
    for _ in range(3):
        direction = {name: rng.normal(size=weights[name].shape) for name in names}
        losses = []
        for step in (1e-6, -1e-6):
            moved = {**weights, **{name: weights[name] + step * direction[name] for name in names}}
            losses.append(rewrite(method, moved, rule).loss(images, azimuth, noise))
        expected = (losses[0] - losses[1]) / 2e-6
        slope = got @ np.concatenate([direction[name].ravel() for name in names])
        assert slope == pytest.approx(expected, rel=1e-4, abs=1e-5 * float(np.linalg.norm(got)))


def test_gradient_flows_through_mean_and_deviation_of_the_elevation():
    method, _ = small_models.small_elepose()
    e = tf.constant([-0.3, -0.1, 0.05, -0.2])
    weight = np.random.default_rng(1).normal(size=(4, 3, 3))
    with tf.GradientTape() as tape:
        tape.watch(e)
        R = method.virtual_rotation(e, SEED)
        value = tf.reduce_sum(R[0] * weight[0].astype(np.float32))  # The first pose only.
    got = tape.gradient(value, e).numpy()
    objective = rewrite(method)
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
    method, _ = small_models.small_elepose()
    rng = np.random.default_rng(2)
    e = rng.normal(-0.2, 0.1, 4000).astype(np.float32)
    R = method.virtual_rotation(tf.constant(e), SEED).numpy().astype(np.float64)
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
    method, _ = small_models.small_elepose()
    e = tf.fill([6], -0.3)
    upright = np.tile(small_models.standing() * [1, -1, -1], (6, 1, 1))
    seen = np.array([reference.rotation("x", 0.3) @ pose.T for pose in upright]).transpose(0, 2, 1)
    R = method.virtual_rotation(e, SEED).numpy()
    turned = np.einsum("bij,bkj->bki", R, seen)
    head = H36M_17.index("head")
    np.testing.assert_allclose(turned[:, head], seen[:, head], atol=1e-5)
    assert np.all(turned[:, head, 2] < -0.25)


def test_fixed_elevation_is_the_earlier_works_prior():
    method, images = small_models.small_elepose(elevation="fixed")
    e = tf.constant(np.random.default_rng(3).normal(-0.2, 0.1, 4000), tf.float32)
    M = method.virtual_rotation(e, SEED).numpy().astype(np.float64)
    raised, azimuth = np.arctan2(M[:, 2, 1], M[:, 1, 1]), np.arctan2(M[:, 0, 2], M[:, 0, 0])
    np.testing.assert_allclose(M[:, 0, 1], np.zeros(4000), atol=1e-7)
    bound = math.pi / 9
    assert bound == FIXED_ELEVATION
    assert largest_gap(raised, lambda a: (a + bound) / (2 * bound)) < 1.63 / math.sqrt(4000)
    assert largest_gap(azimuth, lambda a: (a + np.pi) / (2 * np.pi)) < 1.63 / math.sqrt(4000)
    np.testing.assert_array_equal(method.virtual_rotation(0 * e, SEED), M.astype(np.float32))  # e plays no part.
    assert method.predict(small_models.poses_2d(3)).elevation is None
    _, gradients = method.gradients({"image": tf.constant(images[:BATCH])}, SEED)
    for variable, one in zip(method.variables, gradients, strict=True):
        assert np.any(one != 0) != ("elevation" in variable.path), variable.path


def test_a_weight_of_zero_leaves_the_term_out():
    weights = {**dict.fromkeys(TERMS, 0.0), "bone": 50.0, "lifting": 2.0}
    method, images = small_models.small_elepose(term_weights=weights)
    full, _ = small_models.small_elepose()
    batch = {"image": tf.constant(images[:BATCH])}
    terms = method.loss_terms(batch, SEED)
    assert set(terms) == {"bone", "lifting"}
    every = full.loss_terms(batch, SEED)
    np.testing.assert_allclose(terms["bone"], every["bone"], rtol=1e-6)
    expected = 50 * np.mean(every["bone"]) + 2 * np.mean(every["lifting"])
    assert gradient(method, images[:BATCH])[0] == pytest.approx(expected, rel=1e-5)


def test_deformation_pairs_neighbours():
    method, images = small_models.small_elepose()
    pairs = method.loss_terms({"image": tf.constant(images[:BATCH])}, SEED)["deformation"].numpy()
    np.testing.assert_array_equal(pairs[0::2], pairs[1::2])
    assert len(set(pairs)) == BATCH // 2


# ---- singular points ------------------------------------------------------------------------------------------------


def test_gradients_are_finite_for_the_zero_pose_and_coincident_joints():
    method, images = small_models.small_elepose(noise=0.0)
    for variable in method.variables:
        variable.assign(tf.zeros_like(variable.value))  # Flat, level, every elevation alike.
    images = images[:4].copy()
    images[0] = 0.0
    images[1, H36M_17.index("l_ankle")] = images[1, H36M_17.index("l_knee")]
    images[2, 1:] = images[2, 1]
    loss, gradients = gradient(method, images)
    assert math.isfinite(loss) and np.all(np.isfinite(gradients))
    loss, gradients = gradient(method, np.zeros_like(images))
    assert math.isfinite(loss) and np.all(np.isfinite(gradients))


def test_gradients_are_finite_for_the_zero_pose_under_the_pose_rule():
    method, images = small_models.small_elepose("pose")
    loss, gradients = gradient(method, np.concatenate([np.zeros_like(images[:2]), images[:2]]))
    assert math.isfinite(loss) and np.all(np.isfinite(gradients))


# ---- eager, graph, XLA ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["dataset", "pose"])
def test_graph_and_xla_give_the_eager_gradients(rule, monkeypatch):
    method, images = small_models.small_elepose(rule)
    batch = {"image": tf.constant(images[:BATCH])}
    # XLA draws other random numbers from the same seed: give all three the same azimuths and noise.
    rng = np.random.default_rng(5)
    numbers = itertools.cycle(rng.uniform(-3, 3, (2, BATCH)).astype(np.float32))
    monkeypatch.setattr(replicas, "draw", lambda sampler, shape: tf.constant(next(numbers)))
    values, gradients = method.gradients(batch, SEED)
    scale = max(np.abs(one).max() for one in gradients)
    xla = [tf.function(method.gradients, jit_compile=True)] if rule == "pose" else []  # "pose" computes most.
    for compiled in (tf.function(method.gradients), *xla):
        other_values, other = compiled(batch, SEED)
        for name, value in values.items():
            np.testing.assert_allclose(other_values[name], value, rtol=2e-5, err_msg=name)
        for variable, a, b in zip(method.variables, gradients, other, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-5 * scale, err_msg=variable.path)


# ---- use ------------------------------------------------------------------------------------------------------------


def test_a_larger_picture_changes_nothing_under_the_pose_rule():
    method, _ = small_models.small_elepose("pose")
    pixels = small_models.poses_2d(5, seed=1)
    once, twice = method.predict(pixels), method.predict(2 * pixels)
    np.testing.assert_allclose(twice.poses_3d, once.poses_3d, atol=1e-5)
    np.testing.assert_allclose(twice.elevation, once.elevation, atol=1e-3)
    other, _ = small_models.small_elepose("dataset")
    assert np.abs(other.predict(2 * pixels).poses_3d - other.predict(pixels).poses_3d).max() > 0.1


def test_predictions_are_lifts_with_the_camera_above_the_horizon():
    method, _ = small_models.small_elepose()
    pixels = small_models.poses_2d(7, seed=1)
    prediction = method.predict(pixels)
    objective = rewrite(method)
    lifted = [objective.lift(image) for image in method.normalizer.apply(pixels)[0]]
    np.testing.assert_allclose(prediction.poses_3d, [y for y, _ in lifted], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(prediction.elevation, [-math.degrees(e) for _, e in lifted], rtol=1e-4, atol=1e-4)
    assert np.all(prediction.poses_3d[:, 0] == 0)


def test_flip_average_makes_predictions_of_mirror_images_mirrors():
    method, images = small_models.small_elepose(flip_average=True)
    plain, _ = small_models.small_elepose()
    x = tf.constant(images[:5])
    mirrored = tf.gather(x, H36M_17.mirror, axis=1) * [-1.0, 1.0]
    (y, e), (y_mirrored, e_mirrored) = method.lift(x), method.lift(mirrored)
    np.testing.assert_allclose(tf.gather(y_mirrored, H36M_17.mirror, axis=1) * [-1.0, 1.0, 1.0], y, atol=1e-6)
    np.testing.assert_allclose(e_mirrored, e, atol=1e-6)
    one, other = plain.lift(x)[0].numpy(), plain.lift(mirrored)[0].numpy()[:, list(H36M_17.mirror)] * [-1.0, 1.0, 1.0]
    assert np.abs(one - other).max() > 0.01
    np.testing.assert_allclose(y, (one + other) / 2, atol=1e-6)


def test_measured_elevation_is_that_of_the_whole_set():
    method, images = small_models.small_elepose()
    method.measure_elevation(images)
    objective = rewrite(method)
    e = np.array([objective.lift(image)[1] for image in images])
    assert float(method.elevation_mean) == pytest.approx(e.mean(), rel=1e-4)
    assert float(method.elevation_deviation) == pytest.approx(e.std(ddof=1), rel=1e-4)
    method.measure_elevation(images[:1])
    assert float(method.elevation_deviation) == 0.0


@pytest.mark.parametrize("elevation", ["predicted", "fixed"])
def test_likelihood_is_deterministic_and_a_mean_over_virtual_cameras(elevation):
    method, images = small_models.small_elepose(elevation=elevation)
    method.measure_elevation(images)
    compiled = tf.function(method.negative_log_likelihood)
    x, views = tf.constant(images[:2]), 1500
    nll = compiled(x, SEED, tf.constant(views)).numpy()
    np.testing.assert_array_equal(compiled(x, SEED, tf.constant(views)), nll)
    assert np.all(compiled(x, SEED + 1, tf.constant(views)) != nll)
    np.testing.assert_allclose(method.negative_log_likelihood(x, SEED, 2), compiled(x, SEED, tf.constant(2)), rtol=1e-4)
    # An independent Monte Carlo: other random numbers, the float64 rewrite.
    objective, rng = rewrite(method), np.random.default_rng(4)
    mean, deviation = float(method.elevation_mean), float(method.elevation_deviation)
    for i, image in enumerate(images[:2]):
        y, e = objective.lift(image)
        draws = []
        for _ in range(400):
            R = reference.rotation("y", rng.uniform(-np.pi, np.pi))
            if elevation == "predicted":
                R = reference.rotation("x", -mean + deviation * rng.normal()) @ R @ reference.rotation("x", e)
            else:
                R = reference.rotation("x", rng.uniform(-np.pi / 9, np.pi / 9)) @ R
            draws.append(-objective.prior.log_prob(reference.project(y @ R.T, 10.0)))
        error = np.std(draws) * math.sqrt(1 / 400 + 1 / views)
        assert abs(np.mean(draws) - nll[i]) < 4 * error
        assert error < 0.1 * np.std(draws)


# ---- storing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "options"),
    [("dataset", {}), ("pose", {"arch": "paper", "likelihood_ceiling": 50.0, "flip_average": True}),
     ("dataset", {"elevation": "fixed"})],
)  # fmt: skip
def test_a_saved_model_is_the_same_model(tmp_path, rule, options):
    method, images = small_models.small_elepose(rule, **options)
    method.measure_elevation(images)
    workdir.save_model(tmp_path / "model.npz", method, {"note": "ä"})
    restored, info = workdir.load_model_and_info(tmp_path)
    assert info == {"note": "ä"} and isinstance(restored, ElePose)
    assert restored.settings == method.settings
    for name, variable in method.saved_variables().items():
        np.testing.assert_array_equal(np.asarray(restored.saved_variables()[name]), np.asarray(variable), err_msg=name)
    pixels = small_models.poses_2d(5, seed=2)
    once, again = method.predict(pixels), restored.predict(pixels)
    np.testing.assert_array_equal(again.poses_3d, once.poses_3d)
    np.testing.assert_array_equal(again.elevation, once.elevation)
    np.testing.assert_array_equal(
        restored.likelihood(pixels, views=3, seed=1), method.likelihood(pixels, views=3, seed=1)
    )
    batch = {"image": tf.constant(images[:BATCH])}
    for name, term in method.loss_terms(batch, SEED).items():
        np.testing.assert_array_equal(restored.loss_terms(batch, SEED)[name], term, err_msg=name)


def test_a_restored_model_computes_in_float32_whatever_it_was_trained_in():
    trained, _ = small_models.small_elepose(precision="mixed_bfloat16")
    full, _ = small_models.small_elepose()
    assert trained.settings == full.settings  # Precision is no part of a model.
    restored = ElePose.restore(trained.settings)
    for name, variable in restored.saved_variables().items():
        variable.assign(np.asarray(trained.saved_variables()[name]))
    pixels = small_models.poses_2d(5, seed=2)
    in_float32 = full.predict(pixels).poses_3d
    np.testing.assert_array_equal(restored.predict(pixels).poses_3d, in_float32)
    assert np.abs(trained.predict(pixels).poses_3d - in_float32).max() > 1e-4
    for layer in restored.lifter._flatten_layers():
        assert layer.compute_dtype == layer.variable_dtype == "float32", layer.name


def _turned(y, e, raised, azimuth):
    """A pose [J, 3] levelled by e, turned about the vertical and raised, in float64."""
    R = reference.rotation("x", raised) @ reference.rotation("y", azimuth) @ reference.rotation("x", e)
    return y @ R.T


def test_the_flip_averaged_likelihood_is_that_of_the_averaged_poses(monkeypatch):
    """Lifted, flipped, averaged, turned and judged in float64, with the cameras that the method drew."""
    method, images = small_models.small_elepose(flip_average=True)
    method.measure_elevation(images)
    objective, images = rewrite(method), images[:5]
    rng = np.random.default_rng(6)
    azimuth, noise = rng.uniform(-np.pi, np.pi, 5), rng.normal(size=5)
    monkeypatch.setattr(tf.random, "stateless_uniform", lambda *_: tf.constant(azimuth, tf.float32))
    monkeypatch.setattr(tf.random, "stateless_normal", lambda *_: tf.constant(noise, tf.float32))
    nll = method.negative_log_likelihood(tf.constant(images), SEED, 2)
    mirror, raised = list(H36M_17.mirror), -float(method.elevation_mean) + float(method.elevation_deviation) * noise
    plain = []
    for i, image in enumerate(images.astype(np.float64)):
        (y, e), (y_flipped, e_flipped) = objective.lift(image), objective.lift(image[mirror] * [-1, 1])
        averaged = (y + y_flipped[mirror] * [-1, 1, 1]) / 2, (e + e_flipped) / 2
        expected, without = (
            -objective.prior.log_prob(reference.project(_turned(*one, raised[i], azimuth[i]), 10.0))
            for one in (averaged, (y, e))
        )
        assert float(nll[i]) == pytest.approx(expected, rel=1e-4)
        plain.append(without)
    assert np.abs(nll - plain).min() > 0.01  # The average matters.


def test_measured_elevation_is_that_of_the_averaged_poses():
    method, images = small_models.small_elepose(flip_average=True)
    objective, mirror = rewrite(method), list(H36M_17.mirror)
    method.measure_elevation(images)
    e = np.array([objective.lift(image)[1] + objective.lift(image[mirror] * [-1, 1])[1] for image in images]) / 2
    assert float(method.elevation_mean) == pytest.approx(e.mean(), rel=1e-4)
    assert float(method.elevation_deviation) == pytest.approx(e.std(ddof=1), rel=1e-4)


def test_the_prior_is_not_trained():
    method, _ = small_models.small_elepose()
    assert set(method.networks) == {"lifter"}
    assert method.variables and all(variable.path.startswith("lifter/") for variable in method.variables)


def test_unknown_choices_are_refused():
    with pytest.raises(ValueError, match="unknown elevation 'none'; expected one of predicted, fixed"):
        small_models.small_elepose(elevation="none")
    with pytest.raises(ValueError, match="expected a weight for each of likelihood, bone"):
        small_models.small_elepose(term_weights={"likelihood": 1.0})
    with pytest.raises(ValueError, match="at least one of them not 0"):
        small_models.small_elepose(term_weights=dict.fromkeys(TERMS, 0.0))
    with pytest.raises(ValueError, match="finite term weights"):
        small_models.small_elepose(term_weights={**dict.fromkeys(TERMS, 1.0), "bone": math.nan})
    with pytest.raises(ValueError, match="likelihood_ceiling must be at least 0; got -1"):
        small_models.small_elepose(likelihood_ceiling=-1)


def test_first_weights_follow_the_seed():
    kernels = [small_models.small_elepose(noise=0.0, seed=seed)[0].variables[0].numpy() for seed in (1, 1, 2)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert all(np.any(a != b) for a, b in itertools.combinations(kernels[1:], 2))


def test_a_weight_on_knees_needs_legs():
    legless = dataclasses.replace(H36M_17, legs=())
    with pytest.raises(ValueError, match=r"names no legs: give them, or set term_weights.knees to 0"):
        small_models.small_elepose(skeleton=legless)
    method, images = small_models.small_elepose(
        skeleton=legless, term_weights={**small_models.PAPER_WEIGHTS, "knees": 0.0}
    )
    assert set(method.loss_terms({"image": tf.constant(images[:BATCH])}, SEED)) == set(TERMS) - {"knees"}
