"""Skeletons: bones, mirrors, halves and matrices follow from the names; contradictions are refused."""

import dataclasses
import json

import numpy as np
import pytest

from tf_elepose.skeleton.skeletons import H36M_17, H36M_17_ELEPOSE, SKELETONS, Skeleton, get_skeleton

CROSS = {
    "name": "cross",
    "joints": ["hip", "top", "hand_l", "hand_r"],
    "parents": {"top": "hip", "hand_l": "top", "hand_r": "top"},
    "left": ["hand_l"],
    "right": ["hand_r"],
    "root": "hip",
    "head": "top",
}


def test_h36m_order_is_that_of_videopose3d():
    assert H36M_17.joints == (
        "root", "r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle", "spine", "thorax", "nose", "head",
        "l_shoulder", "l_elbow", "l_wrist", "r_shoulder", "r_elbow", "r_wrist",
    )  # fmt: skip


def test_the_published_code_has_the_right_arm_first():
    assert H36M_17_ELEPOSE.joints[11:14] == ("r_shoulder", "r_elbow", "r_wrist")
    assert set(H36M_17_ELEPOSE.joints) == set(H36M_17.joints)
    assert [H36M_17_ELEPOSE.parents[i] for i in H36M_17_ELEPOSE.indices(H36M_17.joints)] == list(H36M_17.parents)


def test_bone_prior_is_the_published_one_in_either_order():
    published = [.5181, 1.7371, 1.7229, .5181, 1.7371, 1.7229, .9209, .9879, .4481, .4450, .5746, 1.0812, .9652,
                 .5746, 1.0812, .9652]  # fmt: skip
    for skeleton in (H36M_17, H36M_17_ELEPOSE):
        np.testing.assert_array_equal(skeleton.bone_prior, published)  # Both arms have equal lengths.
        np.testing.assert_array_equal(np.array(skeleton.bone_prior)[list(skeleton.bone_mirror)], published)


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_mirrors_are_involutions_that_keep_the_middle(skeleton):
    mirror, bones = np.array(skeleton.mirror), np.array(skeleton.bone_mirror)
    np.testing.assert_array_equal(mirror[mirror], np.arange(17))
    np.testing.assert_array_equal(bones[bones], np.arange(16))
    for joint in ("root", "spine", "thorax", "nose", "head"):
        assert mirror[skeleton.index(joint)] == skeleton.index(joint)
    for joint, parent in skeleton.bones:  # The mirror of a bone is a bone.
        place = skeleton.bones.index((joint, parent))
        child, top = skeleton.bones[bones[place]]
        assert (skeleton.index(child), skeleton.index(top)) == (
            mirror[skeleton.index(joint)], mirror[skeleton.index(parent)],
        )  # fmt: skip


def test_halves_are_the_legs_and_all_other_joints_but_the_root():
    legs = ("r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle")
    for skeleton in SKELETONS.values():
        assert skeleton.halves["legs"] == legs
        assert {*legs, *skeleton.halves["torso"], skeleton.root} == set(skeleton.joints)
        assert skeleton.halves["torso"] == tuple(j for j in skeleton.joints if j not in {*legs, "root"})


def test_toes_belong_to_the_legs():
    toes = H36M_17.to_dict()
    toes["joints"] = ["l_toe", *toes["joints"], "r_toe"]
    toes["parents"] |= {"l_toe": "l_ankle", "r_toe": "r_ankle"}
    halves = Skeleton.from_dict(toes | {"name": "toes", "bone_prior": "estimate"}).halves
    assert halves["legs"] == ("l_toe", *H36M_17.halves["legs"], "r_toe") and halves["torso"] == H36M_17.halves["torso"]
    with pytest.raises(ValueError, match="'cross' names no legs; it cannot be divided"):
        Skeleton.from_dict(CROSS).halves  # noqa: B018


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_bone_matrix_is_child_minus_parent(skeleton):
    pose = np.random.default_rng(0).normal(size=(17, 3))
    for vector, (child, parent) in zip(skeleton.bone_matrix @ pose, skeleton.bones, strict=True):
        np.testing.assert_allclose(vector, pose[skeleton.index(child)] - pose[skeleton.index(parent)])
    assert skeleton.num_bones == 16 and skeleton.bone_matrix.shape == (16, 17)


@pytest.mark.parametrize("skeleton", [*SKELETONS.values(), Skeleton.from_dict(CROSS)], ids=lambda s: s.name)
def test_dictionaries_round_trip(skeleton):
    assert Skeleton.from_dict(json.loads(json.dumps(skeleton.to_dict()))) == skeleton


def test_user_skeleton_is_read_from_yaml_and_json(tmp_path):
    expected = Skeleton.from_dict(CROSS)
    (tmp_path / "cross.json").write_text(json.dumps(CROSS))
    lines = ["name: cross", "joints: [hip, top, hand_l, hand_r]", "parents: {top: hip, hand_l: top, hand_r: top}",
             "left: [hand_l]", "right: [hand_r]", "root: hip", "head: top"]  # fmt: skip
    (tmp_path / "cross.yaml").write_text("\n".join(lines))
    assert get_skeleton(str(tmp_path / "cross.json")) == get_skeleton(str(tmp_path / "cross.yaml")) == expected
    assert expected.mirror == (0, 1, 3, 2) and expected.bone_mirror == (0, 2, 1)
    assert get_skeleton("h36m_17") is H36M_17


def test_bone_prior_is_given_by_joint_name():
    lengths = {"top": 2.0, "hand_l": 0.5, "hand_r": 0.5}
    assert Skeleton.from_dict({**CROSS, "bone_prior": lengths}).bone_prior == (2.0, 0.5, 0.5)
    assert Skeleton.from_dict({**CROSS, "bone_prior": "estimate"}).bone_prior is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": "hip"}, "root and head must be two joints"),
        ({"root": "pelvis"}, "root 'pelvis' is not a joint"),
        ({"joints": ["hip", "top", "hand_l", "hand_l"]}, "hand_r"),
        ({"joints": ["hip", "top", "hand_l", "hand_r", "top"]}, "top named more than once"),
        ({"parents": {"top": "hip", "hand_l": "top"}}, "exactly one joint without a parent; got 2"),
        ({"parents": {"top": "hand_l", "hand_l": "top", "hand_r": "top"}}, "circle"),
        ({"parents": {"top": "hip", "hand_l": "top", "hand_r": "neck"}}, "parent of 'hand_r' 'neck' is not a joint"),
        ({"parents": {"tail": "hip"}}, "parents name tail"),
        ({"parents": {"hip": "hand_l", "top": "hip", "hand_r": "top"}}, "'hand_l', must not belong to one side"),
        ({"parents": ["hip"]}, "parents must map"),
        ({"left": []}, "0 left joints but 1 right"),
        ({"left": ["hand_r"]}, "hand_r named more than once"),
        ({"left": "hand_l"}, "left must be a list"),
        ({"bone_prior": {"top": 1.0}}, "bone_prior needs one length for each"),
        ({"bone_prior": {"top": 1.0, "hand_l": -1.0, "hand_r": 1.0}}, "positive"),
        ({"bone_prior": {"top": "long", "hand_l": 1.0, "hand_r": 1.0}}, "must be numbers"),
        ({"bone_prior": "guess"}, "bone_prior is 'estimate'"),
        ({"legs": [["hand_l"], ["hand_r"]]}, "legs are three joints of the left and three of the right"),
        ({"arms": [["hip", "top", "hand_l"], ["hip", "top", "hand_r"]]}, "arms are three joints of the left"),
        ({"legs": [["hip", "top", "foot"], ["hip", "top", "hand_r"]]}, "legs 'foot' is not a joint"),
        ({"legs": "both"}, "legs must be two lists"),
        ({"colour": "red"}, "unknown colour"),
    ],
)  # fmt: skip
def test_contradictions_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Skeleton.from_dict({**CROSS, **change}, where="skeleton file x.yaml")


def test_error_names_missing_fields_and_the_source():
    with pytest.raises(ValueError, match=r"x\.yaml: missing head, root"):
        Skeleton.from_dict({k: v for k, v in CROSS.items() if k not in ("head", "root")}, where="x.yaml")


def test_unreadable_files_and_unknown_names_are_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown skeleton 'coco'"):
        get_skeleton("coco")
    with pytest.raises(ValueError, match="cannot be read"):
        get_skeleton(str(tmp_path / "none.yaml"))
    (tmp_path / "bad.yaml").write_text("joints: [a, b")
    with pytest.raises(ValueError, match="not valid yaml"):
        get_skeleton(str(tmp_path / "bad.yaml"))
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(ValueError, match="expected a mapping"):
        get_skeleton(str(tmp_path / "list.json"))


def test_error_about_an_unknown_joint_lists_the_joints():
    with pytest.raises(ValueError, match="no joint 'tail'; joints are root, r_hip"):
        H36M_17.index("tail")


def test_skeletons_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        H36M_17.root = "head"
