"""LInKs: halves are scored and lifted separately, and a missing half is predicted from the 3D pose of the other."""

import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.methods.elepose import virtual_rotation
from tf_elepose.methods.filling import FillFitting
from tf_elepose.skeleton.skeletons import H36M_17

pytest_plugins = ("quick_completer",)
pytestmark = pytest.mark.usefixtures("quick_completer")

LEGS, TORSO = (list(H36M_17.indices(joints)) for joints in H36M_17.halves.values())
JOINTS_OF = {"legs": LEGS, "torso": TORSO}
SEED = tf.constant([3, 8])


@pytest.fixture(scope="module")
def made():
    return small_models.small_links(completer=small_models.small_completer())


def _seen(count, half):
    seen = np.ones((count, 17), bool)
    seen[:, JOINTS_OF[half]] = False
    return seen


def test_swapping_legs_between_poses_does_not_change_the_likelihood(made):
    """The likelihood of a density of whole poses does change."""
    method, image = made
    a, b = image[:8].copy(), image[8:16].copy()
    before = method.prior.log_prob(a) + method.prior.log_prob(b)
    a[:, LEGS], b[:, LEGS] = b[:, LEGS], a[:, LEGS].copy()
    np.testing.assert_allclose(method.prior.log_prob(a) + method.prior.log_prob(b), before, rtol=1e-5)
    whole = small_models.small_prior(image, bases=9)
    small_models.perturb(whole.trainable_variables, 0.1)
    kept = whole.log_prob(image[:8]) + whole.log_prob(image[8:16])
    assert np.abs(whole.log_prob(a) + whole.log_prob(b) - kept).max() > 1.0


@pytest.mark.parametrize(("missing", "present"), [("legs", "torso"), ("torso", "legs")])
def test_a_half_is_lifted_alike_with_and_without_the_other_half(made, missing, present):
    method, _ = made
    pixels = small_models.poses_2d(6, seed=3)
    whole, part = method.predict(pixels), method.predict(pixels, seen=_seen(6, missing))
    np.testing.assert_allclose(part.poses_3d[:, JOINTS_OF[present]], whole.poses_3d[:, JOINTS_OF[present]], atol=1e-6)
    assert np.abs(part.poses_3d[:, JOINTS_OF[missing]] - whole.poses_3d[:, JOINTS_OF[missing]]).max() > 0.01


@pytest.mark.parametrize(("missing", "present"), [("legs", "torso"), ("torso", "legs")])
def test_a_missing_half_is_filled_from_the_3d_pose_of_the_other(made, missing, present):
    method, image = made
    x, seen = tf.constant(image[:6]), tf.constant(_seen(6, missing))
    whole, y, elevation, _ = method.complete_and_lift(x, seen)
    filled = method.fillers[missing](tf.gather(y, JOINTS_OF[present], axis=1))
    np.testing.assert_allclose(tf.gather(y, JOINTS_OF[missing], axis=1), filled, atol=1e-6)
    np.testing.assert_allclose(
        tf.gather(whole, JOINTS_OF[missing], axis=1), geometry.project(filled, method.distance), atol=1e-7
    )
    own = method.lifter.by_part(x)[1][:, list(JOINTS_OF).index(present)]
    np.testing.assert_allclose(elevation, -own, atol=1e-6)  # That of the seen half.


def test_single_hidden_joints_are_completed_as_by_elepose(made):
    method, image = made
    seen = np.ones((6, 17), bool)
    seen[:, LEGS[:-1]] = False  # One joint of the legs is left.
    x = tf.constant(image[:6])
    whole, y, *_ = method.complete_and_lift(x, tf.constant(seen))
    np.testing.assert_array_equal(whole, method.complete(x, tf.constant(seen)))
    np.testing.assert_allclose(y, method.lift(whole)[0], atol=1e-6)


def test_a_pose_with_a_missing_half_does_not_change_its_neighbours(made):
    method, _ = made
    pixels, seen = small_models.poses_2d(3, seed=3), np.ones((3, 17), bool)
    seen[1, LEGS] = False
    mixed, whole = method.predict(pixels, seen=seen), method.predict(pixels)
    np.testing.assert_allclose(mixed.poses_3d[::2], whole.poses_3d[::2], atol=1e-6)
    np.testing.assert_allclose(mixed.elevation[::2], whole.elevation[::2], atol=1e-4)


def test_without_fillers_missing_halves_are_completed_in_2d():
    method, image = small_models.small_links(completer=small_models.small_completer(), fill=False)
    x, seen = tf.constant(image[:6]), tf.constant(_seen(6, "legs"))
    whole, y, *_ = method.complete_and_lift(x, seen)
    np.testing.assert_array_equal(whole, method.complete(x, seen))
    np.testing.assert_array_equal(y, method.lift(whole)[0])


def test_xla_lifts_halves_as_eager_does(made):
    """What is LInKs' own in a step; the rest is ElePose's objective, compiled in test_elepose.py."""
    method, image = made
    x = tf.constant(image[:8])
    compiled = tf.function(method.lifter.by_part, jit_compile=True, autograph=False)
    for other, one in zip(compiled(x), method.lifter.by_part(x), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)


def test_fillers_learn_halves_of_lifted_poses_from_a_virtual_camera(made):
    method, image = made
    terms = FillFitting(method).loss_terms({"image": tf.constant(image[:8])}, SEED)
    y, e = method.y(tf.constant(image[:8]))
    turned = np.einsum("bij,bkj->bki", virtual_rotation(e, SEED), y)
    for half, present in (("legs", TORSO), ("torso", LEGS)):
        guess = method.fillers[half](tf.constant(turned[:, present], tf.float32)).numpy()
        expected = np.linalg.norm(guess - turned[:, JOINTS_OF[half]], axis=-1).mean(axis=-1)
        np.testing.assert_allclose(terms[half], expected, rtol=1e-4)


def test_a_skeleton_without_legs_is_refused():
    legless = H36M_17.to_dict() | {"legs": [], "name": "legless"}
    skeleton = type(H36M_17).from_dict(legless)
    with pytest.raises(ValueError, match="'legless' names no legs; it cannot be divided into legs and torso"):
        small_models.small_links(skeleton=skeleton)
