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
}  # fmt: skip


def mirrored(name: str) -> str:
    for one, other in (("Left", "Right"), ("left", "right"), ("_L_", "_R_"), ("L_", "R_"), ("_l", "_r"), (".L", ".R")):
        if one in name:
            return name.replace(one, other)
    return "r" + name[1:]


@pytest.mark.parametrize("program", EXPORTERS)
def test_the_names_of_common_programs_are_known(tmp_path, program):
    *left, neck, head = EXPORTERS[program].split()
    own = [f"mixamorig:Left{name}" for name in ("UpLeg", "Leg", "Foot", "Arm", "ForeArm", "Hand")]
    names = dict(zip(own, left, strict=True)) | {
        name.replace("Left", "Right"): mirrored(new) for name, new in zip(own, left, strict=True)
    }
    names |= {"mixamorig:Neck": neck, "mixamorig:Head": head}
    text = re.sub(r"mixamorig:\w+", lambda m: names.get(m[0], m[0].replace("mixamorig:", "x")), bvh.text())
    if program in ("Biovision", "SMPL"):  # Their shoulder is the arm's; the collar has another name.
        text = text.replace("xLeftShoulder", "LeftCollar").replace("xRightShoulder", "RightCollar")
    (tmp_path / "named.bvh").write_text(text)
    motion = read_bvh_motion(tmp_path / "named.bvh")
    body = known_joints(motion)
    found = dict(zip(body.convention.joints, (motion.names[source] for source in body.sources), strict=False))
    assert [found[f"l_{j}"] for j in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")] == left
    assert [found[f"r_{j}"] for j in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")] == list(
        map(mirrored, left)
    )
    assert (found["neck"], found["head_joint"]) == (neck, head)


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
