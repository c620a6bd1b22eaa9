"""Conventions: joints have the documented order; names and users' own files are read, or refused with a reason."""

import dataclasses

import numpy as np
import pytest
import yaml
from documented_joints import JOINTS, SIDES, TO_H36M_17

from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conventions import CONVENTIONS, get_convention
from tf_elepose.skeleton.conversion import conversion
from tf_elepose.skeleton.skeletons import H36M_17


def test_every_convention_has_a_documented_order():
    assert set(JOINTS) == set(SIDES) == set(CONVENTIONS)
    same_names = {"h36m_17", "h36m_17_elepose", "h36m_17_left_leg_first", "coco_17_gast"}
    assert set(TO_H36M_17) == set(CONVENTIONS) - same_names


@pytest.mark.parametrize("name", JOINTS)
def test_joints_have_the_documented_order(name):
    assert CONVENTIONS[name].name == name
    assert CONVENTIONS[name].joints == tuple(JOINTS[name].split())


@pytest.mark.parametrize("name", SIDES)
def test_left_and_right_joints_have_the_documented_indices(name):
    """Names and indices were written down separately: they have to agree."""
    joints = CONVENTIONS[name].joints

    def of(side):
        return [i for i, j in enumerate(joints) if j.startswith(f"{side}_") or j.endswith(f"_{side}")]

    left, right = SIDES[name]
    assert (sorted(of("l")), sorted(of("r"))) == (sorted(left), sorted(right))
    for one, other in zip(left, right, strict=True):
        expected = "r" + joints[one][1:] if joints[one].startswith("l_") else joints[one][:-1] + "r"
        if name != "h36m_32":  # Its unused joints are listed in chain order, not in pairs.
            assert joints[other] == expected


@pytest.mark.parametrize("name", ["coco_17", "COCO_17", "coco17", "Coco-17"])
def test_case_and_underscores_in_names_are_ignored(name):
    assert get_convention(name) is CONVENTIONS["coco_17"]


def test_names_differ_by_more_than_case_and_underscores():
    assert len({name.lower().replace("_", "") for name in CONVENTIONS}) == len(CONVENTIONS)


@pytest.mark.parametrize("name", ["coco", "", "17", 17, None, ["coco_17"]])
def test_an_unknown_name_lists_the_candidates(name):
    with pytest.raises(
        ValueError, match=r"expected one of h36m_17, .*coco_17, .*or the path of a \.yaml file"
    ) as error:
        get_convention(name)
    assert repr(name) in str(error.value)


def test_candidates_are_those_with_the_number_of_joints():
    assert conventions.candidates(26) == "one of halpe_26 or the path of a .yaml file"
    assert "coco_17, coco_17_gast" in conventions.candidates(17) and "halpe" not in conventions.candidates(17)
    assert "halpe_26" in conventions.candidates(99)  # Without a fitting convention: all.


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


def test_user_convention_is_read_from_yaml(tmp_path):
    (tmp_path / "gym.yaml").write_text(yaml.safe_dump(OWN))
    gym = get_convention(str(tmp_path / "gym.yaml"))
    assert (gym.name, gym.num_joints) == ("gym", 6)
    pose = np.array([[0, 10], [4, 10], [-1, 4], [5, 4], [2, 3], [2, 1]], float)
    made = conversion(gym, H36M_17).apply(pose)
    places = {joint: made[H36M_17.index(joint)].tolist() for joint in ("root", "thorax", "spine", "head", "r_hip")}
    assert places == {"root": [2, 10], "thorax": [2, 3], "spine": [2, 6.5], "head": [2, 0], "r_hip": [4, 10]}
    assert "l_knee" in conversion(gym, H36M_17).missing


def test_skeleton_file_can_be_used_as_a_convention(tmp_path):
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
def test_error_in_a_convention_file_is_one_line(tmp_path, changes, message):
    values = {key: value for key, value in {**OWN, **changes}.items() if value is not None}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ValueError, match=message) as error:
        get_convention(str(tmp_path / "own.yaml"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["a: [", "- joints", "3", "", "\x00", "name: x\njoints: {a: 1}"])
def test_error_about_another_file_names_it(tmp_path, text):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"own\.yaml") as error:
        get_convention(str(tmp_path / "own.yaml"))
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"gone\.yaml: cannot be read"):
        get_convention(str(tmp_path / "gone.yaml"))
