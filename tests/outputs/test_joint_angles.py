"""Rotations from positions: swings, best fits and Euler angles, against SciPy and numbers by hand."""

import numpy as np
import pytest
from lifted_samples import posing
from scipy.spatial.transform import Rotation

from tf_elepose.outputs.joint_angles import (
    euler_zxy,
    from_euler_zxy,
    nearest_rotation,
    parents_first,
    swing,
    world_rotations,
)
from tf_elepose.outputs.rest_pose import rest_offsets
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton

Y_UP = np.array([1.0, -1.0, -1.0])


def vectors(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 3))


def test_a_swing_lays_one_vector_on_the_other_without_twist():
    start, end = vectors(50, 1), 7.0 * vectors(50, 2)
    turns = swing(start, end)
    unit_start, unit_end = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (start, end))
    np.testing.assert_allclose(np.einsum("nij,nj->ni", turns, unit_start), unit_end, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turns), 1.0, atol=1e-12)
    # The smallest rotation: its angle is the one between the vectors.
    between = np.arccos(np.sum(unit_start * unit_end, axis=-1))
    np.testing.assert_allclose(Rotation.from_matrix(turns).magnitude(), between, atol=1e-7)


def test_a_swing_by_hand():
    np.testing.assert_allclose(swing(np.array([2.0, 0, 0]), np.array([0, 3.0, 0])) @ [0, 1, 0], [-1, 0, 0], atol=1e-12)


@pytest.mark.parametrize("start", [[0.0, -1.0, 0.0], [5.0, 0.0, 0.0], [1.0, -2.0, 0.5]])
def test_opposite_vectors_and_zero_vectors_have_a_rotation(start):
    start = np.array(start)
    back = swing(start, -2.0 * start)
    np.testing.assert_allclose(back @ start, -start, atol=1e-9)
    np.testing.assert_allclose(back @ back.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(back) == pytest.approx(1.0)
    assert np.array_equal(swing(start, np.zeros(3)), np.eye(3))
    assert np.array_equal(swing(np.zeros(3), start), np.eye(3))


def test_the_nearest_rotation_is_scipys_alignment():
    rest, posed = vectors(4, 3), vectors(4, 4)
    want, _ = Rotation.align_vectors(posed, rest)
    np.testing.assert_allclose(nearest_rotation(posed.T @ rest), want.as_matrix(), atol=1e-9)


def test_the_nearest_rotation_never_mirrors():
    rest = vectors(5, 5)
    assert np.linalg.det(nearest_rotation((rest * [-1, 1, 1]).T @ rest)) == pytest.approx(1.0)


def test_the_rotations_that_made_a_pose_are_found_again():
    # Chains get swings only, because a twist would be lost; joints with several bones turn freely.
    offsets = rest_offsets(posing(5) * Y_UP, H36M_17)
    rng = np.random.default_rng(6)
    count, world = 20, np.tile(np.eye(3), (20, H36M_17.num_joints, 1, 1))
    poses = np.zeros((count, H36M_17.num_joints, 3))
    for joint in parents_first(H36M_17):
        parent = H36M_17.parents[joint]
        bones = [n for n, name in enumerate(H36M_17.parents) if name == H36M_17.joints[joint]]
        carried = np.tile(np.eye(3), (count, 1, 1)) if parent is None else world[:, H36M_17.index(parent)]
        if parent is not None:
            poses[:, joint] = poses[:, H36M_17.index(parent)] + carried @ offsets[joint]
        if len(bones) > 1:
            world[:, joint] = Rotation.random(count, rng=rng).as_matrix()
        elif bones:
            world[:, joint] = swing(carried @ offsets[bones[0]], rng.normal(size=(count, 3))) @ carried
        else:
            world[:, joint] = carried
    np.testing.assert_allclose(world_rotations(poses, offsets, H36M_17), world, atol=1e-7)


def test_two_bones_in_a_line_leave_the_turn_about_it_to_the_parent():
    body = Skeleton(
        name="t", joints=("root", "neck", "l_hand", "r_hand"), parents=(None, "root", "neck", "neck"),
        left=("l_hand",), right=("r_hand",), root="root", head="neck",
    )  # fmt: skip
    offsets = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0], [-1, 0, 0]], float)
    neck, hand = vectors(20, 1), vectors(20, 2)
    poses = np.stack([0 * neck, neck, neck + hand, neck - hand], axis=1)
    got = world_rotations(poses, offsets, body)
    carried = swing(offsets[1], neck)
    np.testing.assert_allclose(got[:, 0], carried, atol=1e-12)
    np.testing.assert_allclose(got[:, 1], swing(carried @ offsets[2], hand) @ carried, atol=1e-6)


def test_euler_angles_are_scipys_and_make_the_rotation_again():
    turns = Rotation.random(200, rng=np.random.default_rng(7)).as_matrix()
    first = np.stack([euler_zxy(turn[np.newaxis, np.newaxis])[0, 0] for turn in turns])
    np.testing.assert_allclose(first, Rotation.from_matrix(turns).as_euler("ZXY", degrees=True), atol=1e-9)
    np.testing.assert_allclose(from_euler_zxy(euler_zxy(turns[:, np.newaxis])[:, 0]), turns, atol=1e-12)


def test_euler_angles_do_not_jump():
    # Two turns about y, and a bend about x that passes 90 degrees, where principal values of z and y would jump.
    share = np.linspace(0.0, 1.0, 100)
    degrees = np.stack([20.0 * share, 170.0 * share, 720.0 * share], axis=-1)
    got = euler_zxy(from_euler_zxy(degrees)[:, np.newaxis])[:, 0]
    np.testing.assert_allclose(got, degrees, atol=1e-6)


@pytest.mark.parametrize("bend", [90.0, -90.0])
def test_at_90_degrees_y_stays(bend):
    degrees = np.array([[10.0, 0.9 * bend, 30.0], [12.0, bend, 33.0], [15.0, 0.9 * bend, 36.0]])
    got = euler_zxy(from_euler_zxy(degrees)[:, np.newaxis])[:, 0]
    np.testing.assert_allclose(from_euler_zxy(got), from_euler_zxy(degrees), atol=1e-9)
    assert np.abs(np.diff(got, axis=0)).max() < 15.0
    np.testing.assert_allclose(got[1, 2], got[0, 2])


def test_the_rest_pose_is_a_t_with_the_persons_lengths():
    poses = posing(9) * Y_UP
    offsets = rest_offsets(poses, H36M_17)
    child, parent = (np.array(H36M_17.indices(names)) for names in zip(*H36M_17.bones, strict=True))
    lengths = np.linalg.norm(poses[:, child] - poses[:, parent], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(offsets[child], axis=-1), np.median(lengths, axis=0), rtol=1e-12)
    rest = dict(zip(H36M_17.joints, offsets, strict=True))
    for side, sign in (("l", 1.0), ("r", -1.0)):
        for joint in ("elbow", "wrist"):
            np.testing.assert_allclose(rest[f"{side}_{joint}"][1:], 0.0, atol=1e-12)
            assert sign * rest[f"{side}_{joint}"][0] > 100
        for joint in ("knee", "ankle"):
            np.testing.assert_allclose(rest[f"{side}_{joint}"][[0, 2]], 0.0, atol=1e-12)
            assert rest[f"{side}_{joint}"][1] < -300
        assert sign * rest[f"{side}_hip"][0] > 100 and sign * rest[f"{side}_shoulder"][0] > 100
    assert rest["thorax"][1] > 200 and rest["nose"][1] > 50 and rest["nose"][2] > 20  # The nose is ahead.
    assert np.array_equal(rest["root"], np.zeros(3))


def test_the_rest_pose_is_the_same_however_the_person_lies():
    poses = posing(9) * Y_UP
    turned = poses @ Rotation.random(rng=np.random.default_rng(8)).as_matrix().T
    np.testing.assert_allclose(rest_offsets(turned, H36M_17), rest_offsets(poses, H36M_17), atol=1e-9)


def test_joints_are_in_depth_first_order():
    names = [H36M_17.joints[joint] for joint in parents_first(H36M_17)]
    assert sorted(names) == sorted(H36M_17.joints)
    assert names[:4] == ["root", "r_hip", "r_knee", "r_ankle"] and names.index("head") == names.index("nose") + 1
