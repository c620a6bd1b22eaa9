"""Loss terms against numbers worked out by hand."""

import dataclasses
import math

import elepose_float64 as reference
import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose import geometry, losses
from tf_elepose.skeleton.anthropometry import BonePrior, stated_bone_prior
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton

# A bent stick: three joints, two bones.
STICK = Skeleton("stick", ("a", "b", "c"), (None, "a", "b"), (), (), root="a", head="c")
STICK_WITH_ARMS = Skeleton(
    "armed", ("a", "b", *(f"{side}{i}" for side in "lr" for i in range(3))), (None, *"aaaaaaa"),
    ("l0", "l1", "l2"), ("r0", "r1", "r2"), root="a", head="b", arms=(("l0", "l1", "l2"), ("r0", "r1", "r2")),
)  # fmt: skip


def constant(values):
    return tf.constant(np.asarray(values, np.float32))


def test_pose_distance_is_the_norm_of_the_whole_pose():
    target = constant(np.zeros((2, 3, 3)))
    predicted = np.zeros((2, 3, 3))
    predicted[1, 0], predicted[1, 2] = [1, 2, 0], [0, 0, -2]  # 1 + 4 + 4 = 9; a mean of joint distances differs.
    np.testing.assert_allclose(losses.pose_distance(constant(predicted), target), [0.0, 3.0])


def test_mean_joint_distance_is_a_mean_of_distances():
    target = constant(np.zeros((2, 3, 3)))
    predicted = np.zeros((2, 3, 3))
    predicted[1, 0], predicted[1, 2] = [1, 2, 2], [0, 0, -6]  # 3, 0 and 6.
    np.testing.assert_allclose(losses.mean_joint_distance(constant(predicted), target), [0.0, 3.0])


def test_absolute_error_sums_coordinates():
    error = losses.absolute_error(constant([[[1, -2], [0, 0.5]]]), constant([[[0, 1], [0, 0]]]))
    np.testing.assert_allclose(error, [4.5])


def test_relative_bone_error_worked_by_hand():
    # Bones 3 and 1, mean 2: relative 1.5 and 0.5. Expected 1.2 and 0.8: (0.3 / 1)^2 + (0.3 / 0.5)^2 = 0.09 + 0.36.
    pose, prior = constant([[[0, 0, 0], [0, 3, 0], [0, 3, 1]]]), BonePrior(np.float32([1.2, 0.8]), np.float32([1, 0.5]))
    np.testing.assert_allclose(losses.relative_bone_error(pose, STICK, prior), [0.45], rtol=1e-6)
    # Relative lengths: the size of the pose does not matter.
    np.testing.assert_allclose(losses.relative_bone_error(7 * pose, STICK, prior), [0.45], rtol=1e-5)


def test_relative_bone_error_is_the_logarithm_of_eq_8():
    poses, prior = np.random.default_rng(0).normal(size=(4, 17, 3)), small_models.bone_prior()
    bones = [(H36M_17.index(child), H36M_17.index(parent)) for child, parent in H36M_17.bones]
    expected = [reference.relative_bone_error(pose, bones, prior.lengths, prior.deviations) for pose in poses]
    np.testing.assert_allclose(losses.relative_bone_error(constant(poses), H36M_17, prior), expected, rtol=1e-5)


def test_backward_knees_count_only_the_wrong_way():
    body = small_models.standing() * [1, -1, -1]  # Facing the camera, knees 0.1 ahead, thighs and shanks 0.65 down.
    assert losses.backward_knees(constant(body), H36M_17) == 0.0
    bent = 2 * 0.65 * 0.1 / (0.65**2 + 0.1**2)  # Sine of twice the thigh's slant.
    np.testing.assert_allclose(losses.backward_knees(constant(body * [1, 1, -1]), H36M_17), 2 * bent, rtol=1e-5)
    body[H36M_17.index("l_knee"), 2] = 0.65  # One knee backwards at a right angle, the other still right.
    np.testing.assert_allclose(losses.backward_knees(constant(body), H36M_17), 1.0, rtol=1e-5)


def test_soft_ceiling_worked_by_hand():
    x = constant([-3.0, 4.0, 8.0 * math.e])
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = losses.soft_ceiling(x, 8.0)
    np.testing.assert_allclose(value, [-3.0, 4.0, 16.0], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(value, x), [1.0, 1.0, 1.0 / math.e], rtol=1e-6)


def test_soft_ceiling_is_continuous_with_its_slope():
    near = constant([8.0 - 1e-3, 8.0 + 1e-3])
    with tf.GradientTape() as tape:
        tape.watch(near)
        value = losses.soft_ceiling(near, 8.0)
    np.testing.assert_allclose(value, near, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(value, near), [1.0, 1.0], atol=2e-4)


def test_soft_ceiling_hides_no_nan():
    assert np.isnan(losses.soft_ceiling(tf.constant(math.nan), 8.0))


TERMS = {
    "pose_distance": lambda y: losses.pose_distance(y, tf.zeros_like(y)),
    "absolute_error": lambda y: losses.absolute_error(y, tf.zeros_like(y)),
    "relative_bone_error": lambda y: losses.relative_bone_error(y, H36M_17, small_models.bone_prior()),
    "mean_joint_distance": lambda y: losses.mean_joint_distance(y, tf.zeros_like(y)),
    "known_pose_distance": lambda y: losses.known_pose_distance(y, tf.ones_like(y)),
    "backward_face": lambda y: losses.backward_face(y, H36M_17),
    "unequal_sides": lambda y: losses.unequal_sides(y, H36M_17),
    "weak_perspective_error": lambda y: losses.weak_perspective_error(y[..., :2, :]),
    "backward_knees": lambda y: losses.backward_knees(y, H36M_17),
    "scale_independent_error": lambda y: losses.scale_independent_error(y, tf.ones_like(y), tf.ones_like(y[..., 0])),
    "soft_ceiling": lambda y: losses.soft_ceiling(y, 8.0),
}


@pytest.mark.parametrize("name", TERMS)
def test_gradients_are_finite_at_the_zero_pose_and_for_coincident_joints(name):
    pose = small_models.standing()
    pose[H36M_17.index("l_ankle")] = pose[H36M_17.index("l_knee")]
    pose[H36M_17.index("head")] = pose[H36M_17.index("nose")]
    poses = constant([np.zeros_like(pose), pose])
    with tf.GradientTape() as tape:
        tape.watch(poses)
        values = TERMS[name](poses)
    assert np.all(np.isfinite(values)) and np.all(np.isfinite(tape.gradient(values, poses)))


def test_every_loss_is_in_the_list():
    here = {name for name, value in vars(losses).items() if getattr(value, "__module__", "") == losses.__name__}
    assert here == set(TERMS)


def test_a_loss_is_a_number_an_example():
    poses = constant(np.random.default_rng(1).normal(size=(2, 3, 17, 3)))
    for name in set(TERMS) - {"soft_ceiling"}:
        assert TERMS[name](poses).shape == (2, 3), name


def test_hidden_joints_cost_nothing():
    rng = np.random.default_rng(0)
    one, other, seen = rng.normal(size=(5, 17, 2)), rng.normal(size=(5, 17, 2)), rng.random((5, 17)) > 0.3
    expected = [np.abs(a - b)[s].sum() for a, b, s in zip(one, other, seen, strict=True)]
    np.testing.assert_allclose(losses.absolute_error(tf.constant(one), tf.constant(other), tf.constant(seen)), expected)
    whole = losses.absolute_error(tf.constant(one), tf.constant(other))
    np.testing.assert_allclose(losses.absolute_error(tf.constant(one), tf.constant(other), np.ones_like(seen)), whole)


def test_bones_with_a_hidden_end_cost_nothing():
    pose = tf.constant(np.random.default_rng(0).normal(size=(2, 17, 3)), tf.float32)
    prior, seen = stated_bone_prior(H36M_17), np.ones((2, 17), bool)
    seen[:, H36M_17.index("l_knee")] = False  # Two bones meet there.
    lengths = geometry.bone_lengths(pose, H36M_17).numpy()
    squared = (lengths / lengths.mean(axis=1, keepdims=True) - prior.lengths) ** 2
    kept = ["l_knee" not in bone for bone in H36M_17.bones]
    assert kept.count(False) == 2
    np.testing.assert_allclose(
        losses.relative_bone_error(pose, H36M_17, prior, tf.constant(seen)), squared[:, kept].sum(axis=1), rtol=1e-4
    )


def test_scale_independent_error_worked_by_hand():
    # Norms 5 and 10: (3, 4) / 5 = (0.6, 0.8) against (10, 0) / 10 = (1, 0), weighed by 0.5: 0.5 (0.4 + 0.8).
    target, projected = constant([[[0, 0], [3, 4]]]), constant([[[0, 0], [10, 0]]])
    error = losses.scale_independent_error(projected, target, constant([[1.0, 0.5]]))
    np.testing.assert_allclose(error, [0.6], rtol=1e-6)
    np.testing.assert_allclose(losses.scale_independent_error(7 * projected, target, constant([[1.0, 0.5]])), error)
    same = losses.scale_independent_error(9 * target, target, constant([[1.0, 1.0]]))
    np.testing.assert_allclose(same, [0.0], atol=1e-6)


def test_joints_without_confidence_are_left_out_of_the_norms():
    target, projected = constant([[[0, 0], [3, 4], [80, -9]]]), constant([[[0, 0], [10, 0], [5, 500]]])
    error = losses.scale_independent_error(projected, target, constant([[1.0, 0.5, 0.0]]))
    np.testing.assert_allclose(error, [0.6], rtol=1e-6)


def test_scale_independent_error_of_points_is_finite_with_its_gradient():
    point = tf.zeros([2, 3, 2])
    with tf.GradientTape() as tape:
        tape.watch(point)
        error = losses.scale_independent_error(point, tf.ones([2, 3, 2]), tf.ones([2, 3]))
    np.testing.assert_allclose(error, 6 / math.sqrt(6), rtol=1e-6)
    assert np.all(np.isfinite(tape.gradient(error, point)))


# ---- SVMAC's ---------------------------------------------------------------------------------------------------------


def looking(nose, left_shoulder, right_shoulder):
    """[1, J, 3] a person with the neck at the origin, in the camera frame: x right, y down, z forward."""
    pose = np.zeros((1, 17, 3))
    for joint, place in (("nose", nose), ("l_shoulder", left_shoulder), ("r_shoulder", right_shoulder)):
        pose[0, H36M_17.index(joint)] = place
    return constant(pose)


def test_a_face_on_the_front_costs_nothing_and_one_on_the_back_its_sine():
    """Facing the camera, left is on the image's right; the nose, three up and four ahead, is at 4 / 5 sideways."""
    shoulders = (1.0, 0, 0), (-1.0, 0, 0)
    front, mirrored = looking((0, -3, -4), *shoulders), looking((0, -3, 4), *shoulders)
    assert float(losses.backward_face(front, H36M_17)[0]) == 0.0
    np.testing.assert_allclose(geometry.face_turn(front, H36M_17), [0.8], rtol=1e-6)
    np.testing.assert_allclose(losses.backward_face(mirrored, H36M_17), [0.8], rtol=1e-6)
    away = looking((0, -3, 4), (-1, 0, 0), (1, 0, 0))  # Seen from behind.
    assert float(losses.backward_face(away, H36M_17)[0]) == 0.0
    np.testing.assert_allclose(losses.backward_face(looking((0, -1, 0), *shoulders), H36M_17), [0.0])  # Straight up.


def test_turning_the_body_leaves_the_face_turn_unchanged():
    turns = tf.constant(np.linspace(-3, 3, 7), tf.float32)
    pose = geometry.rotate(geometry.rotation_y(turns), looking((0.5, -3, -4), (1, 0, 0), (-1, 0, 0)))
    turned = geometry.face_turn(pose, H36M_17).numpy()
    np.testing.assert_allclose(turned, turned[0], rtol=1e-5)
    depth_mirror = geometry.face_turn(pose * [1.0, 1.0, -1.0], H36M_17)
    np.testing.assert_allclose(depth_mirror, -turned, rtol=1e-5)
    np.testing.assert_allclose(geometry.face_turn(geometry.flip(pose, H36M_17), H36M_17), turned, rtol=1e-5)


def test_a_body_without_arms_or_nose_has_no_face():
    pose = tf.zeros([1, 17, 3])
    with pytest.raises(ValueError, match="names no arms; the direction of its face needs them"):
        losses.backward_face(pose, dataclasses.replace(H36M_17, arms=()))
    with pytest.raises(ValueError, match="has no joint 'nose'"):
        losses.backward_face(pose, STICK_WITH_ARMS)


def test_unequal_sides_are_a_mean_over_pairs():
    """Only the forearms, one pair of six, differ: lengths 3 and 1."""
    pose = small_models.standing()
    elbows = H36M_17.indices(("l_elbow", "r_elbow"))
    for wrist, elbow, length in (("l_wrist", elbows[0], 3.0), ("r_wrist", elbows[1], 1.0)):
        pose[H36M_17.index(wrist)] = pose[elbow] + [0, 0, length]
    np.testing.assert_allclose(losses.unequal_sides(constant([pose]), H36M_17), [4.0 / 6], rtol=1e-5)
    np.testing.assert_allclose(losses.unequal_sides(constant([small_models.standing()]), H36M_17), [0.0], atol=1e-9)


def test_weak_perspective_by_hand():
    """Rows at right angles and of one length cost nothing at any scale; lengths 2, 1: K K^T / s^2 = diag(8, 2) / 5."""
    turned = geometry.rotation_x(tf.constant([0.3])) @ geometry.rotation_y(tf.constant([1.1]))
    np.testing.assert_allclose(losses.weak_perspective_error(0.07 * turned[:, :2]), [0.0], atol=1e-6)
    K = constant([[[2.0, 0, 0], [0, 0, 1]]])
    np.testing.assert_allclose(losses.weak_perspective_error(K), [math.sqrt(0.6**2 + 0.6**2)], rtol=1e-6)
    sheared = constant([[[1.0, 0, 0], [0.6, 0.8, 0]]])  # Off the diagonal 0.6, twice.
    np.testing.assert_allclose(losses.weak_perspective_error(sheared), [math.sqrt(2 * 0.6**2)], rtol=1e-6)


def test_true_poses_of_zeros_count_as_unknown():
    truth = np.zeros((2, 3, 3))
    truth[1, 1] = [0, 3, 4]
    np.testing.assert_allclose(
        losses.known_pose_distance(constant(np.ones((2, 3, 3)) * 0), constant(truth)), [0, 5 / 3]
    )
