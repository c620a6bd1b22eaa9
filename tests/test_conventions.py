"""Claims: joints are found by name, made ones are sums with the least confidence, nothing is guessed.

Joint lists and index maps below are written out by hand from the documents named beside them, and are compared with
the conventions joint name by joint name.
"""

import dataclasses

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tf_elepose import conventions
from tf_elepose.conventions import CONVENTIONS, Convention, conversion, get_convention
from tf_elepose.skeletons import H36M_17, H36M_17_ELEPOSE, Skeleton

TARGET = (
    "root r_hip r_knee r_ankle l_hip l_knee l_ankle spine thorax nose head "
    "l_shoulder l_elbow l_wrist r_shoulder r_elbow r_wrist"
)

COCO = (
    "nose l_eye r_eye l_ear r_ear l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip l_knee r_knee "
    "l_ankle r_ankle"
)

# {convention: joints in order}. h36m: VideoPose3D common/h36m_dataset.py, SPIN, 3d-pose-baseline src/data_utils.py;
# canonpose_16: CanonPose; coco: COCO's person_keypoints categories; halpe_26: Halpe-FullBody; body_25 and
# openpose_coco_18: OpenPose doc/02_output.md; mediapipe_33: MediaPipe pose_landmarker; mpii: the data set's page;
# lsp: its README; mpi3dhp: mmhuman3d keypoints_mapping/mpi_inf_3dhp.py; smpl: its joint names; aic, crowdpose: the
# data sets' pages and MMPose configs/_base_/datasets.
JOINTS = {
    "h36m_17": TARGET,
    "h36m_17_elepose": (
        "root r_hip r_knee r_ankle l_hip l_knee l_ankle spine thorax nose head "
        "r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist"
    ),
    "h36m_17_left_leg_first": (
        "root l_hip l_knee l_ankle r_hip r_knee r_ankle spine thorax nose head "
        "l_shoulder l_elbow l_wrist r_shoulder r_elbow r_wrist"
    ),
    "h36m_32": (
        "root r_hip r_knee r_ankle r_toe_base r_toe_site l_hip l_knee l_ankle l_toe_base l_toe_site hip_dup spine "
        "thorax nose head neck_dup_l l_shoulder l_elbow l_wrist l_wrist_dup l_thumb l_hand_site l_hand_site2 "
        "neck_dup_r r_shoulder r_elbow r_wrist r_wrist_dup r_thumb r_hand_site r_hand_site2"
    ),
    "canonpose_16": (
        "r_hip r_knee r_ankle l_hip l_knee l_ankle root neck nose head r_shoulder r_elbow r_wrist l_shoulder l_elbow "
        "l_wrist"
    ),
    "coco_17": COCO,
    "coco_17_gast": COCO,
    "halpe_26": f"{COCO} head neck root l_big_toe r_big_toe l_small_toe r_small_toe l_heel r_heel",
    "body_25": (
        "nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist root r_hip r_knee r_ankle l_hip l_knee "
        "l_ankle r_eye l_eye r_ear l_ear l_big_toe l_small_toe l_heel r_big_toe r_small_toe r_heel"
    ),
    "openpose_coco_18": (
        "nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle "
        "r_eye l_eye r_ear l_ear"
    ),
    "mediapipe_33": (
        "nose l_eye_inner l_eye l_eye_outer r_eye_inner r_eye r_eye_outer l_ear r_ear mouth_l mouth_r l_shoulder "
        "r_shoulder l_elbow r_elbow l_wrist r_wrist l_pinky r_pinky l_index r_index l_thumb r_thumb l_hip r_hip "
        "l_knee r_knee l_ankle r_ankle l_heel r_heel l_foot_index r_foot_index"
    ),
    "mpii_16": (
        "r_ankle r_knee r_hip l_hip l_knee l_ankle root thorax upper_neck head r_wrist r_elbow r_shoulder l_shoulder "
        "l_elbow l_wrist"
    ),
    "lsp_14": (
        "r_ankle r_knee r_hip l_hip l_knee l_ankle r_wrist r_elbow r_shoulder l_shoulder l_elbow l_wrist neck head"
    ),
    "mpi3dhp_28": (
        "spine3 spine4 spine2 spine root neck head_mid head l_clavicle l_shoulder l_elbow l_wrist l_hand r_clavicle "
        "r_shoulder r_elbow r_wrist r_hand l_hip l_knee l_ankle l_foot l_toe r_hip r_knee r_ankle r_foot r_toe"
    ),
    "mpi3dhp_17": (
        "head neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle "
        "root spine head_mid"
    ),
    "smpl_24": (
        "root l_hip r_hip spine1 l_knee r_knee spine2 l_ankle r_ankle spine3 l_foot r_foot neck l_collar r_collar "
        "head_joint l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hand r_hand"
    ),
    "aic_14": (
        "r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle head neck"
    ),
    "crowdpose_14": (
        "l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip l_knee r_knee l_ankle r_ankle head neck"
    ),
}

_ = None  # In the maps below: made of several joints, or of none.

# {convention: index of the source joint for each joint of h36m_17}, as the public converters have them: VideoPose3D
# (h36m_32), MMPose inference_3d.py and MotionBERT dataset_action.py (coco, aic, crowdpose), MotionBERT dataset_wild.py
# (halpe), GAST-Net tools/mpii_coco_h36m.py (mpii), MMPose preprocess_mpi_inf_3dhp.py (mpi3dhp), CanonPose.
TO_H36M_17 = {
    "h36m_32": [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27],
    "mpi3dhp_28": [4, 23, 24, 25, 18, 19, 20, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16],
    "mpi3dhp_17": [14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4],
    "smpl_24": [0, 2, 5, 8, 1, 4, 7, 6, 12, 15, _, 16, 18, 20, 17, 19, 21],
    "coco_17": [_, 12, 14, 16, 11, 13, 15, _, _, 0, _, 5, 7, 9, 6, 8, 10],
    "halpe_26": [19, 12, 14, 16, 11, 13, 15, _, 18, 0, 17, 5, 7, 9, 6, 8, 10],
    "body_25": [8, 9, 10, 11, 12, 13, 14, _, 1, 0, _, 5, 6, 7, 2, 3, 4],
    "openpose_coco_18": [_, 8, 9, 10, 11, 12, 13, _, 1, 0, _, 5, 6, 7, 2, 3, 4],
    "mediapipe_33": [_, 24, 26, 28, 23, 25, 27, _, _, 0, _, 11, 13, 15, 12, 14, 16],
    "mpii_16": [6, 2, 1, 0, 3, 4, 5, _, 7, 8, 9, 13, 14, 15, 12, 11, 10],
    "lsp_14": [_, 2, 1, 0, 3, 4, 5, _, 12, _, 13, 9, 10, 11, 8, 7, 6],
    "aic_14": [_, 6, 7, 8, 9, 10, 11, _, _, _, _, 3, 4, 5, 0, 1, 2],
    "crowdpose_14": [_, 7, 9, 11, 6, 8, 10, _, _, _, _, 0, 2, 4, 1, 3, 5],
    "canonpose_16": [6, 0, 1, 2, 3, 4, 5, _, 7, 8, 9, 13, 14, 15, 10, 11, 12],
}

# The joints marked above, as weights by index; {} is missing. Sources as above.
MADE = {
    "smpl_24": {"head": {15: 2, 12: -1}},
    "coco_17": {
        "root": {11: 1 / 2, 12: 1 / 2},
        "thorax": {5: 1 / 2, 6: 1 / 2},
        "spine": {5: 1 / 4, 6: 1 / 4, 11: 1 / 4, 12: 1 / 4},
        "head": {1: 1 / 2, 2: 1 / 2},
    },
    "halpe_26": {"spine": {18: 1 / 2, 19: 1 / 2}},
    "body_25": {"spine": {8: 1 / 2, 1: 1 / 2}, "head": {15: 1 / 2, 16: 1 / 2}},
    "openpose_coco_18": {
        "root": {8: 1 / 2, 11: 1 / 2},
        "spine": {8: 1 / 4, 11: 1 / 4, 1: 1 / 2},
        "head": {14: 1 / 2, 15: 1 / 2},
    },
    "mediapipe_33": {
        "root": {23: 1 / 2, 24: 1 / 2},
        "thorax": {11: 1 / 2, 12: 1 / 2},
        "spine": {23: 1 / 4, 24: 1 / 4, 11: 1 / 4, 12: 1 / 4},
        "head": {2: 1 / 2, 5: 1 / 2},
    },
    "mpii_16": {"spine": {2: 1 / 4, 3: 1 / 4, 12: 1 / 4, 13: 1 / 4}},
    "lsp_14": {"root": {2: 1 / 2, 3: 1 / 2}, "spine": {2: 1 / 4, 3: 1 / 4, 12: 1 / 2}, "nose": {}},
    "aic_14": {
        "root": {9: 1 / 2, 6: 1 / 2},
        "thorax": {3: 1 / 2, 0: 1 / 2},
        "spine": {9: 1 / 4, 6: 1 / 4, 3: 1 / 4, 0: 1 / 4},
        "nose": {13: 3 / 4, 12: 1 / 4},
        "head": {13: 5 / 12, 12: 7 / 12},
    },
    "crowdpose_14": {
        "root": {6: 1 / 2, 7: 1 / 2},
        "thorax": {0: 1 / 2, 1: 1 / 2},
        "spine": {6: 1 / 4, 7: 1 / 4, 0: 1 / 4, 1: 1 / 4},
        "nose": {13: 3 / 4, 12: 1 / 4},
        "head": {13: 5 / 12, 12: 7 / 12},
    },
    "canonpose_16": {"spine": {6: 1 / 2, 7: 1 / 2}},
}

# Left and right partners by index, in pairs, as the data sets' own documents give them.
SIDES = {
    "h36m_17": ([4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]),
    "h36m_17_elepose": ([4, 5, 6, 14, 15, 16], [1, 2, 3, 11, 12, 13]),
    "h36m_17_left_leg_first": ([1, 2, 3, 11, 12, 13], [4, 5, 6, 14, 15, 16]),
    "h36m_32": ([6, 7, 8, 9, 10, 16, 17, 18, 19, 20, 21, 22, 23], [1, 2, 3, 4, 5, 24, 25, 26, 27, 28, 29, 30, 31]),
    "canonpose_16": ([3, 4, 5, 13, 14, 15], [0, 1, 2, 10, 11, 12]),
    "coco_17": ([1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]),
    "coco_17_gast": ([1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]),
    "halpe_26": ([1, 3, 5, 7, 9, 11, 13, 15, 20, 22, 24], [2, 4, 6, 8, 10, 12, 14, 16, 21, 23, 25]),
    "body_25": ([5, 6, 7, 12, 13, 14, 16, 18, 19, 20, 21], [2, 3, 4, 9, 10, 11, 15, 17, 22, 23, 24]),
    "openpose_coco_18": ([5, 6, 7, 11, 12, 13, 15, 17], [2, 3, 4, 8, 9, 10, 14, 16]),
    "mediapipe_33": (
        [1, 2, 3, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31],
        [4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32],
    ),
    "mpii_16": ([3, 4, 5, 13, 14, 15], [2, 1, 0, 12, 11, 10]),
    "lsp_14": ([3, 4, 5, 9, 10, 11], [2, 1, 0, 8, 7, 6]),
    "mpi3dhp_28": ([8, 9, 10, 11, 12, 18, 19, 20, 21, 22], [13, 14, 15, 16, 17, 23, 24, 25, 26, 27]),
    "mpi3dhp_17": ([5, 6, 7, 11, 12, 13], [2, 3, 4, 8, 9, 10]),
    "smpl_24": ([1, 4, 7, 10, 13, 16, 18, 20, 22], [2, 5, 8, 11, 14, 17, 19, 21, 23]),
    "aic_14": ([3, 4, 5, 9, 10, 11], [0, 1, 2, 6, 7, 8]),
    "crowdpose_14": ([0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9, 11]),
}


def recipe_by_index(found, joint, recipes="recipes"):
    recipe = getattr(found, recipes)[found.target.index(joint)]
    return {found.source.index(name): weight for name, weight in (recipe or {}).items()}


def test_the_lists_here_are_complete():
    assert set(JOINTS) == set(SIDES) == set(CONVENTIONS)
    same_names = {"h36m_17", "h36m_17_elepose", "h36m_17_left_leg_first", "coco_17_gast"}
    assert set(TO_H36M_17) == set(CONVENTIONS) - same_names


@pytest.mark.parametrize("name", JOINTS)
def test_joints_have_the_documented_order(name):
    assert CONVENTIONS[name].name == name
    assert CONVENTIONS[name].joints == tuple(JOINTS[name].split())


@pytest.mark.parametrize("name", SIDES)
def test_left_and_right_are_where_the_documents_have_them(name):
    """Names and indices were written down apart: they have to agree."""
    joints = CONVENTIONS[name].joints

    def of(side):
        return [i for i, j in enumerate(joints) if j.startswith(f"{side}_") or j.endswith(f"_{side}")]

    left, right = SIDES[name]
    assert (sorted(of("l")), sorted(of("r"))) == (sorted(left), sorted(right))
    for one, other in zip(left, right, strict=True):
        expected = "r" + joints[one][1:] if joints[one].startswith("l_") else joints[one][:-1] + "r"
        if name != "h36m_32":  # Its unused joints are listed in chain order, not in pairs.
            assert joints[other] == expected


@pytest.mark.parametrize("name", TO_H36M_17)
def test_the_way_to_h36m_17_is_the_documented_one(name):
    found = conversion(CONVENTIONS[name], H36M_17)
    for joint, index in zip(TARGET.split(), TO_H36M_17[name], strict=True):
        expected = {index: 1.0} if index is not None else MADE[name][joint]
        assert recipe_by_index(found, joint) == pytest.approx(expected), joint
        assert recipe_by_index(found, joint, "recipes_y") == pytest.approx(expected), joint


def test_the_three_orders_of_h36m_17_are_told_apart():
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
    """A body whose left joints lie at x = 1, its right ones at -1 and the others at 0 keeps them there."""

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
def test_to_h36m_17_and_back_keeps_the_joints_both_have(name):
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


def test_made_joints_by_hand():
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


def test_gast_rules_by_hand():
    """GAST-Net tools/mpii_coco_h36m.py, worked out with the numbers below, x and y apart."""
    coco = CONVENTIONS["coco_17_gast"]
    pose = np.zeros((17, 2))
    for joint, place in {
        "nose": (26, 30), "l_eye": (23, 24), "r_eye": (27, 26), "l_ear": (20, 27), "r_ear": (30, 29),
        "l_shoulder": (10, 60), "r_shoulder": (40, 66), "l_hip": (14, 150), "r_hip": (34, 154),
    }.items():  # fmt: skip
        pose[coco.index(joint)] = place
    made = conversion(coco, H36M_17).apply(pose)
    # head: x the mean of eyes and ears; y the eyes' sum less the nose.
    head = ((23 + 27 + 20 + 30) / 4, 24 + 26 - 30)
    # thorax: from between the shoulders (25, 63) a third of the way to the nose; y less 2/3 (eyes' mean - nose).
    thorax = (25 + (26 - 25) / 3, 63 + (30 - 63) / 3 - (25 - 30) * 2 / 3)
    pelvis = (24, 152)
    # spine: the mean of shoulders and hips; x away from between pelvis and thorax by twice the difference.
    mean_x = (10 + 40 + 14 + 34) / 4
    spine = (mean_x + 2 * (mean_x - (pelvis[0] + thorax[0]) / 2), (60 + 66 + 150 + 154) / 4)
    # nose: a quarter of the way back to between the shoulders.
    nose = (26 - (26 - 25) / 4, 30 - (30 - 63) / 4)
    for joint, expected in {"head": head, "thorax": thorax, "root": pelvis, "spine": spine, "nose": nose}.items():
        np.testing.assert_allclose(made[H36M_17.index(joint)], expected, rtol=1e-6, err_msg=joint)
    with pytest.raises(ValueError, match="2D poses only"):
        conversion(coco, H36M_17).apply(np.zeros((17, 3)))


def test_a_made_joint_is_as_certain_as_its_least_certain_source_and_missing_without_one():
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


def test_gast_confidence_counts_the_joints_of_x_and_of_y():
    coco = CONVENTIONS["coco_17_gast"]
    confidence = np.ones((1, 17), np.float32)
    confidence[0, coco.index("l_eye")] = 0.1  # In the thorax's y only.
    trust = conversion(coco, H36M_17).apply_confidence(confidence)[0]
    assert trust[H36M_17.index("thorax")] == np.float32(0.1)
    assert trust[H36M_17.index("spine")] == 1.0


def test_what_cannot_be_made_is_missing_with_confidence_0():
    found = conversion(CONVENTIONS["lsp_14"], H36M_17)
    assert found.missing == ("nose",)
    nose = H36M_17.index("nose")
    assert np.isnan(found.apply(np.ones((2, 14, 2)))[:, nose]).all()
    assert not found.apply_confidence(np.ones((2, 14)))[:, nose].any()
    assert not found.matrix[nose].any()


@pytest.mark.parametrize("name", [name for name in CONVENTIONS if name != "coco_17_gast"])
def test_the_matrix_does_the_same_as_the_conversion(name):
    poses = np.random.default_rng(0).normal(size=(4, CONVENTIONS[name].num_joints, 3)).astype(np.float32)
    found = conversion(CONVENTIONS[name], H36M_17)
    expected = np.nan_to_num(found.apply(poses), nan=0.0)
    np.testing.assert_allclose(found.matrix @ poses, expected, rtol=1e-5, atol=1e-6)


def test_the_same_names_in_one_order_change_nothing():
    renamed = dataclasses.replace(H36M_17, name="copy")
    poses = np.random.default_rng(1).normal(size=(2, 17, 2)).astype(np.float32)
    np.testing.assert_array_equal(conversion(H36M_17, renamed).apply(poses), poses)


def test_poses_of_another_number_of_joints_are_refused():
    with pytest.raises(ValueError, match=r"expected poses of 17 joints; got shape \[3, 16\]"):
        conversion(CONVENTIONS["coco_17"], H36M_17).apply(np.zeros((3, 16, 2)))


# ---- names and users' own conventions --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["coco_17", "COCO_17", "coco17", "Coco-17"])
def test_case_and_underscores_do_not_count(name):
    assert get_convention(name) is CONVENTIONS["coco_17"]


def test_no_two_names_are_the_same_but_for_case_and_underscores():
    assert len({name.lower().replace("_", "") for name in CONVENTIONS}) == len(CONVENTIONS)


@pytest.mark.parametrize("name", ["coco", "", "17", 17, None, ["coco_17"]])
def test_an_unknown_name_lists_the_candidates(name):
    with pytest.raises(
        ValueError, match=r"expected one of h36m_17, .*coco_17, .*or the path of a \.yaml file"
    ) as error:
        get_convention(name)
    assert repr(name) in str(error.value)


def test_candidates_can_be_those_of_a_number_of_joints():
    assert conventions.candidates(26) == "one of halpe_26 or the path of a .yaml file"
    assert "coco_17, coco_17_gast" in conventions.candidates(17) and "halpe" not in conventions.candidates(17)
    assert "halpe_26" in conventions.candidates(99)  # Without a fitting one, all.


OWN = {
    "name": "gym",
    "joints": ["l_hip", "r_hip", "l_shoulder", "r_shoulder", "neck", "top"],
    "made": {
        "root": ["l_hip", "r_hip"],
        "thorax": "neck",
        "spine": {"root": 0.5, "neck": 0.5},
        "head": {"top": 1.5, "neck": -0.5},
    },
}


def test_a_users_convention_is_read_from_yaml(tmp_path):
    (tmp_path / "gym.yaml").write_text(yaml.safe_dump(OWN))
    gym = get_convention(str(tmp_path / "gym.yaml"))
    assert (gym.name, gym.num_joints) == ("gym", 6)
    pose = np.array([[0, 10], [4, 10], [-1, 4], [5, 4], [2, 3], [2, 1]], float)
    made = conversion(gym, H36M_17).apply(pose)
    places = {joint: made[H36M_17.index(joint)].tolist() for joint in ("root", "thorax", "spine", "head", "r_hip")}
    assert places == {"root": [2, 10], "thorax": [2, 3], "spine": [2, 6.5], "head": [2, 0], "r_hip": [4, 10]}
    assert "l_knee" in conversion(gym, H36M_17).missing


def test_a_skeleton_file_is_a_convention_too(tmp_path):
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(dataclasses.replace(H36M_17, name="own").to_dict()))
    assert get_convention(str(tmp_path / "own.yaml")).joints == H36M_17.joints


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joints": None}, "missing joints"),
        ({"order": 1}, "unknown order; fields are name, joints, made"),
        ({"joints": "root"}, "joints must be a list of joint names; got 'root'"),
        ({"joints": [1, 2]}, r"joints must be a list of joint names; got \[1, 2\]"),
        ({"joints": []}, "expected at least one joint"),
        ({"joints": [*OWN["joints"], "top"]}, "top named more than once"),
        ({"made": [1]}, r"made must map a joint to the joints it is made of; got \[1\]"),
        ({"made": {"root": 3}}, "'root' is made of a joint, a list of joints or weights by joint; got 3"),
        ({"made": {"root": []}}, r"'root' is made of a joint, a list of joints or weights by joint; got \[\]"),
        ({"made": {"root": {"l_hip": "half"}}}, "'root' is made of a joint, a list"),
        ({"made": {"root": {"l_hip": 0.5, "r_hip": 0.4}}}, "the weights of 'root' must sum to 1"),
        ({"made": {"root": {"l_hip": float("nan")}}}, "the weights of 'root' must sum to 1"),
        ({"made": {"root": "hip"}}, "'hip' is neither a joint nor made of joints; joints are l_hip, "),
        ({"made": {"root": "spine", "spine": "root"}}, "'root' is made of itself"),
    ],
)
def test_a_wrong_convention_file_is_told_in_one_line(tmp_path, changes, message):
    values = {key: value for key, value in {**OWN, **changes}.items() if value is not None}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ValueError, match=message) as error:
        get_convention(str(tmp_path / "own.yaml"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["a: [", "- joints", "3", "", "\x00", "name: x\njoints: {a: 1}"])
def test_a_file_that_is_no_convention_is_told_with_its_name(tmp_path, text):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"own\.yaml") as error:
        get_convention(str(tmp_path / "own.yaml"))
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"gone\.yaml: cannot be read"):
        get_convention(str(tmp_path / "gone.yaml"))


def test_equal_joints_under_another_name_are_found_by_the_targets_rules():
    """COCO-18's neck is what Human3.6M calls thorax: on the way back it is found again."""
    back = conversion(H36M_17, CONVENTIONS["openpose_coco_18"])
    assert back.recipes[back.target.index("neck")] == {"thorax": 1.0}
    assert set(back.missing) == {"l_eye", "r_eye", "l_ear", "r_ear"}


@given(st.integers(0, 2**32 - 1))
def test_made_joints_move_with_the_body(seed):
    """Weights sum to 1: a body that is shifted has its made joints shifted alike."""
    rng = np.random.default_rng(seed)
    shift = rng.normal(0, 1000, 2)
    for convention in CONVENTIONS.values():
        poses = rng.normal(0, 100, (convention.num_joints, 2))
        found = conversion(convention, H36M_17)
        np.testing.assert_allclose(found.apply(poses + shift), found.apply(poses) + shift, atol=1e-6)


def test_a_skeleton_of_other_joints_is_converted_by_name():
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
