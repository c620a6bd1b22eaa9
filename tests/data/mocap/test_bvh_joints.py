import re

import numpy as np
import pytest
from samples import bvh

from tf_elepose.data.mocap.bvh_file import read_bvh_motion
from tf_elepose.data.mocap.bvh_joints import known_joints
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

EXPORTERS = {
    "MotionBuilder": "LeftUpLeg LeftLeg LeftFoot LeftArm LeftForeArm LeftHand Neck Head",
    "Biovision": "LeftHip LeftKnee LeftAnkle LeftShoulder LeftElbow LeftWrist Neck Head",
    "Daz": "lThigh lShin lFoot lShldr lForeArm lHand neck head",
    "Genesis": "lThighBend lShin lFoot lShldrBend lForearmBend lHand neckLower head",
    "3ds Max": "Bip01_L_Thigh Bip01_L_Calf Bip01_L_Foot Bip01_L_UpperArm Bip01_L_Forearm "
    "Bip01_L_Hand Bip01_Neck Bip01_Head",
    "Unreal": "thigh_l calf_l foot_l upperarm_l lowerarm_l hand_l neck_01 head",
    "VRM": "leftUpperLeg leftLowerLeg leftFoot leftUpperArm leftLowerArm leftHand neck head",
    "Blender": "thigh.L shin.L foot.L upper_arm.L forearm.L hand.L neck head",
    "SMPL": "L_Hip L_Knee L_Ankle L_Shoulder L_Elbow L_Wrist Neck Head",
    "Mixamo": "mixamorig:LeftUpLeg mixamorig:LeftLeg mixamorig:LeftFoot mixamorig:LeftArm mixamorig:LeftForeArm "
    "mixamorig:LeftHand mixamorig:Neck mixamorig:Head",
    "DeepMotion": "l_upleg_JNT l_leg_JNT l_foot_JNT l_arm_JNT l_forearm_JNT l_hand_JNT neck_JNT head_JNT",
    "VRoid": "J_Bip_L_UpperLeg J_Bip_L_LowerLeg J_Bip_L_Foot J_Bip_L_UpperArm J_Bip_L_LowerArm J_Bip_L_Hand "
    "J_Bip_C_Neck J_Bip_C_Head",
    "Motive": "LThigh LShin LFoot LUArm LFArm LHand Neck Head",
    "Theia": "l_thigh l_shank l_foot l_uarm l_larm l_hand neck head",
    "Rigify": "DEF-thigh.L DEF-shin.L DEF-foot.L DEF-upper_arm.L DEF-forearm.L DEF-hand.L DEF-spine.004 DEF-spine.006",
    "Source": "ValveBiped.Bip01_L_Thigh ValveBiped.Bip01_L_Calf ValveBiped.Bip01_L_Foot ValveBiped.Bip01_L_UpperArm "
    "ValveBiped.Bip01_L_Forearm ValveBiped.Bip01_L_Hand ValveBiped.Bip01_Neck1 ValveBiped.Bip01_Head1",
    "Character Creator": "CC_Base_L_Thigh CC_Base_L_Calf CC_Base_L_Foot CC_Base_L_Upperarm CC_Base_L_Forearm "
    "CC_Base_L_Hand CC_Base_NeckTwist01 CC_Base_Head",
    "MakeHuman": "upperleg01.L lowerleg01.L foot.L upperarm01.L lowerarm01.L wrist.L neck01 head",
    "Advanced Skeleton": "Hip_L Knee_L Ankle_L Shoulder_L Elbow_L Wrist_L Neck_M Head_M",
    "Kinect": "HipLeft KneeLeft AnkleLeft ShoulderLeft ElbowLeft WristLeft ShoulderCenter Head",
}  # fmt: skip


def mirrored(name: str) -> str:
    for one, other in (("Left", "Right"), ("left", "right"), ("_L_", "_R_"), ("_L", "_R"), ("L_", "R_")):
        if one in name:
            return name.replace(one, other)
    for one, other in (("_l", "_r"), (".L", ".R")):
        if name.endswith(one):
            return name.removesuffix(one) + other
    return ("R" if name[0] == "L" else "r") + name[1:]


def found_names(motion) -> dict[str, str]:
    body = known_joints(motion)
    return dict(zip(body.convention.joints, (motion.names[source] for source in body.sources), strict=False))


@pytest.mark.parametrize("program", EXPORTERS)
def test_the_names_of_common_programs_are_known(tmp_path, program):
    *left, neck, head = EXPORTERS[program].split()
    own = [f"mixamorig:Left{name}" for name in ("UpLeg", "Leg", "Foot", "Arm", "ForeArm", "Hand")]
    names = dict(zip(own, left, strict=True)) | {
        name.replace("Left", "Right"): mirrored(new) for name, new in zip(own, left, strict=True)
    }
    names |= {"mixamorig:Neck": neck, "mixamorig:Head": head}
    text = re.sub(r"mixamorig:\w+", lambda m: names.get(m[0], m[0].replace("mixamorig:", "x")), bvh.text())
    if program in (
        "Biovision",
        "SMPL",
        "Kinect",
        "Advanced Skeleton",
    ):  # Their shoulder is the arm's; the collar has another name.
        text = text.replace("xLeftShoulder", "LeftCollar").replace("xRightShoulder", "RightCollar")
    (tmp_path / "named.bvh").write_text(text)
    motion = read_bvh_motion(tmp_path / "named.bvh")
    found = found_names(motion)
    assert [found[f"l_{j}"] for j in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")] == left
    assert [found[f"r_{j}"] for j in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")] == list(
        map(mirrored, left)
    )
    assert (found["neck"], found["head_joint"]) == (neck, head)


@pytest.mark.parametrize("prefix", ["Robot_", "Skeleton1_", "Skeleton_001_", "rp_anna:Rig|", "MyFigure", "Man-", "L_"])
@pytest.mark.parametrize("suffix", ["", "_bind"])
def test_a_beginning_and_an_end_that_all_names_share_are_no_part_of_the_joint(tmp_path, prefix, suffix):
    text = re.sub(r"mixamorig:(\w+)", rf"{prefix}\1{suffix}", bvh.text())
    (tmp_path / "prefixed.bvh").write_text(text)
    found = found_names(read_bvh_motion(tmp_path / "prefixed.bvh"))
    assert found["l_shoulder"] == f"{prefix}LeftArm{suffix}" and found["r_hip"] == f"{prefix}RightUpLeg{suffix}"
    assert found["head_top"] == f"{prefix}HeadTop_End{suffix}"


@pytest.mark.parametrize("head", ["Head", "Head1", "spine.006", "DEF-spine.006"])
def test_the_end_of_the_head_s_bone_is_the_top(tmp_path, head):
    text = bvh.text().replace("mixamorig:Head\n", "Other\n").replace("mixamorig:HeadTop_End", head)
    (tmp_path / "head.bvh").write_text(text)
    found = found_names(read_bvh_motion(tmp_path / "head.bvh"))
    assert (found["head_joint"], found["head_top"]) == (head, f"{head}_end")


def test_the_root_may_lack_the_beginning_that_the_others_share(tmp_path):
    (tmp_path / "root.bvh").write_text(
        bvh.text().replace("mixamorig:Hips", "Reference").replace("mixamorig:", "Robot_")
    )
    assert found_names(read_bvh_motion(tmp_path / "root.bvh"))["r_wrist"] == "Robot_RightHand"


def test_unknown_names_are_listed_and_can_be_given_in_a_file(tmp_path):
    (tmp_path / "own.bvh").write_text(bvh.text().replace("LeftHand", "LeftPaw").replace("mixamorig:", ""))
    source = f"bvh:{tmp_path / 'own.bvh'}"
    with pytest.raises(ValueError, match=r"found no l_wrist among the joints Hips, .*LeftPaw.*in a joints file"):
        load_source(source, H36M_17, scale=10.0)
    limbs = {"hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand"}
    lines = ["root: [LeftUpLeg, RightUpLeg]", "spine: Spine", "thorax: Neck", "nose: Head", "head: HeadTop_End"]
    lines += [f"{s[0].lower()}_{j}: {s}{name}" for s in ("Left", "Right") for j, name in limbs.items()]
    joints = tmp_path / "joints.yaml"
    joints.write_text("\n".join(lines).replace("LeftHand", "LeftPaw"))
    recording = load_source(source, H36M_17, joints=str(joints))
    middle = recording.poses_3d[:, [H36M_17.index("l_hip"), H36M_17.index("r_hip")]].mean(axis=1)
    np.testing.assert_allclose(recording.poses_3d[:, 0], middle, atol=0.01)
    joints.write_text("l_hip: Nothing")
    with pytest.raises(ValueError, match=r"l_hip: .* has no Nothing; its joints are Hips"):
        load_source(source, H36M_17, joints=str(joints))
    joints.write_text("[1]")
    with pytest.raises(ValueError, match="expected joints with the BVH file's joints; got list"):
        load_source(source, H36M_17, joints=str(joints))


def test_names_that_fit_twice_are_refused(tmp_path):
    (tmp_path / "twice.bvh").write_text(bvh.text().replace("mixamorig:Spine", "other:LeftArm"))
    with pytest.raises(ValueError, match="l_shoulder could be other:LeftArm, mixamorig:LeftArm; say which"):
        load_source(f"bvh:{tmp_path / 'twice.bvh'}", H36M_17)
