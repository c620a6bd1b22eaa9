"""A trained CanonPose in use: camera frame and canonical space, confidences, joints that are hidden."""

import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.skeleton.skeletons import H36M_17


def test_the_pose_is_the_canonical_pose_turned_into_the_cameras_frame():
    method, _ = small_models.small_canonpose()
    pixels = small_models.poses_2d(9)
    prediction = method.predict(pixels)
    X, R = prediction.canonical, prediction.rotation
    np.testing.assert_allclose(prediction.poses_3d, np.einsum("nij,nkj->nki", R, X), atol=1e-5)
    network, rotation = method.X_and_R(tf.constant(prediction.image), tf.ones([9, 17]))
    np.testing.assert_allclose(R, rotation, atol=1e-6)
    sizes = [np.linalg.norm(values, axis=(1, 2), keepdims=True) for values in (X, network)]
    np.testing.assert_allclose(X / sizes[0], network / sizes[1], atol=1e-5)
    np.testing.assert_allclose(R @ np.swapaxes(R, 1, 2), np.broadcast_to(np.eye(3), R.shape), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(R), 1.0, atol=1e-5)
    assert np.all(X[:, H36M_17.root_index] == 0)


@pytest.mark.parametrize("rule", ["dataset", "pose"])
def test_lifted_poses_have_the_size_that_the_image_shows(rule):
    """A weakly perspective camera at the normalizer's distance sees them in the size of the 2D pose."""
    method, _ = small_models.small_canonpose(rule=rule)
    image, _ = method.normalizer.apply(small_models.poses_2d(9))
    lifted = method.predict_normalized(image).poses_3d
    np.testing.assert_allclose(
        np.linalg.norm(lifted[..., :2], axis=(1, 2)), 10 * np.linalg.norm(image, axis=(1, 2)), rtol=1e-4
    )


def test_under_the_rule_pose_size_and_place_of_a_person_have_no_influence():
    method, _ = small_models.small_canonpose(rule="pose")
    pixels = small_models.poses_2d(9)
    moved = 0.2 * pixels + np.float32([300.0, -50.0])
    np.testing.assert_allclose(method.predict(moved).poses_3d, method.predict(pixels).poses_3d, atol=1e-4)


def test_flip_averaging_makes_mirrored_poses_of_mirrored_people():
    method, _ = small_models.small_canonpose(flip_average=True)
    image = small_models.normalized(9)[0]
    y = method.predict_normalized(image).poses_3d
    mirrored = method.predict_normalized(geometry.flip(tf.constant(image), H36M_17).numpy()).poses_3d
    np.testing.assert_allclose(mirrored, geometry.flip(tf.constant(y), H36M_17), atol=1e-5)
    trust = np.random.default_rng(0).uniform(0.3, 1, (9, 17)).astype(np.float32)
    y = method.predict_normalized(image, confidence=trust).poses_3d
    mirrored = method.predict_normalized(
        geometry.flip(tf.constant(image), H36M_17).numpy(), confidence=trust[:, list(H36M_17.mirror)]
    ).poses_3d
    np.testing.assert_allclose(mirrored, geometry.flip(tf.constant(y), H36M_17), atol=1e-5)
    plain, _ = small_models.small_canonpose()
    assert np.abs(y - plain.predict_normalized(image, confidence=trust).poses_3d).max() > 1e-3


def test_missing_confidences_are_the_usual_ones_and_others_are_clipped_to_those_of_training():
    method, _ = small_models.small_canonpose()
    training = np.random.default_rng(0).uniform(0.4, 0.8, (1000, 17)).astype(np.float32)
    training[:, 3] += 0.1
    training[::4, 5] = 0.0  # Not seen.
    method.trust.measure(training)
    low, usual, high = method.trust.range.numpy()
    np.testing.assert_array_equal(method.usual_confidence, usual)
    np.testing.assert_allclose(low[[0, 3, 5]], [0.4, 0.5, 0.4], atol=0.02)
    np.testing.assert_allclose(usual[[0, 3, 5]], [0.6, 0.7, 0.6], atol=0.03)
    np.testing.assert_allclose(high[[0, 3, 5]], [0.8, 0.9, 0.8], atol=0.02)
    pixels = small_models.poses_2d(6)
    with_usual = method.predict(pixels, confidence=np.tile(usual, (6, 1))).poses_3d
    np.testing.assert_allclose(method.predict(pixels).poses_3d, with_usual, atol=1e-6)
    highest = method.predict(pixels, confidence=np.tile(high, (6, 1))).poses_3d
    for over in (1.0, 50.0, np.inf):
        np.testing.assert_allclose(
            method.predict(pixels, confidence=np.full((6, 17), over)).poses_3d, highest, atol=1e-6
        )
    assert np.abs(with_usual - highest).max() > 1e-4


def test_confidences_of_another_shape_are_refused():
    method, _ = small_models.small_canonpose()
    with pytest.raises(ValueError, match=r"confidence: expected \[6, 17\]; got \[6, 16\]"):
        method.predict(small_models.poses_2d(6), confidence=np.ones((6, 16)))


def test_seen_joints_stay_where_they_are_when_others_are_guessed():
    method, _ = small_models.small_canonpose(hidden=0.5)
    pixels, seen = small_models.poses_2d(5), np.ones((5, 17), bool)
    seen[:, [3, 12]] = False
    guessed, whole = method.predict(pixels, seen=seen), method.predict(pixels)
    np.testing.assert_allclose(guessed.image[seen], whole.image[seen], atol=1e-6)
    error = np.linalg.norm(guessed.image[~seen] - whole.image[~seen], axis=-1)
    far = np.linalg.norm(whole.image[~seen], axis=-1)
    assert np.all(error > 0) and error.mean() < 0.5 * far.mean()  # Better than a guess at the root.


def test_poses_that_cannot_be_lifted_have_no_canonical_pose():
    method, _ = small_models.small_canonpose()
    pixels = small_models.poses_2d(3)
    pixels[1] = np.nan
    prediction = method.predict(pixels)
    for values in (prediction.canonical, prediction.rotation):
        assert values.any(axis=(1, 2)).tolist() == [True, False, True]


def test_flip_averaging_keeps_the_images_own_rotation():
    (one, _), (averaged, _) = (small_models.small_canonpose(flip_average=flip) for flip in (False, True))
    pixels = small_models.poses_2d(4)
    plain, mean = one.predict(pixels), averaged.predict(pixels)
    np.testing.assert_allclose(mean.rotation, plain.rotation, atol=1e-6)
    np.testing.assert_allclose(mean.canonical, mean.poses_3d @ mean.rotation, atol=1e-6)
    assert np.abs(mean.canonical - plain.canonical).max() > 1e-3


def test_samples_have_the_training_poses_mean_and_covariance():
    method, image = small_models.small_canonpose()
    image = image.reshape(-1, 17, 2)
    drawn = method.sample(20_000, seed=1)
    assert np.all(drawn[:, H36M_17.root_index] == 0) and not np.array_equal(drawn, method.sample(20_000, seed=2))
    deviation = image.std()
    np.testing.assert_allclose(drawn.mean(axis=0), image.mean(axis=0), atol=0.05 * deviation)
    covariances = [np.cov(poses.reshape(len(poses), -1).T) / deviation**2 for poses in (drawn, image)]
    np.testing.assert_allclose(*covariances, atol=0.1)


def test_canonpose_has_no_elevation_and_no_density():
    method, _ = small_models.small_canonpose()
    pixels = small_models.poses_2d(3)
    assert method.predict(pixels).elevation is None and method.likelihood(pixels) is None
    assert method.view_likelihood(tf.zeros([1, 17, 3]), None) is None and method.likelihood_quantiles is None
