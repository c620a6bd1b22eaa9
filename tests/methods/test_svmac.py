"""SVMAC's objective agrees with its equations written again in NumPy, and a step updates critic and generator.

The file is long because the paper has 24 equations, in their order here.
"""

import math

import keras
import numpy as np
import pytest
import small_models
import svmac_rewrite as paper
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.methods import replicas
from tf_elepose.methods.angles import Angle
from tf_elepose.methods.svmac import TERMS
from tf_elepose.methods.wasserstein import LARGEST_DISTANCE, LARGEST_SLOPE, LEAST_DISTANCE
from tf_elepose.skeleton.skeletons import H36M_17

SEED = tf.constant([3, 8])
JOINTS = H36M_17.index
PAIRS = [
    ((JOINTS(child), JOINTS(parent)), (JOINTS("r" + child[1:]), JOINTS(parent.replace("l_", "r_"))))
    for child, parent in H36M_17.bones
    if child.startswith("l_")
]
BODY = {"nose": JOINTS("nose"), "neck": JOINTS("thorax"), "left": JOINTS("l_shoulder"), "right": JOINTS("r_shoulder")}
OF_BODY = tuple(BODY.values())


def batch_of(method, image):
    return {name: tf.constant(array) for name, array in small_models.arrays(method, image).items()}


def as_arrays(angles):
    """The first pose at every angle, as float64 arrays; poses about their root."""
    return [
        {name: None if (value := getattr(angle, name)) is None else value.numpy()[0].astype(np.float64)
         for name in ("X_rot", "x", "X", "K")}
        for angle in angles
    ]  # fmt: skip


@pytest.mark.parametrize("angles", [2, 3])
def test_every_term_agrees_with_the_papers_equations(angles):
    objective, image = small_models.small_svmac_objective(angles=angles)
    method = objective.model
    batch = batch_of(objective, image[:8])
    terms = objective.loss_terms(batch, SEED)
    found = as_arrays(objective.from_all_angles(method.unit * batch["image"], SEED))
    c, X, K = method.c, [one["X"] for one in found], [one["K"] for one in found]
    at_distance = [pose + np.array([0, 0, c]) for pose in X]
    truth = method.unit * batch["pose"][0].numpy()
    expected = {
        "adversarial": -sum(float(objective.score(angle[np.newaxis].astype(np.float32))[0]) for angle in
                            (one["x"] for one in found[1:])),
        "angle": paper.angle(X[0], *OF_BODY),
        "camera": paper.weak_camera(K) + paper.equal_cameras(K),
        "symmetry": paper.symmetry(X[0], PAIRS),
        "lifting": paper.lifting(X[1:], [one["X_rot"] for one in found[1:]]),
        "consistency": paper.consistency([one["x"] for one in found], at_distance, K, c),
        "supervision": np.linalg.norm(X[0] - truth, axis=-1).mean(),
    }  # fmt: skip
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name][0], value, rtol=1e-3, atol=1e-6, err_msg=name)


def test_the_loss_is_the_weighted_sum_of_eq_24():
    objective, image = small_models.small_svmac_objective()
    batch = batch_of(objective, image[:8])
    values, _ = objective.gradients(batch, SEED)
    means = {name: float(np.mean(term)) for name, term in objective.loss_terms(batch, SEED).items()}
    weights = small_models.SVMAC_WEIGHTS
    assert set(means) == set(weights) and len(set(weights.values())) > 3
    assert float(values["loss"]) == pytest.approx(sum(weights[name] * means[name] for name in means), rel=1e-4)


def test_a_pose_is_turned_about_the_vertical_through_its_root_as_eq_8_says():
    objective, image = small_models.small_svmac_objective()
    method = objective.model
    X, K = method.GEN(tf.constant(image[:4]), None)
    seed = tf.constant([1, 2])
    turned = objective.turned(X, K, seed)
    theta = replicas.draw(lambda size: tf.random.stateless_uniform(size, seed, -math.pi, math.pi), [4]).numpy()
    c = method.c
    for i in range(4):
        expected = paper.turn(X[i].numpy() + np.array([0, 0, c]), theta[i], c) - [0, 0, c]
        np.testing.assert_allclose(turned.X_rot[i], expected, atol=1e-5)
        np.testing.assert_allclose(turned.x[i], (K[i].numpy() @ expected.T).T, atol=1e-6)
    assert len(np.unique(theta)) == 4


def test_poses_are_made_of_depths_as_eq_1_and_2_say():
    method, image = small_models.small_svmac()
    x = method.unit * image[:3]
    depths, _ = method.generator(tf.constant(x))
    X, _ = method.GEN(tf.constant(x), None)
    for i in range(3):
        expected = paper.pose_at(x[i], depths[i].numpy(), method.c, 0) - [0, 0, method.c]
        np.testing.assert_allclose(X[i], expected, atol=1e-5)


def test_turned_poses_are_lifted_again_by_the_same_generator_as_eq_10_says():
    objective, image = small_models.small_svmac_objective(angles=3, batch_norm=False, dropout=0.0)
    method = objective.model
    _, *turned = objective.from_all_angles(tf.constant(method.unit * image[:3]), SEED)
    for angle in turned:
        depths, K = method.generator(angle.x)
        np.testing.assert_allclose(angle.K, K, rtol=1e-6)
        for i in range(3):
            expected = paper.pose_at(angle.x[i].numpy(), depths[i].numpy(), method.c, 0) - [0, 0, method.c]
            np.testing.assert_allclose(angle.X[i], expected, atol=1e-5)
    assert len(turned) == 2 and np.abs(turned[0].X - turned[1].X).max() > 1e-3


def test_the_mean_joint_root_distance_of_the_data_is_one_over_c():
    """The mean is over the other joints (section 3): exact under the rule "pose", nearly under "dataset"."""
    for rule, tolerance in (("pose", 1e-5), ("dataset", 0.02)):
        method, image = small_models.small_svmac(rule)
        distance = np.linalg.norm(method.unit * image[:, 1:], axis=-1).mean()
        assert distance == pytest.approx(1 / method.c, rel=tolerance)


def test_a_weak_perspective_camera_by_hand():
    pose = tf.constant([[[0.0, 0, 0], [1, 2, 3]]])
    image = geometry.observe(tf.constant([[[0.1, 0, 0], [0, 0.2, -0.1]]]), pose)
    np.testing.assert_allclose(image, [[[0, 0], [0.1, 0.1]]], atol=1e-7)


def test_equal_angles_have_no_loss_and_a_moved_camera_has_the_loss_of_its_movement():
    """Two joints, n = 2: K of the second angle is larger by 0.3 in one of its six numbers, one that multiplies x."""
    objective, _ = small_models.small_svmac_objective()
    X = tf.constant([[[0.0, 0, 0], [2.0, 0, 0]]])
    K = tf.constant([[[0.1, 0, 0], [0, 0.1, 0]]])
    same = Angle(X, geometry.observe(K, X), X, K)
    other = Angle(X, same.x, X, K + tf.constant([[[0.3, 0, 0], [0, 0, 0]]]))
    assert (
        float(objective.consistency_loss([same, same])[0]) == float(objective.equal_camera_loss([same, same])[0]) == 0.0
    )
    np.testing.assert_allclose(objective.equal_camera_loss([same, other]), [0.3 / 6], rtol=1e-5)
    # At each angle the other camera's pose is 0.6 away from the two others, in one of two joints; m = 3.
    np.testing.assert_allclose(objective.consistency_loss([same, other]), [2 * 0.36 / 2 / 3], rtol=1e-5)
    np.testing.assert_allclose(objective.camera_loss([same, same]), [0.0], atol=1e-6)


def test_with_one_angle_no_pose_is_lifted_again():
    objective, image = small_models.small_svmac_objective(angles=1)
    angles = objective.from_all_angles(tf.constant(image[:4]), SEED)
    assert len(angles) == 2 and angles[1].X is None and angles[1].K is None
    assert list(objective.term_weights) == [name for name in TERMS if name != "lifting"]
    terms = objective.loss_terms(batch_of(objective, image[:4]), SEED)
    assert list(terms) == list(objective.term_weights)
    _, gradients = objective.gradients(batch_of(objective, image[:4]), SEED)
    assert all(np.any(gradient != 0) for gradient in gradients)


def test_poses_without_known_truth_have_no_supervision_loss():
    objective, image = small_models.small_svmac_objective()
    batch = batch_of(objective, image[:8])
    known = tf.constant([1.0, 0, 0, 1, 0, 0, 0, 1])[:, None, None]
    term = objective.loss_terms({**batch, "pose": known * batch["pose"]}, SEED)["supervision"].numpy()
    whole = objective.loss_terms(batch, SEED)["supervision"].numpy()
    np.testing.assert_allclose(term, whole * known[:, 0, 0], rtol=1e-6)
    assert np.all(whole > 0.05)


# ---- the critic ------------------------------------------------------------------------------------------------------


def test_the_critics_objective_agrees_with_wgan_gp():
    objective, image = small_models.small_svmac_objective()
    method = objective.model
    x, made = method.unit * image[:8], method.unit * image[8:16]
    terms = objective.critic_terms(tf.constant(x), tf.constant(made), SEED)
    distance = objective.score(tf.constant(x)) - objective.score(tf.constant(made))
    np.testing.assert_allclose(terms["wasserstein"], distance, rtol=1e-5)
    slopes = terms["critic_slope"].numpy()
    np.testing.assert_allclose(terms["critic"], 10 * (slopes - 1) ** 2 - distance, rtol=1e-4)
    # The slope from finite differences.
    share = tf.random.stateless_uniform([8, 1], SEED)
    real, fake = (objective.critic.latents(tf.constant(pose / method.unit)) for pose in (x, made))
    between = (share * real + (1 - share) * fake).numpy()
    step, gradient = 1e-2, np.zeros((8, 6))
    for direction in range(6):
        moved = step * np.eye(6, dtype=np.float32)[direction]
        ends = [objective.critic(tf.constant(between + sign * moved)) for sign in (1, -1)]
        gradient[:, direction] = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(slopes, np.linalg.norm(gradient, axis=1), rtol=0.05)


def test_a_critic_learns_the_distance_of_two_shifted_sets_of_poses():
    """Between a set and the same set moved by d, s d - 10 (s - 1)^2 is largest for the slope s = 1 + d / 20; the
    estimated distance is s d.
    """
    objective, image = small_models.small_svmac_objective(critic_width=64, dropout=0.0)
    method = objective.model
    x = method.unit * image
    basis = objective.critic.subspace.basis[1] * objective.critic.subspace.deviation[1]  # One of its latents, by 2.
    moved = 2.0 * method.unit * basis.reshape(1, 17, 2).astype(np.float32)
    optimizer = keras.optimizers.Adam(3e-3)

    @tf.function
    def step(number):
        with tf.GradientTape() as tape:
            terms = objective.critic_terms(tf.constant(x), tf.constant(x + moved), tf.stack([number, 1]))
            loss = tf.reduce_mean(terms["critic"])
        variables = objective.critic.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, [v.value for v in variables]), variables, strict=True))
        return tf.reduce_mean(terms["wasserstein"])

    distances = [float(step(number)) for number in tf.range(450)]
    assert np.mean(distances[-50:]) == pytest.approx(2.0 * (1 + 2.0 / 20), rel=0.02)


def test_a_step_updates_the_critic_as_often_as_asked_and_the_generator_once():
    for critic_steps in (1, 3):
        objective, image = small_models.small_svmac_objective(critic_steps=critic_steps)
        optimizers = {name: keras.optimizers.SGD(1e-4) for name in objective.networks}
        for name, network in objective.networks.items():
            optimizers[name].build(network.trainable_variables)
        before = [np.asarray(variable) for variable in objective.variables]
        values = objective.train_step(batch_of(objective, image[:8]), SEED, optimizers)
        assert set(values) == {*objective.term_weights, "loss", "gradient_norm", *objective.health}
        assert (int(optimizers["critic"].iterations), int(optimizers["generator"].iterations)) == (critic_steps, 1)
        assert all(np.any(np.asarray(v) != b) for v, b in zip(objective.variables, before, strict=True))


def test_one_critic_step_follows_the_critics_gradients():
    objective, image = small_models.small_svmac_objective(critic_steps=1)
    batch = batch_of(objective, image[:8])
    _, gradients = objective.gradients(batch, SEED)
    optimizers = {name: keras.optimizers.SGD(1e-3) for name in objective.networks}
    for name, network in objective.networks.items():
        optimizers[name].build(network.trainable_variables)
    before = {variable.path: np.asarray(variable) for variable in objective.variables}
    objective.train_step(batch, SEED, optimizers)
    for variable, gradient in zip(objective.variables, gradients, strict=True):
        if variable.path.startswith("critic"):
            moved = before[variable.path] - np.asarray(variable)
            np.testing.assert_allclose(moved, 1e-3 * gradient.numpy(), rtol=1e-2, atol=1e-7)


def test_without_the_adversarial_term_no_critic_is_trained_or_stored():
    weights = {**small_models.SVMAC_WEIGHTS, "adversarial": 0.0}
    objective, image = small_models.small_svmac_objective(term_weights=weights)
    method = objective.model
    assert list(objective.networks) == ["generator"] and "adversarial" not in objective.term_weights
    assert not any(name.startswith("critic") for name in method.saved_variables())
    optimizer = keras.optimizers.SGD(1e-3)
    optimizer.build(method.generator.trainable_variables)
    values = objective.train_step(batch_of(objective, image[:8]), SEED, {"generator": optimizer})
    assert float(values["wasserstein"]) == float(values["critic_slope"]) == 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wasserstein": LARGEST_DISTANCE * 1.1}, r"critic diverged \(Wasserstein estimate 110, -1 to 100 expected"),
        ({"wasserstein": LEAST_DISTANCE - 0.1}, "critic diverged"),
        ({"critic_slope": LARGEST_SLOPE * 1.1}, "slope 11, about 1 expected"),
    ],
)
def test_a_critic_that_diverges_stops_the_training(changes, message):
    objective, _ = small_models.small_svmac_objective()
    healthy = {"wasserstein": 5.0, "critic_slope": 1.2, "critic_gradient_norm": 1e6}
    objective.require_healthy(healthy)
    with pytest.raises(ValueError, match=message):
        objective.require_healthy({**healthy, **changes})


# ---- use and settings -----------------------------------------------------------------------------------------------


def test_lifting_uses_no_dropout_and_the_moving_statistics():
    method, image = small_models.small_svmac()
    once, again = method.lift(tf.constant(image))[0], method.lift(tf.constant(image))[0]
    np.testing.assert_array_equal(once, again)
    moving = [v for v in method.generator.non_trainable_variables if v.path.endswith("moving_mean")]
    assert len(moving) == 11  # Upscaling and five blocks of two.
    assert {v.path for v in moving} <= set(method.saved_variables())
    moving[0].assign(np.asarray(moving[0]) + 0.5)
    assert np.abs(method.lift(tf.constant(image))[0] - once).max() > 1e-4


def test_training_changes_the_statistics_and_lifting_does_not():
    objective, image = small_models.small_svmac_objective()
    method = objective.model
    statistics = method.generator.non_trainable_variables
    before = [np.asarray(v) for v in statistics]
    method.lift(tf.constant(image))
    assert all(np.array_equal(np.asarray(v), b) for v, b in zip(statistics, before, strict=True))
    objective.loss_terms(batch_of(objective, image[:8]), SEED)
    assert not any(np.array_equal(np.asarray(v), b) for v, b in zip(statistics, before, strict=True))


def test_flip_average_makes_predictions_of_mirror_images_mirrors():
    method, image = small_models.small_svmac(flip_average=True)
    pose = method.lift(tf.constant(image))[0]
    mirrored = method.lift(geometry.flip(tf.constant(image), H36M_17))[0]
    np.testing.assert_allclose(geometry.flip(mirrored, H36M_17), pose, atol=1e-5)


def test_under_the_pose_rule_a_larger_projection_is_lifted_to_a_larger_pose():
    method, image = small_models.small_svmac("pose")
    x = method.unit * tf.constant(image[:4])
    X, K = method.GEN(x)
    larger, K_larger = method.GEN(1.5 * x)
    np.testing.assert_allclose(larger, 1.5 * X, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(K_larger, K, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"angles": 0}, "angles must be at least 1; got 0"),
        ({"critic_steps": 0}, "critic_steps must be at least 1; got 0"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1; got 1.0"),
        ({"term_weights": {"angle": 1.0}}, "expected a weight for each of adversarial, angle"),
        ({"term_weights": dict.fromkeys(TERMS, 0.0)}, "at least one of them not 0"),
        ({"term_weights": dict.fromkeys(TERMS, math.nan)}, "expected finite term weights"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small_models.small_svmac(**options)


def test_a_compiled_step_is_refused():
    objective, image = small_models.small_svmac_objective()
    with pytest.raises(ValueError, match="XLA cannot compile a step of several updates"):
        objective.train_step(batch_of(objective, image[:8]), SEED, {}, jit_compile=True)
