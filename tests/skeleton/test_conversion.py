"""Conversion: joints are found by name, made joints are weighted sums with the lowest confidence of their sources."""

import dataclasses

import numpy as np
import pytest
from documented_joints import MADE, TARGET, TO_H36M_17
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.conversion import Convention, conversion
from tf_elepose.skeleton.skeletons import H36M_17, H36M_17_ELEPOSE, Skeleton


def recipe_by_index(found, joint, recipes="recipes"):
    recipe = getattr(found, recipes)[found.target.index(joint)]
    return {found.source.index(name): weight for name, weight in (recipe or {}).items()}


@pytest.mark.parametrize("name", TO_H36M_17)
def test_recipes_to_h36m_17_are_the_documented_ones(name):
    found = conversion(CONVENTIONS[name], H36M_17)
    for joint, index in zip(TARGET.split(), TO_H36M_17[name], strict=True):
        expected = {index: 1.0} if index is not None else MADE[name][joint]
        assert recipe_by_index(found, joint) == pytest.approx(expected), joint
        assert recipe_by_index(found, joint, "recipes_y") == pytest.approx(expected), joint


def test_the_three_orders_of_h36m_17_are_converted_into_each_other():
    elepose = conversion(CONVENTIONS["h36m_32"], H36M_17_ELEPOSE)
    picked = [recipe_by_index(elepose, joint) for joint in elepose.target]
    assert picked == [{i: 1.0} for i in [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 25, 26, 27, 17, 18, 19]]
    poses = np.arange(17.0)[np.newaxis, :, np.newaxis].repeat(2, axis=-1)
    arms_swapped = [*range(11), 14, 15, 16, 11, 12, 13]
    assert conversion(H36M_17, H36M_17_ELEPOSE).apply(poses)[0, :, 0].tolist() == arms_swapped
    spin = conversion(CONVENTIONS["h36m_17_left_leg_first"], H36M_17)
    assert spin.apply(poses)[0, :, 0].tolist() == [0, 4, 5, 6, 1, 2, 3, *range(7, 17)]


def test_28_joints_of_mpi3dhp_become_its_17():
    found = conversion(CONVENTIONS["mpi3dhp_28"], CONVENTIONS["mpi3dhp_17"])
    picked = [recipe_by_index(found, joint) for joint in found.target]
    assert picked == [{i: 1.0} for i in [7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6]]


@pytest.mark.parametrize("target", CONVENTIONS)
@pytest.mark.parametrize("source", CONVENTIONS)
def test_left_stays_left_in_every_conversion(source, target):
    """The left joints of a body lie at x = 1, its right ones at -1 and the others at 0; they stay there."""

    def side(joint):
        if joint.startswith("l_") or joint.endswith("_l"):
            return 1.0
        return -1.0 if joint.startswith("r_") or joint.endswith("_r") else 0.0

    joints = CONVENTIONS[source].joints
    pose = np.array([[side(joint), 5.0] for joint in joints])
    found = conversion(CONVENTIONS[source], CONVENTIONS[target])
    converted = found.apply(pose)
    for joint, place in zip(found.target, converted, strict=True):
        assert np.isnan(place).all() if joint in found.missing else place[0] == pytest.approx(side(joint)), joint


@pytest.mark.parametrize("name", CONVENTIONS)
def test_converting_to_h36m_17_and_back_keeps_the_common_joints(name):
    rng = np.random.default_rng(0)
    poses = rng.normal(500, 100, (3, CONVENTIONS[name].num_joints, 2)).astype(np.float32)
    there = conversion(CONVENTIONS[name], H36M_17)
    back = conversion(H36M_17, CONVENTIONS[name])
    again = back.apply(there.apply(poses))
    limbs = [f"{s}_{j}" for s in "lr" for j in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")]
    kept = [joint for joint in limbs if joint in CONVENTIONS[name].joints]
    assert len(kept) == 12
    for joint in kept:
        i = CONVENTIONS[name].index(joint)
        np.testing.assert_array_equal(again[:, i], poses[:, i], err_msg=joint)
    aliases = {"neck": "thorax", "head_mid": "nose", "head_joint": "nose", "spine2": "spine", "upper_neck": "nose"}
    for joint in ("root", *aliases):
        if joint in CONVENTIONS[name].joints and joint not in back.missing:
            made = aliases.get(joint, joint)
            h36m = poses @ np.eye(2) if name == "h36m_17" else there.apply(poses)
            np.testing.assert_array_equal(again[:, CONVENTIONS[name].index(joint)], h36m[:, H36M_17.index(made)])


def test_made_joints_agree_with_hand_calculation():
    """COCO: the pelvis between the hips, the spine between pelvis and thorax, the head between the eyes."""
    pose = np.zeros((17, 2), np.float32)
    coco = CONVENTIONS["coco_17"]
    for joint, place in {
        "l_hip": (10, 100), "r_hip": (30, 104), "l_shoulder": (8, 40), "r_shoulder": (34, 44),
        "l_eye": (22, 10), "r_eye": (26, 12), "nose": (23, 15),
    }.items():  # fmt: skip
        pose[coco.index(joint)] = place
    made = conversion(coco, H36M_17).apply(pose)
    places = {joint: made[H36M_17.index(joint)].tolist() for joint in ("root", "thorax", "spine", "head", "nose")}
    assert places == {"root": [20, 102], "thorax": [21, 42], "spine": [20.5, 72], "head": [24, 11], "nose": [23, 15]}


def test_gast_rules_agree_with_hand_calculation():
    """The rules of GAST-Net tools/mpii_coco_h36m.py give the numbers below, x and y separately."""
    coco = CONVENTIONS["coco_17_gast"]
    pose = np.zeros((17, 2))
    for joint, place in {
        "nose": (26, 30), "l_eye": (23, 24), "r_eye": (27, 26), "l_ear": (20, 27), "r_ear": (30, 29),
        "l_shoulder": (10, 60), "r_shoulder": (40, 66), "l_hip": (14, 150), "r_hip": (34, 154),
    }.items():  # fmt: skip
        pose[coco.index(joint)] = place
    made = conversion(coco, H36M_17).apply(pose)
    # head: x is the mean of eyes and ears; y is the sum of the eyes minus the nose.
    head = ((23 + 27 + 20 + 30) / 4, 24 + 26 - 30)
    # thorax: a third of the way from the shoulders' middle (25, 63) to the nose; y minus 2/3 (eyes' mean - nose).
    thorax = (25 + (26 - 25) / 3, 63 + (30 - 63) / 3 - (25 - 30) * 2 / 3)
    pelvis = (24, 152)
    # spine: the mean of shoulders and hips; x away from the middle of pelvis and thorax by twice the difference.
    mean_x = (10 + 40 + 14 + 34) / 4
    spine = (mean_x + 2 * (mean_x - (pelvis[0] + thorax[0]) / 2), (60 + 66 + 150 + 154) / 4)
    # nose: a quarter of the way back to the shoulders' middle.
    nose = (26 - (26 - 25) / 4, 30 - (30 - 63) / 4)
    for joint, expected in {"head": head, "thorax": thorax, "root": pelvis, "spine": spine, "nose": nose}.items():
        np.testing.assert_allclose(made[H36M_17.index(joint)], expected, rtol=1e-6, err_msg=joint)
    with pytest.raises(ValueError, match="2D poses only"):
        conversion(coco, H36M_17).apply(np.zeros((17, 3)))


def test_a_made_joint_has_the_lowest_confidence_of_its_sources_and_is_missing_with_one_of_them():
    coco = CONVENTIONS["coco_17"]
    confidence = np.full((1, 17), 0.9, np.float32)
    confidence[0, coco.index("l_hip")], confidence[0, coco.index("r_shoulder")] = 0.2, 0.5
    found = conversion(coco, H36M_17)
    trust = dict(zip(H36M_17.joints, found.apply_confidence(confidence)[0].tolist(), strict=True))
    expected = {"root": 0.2, "spine": 0.2, "thorax": 0.5, "r_shoulder": 0.5, "l_hip": 0.2, "head": 0.9, "r_knee": 0.9}
    assert {joint: trust[joint] for joint in expected} == pytest.approx(expected)
    pose = np.ones((1, 17, 2), np.float32)
    pose[0, coco.index("l_hip"), 0] = np.nan
    missing = np.isnan(found.apply(pose)[0]).any(axis=-1)
    assert [j for j, m in zip(H36M_17.joints, missing, strict=True) if m] == ["root", "l_hip", "spine"]


def test_gast_confidence_is_the_lowest_of_the_joints_for_x_and_for_y():
    coco = CONVENTIONS["coco_17_gast"]
    confidence = np.ones((1, 17), np.float32)
    confidence[0, coco.index("l_eye")] = 0.1  # Used for the thorax's y only.
    trust = conversion(coco, H36M_17).apply_confidence(confidence)[0]
    assert trust[H36M_17.index("thorax")] == np.float32(0.1)
    assert trust[H36M_17.index("spine")] == 1.0


def test_a_joint_that_cannot_be_made_is_nan_with_confidence_0():
    found = conversion(CONVENTIONS["lsp_14"], H36M_17)
    assert found.missing == ("nose",)
    nose = H36M_17.index("nose")
    assert np.isnan(found.apply(np.ones((2, 14, 2)))[:, nose]).all()
    assert not found.apply_confidence(np.ones((2, 14)))[:, nose].any()
    assert not found.matrix[nose].any()


@pytest.mark.parametrize("name", [name for name in CONVENTIONS if name != "coco_17_gast"])
def test_matrix_and_apply_give_equal_poses(name):
    poses = np.random.default_rng(0).normal(size=(4, CONVENTIONS[name].num_joints, 3)).astype(np.float32)
    found = conversion(CONVENTIONS[name], H36M_17)
    expected = np.nan_to_num(found.apply(poses), nan=0.0)
    np.testing.assert_allclose(found.matrix @ poses, expected, rtol=1e-5, atol=1e-6)


def test_conversion_to_the_same_convention_changes_nothing():
    renamed = dataclasses.replace(H36M_17, name="copy")
    poses = np.random.default_rng(1).normal(size=(2, 17, 2)).astype(np.float32)
    np.testing.assert_array_equal(conversion(H36M_17, renamed).apply(poses), poses)


def test_poses_of_another_number_of_joints_are_refused():
    with pytest.raises(ValueError, match=r"expected poses of 17 joints; got shape \[3, 16\]"):
        conversion(CONVENTIONS["coco_17"], H36M_17).apply(np.zeros((3, 16, 2)))


def test_rules_of_the_target_find_joints_that_have_another_name():
    """The neck of COCO-18 is Human3.6M's thorax: the conversion back finds it again."""
    back = conversion(H36M_17, CONVENTIONS["openpose_coco_18"])
    assert back.recipes[back.target.index("neck")] == {"thorax": 1.0}
    assert set(back.missing) == {"l_eye", "r_eye", "l_ear", "r_ear"}


@settings(deadline=None)  # A busy machine is no mistake.
@given(st.integers(0, 2**32 - 1))
def test_made_joints_move_with_the_body(seed):
    """Weights sum to 1: when a body is shifted, its made joints are shifted by the same vector."""
    rng = np.random.default_rng(seed)
    shift = rng.normal(0, 1000, 2)
    for convention in CONVENTIONS.values():
        poses = rng.normal(0, 100, (convention.num_joints, 2))
        found = conversion(convention, H36M_17)
        np.testing.assert_allclose(found.apply(poses + shift), found.apply(poses) + shift, atol=1e-6)


def test_poses_are_converted_by_name_to_a_skeleton_of_other_joints():
    five = Skeleton(
        name="five",
        joints=("l_hip", "r_hip", "neck", "l_wrist", "r_wrist"),
        parents=("neck", "neck", None, "neck", "neck"),
        left=("l_hip", "l_wrist"),
        right=("r_hip", "r_wrist"),
        root="neck",
        head="l_hip",
    )
    wanted = Convention("four", ("neck", "r_wrist", "l_wrist", "pelvis"))
    poses = np.array([[[0, 0], [4, 2], [10, 11], [20, 21], [30, 31]]], np.float32)
    found = conversion(five, wanted)
    np.testing.assert_array_equal(found.apply(poses)[:, :3], [[[10, 11], [30, 31], [20, 21]]])
    assert found.missing == ("pelvis",)
