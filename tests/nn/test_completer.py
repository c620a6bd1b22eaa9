"""The completer keeps seen joints, ignores the coordinates of hidden ones, and works wherever a pose lies."""

import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.nn.completer import PoseCompleter, complete
from tf_elepose.nn.pose_statistics import blank_statistics, fit_statistics
from tf_elepose.skeleton.skeletons import H36M_17


@pytest.fixture(scope="module")
def completer():
    return small_models.small_completer(noise=0.3)


@pytest.fixture(scope="module")
def seen():
    return np.random.default_rng(0).random((9, 17)) > 0.3


def completed(completer, pose, seen):
    return completer(tf.constant(pose, tf.float32), tf.constant(seen)).numpy()


def test_seen_joints_stay_and_hidden_ones_are_guessed_from_them_alone(completer, seen):
    poses = small_models.normalized(9)[0]
    whole = completed(completer, poses, seen)
    np.testing.assert_array_equal(whole[seen], poses[seen])
    np.testing.assert_array_equal(completed(completer, np.where(seen[..., None], poses, 5e4), seen), whole)
    assert np.all(np.isfinite(whole)) and np.all(np.abs(whole - poses)[~seen].max(axis=-1) > 0)
    np.testing.assert_array_equal(completed(completer, poses, np.ones_like(seen)), poses)


def test_moving_a_pose_moves_the_completed_pose(completer, seen):
    image = small_models.normalized(9)[0].astype(np.float64)
    whole, shift = completed(completer, image, seen), np.array([3.0, -7.0])
    np.testing.assert_allclose(completed(completer, image + shift, seen), whole + shift, atol=2e-5)


def test_the_linear_guess_is_the_conditional_mean(completer, seen):
    """Written out in float64: d_h = -inverse(L_hh) L_hv d_v; each pose has its own pattern of hidden joints."""
    image = small_models.normalized(9)[0]
    deviation, mean, precision = (
        np.asarray(value, np.float64)
        for value in (completer.distribution.deviation, completer.distribution.mean, completer.distribution.precision)
    )
    shown = np.where(seen[..., None], image / deviation, 0.0)
    got = completer.distribution.guess(tf.constant(deviation * shown, tf.float32), tf.constant(seen)).numpy()
    for pose, known, guess in zip(image.astype(np.float64) / deviation, seen, got, strict=True):
        v = np.repeat(known, 2)
        place = np.tile((pose - mean.reshape(17, 2))[known].mean(axis=0), 17)  # A pose may lie anywhere.
        d = pose.ravel() - mean - place
        d[~v] = -np.linalg.solve(precision[np.ix_(~v, ~v)], precision[np.ix_(~v, v)] @ d[v])
        np.testing.assert_allclose(guess.ravel(), d + mean + place, atol=0.02)


def test_statistics_use_only_known_coordinates():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(4000, 6)) * [1, 2, 3, 1, 2, 3] + [5, 0, 0, 0, 0, -5]
    known = rng.random(flat.shape) > 0.3
    one, other = (fit_statistics(values, known) for values in (flat, np.where(known, flat, np.nan)))
    np.testing.assert_array_equal(one.precision, other.precision)
    assert one.deviation == pytest.approx(np.sqrt(np.mean([1, 4, 9])), rel=0.03)
    np.testing.assert_allclose(one.mean * one.deviation, [5, 0, 0, 0, 0, -5], atol=0.2)
    assert np.linalg.eigvalsh(one.precision).min() > 0
    still = fit_statistics(np.tile(flat[:, :1], 6))  # All coordinates are one.
    assert np.all(np.isfinite(still.precision)) and np.linalg.eigvalsh(still.precision).min() > 0


def test_poses_without_extent_or_joints_stay_finite(completer):
    for pose, shown in ((np.zeros((1, 17, 2)), True), (np.full((1, 17, 2), 9.0), True), (np.zeros((1, 17, 2)), False)):
        assert np.all(np.isfinite(completed(completer, pose, np.full((1, 17), shown))))


def test_the_network_starts_from_its_seed():
    def weights(seed):
        made = PoseCompleter(17, blank_statistics(17), width=8, seed=seed)
        made.build()
        return np.concatenate([np.ravel(w) for w in made.get_weights()])

    np.testing.assert_array_equal(weights(3), weights(3))
    assert np.any(weights(3) != weights(4))


@pytest.mark.parametrize("rule", ["dataset", "pose"])
def test_a_completed_pose_is_a_normalised_pose(completer, seen, rule):
    """It has its root at the origin and, by rule "pose", the size of all others; complete poses stay unchanged."""
    image, normalizer = small_models.normalized(9, rule=rule)
    seen = seen.copy()
    seen[0] = True
    centred, _ = normalizer.apply(small_models.poses_2d(9), None, seen)
    whole = complete(completer, normalizer, tf.constant(centred), tf.constant(seen)).numpy()
    np.testing.assert_allclose(whole[0], image[0], atol=1e-6)
    np.testing.assert_allclose(whole[:, H36M_17.root_index], 0.0, atol=1e-7)
    if rule == "pose":
        spread = np.linalg.norm(whole, axis=-1).mean(axis=-1)
        np.testing.assert_allclose(spread, spread[0], rtol=1e-4)
