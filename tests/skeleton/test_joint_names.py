"""Claims: joints are recognised by the names that programs give them, and wrong names are refused."""

import itertools

import numpy as np
import pytest

from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import conversion
from tf_elepose.skeleton.joint_names import BODY_FIRST, joint_name, named_convention
from tf_elepose.skeleton.skeletons import H36M_17

COCO = conventions.CONVENTIONS["coco_17"]
COCO_NAMES = [joint.replace("l_", "left_").replace("r_", "right_") if "_" in joint else joint for joint in COCO.joints]

_LEFT_SHOULDER = (
    "left_shoulder LShoulder l_shoulder left-shoulder Left-Shoulder leftShoulder LEFT_SHOULDER lshoulder lsho LSho "
    "L_Sho Shoulder_L shoulder.L shoulderLeft ShoulderL L.Shoulder leftshoulder"
)


@pytest.mark.parametrize(
    "name", [*_LEFT_SHOULDER.split(), "left shoulder", "L Shoulder", "shoulder (left)", " Left Shoulder "]
)
def test_spellings_of_one_joint(name):
    assert joint_name(name) == "l_shoulder"


FORMS = (
    "{s}_{p}", "{s}-{p}", "{s} {p}", "{s}.{p}", "{p}_{s}", "{p}.{s}", "{p} {s}", "{p} ({s})", "({s}) {p}", "{s}:{p}",
    "{s}{p}", "{s}{P}", "{p}{S}", "{S}{U}", "{s}__{p}",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_no_spelling_exchanges_the_sides(form):
    parts = [
        "shoulder",
        "sho",
        "elbow",
        "elb",
        "wrist",
        "wri",
        "hip",
        "knee",
        "kne",
        "ankle",
        "ank",
        "eye",
        "ear",
        "heel",
    ]
    for side, short, part in itertools.product(("left", "right"), (False, True), parts):
        for spelled in (side[:1] if short else side, (side[:1] if short else side).upper()):
            name = form.format(s=spelled, S=spelled.capitalize(), p=part, P=part.capitalize(), U=part.upper())
            full = {"sho": "shoulder", "elb": "elbow", "wri": "wrist", "kne": "knee", "ank": "ankle"}.get(part, part)
            assert joint_name(name) == f"{side[0]}_{full}", name


@pytest.mark.parametrize(
    ("name", "joint"),
    [
        ("R Ankle", "r_ankle"), ("rank", "r_ankle"), ("lank", "l_ankle"), ("RKnee", "r_knee"), ("rear", "r_ear"),
        ("root (pelvis)", "root"), ("Pelvis", "root"), ("hip", "root"), ("MidHip", "root"), ("mid_hip", "root"),
        ("head_top", "head"), ("top_head", "head"), ("head_bottom", "upper_neck"), ("upper_neck", "upper_neck"),
        ("neck", "neck"), ("thorax", "thorax"), ("neck_base", "nose"), ("Neck/Nose", "nose"), ("belly", "spine"),
        ("RBigToe", "r_big_toe"), ("left_eye_inner", "l_eye_inner"), ("left_eye_(inner)", "l_eye_inner"),
        ("mouth_left", "mouth_l"), ("face-0", None), ("left", None), ("lip", None), ("root_of_tail", None),
    ],
)  # fmt: skip
def test_other_joints(name, joint):
    assert joint_name(name) == joint


@pytest.mark.parametrize("name", sorted(conventions.CONVENTIONS))
def test_the_names_of_each_known_convention_are_that_convention(name):
    convention = conventions.CONVENTIONS[name]
    assert [joint_name(joint) for joint in convention.joints] == list(convention.joints)
    own = _own(convention.joints)
    assert own.joints == convention.joints[: own.num_joints]
    assert own.num_joints == convention.num_joints or (convention.num_joints in BODY_FIRST and own.num_joints < 30)
    assert named_convention(convention.joints, "file", name) is convention


def _own(names, stated=None):
    convention = named_convention(names, "file", stated)
    assert convention is not None
    return convention


def _made(names, values):
    """Poses of Human3.6M's 17 joints from {name in the file: (x, y)}."""
    convention = _own(names)
    poses = np.array([[values[name] for name in names[: convention.num_joints]]], np.float32)
    return dict(zip(H36M_17.joints, conversion(convention, H36M_17).apply(poses)[0], strict=True))


def _values(names):
    return {name: np.random.default_rng(place).uniform(0, 1000, 2) for place, name in enumerate(names)}


@pytest.mark.parametrize("seed", range(3))
def test_any_order_gives_what_the_known_order_gives(seed):
    for convention in conventions.CONVENTIONS.values():
        if (
            convention.num_joints > 100
            or convention.made_vertically
            or convention.name in ("aic_14", "crowdpose_14", "lsp_14")
        ):
            continue  # Which convention it is can be seen from the order alone.
        shuffled = [convention.joints[i] for i in np.random.default_rng(seed).permutation(convention.num_joints)]
        values = _values(convention.joints)
        given = np.array([[values[joint] for joint in convention.joints]], np.float32)
        expected = conversion(convention, H36M_17).apply(given)[0]
        np.testing.assert_allclose(list(_made(shuffled, values).values()), expected, atol=1e-3)


def test_posetrack_keeps_its_head_and_upper_neck_out_of_the_eyes():
    names = ["nose", "head_bottom", "head_top", *COCO_NAMES[3:]]
    values = _values(names)
    made = _made(names, values)
    np.testing.assert_allclose(made["head"], values["head_top"], rtol=1e-6)
    np.testing.assert_allclose(made["nose"], values["nose"], rtol=1e-6)
    np.testing.assert_allclose(made["l_shoulder"], values["left_shoulder"], rtol=1e-6)
    np.testing.assert_allclose(made["thorax"], (values["left_shoulder"] + values["right_shoulder"]) / 2, rtol=1e-5)


def test_lists_that_no_convention_has():
    body = COCO_NAMES[5:]
    made = _made(body, _values(body))  # No face: neither nose nor head.
    assert np.isnan(made["head"]).all() and np.isnan(made["nose"]).all() and not np.isnan(made["spine"]).any()
    names, values = [*COCO_NAMES, "neck"], _values([*COCO_NAMES, "neck"])
    np.testing.assert_allclose(_made(names, values)["thorax"], values["neck"], rtol=1e-6)
    names = (
        "Hip RHip RKnee RFoot LHip LKnee LFoot Spine Thorax Neck Head LShoulder LElbow LWrist RShoulder RElbow RWrist"
    )
    values = _values(names.split())
    made = _made(names.split(), values)
    np.testing.assert_allclose(made["l_ankle"], values["LFoot"], rtol=1e-6)
    np.testing.assert_allclose(made["nose"], values["Neck"], rtol=1e-6)


def test_two_heads_and_the_head_of_smpl():
    names = ["spine3", "spine4", "spine2", "spine", "pelvis", "neck", "head", "head_top"]
    names += [f"left_{part}" for part in ("clavicle", "shoulder", "elbow", "wrist", "hand")]
    names += [f"right_{part}" for part in ("clavicle", "shoulder", "elbow", "wrist", "hand")]
    names += [f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "foot", "toe")]
    assert named_convention(names, "file") is conventions.CONVENTIONS["mpi3dhp_28"]
    smpl = [
        "pelvis" if joint == "root" else joint.removesuffix("_joint")
        for joint in conventions.CONVENTIONS["smpl_24"].joints
    ]
    assert named_convention(smpl, "file") is conventions.CONVENTIONS["smpl_24"]


def test_the_body_of_a_whole_body_list():
    names = [*COCO_NAMES, *(f"face-{place}" for place in range(116))]
    assert named_convention(names, "file") is COCO
    assert named_convention(names, "file", "coco_17") is COCO
    assert named_convention([*COCO_NAMES, "face-0", "tail"], "file") is COCO  # Strangers after the body are left out.


def test_words_and_numbers_that_all_names_share_are_left_out():
    for spelled in ([f"body_{name}" for name in COCO_NAMES], [f"{n}_{name}" for n, name in enumerate(COCO_NAMES)],
                    [f"{name} {n + 1}" for n, name in enumerate(COCO_NAMES)]):  # fmt: skip
        assert named_convention(spelled, "file") is COCO
    assert joint_name("hip1") is None  # DeepLabCut's hip1 and hip2 are the right and the left one.
    with pytest.raises(ValueError, match="not known are ankle1, knee1, hip1"):
        named_convention([f"{part}{side}" for side in (1, 2) for part in ("ankle", "knee", "hip", "wrist")], "file")


PROGRAMS = """
OpenPose: body_25: Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist MidHip RHip RKnee RAnkle LHip LKnee
LAnkle REye LEye REar LEar LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel

Pose2Sim: halpe_26: Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip LKnee RKnee
LAnkle RAnkle Head Neck Hip LBigToe RBigToe LSmallToe RSmallToe LHeel RHeel

MPII: mpii_16: rightAnkle rightKnee rightHip leftHip leftKnee leftAnkle pelvis thorax upperNeck headTop rightWrist
rightElbow rightShoulder leftShoulder leftElbow leftWrist

MMPose, Human3.6M: h36m_17: root right_hip right_knee right_foot left_hip left_knee left_foot spine thorax neck_base
head left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist

SMPL: smpl_24: Pelvis L_Hip R_Hip Spine1 L_Knee R_Knee Spine2 L_Ankle R_Ankle Spine3 L_Foot R_Foot Neck L_Collar
R_Collar Head L_Shoulder R_Shoulder L_Elbow R_Elbow L_Wrist R_Wrist L_Hand R_Hand

ML Kit: mediapipe_33: NOSE LEFT_EYE_INNER LEFT_EYE LEFT_EYE_OUTER RIGHT_EYE_INNER RIGHT_EYE RIGHT_EYE_OUTER LEFT_EAR
RIGHT_EAR LEFT_MOUTH RIGHT_MOUTH LEFT_SHOULDER RIGHT_SHOULDER LEFT_ELBOW RIGHT_ELBOW LEFT_WRIST RIGHT_WRIST LEFT_PINKY
RIGHT_PINKY LEFT_INDEX RIGHT_INDEX LEFT_THUMB RIGHT_THUMB LEFT_HIP RIGHT_HIP LEFT_KNEE RIGHT_KNEE LEFT_ANKLE
RIGHT_ANKLE LEFT_HEEL RIGHT_HEEL LEFT_FOOT_INDEX RIGHT_FOOT_INDEX

sides last: coco_17: nose eye_l eye_r ear_l ear_r shoulder_l shoulder_r elbow_l elbow_r wrist_l wrist_r hip_l hip_r
knee_l knee_r ankle_l ankle_r
"""
"""One paragraph for each program: its name, the convention, and the program's names of the joints."""


@pytest.mark.parametrize("program", PROGRAMS.strip().split("\n\n"), ids=lambda program: program.split(":")[0])
def test_lists_of_programs(program):
    _, name, names = program.split(": ")
    assert named_convention(names.split(), "file") is conventions.CONVENTIONS[name]


def test_numbers_are_no_names():
    for names in (["0", "1", "2"], ["kp1", "kp2"], ["joint_5", "joint_6"], ["keypoint 1"], ["Point-3"]):
        assert named_convention(names * 6, "file") is None
    assert named_convention([str(place) for place in range(17)], "file", "coco_17") is COCO


def test_a_stated_convention_that_the_names_contradict_is_refused():
    right_first = [
        name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right") for name in COCO_NAMES
    ]
    with pytest.raises(
        ValueError, match="file: joint 1 is 'right_eye' in the file and 'l_eye' in convention 'coco_17'"
    ):
        named_convention(right_first, "file", "coco_17")
    posetrack = ["nose", "head_bottom", "head_top", *COCO_NAMES[3:]]
    with pytest.raises(ValueError, match="joint 1 is 'head_bottom'"):
        named_convention(posetrack, "file", "coco_17")
    with pytest.raises(ValueError, match="has 26 joints; got 17 names"):
        named_convention(COCO_NAMES, "file", "halpe_26")
    assert _own(COCO_NAMES, "coco_17_gast").name == "coco_17_gast"
    assert named_convention([f"sensor {i} a" for i in range(17)], "file", "coco_17") is COCO


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([*COCO_NAMES, "LShoulder"], "left_shoulder and LShoulder are the same"),
        (["snout", "tail", "paw"] * 6, "not known are snout, tail, paw.*option=convention=FILE.yaml"),
        (["nose"], "got nose"),
        (["nose"] * 1001, "at most 1000"),
    ],
)
def test_names_that_are_no_body_are_refused(names, message):
    with pytest.raises(ValueError, match=message):
        named_convention(names, "file")
