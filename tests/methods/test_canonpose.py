"""CanonPose's equations agree with a second version in float64 and have the properties that the paper states."""

import dataclasses

import canonpose_float64 as reference
import elepose_float64
import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.methods import rig_partners
from tf_elepose.methods.canonpose import TERMS, CanonposeObjective
from tf_elepose.skeleton.skeletons import H36M_17

SEED = tf.constant([3, 4])
ROOT = H36M_17.root_index


def confidences(shape, seed=1):
    return np.random.default_rng(seed).uniform(0.2, 1.0, shape).astype(np.float32)


def batch_of(image, rig=None, **more):
    found = {"image": tf.constant(image), "confidence": tf.constant(confidences(image.shape[:-1]))}
    found["rig"] = tf.constant(np.zeros(len(image), np.float32) if rig is None else np.float32(rig))
    return found | {name: tf.constant(value) for name, value in more.items()}


def reference_terms(method, batch):
    """{term: [B]} in float64, with the partners that the objective draws."""
    weights = small_models.weights64(method.saved_variables())
    lifter = reference.Lifter(weights, ROOT, method.lifter.confidences)
    partners = rig_partners.partners(batch["rig"], tf.random.experimental.stateless_fold_in(SEED, 0)).numpy()
    W, c = batch["image"].numpy(), batch["confidence"].numpy()
    legs = [H36M_17.indices(leg) for leg in H36M_17.legs]
    rows = [
        reference.terms(lifter, W[i], c[i], (W[p], c[p]), lambda X: elepose_float64.backward_knees(X, legs))
        for i, p in enumerate(partners)
    ]
    return {name: np.array([row[name] for row in rows]) for name in TERMS}


def assert_agrees_with_reference(objective, batch, terms=None):
    expected = reference_terms(objective.model, batch)
    for name, values in (terms or objective.loss_terms(batch, SEED)).items():
        np.testing.assert_allclose(values, expected[name], rtol=2e-4, atol=2e-5, err_msg=name)


def test_every_term_agrees_with_the_paper():
    objective, image = small_models.small_canonpose_objective(noise=0.2)
    batch = batch_of(image[:12], rig=np.repeat([0, 1, 2], 4))
    values = objective.loss_terms(batch, SEED)
    assert list(values) == list(TERMS) and all(np.ptp(value) > 0 for value in values.values())
    assert_agrees_with_reference(objective, batch, values)


@pytest.mark.parametrize("views", [2, 4, 5])
def test_any_number_of_views(views):
    objective, image = small_models.small_canonpose_objective(views=views, noise=0.2)
    assert_agrees_with_reference(objective, batch_of(image[:6]))


def _with_missing_views(image):
    batch = batch_of(image[:8], rig=np.repeat([0, 1], 4))
    confidence = batch["confidence"].numpy()
    confidence[0, 1] = confidence[2, 0] = confidence[5, 2] = 0.0
    confidence[6, :2] = 0.0  # One view only.
    confidence[7] = 0.0
    confidence[3, 1, :5] = 0.0  # Joints, not a view.
    return batch | {"confidence": tf.constant(confidence)}


def test_missing_views_and_joints_have_no_influence():
    objective, image = small_models.small_canonpose_objective(noise=0.2)
    batch = _with_missing_views(image)
    values = objective.loss_terms(batch, SEED)
    assert_agrees_with_reference(objective, batch, values)
    for name in ("view", "camera", "pose_equality"):
        assert values[name][6] == 0.0 and values[name][7] == 0.0


def test_a_missing_view_equals_one_view_fewer_whatever_its_numbers():
    weights = small_models.CANONPOSE_WEIGHTS | {"camera": 0.0, "camera_equality": 0.0}
    objective, image = small_models.small_canonpose_objective(noise=0.2, term_weights=weights)
    batch = batch_of(image[:6])
    confidence = batch["confidence"].numpy()
    confidence[:, 1] = 0.0
    two = {"image": tf.gather(batch["image"], [0, 2], axis=1), "confidence": tf.gather(confidence, [0, 2], axis=1)}
    expected = objective.loss_terms(two, SEED)
    for factor in (0.0, 1.0, 1e6):
        scaled = batch["image"].numpy()
        scaled[:, 1] = factor * scaled[:, 1]
        values, gradients = objective.gradients(
            batch | {"image": tf.constant(scaled), "confidence": tf.constant(confidence)}, SEED
        )
        for name, value in expected.items():
            np.testing.assert_allclose(values[name], tf.reduce_mean(value), rtol=1e-5)
        assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


def test_moments_without_any_view_leave_gradients_finite():
    objective, image = small_models.small_canonpose_objective(noise=0.2)
    batch = batch_of(np.zeros_like(image[:4])) | {"confidence": tf.zeros([4, 3, 17])}
    values, gradients = objective.gradients(batch, SEED)
    assert all(value == 0.0 for value in values.values())
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


def test_errors_do_not_depend_on_the_size_of_a_view():
    """Eq. 2: neither the size of the input nor that of the predicted pose has an influence."""
    objective, image = small_models.small_canonpose_objective(noise=0.2)
    method = objective.model
    sizes = np.random.default_rng(2).uniform(0.1, 10.0, (8, 3, 1, 1)).astype(np.float32)
    one, other = (
        objective.loss_terms(batch_of(image[:8]), SEED),
        objective.loss_terms(batch_of(sizes * image[:8]), SEED),
    )
    for name, value in one.items():
        np.testing.assert_allclose(other[name], value, rtol=1e-3, atol=1e-4)
    X, R = method.X_and_R(image[:4], tf.ones([4, 3, 17]))
    W_rep = objective.W_rep(R, X)
    C = confidences((4, 3, 17))
    np.testing.assert_allclose(
        objective.L_rep(7.0 * W_rep, image[:4], C), objective.L_rep(W_rep, image[:4], C), rtol=1e-4
    )


def test_the_true_scene_and_its_depth_mirror_have_no_error():
    """A pose seen by four cameras: all m^2 combinations fit, also those with the partners' rotations and M X, M R M."""
    objective, _ = small_models.small_canonpose_objective(views=4)
    rng = np.random.default_rng(5)
    X = rng.normal(size=(6, 1, 17, 3)).astype(np.float32)
    X = tf.constant(np.repeat(X - X[:, :, ROOT : ROOT + 1], 4, axis=1))
    rig = geometry.rotation_vector(tf.constant(rng.normal(size=(1, 4, 3)), tf.float32))
    body = geometry.rotation_vector(tf.constant(rng.normal(size=(6, 1, 3)), tf.float32))
    R = rig @ body
    W = geometry.rotate(R, X)[..., :2]
    C = tf.constant(confidences((6, 4, 17)))
    mirror = tf.constant(np.diag([1.0, 1.0, -1.0]), tf.float32)
    for X_, R_ in ((X, R), (geometry.rotate(mirror, X), mirror @ R @ mirror)):
        np.testing.assert_allclose(objective.L_rep(objective.W_rep(R_, X_), W, C), 0.0, atol=1e-5)
        R_s = tf.gather(R_, [3, 0, 5, 1, 2, 4])
        np.testing.assert_allclose(
            objective.L_rep(objective.W_rep(R_s, objective.carried(R_s, R_, X_)), W, C), 0.0, atol=1e-5
        )
    wrong = tf.gather(rig[0], [1, 0, 2, 3]) @ body
    assert np.all(objective.L_rep(objective.W_rep(wrong, X), W, C).numpy()[:, 0] > 0.1)


def test_partners_are_permuted_within_their_rigs():
    rig = np.float32([5, 0, 5, 2, 0, 5, 5, 0, 9])
    found = [rig_partners.partners(tf.constant(rig), tf.constant([1, n])).numpy() for n in range(40)]
    for partners in found:
        np.testing.assert_array_equal(np.sort(partners), np.arange(9))
        np.testing.assert_array_equal(rig[partners], rig)
    for member in (0, 2, 5, 6):  # Every moment of a rig can be the partner of every other.
        assert {int(partners[member]) for partners in found} == {0, 2, 5, 6}


def test_without_confidences_joints_are_only_seen_or_not_seen():
    objective, image = small_models.small_canonpose_objective(noise=0.2, confidences=False)
    method = objective.model
    batch = _with_missing_views(image)
    seen = tf.cast(batch["confidence"] > 0, tf.float32)
    one, other = objective.loss_terms(batch, SEED), objective.loss_terms(batch | {"confidence": seen}, SEED)
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name])
    assert_agrees_with_reference(objective, batch | {"confidence": seen}, one)
    assert method.lifter.trunk.upscale.kernel.shape[0] == 34 and not method.uses_confidence


def test_confidences_weigh_errors_and_are_an_input_of_the_network():
    objective, image = small_models.small_canonpose_objective(noise=0.2)
    method = objective.model
    batch = batch_of(image[:4])
    sure = batch | {"confidence": tf.ones([4, 3, 17])}
    assert np.all(objective.loss_terms(sure, SEED)["reprojection"] > objective.loss_terms(batch, SEED)["reprojection"])
    pixels = small_models.poses_2d(5)
    with_confidence = method.predict(pixels, confidence=confidences((5, 17))).poses_3d
    assert np.abs(with_confidence - method.predict(pixels).poses_3d).max() > 1e-4
    over = {"confidence": 3.0 * sure["confidence"]}  # Some detectors have confidences over 1.
    for name, value in objective.loss_terms(sure | over, SEED).items():
        np.testing.assert_array_equal(value, objective.loss_terms(sure, SEED)[name])


def test_hidden_joints_are_hidden_from_the_lifter_and_not_from_the_errors():
    objective, image = small_models.small_canonpose_objective(noise=0.2, hidden=1.0)
    method = objective.model
    batch = batch_of(image[:32])
    C = method.trust.weights(batch)
    lifter_input, input_confidence = objective.lifter_input(batch["image"], C, SEED)
    hidden = input_confidence.numpy() == 0.0
    assert 0.15 < hidden.mean() < 0.35 and not np.any(C.numpy() == 0.0)
    # The other joints keep their places relative to each other, where the root is seen.
    kept = ~hidden[:, :, ROOT]
    before, after = (poses[kept][0][~hidden[kept][0]] for poses in (image[:32], lifter_input.numpy()))
    np.testing.assert_allclose(after, np.linalg.norm(after) / np.linalg.norm(before) * before, atol=1e-5)
    never, _ = small_models.small_canonpose_objective(noise=0.2, hidden=0.0)
    np.testing.assert_array_equal(never.lifter_input(batch["image"], C, SEED)[0], batch["image"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"term_weights": {"view": 1.0}}, "expected a weight for each of reprojection, view, camera"),
        ({"term_weights": dict.fromkeys(TERMS, 0.0)}, "at least one of them not 0"),
        ({"term_weights": dict.fromkeys(TERMS, np.nan)}, "expected finite term weights"),
        ({"hidden": 1.5}, "hidden must lie between 0 and 1; got 1.5"),
    ],
)
def test_settings_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        small_models.small_canonpose_objective(**changes)


def test_knees_need_legs():
    model, _ = small_models.small_canonpose()
    model.skeleton = dataclasses.replace(H36M_17, legs=())
    with pytest.raises(ValueError, match="names no legs"):
        CanonposeObjective(model, term_weights=small_models.CANONPOSE_WEIGHTS)
