"""Rotations, camera and body directions against numbers worked out by hand and the float64 rewrite."""

import math

import canonpose_float64
import elepose_float64 as reference
import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.skeleton import skeletons
from tf_elepose.skeleton.skeletons import H36M_17, H36M_17_ELEPOSE, Skeleton

ROTATIONS = {"x": geometry.rotation_x, "y": geometry.rotation_y, "z": geometry.rotation_z}
ANGLES = np.array([-3.1, -1.7, -0.3, 0.0, 1e-4, 0.9, 2.5], np.float32)


def constant(values):
    return tf.constant(np.asarray(values, np.float32))


def seen_by_camera(body, facing, looking_down=0.0):
    """Camera-frame pose of a body given as (left, up, front), facing the camera or away from it, seen by a camera
    that looks down by an angle: world axes are right, up, away from the camera.
    """
    sign = {"camera": 1.0, "away": -1.0}[facing]
    right, up, away = sign * body[..., 0], body[..., 1], -sign * body[..., 2]
    c, s = math.cos(looking_down), math.sin(looking_down)
    # The camera's axis goes away from it and down; its "down" leans towards the camera.
    return np.stack([right, -(c * up + s * away), c * away - s * up], axis=-1)


def sitting():
    """Thighs forwards, shins down: [J, 3] as left, up, front."""
    body = dict(small_models.STANDING)
    for side, x in (("l", 0.2), ("r", -0.2)):
        body[f"{side}_knee"], body[f"{side}_ankle"] = (x, 0.0, 0.65), (x, -0.65, 0.65)
    return np.array([body[joint] for joint in H36M_17.joints])


# ---- rotations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", "xyz")
def test_rotations_are_rodrigues_formula(axis):
    expected = [reference.rotation(axis, float(angle)) for angle in ANGLES]
    np.testing.assert_allclose(ROTATIONS[axis](constant(ANGLES)), expected, atol=2e-7)


@pytest.mark.parametrize(
    ("axis", "start", "end"),
    [("x", (0, 1, 0), (0, 0, 1)), ("y", (0, 0, 1), (1, 0, 0)), ("z", (1, 0, 0), (0, 1, 0))],
)
def test_a_quarter_turn_follows_the_right_hand(axis, start, end):
    R = ROTATIONS[axis](tf.constant(math.pi / 2))
    np.testing.assert_allclose(geometry.rotate(R, constant([start])), [end], atol=1e-7)


@pytest.mark.parametrize("axis", "xyz")
def test_angles_add_and_rotations_are_orthogonal(axis):
    turn = ROTATIONS[axis]
    a, b = constant(ANGLES), constant(ANGLES[::-1].copy())
    np.testing.assert_allclose(turn(a) @ turn(b), turn(a + b), atol=1e-6)
    np.testing.assert_allclose(turn(a) @ tf.transpose(turn(a), [0, 2, 1]), np.tile(np.eye(3), (7, 1, 1)), atol=1e-6)
    np.testing.assert_allclose(tf.linalg.det(turn(a)), np.ones(7), atol=1e-6)


def test_rotate_is_the_matrix_product_and_rotate_back_its_inverse():
    rng = np.random.default_rng(0)
    pose = rng.normal(size=(2, 5, 17, 3))
    R = np.array([
        [reference.rotation("x", a) @ reference.rotation("z", b) for a in rng.normal(size=5)] for b in (0.4, -2.0)
    ])  # fmt: skip
    turned = geometry.rotate(constant(R), constant(pose))
    np.testing.assert_allclose(turned, np.einsum("...ij,...kj->...ki", R, pose), atol=2e-6)
    np.testing.assert_allclose(geometry.rotate_back(constant(R), turned), pose, atol=2e-6)


# ---- camera ---------------------------------------------------------------------------------------------------------


def test_back_projection_worked_by_hand():
    # Root at 10: stays at the origin. Joint 1 two units nearer: w = 8. Joint 2 behind the camera: clipped to w = 1.
    image = constant([[[0.0, 0.0], [0.1, -0.2], [0.3, 0.5]]])
    y = geometry.back_project(image, constant([[0.0, -2.0, -14.0]]), 10.0, root_index=0)
    np.testing.assert_allclose(y, [[[0, 0, 0], [0.8, -1.6, -2.0], [0.3, 0.5, -9.0]]], atol=1e-6)


def test_the_root_stays_at_the_origin_whatever_its_depth():
    image = constant([[[0.1, -0.2], [0.0, 0.0]]])
    y = geometry.back_project(image, constant([[0.5, 2.0]]), 10.0, root_index=1)
    np.testing.assert_allclose(y, [[[1.05, -2.1, 0.5], [0, 0, 0]]], atol=1e-6)  # w = 10.5; the root's depth is ignored.


def test_projection_worked_by_hand():
    y = constant([[0, 0, 0], [0.8, -1.6, -2.0], [0.3, 0.5, -9.5]])
    np.testing.assert_allclose(geometry.project(y, 10.0), [[0, 0], [0.1, -0.2], [0.3, 0.5]], atol=1e-7)


def test_projection_inverts_back_projection_also_where_depths_are_clipped():
    rng = np.random.default_rng(1)
    image, depth = rng.normal(0, 0.1, (6, 17, 2)), rng.normal(0, 4.0, (6, 17))
    image[:, 0], depth[:, 0] = 0.0, 0.0
    depth[0, 3] = -30.0
    y = geometry.back_project(constant(image), constant(depth), 10.0, 0)
    np.testing.assert_allclose(geometry.project(y, 10.0), image, atol=1e-6)
    assert np.min(y.numpy()[..., 2]) == -9.0  # w = 1, "clipped to be larger than one".
    again = geometry.back_project(geometry.project(y, 10.0), y[..., 2], 10.0, 0)
    np.testing.assert_allclose(again, y, atol=1e-5)
    for one, given, offset in zip(y, image, depth, strict=True):
        np.testing.assert_allclose(one, reference.back_project(given, offset, 10.0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(geometry.project(one, 10.0), reference.project(one.numpy(), 10.0), atol=1e-6)


@pytest.mark.parametrize("facing", ["camera", "away"])
def test_negative_elevation_levels_what_a_camera_looking_down_sees(facing):
    seen = seen_by_camera(small_models.standing(), facing, math.radians(20))
    head = H36M_17.index("head")
    # The head of an upright person is nearer to a camera above than the root: 1 unit up is sin(20) nearer.
    np.testing.assert_allclose(seen[head], [0, -math.cos(math.radians(20)), -math.sin(math.radians(20))])
    levelled = geometry.rotate(geometry.rotation_x(tf.constant(-math.radians(20))), constant(seen))
    np.testing.assert_allclose(levelled, seen_by_camera(small_models.standing(), facing), atol=1e-6)
    wrong = geometry.rotate(geometry.rotation_x(tf.constant(math.radians(20))), constant(seen))
    assert wrong[head, 2] < -0.6


def test_center_moves_the_root_to_the_origin():
    pose = np.random.default_rng(2).normal(size=(3, 17, 3)).astype(np.float32)
    centred = geometry.center(constant(pose), 4).numpy()
    np.testing.assert_array_equal(centred[:, 4], np.zeros((3, 3)))
    np.testing.assert_allclose(centred[:, 7] - centred[:, 2], pose[:, 7] - pose[:, 2], atol=1e-6)


# ---- the body -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skeleton", [H36M_17, H36M_17_ELEPOSE])
@pytest.mark.parametrize("size", [2, 3])
def test_flip_is_an_involution_that_swaps_sides(skeleton, size):
    pose = np.random.default_rng(3).normal(size=(4, skeleton.num_joints, size)).astype(np.float32)
    flipped = geometry.flip(constant(pose), skeleton).numpy()
    np.testing.assert_array_equal(geometry.flip(constant(flipped), skeleton), pose)
    left, right = skeleton.index("l_wrist"), skeleton.index("r_wrist")
    np.testing.assert_array_equal(flipped[:, left], pose[:, right] * np.array([-1.0, *[1.0] * (size - 1)]))
    np.testing.assert_array_equal(flipped[:, skeleton.index("head"), 1:], pose[:, skeleton.index("head"), 1:])


def test_a_symmetric_body_is_its_own_flip():
    np.testing.assert_allclose(
        geometry.flip(constant(seen_by_camera(small_models.standing(), "camera")), H36M_17),
        seen_by_camera(small_models.standing(), "camera"), atol=1e-7,
    )  # fmt: skip


@pytest.mark.parametrize("skeleton", [H36M_17, H36M_17_ELEPOSE])
@pytest.mark.parametrize("looking_down", [0.0, 0.5])
@pytest.mark.parametrize("facing", ["camera", "away"])
def test_sitting_knees_are_bent_forwards_and_mirrored_ones_backwards(facing, looking_down, skeleton):
    seen = seen_by_camera(sitting(), facing, looking_down)[list(H36M_17.indices(skeleton.joints))]
    np.testing.assert_allclose(geometry.knee_bend(constant(seen), skeleton), [1.0, 1.0], atol=1e-6)  # Right angles.
    mirrored = seen * [1.0, 1.0, -1.0]
    np.testing.assert_allclose(geometry.knee_bend(constant(mirrored), skeleton), [-1.0, -1.0], atol=1e-6)


def test_a_depth_mirror_turns_every_knee():
    poses = np.random.default_rng(4).normal(size=(50, 17, 3)).astype(np.float32)
    bend = geometry.knee_bend(constant(poses), H36M_17).numpy()
    np.testing.assert_allclose(geometry.knee_bend(constant(poses * np.float32([1, 1, -1])), H36M_17), -bend, atol=1e-5)
    np.testing.assert_allclose(geometry.knee_bend(3 * constant(poses), H36M_17), bend, atol=1e-5)
    assert 0.1 < (bend > 0).mean() < 0.9 and np.abs(bend).max() <= 1.0


def test_knee_bend_distinguishes_left_and_right():
    body = sitting()
    body[H36M_17.index("l_ankle")] = (0.2, -0.65 * math.sin(0.5), 0.65 + 0.65 * math.cos(0.5))  # Nearly stretched.
    body[H36M_17.index("r_ankle")] = (-0.2, 0.0, 1.3)  # Straight.
    bend = geometry.knee_bend(constant(seen_by_camera(body, "camera")), H36M_17)
    np.testing.assert_allclose(bend, [math.sin(0.5), 0.0], atol=1e-6)


def test_knee_bend_needs_legs():
    stick = Skeleton("stick", ("a", "b"), (None, "a"), (), (), root="a", head="b")
    with pytest.raises(ValueError, match="skeleton 'stick' names no legs"):
        geometry.knee_bend(tf.zeros([2, 3]), stick)


def test_bone_lengths_worked_by_hand():
    lengths = dict(zip([child for child, _ in H36M_17.bones], geometry.bone_lengths(
        constant(small_models.standing()), H36M_17).numpy(), strict=True))  # fmt: skip
    assert lengths["l_hip"] == pytest.approx(0.2)
    assert lengths["r_knee"] == pytest.approx(math.hypot(0.65, 0.1))
    assert lengths["head"] == pytest.approx(math.hypot(0.15, 0.1))
    assert lengths["l_shoulder"] == pytest.approx(math.hypot(0.25, 0.05))


# ---- singular points ------------------------------------------------------------------------------------------------


def test_safe_norm_is_the_norm_and_flat_at_zero():
    x = constant([[3.0, -4.0], [0.0, 0.0], [1e-3, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        length = geometry.safe_norm(x)
    np.testing.assert_allclose(length, [5.0, 0.0, 1e-3], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(length, x), [[0.6, -0.8], [0.0, 0.0], [1.0, 0.0]], rtol=1e-6)
    assert geometry.safe_norm(x, axis=0, keepdims=True).shape == (1, 2)
    not_finite = tf.constant([[np.nan, 1.0], [np.inf, 1.0], [3.0, 4.0]], tf.float64)
    np.testing.assert_array_equal(geometry.safe_norm(not_finite), [np.nan, np.inf, 5.0])


FUNCTIONS = {
    "safe_norm": geometry.safe_norm,
    "frobenius_norm": geometry.frobenius_norm,
    "unit_size": geometry.unit_size,
    "center": lambda y: geometry.center(y, 0),
    "project": lambda y: geometry.project(y, 10.0),
    "project from inside the body": lambda y: geometry.project(y, 0.5),
    "back_project": lambda y: geometry.back_project(y[..., :2], y[..., 2], 10.0, 0),
    "flip": lambda y: geometry.flip(y, H36M_17),
    "bone_lengths": lambda y: geometry.bone_lengths(y, H36M_17),
    "knee_bend": lambda y: geometry.knee_bend(y, H36M_17),
    "elbow_bend": lambda y: geometry.elbow_bend(y, H36M_17),
    "face_turn": lambda y: geometry.face_turn(y, H36M_17),
    "observe": lambda y: geometry.observe(y, y[..., :2, :]),
    "rotate": lambda y: geometry.rotate(geometry.rotation_x(y[..., 0, 0]) @ geometry.rotation_y(y[..., 1, 1]), y),
    "rotate_back": lambda y: geometry.rotate_back(geometry.rotation_z(y[..., 0, 0]), y),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_finite_at_the_zero_pose_and_on_a_line(name):
    line = np.zeros((17, 3), np.float32)
    line[:, 1] = np.arange(17)
    poses = constant([np.zeros((17, 3)), line])
    with tf.GradientTape() as tape:
        tape.watch(poses)
        values = FUNCTIONS[name](poses)
    assert np.all(np.isfinite(values)) and np.all(np.isfinite(tape.gradient(values, poses)))


def test_every_function_of_a_pose_is_in_the_list():
    takes_angles = {"rotation_x", "rotation_y", "rotation_z", "rotation_vector"}
    public = {name for name, value in vars(geometry).items() if callable(value) and not name.startswith("_")}
    public -= {name for name in public if getattr(geometry, name) is getattr(skeletons, name, None)}
    assert public - takes_angles == {name.split()[0] for name in FUNCTIONS}


@pytest.mark.parametrize("facing", ["camera", "away"])
def test_forearms_held_forwards_bend_the_elbows_forwards_and_mirrored_ones_backwards(facing):
    body = small_models.standing()
    for side, x in (("l", 0.2), ("r", -0.2)):
        places = {"shoulder": (x, 0.5, 0.0), "elbow": (x, 0.2, 0.0), "wrist": (x, 0.2, 0.3)}  # z: ahead of the body.
        for joint, place in places.items():
            body[H36M_17.index(f"{side}_{joint}")] = place
    seen = seen_by_camera(body, facing)
    np.testing.assert_allclose(geometry.elbow_bend(constant(seen), H36M_17), [1.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(geometry.elbow_bend(constant(seen * [1.0, 1.0, -1.0]), H36M_17), [-1.0, -1.0], atol=1e-6)


def test_a_skeleton_without_arms_has_no_elbows():
    stick = Skeleton(
        name="stick", joints=("hip", "top"), parents=(None, "hip"), left=(), right=(), root="hip", head="top"
    )
    with pytest.raises(ValueError, match="'stick' names no arms"):
        geometry.elbow_bend(tf.zeros([2, 3]), stick)


def test_a_rotation_vector_turns_by_its_length_about_itself():
    """Against the exponential series of the cross-product matrix, from no rotation to more than a turn."""
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(8, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    for angle in (0.0, 1e-6, 3e-3, 0.0099, 0.0101, 0.5, 3.1, math.pi, 7.0):
        expected = [canonpose_float64.rotation(angle * axis) for axis in axes]
        np.testing.assert_allclose(geometry.rotation_vector(constant(angle * axes)), expected, atol=3e-6)
    for name, vector in (("x", (0.7, 0, 0)), ("y", (0, 0.7, 0)), ("z", (0, 0, 0.7))):
        turned = geometry.rotation_vector(constant(vector))
        np.testing.assert_allclose(turned, ROTATIONS[name](tf.constant(0.7)), atol=1e-6)


@pytest.mark.parametrize("length", [0.0, 1e-20, 1e-4, 0.01, 1.0])
def test_the_gradient_of_a_rotation_vector_is_right_at_no_rotation_too(length):
    """d(R p)/dv along e is e x p at v = 0; elsewhere it equals finite differences in float64."""
    vector = length * np.array([0.6, -0.0, 0.8])
    weights = np.random.default_rng(1).normal(size=(3, 3))
    v = constant(vector)
    with tf.GradientTape() as tape:
        tape.watch(v)
        value = tf.reduce_sum(geometry.rotation_vector(v) * constant(weights))
    step = 1e-5
    expected = [
        np.sum(weights * (canonpose_float64.rotation(vector + e) - canonpose_float64.rotation(vector - e))) / (2 * step)
        for e in step * np.eye(3)
    ]
    np.testing.assert_allclose(tape.gradient(value, v), expected, rtol=2e-3, atol=1e-4)
