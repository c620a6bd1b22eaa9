"""A trained ElePose: predictions, elevation statistics, likelihood, storing, and settings that are refused."""

import dataclasses
import itertools
import math

import elepose_float64 as reference
import numpy as np
import pytest
import small_models
import tensorflow as tf
from elepose_rewrite import rewrite

from tf_elepose.methods.elepose import TERMS, ElePose, EleposeObjective
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training import workdir

SEED = tf.constant([3, 8])
BATCH = 8


# ---- use ------------------------------------------------------------------------------------------------------------


def test_the_size_of_the_picture_has_no_influence_under_the_pose_rule():
    method, _ = small_models.small_elepose("pose")
    pixels = small_models.poses_2d(5, seed=1)
    once, twice = method.predict(pixels), method.predict(2 * pixels)
    np.testing.assert_allclose(twice.poses_3d, once.poses_3d, atol=1e-5)
    np.testing.assert_allclose(twice.elevation, once.elevation, atol=1e-3)
    other, _ = small_models.small_elepose("dataset")
    assert np.abs(other.predict(2 * pixels).poses_3d - other.predict(pixels).poses_3d).max() > 0.1


def test_predictions_are_lifted_poses_and_elevations_above_the_horizon():
    objective, _ = small_models.small_elepose_objective()
    method = objective.model
    pixels = small_models.poses_2d(7, seed=1)
    prediction = method.predict(pixels)
    rewritten = rewrite(objective)
    lifted = [rewritten.lift(image) for image in method.normalizer.apply(pixels)[0]]
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


def test_the_measured_elevation_is_that_of_the_whole_set():
    objective, images = small_models.small_elepose_objective()
    method = objective.model
    method.measure_elevation(images)
    rewritten = rewrite(objective)
    e = np.array([rewritten.lift(image)[1] for image in images])
    assert float(method.density.elevation_mean) == pytest.approx(e.mean(), rel=1e-4)
    assert float(method.density.elevation_deviation) == pytest.approx(e.std(ddof=1), rel=1e-4)
    method.measure_elevation(images[:1])
    assert float(method.density.elevation_deviation) == 0.0


@pytest.mark.parametrize("elevation", ["predicted", "fixed"])
def test_likelihood_is_deterministic_and_a_mean_over_virtual_cameras(elevation):
    objective, images = small_models.small_elepose_objective(elevation=elevation)
    method = objective.model
    method.measure_elevation(images)

    def direct(image, seed, views):
        return method.random_view_likelihood(*method.lift(image), seed, views)

    compiled = tf.function(direct)
    x, views = tf.constant(images[:2]), 1500
    nll = compiled(x, SEED, tf.constant(views)).numpy()
    np.testing.assert_array_equal(compiled(x, SEED, tf.constant(views)), nll)
    assert np.all(compiled(x, SEED + 1, tf.constant(views)) != nll)
    np.testing.assert_allclose(direct(x, SEED, 2), compiled(x, SEED, tf.constant(2)), rtol=1e-4)
    # An independent Monte Carlo: other random numbers, the float64 rewrite.
    rewritten, rng = rewrite(objective), np.random.default_rng(4)
    mean, deviation = float(method.density.elevation_mean), float(method.density.elevation_deviation)
    for i, image in enumerate(images[:2]):
        y, e = rewritten.lift(image)
        draws = []
        for _ in range(400):
            R = reference.rotation("y", rng.uniform(-np.pi, np.pi))
            if elevation == "predicted":
                R = reference.rotation("x", -mean + deviation * rng.normal()) @ R @ reference.rotation("x", e)
            else:
                R = reference.rotation("x", rng.uniform(-np.pi / 9, np.pi / 9)) @ R
            draws.append(-rewritten.prior.log_prob(reference.project(y @ R.T, 10.0)))
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
    objective, images = small_models.small_elepose_objective(rule, **options)
    method = objective.model
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
    again = EleposeObjective(
        restored, bone_prior=objective.bone_prior,
        term_weights={name: objective.term_weights.get(name, 0.0) for name in TERMS},
        likelihood_ceiling=objective.likelihood_ceiling,
    )  # fmt: skip
    batch = {"image": tf.constant(images[:BATCH])}
    for name, term in objective.loss_terms(batch, SEED).items():
        np.testing.assert_array_equal(again.loss_terms(batch, SEED)[name], term, err_msg=name)


def test_a_restored_model_computes_in_float32_whatever_it_was_trained_in():
    trained, _ = small_models.small_elepose(precision="mixed_bfloat16")
    full, _ = small_models.small_elepose()
    assert trained.settings == full.settings  # A model does not store its precision.
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
    """Lifting, flipping, averaging, turning and likelihood in float64, with the cameras that the method drew."""
    objective, images = small_models.small_elepose_objective(flip_average=True)
    method = objective.model
    method.measure_elevation(images)
    rewritten, images = rewrite(objective), images[:5]
    rng = np.random.default_rng(6)
    azimuth, noise = rng.uniform(-np.pi, np.pi, 5), rng.normal(size=5)
    monkeypatch.setattr(tf.random, "stateless_uniform", lambda *_: tf.constant(azimuth, tf.float32))
    monkeypatch.setattr(tf.random, "stateless_normal", lambda *_: tf.constant(noise, tf.float32))
    nll = method.random_view_likelihood(*method.lift(tf.constant(images)), SEED, 2)
    mirror, raised = (
        list(H36M_17.mirror),
        -float(method.density.elevation_mean) + float(method.density.elevation_deviation) * noise,
    )
    plain = []
    for i, image in enumerate(images.astype(np.float64)):
        (y, e), (y_flipped, e_flipped) = rewritten.lift(image), rewritten.lift(image[mirror] * [-1, 1])
        averaged = (y + y_flipped[mirror] * [-1, 1, 1]) / 2, (e + e_flipped) / 2
        expected, without = (
            -rewritten.prior.log_prob(reference.project(_turned(*one, raised[i], azimuth[i]), 10.0))
            for one in (averaged, (y, e))
        )
        assert float(nll[i]) == pytest.approx(expected, rel=1e-4)
        plain.append(without)
    assert np.abs(nll - plain).min() > 0.01  # The average matters.


def test_the_measured_elevation_is_that_of_the_averaged_poses():
    objective, images = small_models.small_elepose_objective(flip_average=True)
    method = objective.model
    rewritten, mirror = rewrite(objective), list(H36M_17.mirror)
    method.measure_elevation(images)
    e = np.array([rewritten.lift(image)[1] + rewritten.lift(image[mirror] * [-1, 1])[1] for image in images]) / 2
    assert float(method.density.elevation_mean) == pytest.approx(e.mean(), rel=1e-4)
    assert float(method.density.elevation_deviation) == pytest.approx(e.std(ddof=1), rel=1e-4)


def test_the_prior_is_not_trained():
    objective, _ = small_models.small_elepose_objective()
    assert set(objective.networks) == {"lifter"} and set(objective.model.networks) == {"prior", "lifter"}
    assert objective.variables and all(variable.path.startswith("lifter/") for variable in objective.variables)


def test_unknown_choices_are_refused():
    with pytest.raises(ValueError, match="unknown elevation 'none'; expected predicted or fixed"):
        small_models.small_elepose(elevation="none")
    with pytest.raises(ValueError, match="expected a weight for each of likelihood, bone"):
        small_models.small_elepose_objective(term_weights={"likelihood": 1.0})
    with pytest.raises(ValueError, match="at least one of them not 0"):
        small_models.small_elepose_objective(term_weights=dict.fromkeys(TERMS, 0.0))
    with pytest.raises(ValueError, match="finite term weights"):
        small_models.small_elepose_objective(term_weights={**dict.fromkeys(TERMS, 1.0), "bone": math.nan})
    with pytest.raises(ValueError, match="likelihood_ceiling must be at least 0; got -1"):
        small_models.small_elepose_objective(likelihood_ceiling=-1)


def test_initial_weights_follow_the_seed():
    kernels = [small_models.small_elepose_objective(noise=0.0, seed=seed)[0].variables[0].numpy() for seed in (1, 1, 2)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert all(np.any(a != b) for a, b in itertools.combinations(kernels[1:], 2))


def test_a_weight_on_knees_needs_legs():
    legless = dataclasses.replace(H36M_17, legs=())
    with pytest.raises(ValueError, match=r"names no legs: give them, or use --config.lifter.term_weights.knees=0"):
        small_models.small_elepose(skeleton=legless)
    objective, images = small_models.small_elepose_objective(
        skeleton=legless, term_weights={**small_models.PAPER_WEIGHTS, "knees": 0.0}
    )
    assert set(objective.loss_terms({"image": tf.constant(images[:BATCH])}, SEED)) == {
        name for name, weight in small_models.PAPER_WEIGHTS.items() if weight
    }
