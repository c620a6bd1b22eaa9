import logging
import re
import time

import numpy as np
import pytest
from samples import bvh

from tf_elepose.data.bvh_joints import known_joints
from tf_elepose.data.bvh_motion import read_bvh_motion
from tf_elepose.data.sources import load_source
from tf_elepose.data.virtual_cameras import Rig, orientation, pixels, view
from tf_elepose.skeletons import H36M_17

HEAD = """HIERARCHY
ROOT a
{{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition {0}
  JOINT b
  {{
    OFFSET 10 0 0
    CHANNELS 3 {0}
    End Site
    {{
      OFFSET 0 5 0
    }}
  }}
}}
MOTION
Frames: {1}
Frame Time: 0.01
"""


def three_joints(folder, order: str, *frames: str):
    names = " ".join(f"{axis}rotation" for axis in order)
    (folder / "three.bvh").write_text(HEAD.format(names, len(frames)) + "\n".join(frames) + "\n")
    return read_bvh_motion(folder / "three.bvh")


def places(motion, frame=0):
    return motion.places(range(len(motion.names)), np.array([frame]))[0]


@pytest.mark.parametrize("order", ["ZXY", "XYZ", "YXZ"])
def test_without_rotation_joints_stand_at_their_offsets(tmp_path, order):
    motion = three_joints(tmp_path, order, "100 200 300 0 0 0 0 0 0")
    assert motion.names == ("a", "b", "b_end")
    np.testing.assert_allclose(places(motion), [[101, 202, 303], [111, 202, 303], [111, 207, 303]])


# The bone of b is (10, 0, 0) from a, that of its end (0, 5, 0) from b. By hand, x to y to z right-handed:
# Z 90 turns (x, y, z) into (-y, x, z), X 90 into (x, -z, y), Y 90 into (z, y, -x). The last channel turns first.
@pytest.mark.parametrize(
    ("order", "b", "end"),
    [
        # Y: (0, 0, -10), X: (0, 10, 0), Z: (-10, 0, 0). (0, 5, 0): Y the same, X (0, 0, 5), Z the same.
        ("ZXY", (-10, 0, 0), (0, 0, 5)),
        # Z: (0, 10, 0), Y the same, X: (0, 0, 10). (0, 5, 0): Z (-5, 0, 0), Y (0, 0, 5), X (0, -5, 0).
        ("XYZ", (0, 0, 10), (0, -5, 0)),
        # Z: (0, 10, 0), X: (0, 0, 10), Y: (10, 0, 0). (0, 5, 0): Z (-5, 0, 0), X the same, Y (0, 0, 5).
        ("YXZ", (10, 0, 0), (0, 0, 5)),
    ],
)
def test_rotations_by_hand_in_every_order(tmp_path, order, b, end):
    motion = three_joints(tmp_path, order, "0 0 0 90 90 90 0 0 0")
    a = np.array([1, 2, 3])
    np.testing.assert_allclose(places(motion), [a, a + b, a + b + np.array(end)], atol=1e-6)


def test_a_joint_turns_what_hangs_on_it_alone(tmp_path):
    motion = three_joints(tmp_path, "ZXY", "0 0 0 0 0 0 0 0 0", "0 0 0 0 0 0 90 0 0")
    np.testing.assert_allclose(places(motion, 0)[2], [11, 7, 3])
    np.testing.assert_allclose(places(motion, 1), [[1, 2, 3], [11, 2, 3], [6, 2, 3]], atol=1e-6)


@pytest.mark.parametrize("position", ["10 0 0", "0 0 0"])
def test_positions_of_joints_may_be_whole_or_added(tmp_path, position):
    # Programs write either the offset again or nothing; the bone is as long as its offset in both.
    text = HEAD.format("Zrotation Xrotation Yrotation", 1).replace(
        "CHANNELS 3 ", "CHANNELS 6 Xposition Yposition Zposition "
    )
    (tmp_path / "six.bvh").write_text(text + f"0 0 0 0 0 0 {position} 0 0 0\n")
    np.testing.assert_allclose(places(read_bvh_motion(tmp_path / "six.bvh"))[1], [11, 2, 3])


def test_channels_may_come_in_any_order_and_case(tmp_path):
    text = HEAD.format("Zrotation Xrotation Yrotation", 1).replace(
        "Xposition Yposition Zposition Zrotation Xrotation Yrotation", "ZROTATION yposition Xrotation XPOSITION", 1
    )
    (tmp_path / "any.bvh").write_text(text.replace("CHANNELS 6", "CHANNELS 4") + "90 5 0 7 0 0 0\n")
    np.testing.assert_allclose(places(read_bvh_motion(tmp_path / "any.bvh"))[:2], [[8, 7, 3], [8, 17, 3]], atol=1e-6)


# The sample: a T pose in cm, y up, facing +z, the person's left at +x; the left forearm points up.
CM = {
    "root": (0, 92, 0), "r_hip": (-9, 92, 0), "l_knee": (9, 50, 0), "r_ankle": (-9, 8, 0), "thorax": (0, 146, 0),
    "spine": (0, 119, 0), "nose": (0, 156, 0), "head": (0, 174, 0), "l_shoulder": (18, 144, 0),
    "l_elbow": (46, 144, 0), "l_wrist": (46, 170, 0), "r_wrist": (-72, 144, 0),
}  # fmt: skip


def seen(folder, **options):
    """The sample as seen by five cameras."""
    source, _ = bvh.write(folder)
    return load_source(source, H36M_17, **{"scale": 10.0, "cameras": 5, **options})


def test_poses_are_the_joints_in_a_camera_frame(tmp_path):
    recording = seen(tmp_path)
    world = np.array(list(CM.values())) * 10.0
    indices = [H36M_17.index(joint) for joint in CM]
    for pose in recording.poses_3d[:, indices]:
        one, other = pose - pose.mean(axis=0), world - world.mean(axis=0)
        u, _, vt = np.linalg.svd(other.T @ one)
        # The joints lie in a plane, so that a rotation fits where a mirror does; other tests tell left from right.
        u[:, 2] *= np.linalg.det(u @ vt)
        np.testing.assert_allclose(other @ u @ vt, one, atol=0.01)


def test_from_ahead_the_left_is_on_the_right_of_the_image(tmp_path):
    # The head's bone leans to +z, where the face looks: nearer to the camera means seen from ahead.
    text = bvh.text().replace("OFFSET 0.0 18.0 0.0", "OFFSET 0.0 18.0 9.0")
    (tmp_path / "lean.bvh").write_text(text)
    recording = load_source(
        f"bvh:{tmp_path / 'lean.bvh'}", H36M_17, scale=10.0, cameras=12, elevation_mean=0.0, elevation_std=0.0
    )
    head, nose = (recording.poses_3d[:, H36M_17.index(joint), 2] for joint in ("head", "nose"))
    left, right = (recording.poses_2d[:, H36M_17.index(f"{side}_hip"), 0] for side in "lr")
    clear = np.abs(head - nose) > 20
    assert 0.5 < clear.mean() < 1
    np.testing.assert_array_equal((head < nose)[clear], (left > right)[clear])


def test_2d_poses_are_the_3d_poses_projected(tmp_path):
    recording = seen(tmp_path)
    np.testing.assert_array_equal(recording.image_size, [1000, 1000])
    expected = 1145 * recording.poses_3d[..., :2] / recording.poses_3d[..., 2:] + 500
    np.testing.assert_allclose(recording.poses_2d, expected, atol=1e-2)


def test_rows_of_one_frame_are_views_of_one_moment(tmp_path):
    recording = seen(tmp_path, distance_mean=6000.0)
    assert len(recording) == 5 * 3 and recording.frame.tolist() == [0, 1, 2] * 5
    assert recording.camera.tolist() == sorted([0, 1, 2, 3, 4] * 3)
    first = recording.poses_3d[recording.camera == 0]
    # Static cameras: the hips move 10 mm a frame.
    np.testing.assert_allclose(np.linalg.norm(first[1, 0] - first[0, 0]), 10, atol=0.01)
    depth = recording.poses_3d[..., 2].mean()
    assert 5000 < depth < 7000


def test_elevation_is_the_cameras(tmp_path):
    recording = seen(tmp_path, elevation_mean=20.0, elevation_std=0.0, roll_std=10.0)
    np.testing.assert_allclose(recording.elevation, 20, atol=1e-4)
    up = recording.poses_3d[:, H36M_17.index("head")] - recording.poses_3d[:, 0]
    np.testing.assert_allclose(np.degrees(np.arcsin(-up[:, 2] / np.linalg.norm(up, axis=1))), 20, atol=1e-2)


def test_equal_seeds_give_equal_rows(tmp_path):
    one, same, other = (seen(tmp_path, seed=seed).poses_3d for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1


@pytest.mark.parametrize(("factor", "unit"), [(1.0, "cm"), (0.01, "m"), (10.0, "mm")])
def test_units_are_told_by_the_body_and_logged(tmp_path, caplog, factor, unit):
    def scaled(match):
        return "OFFSET " + " ".join(f"{factor * float(number):.5f}" for number in match[1].split())

    text = re.sub(r"OFFSET (.*)", scaled, bvh.text())
    (tmp_path / "units.bvh").write_text(text)
    with caplog.at_level(logging.WARNING, logger="absl"):
        recording = load_source(f"bvh:{tmp_path / 'units.bvh'}", H36M_17)
    assert f"units from ankle to head, taken as {unit}" in caplog.text
    thigh = recording.poses_3d[:, H36M_17.index("l_hip")] - recording.poses_3d[:, H36M_17.index("l_knee")]
    np.testing.assert_allclose(np.linalg.norm(thigh, axis=-1), 420, rtol=1e-4)


def test_other_units_have_to_be_stated(tmp_path):
    text = re.sub(r"OFFSET (\S+) (\S+)", lambda m: f"OFFSET {float(m[1]) / 5.6} {float(m[2]) / 5.6}", bvh.text())
    (tmp_path / "cmu.bvh").write_text(text)
    with pytest.raises(ValueError, match=r"units from ankle to head are a body neither in mm.*set scale"):
        load_source(f"bvh:{tmp_path / 'cmu.bvh'}", H36M_17)
    assert len(load_source(f"bvh:{tmp_path / 'cmu.bvh'}", H36M_17, scale=56.0)) == 12


def test_another_axis_may_point_up(tmp_path):
    def turned(match):
        x, y, z = map(float, match[1].split())
        return f"OFFSET {x} {-z} {y}"

    text = re.sub(r"OFFSET (.*)", turned, bvh.text()).replace("98.0000 0.0000", "0.0000 98.0000")
    (tmp_path / "z.bvh").write_text(text)
    source = f"bvh:{tmp_path / 'z.bvh'}"
    with pytest.raises(ValueError, match="the head is mostly along z from the ankles, not above them; set up to z"):
        load_source(source, H36M_17, scale=10.0)
    recording = load_source(source, H36M_17, scale=10.0, up="z")
    head, ankle = (recording.poses_2d[:, H36M_17.index(joint), 1] for joint in ("head", "l_ankle"))
    assert (head < ankle).all()
    assert len(load_source(source, H36M_17, scale=10.0, up="y")) == 12  # People may lie.


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


def test_unknown_names_are_listed_and_can_be_stated(tmp_path):
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


def test_a_folder_holds_clips_of_subjects(tmp_path):
    for name in ("s1/walk", "s1/run", "s2/walk"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.bvh").write_text(bvh.text(2))
    recording = load_source(f"bvh:{tmp_path}", H36M_17, scale=10.0, test_fraction=0.3)
    assert dict(zip(recording.clip, recording.subject, strict=True)) == {
        "s1/walk": "s1",
        "s1/run": "s1",
        "s2/walk": "s2",
    }
    assert len(set(recording.clip[recording.split == "test"])) == 1
    one = load_source(f"bvh:{tmp_path / 's1' / 'walk.bvh'}", H36M_17, scale=10.0)
    assert set(one.clip) == {"walk"}


def test_frames_are_thinned_out_and_keep_their_numbers(tmp_path):
    (tmp_path / "long.bvh").write_text(bvh.text(10))
    recording = load_source(f"bvh:{tmp_path / 'long.bvh'}", H36M_17, scale=10.0, cameras=1, frame_rate=10.0)
    assert recording.frame.tolist() == [0, 3, 6, 9]
    assert recording.dropped == {"between the frames taken": 6}


def test_who_walks_through_a_camera_is_left_out(tmp_path):
    lines = bvh.text(400).splitlines()
    first = len(lines) - 400
    for frame in range(400):  # 8 m: past the cameras on both sides.
        lines[first + frame] = f"{2.0 * frame} " + lines[first + frame].split(" ", 1)[1]
    (tmp_path / "far.bvh").write_text("\n".join(lines) + "\n")
    recording = load_source(f"bvh:{tmp_path / 'far.bvh'}", H36M_17, scale=10.0, distance_mean=3000.0)
    assert recording.poses_3d[..., 2].min() >= 1000
    assert recording.dropped["nearer than 1 m to a camera"] + len(recording) == 1600


TEXT = bvh.text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("98.0000", "nan", 1), "frame 0, number 2: expected a number within 1e\\+07; got 'nan'"),
        (TEXT.replace("98.0000", "1e300", 1), "frame 0, number 2: expected a number"),
        (TEXT.replace("98.0000", "98,0", 1), "frame 0, number 2: expected a number.*got '98,0'"),
        (TEXT.replace("OFFSET 0.0 26.0", "OFFSET 0.0 inf"), "OFFSET of 'mixamorig:Spine': expected a number"),
        (TEXT.replace("Frames: 3", "Frames: 2"), "declares 2 frames of 60 numbers; it holds more"),
        (TEXT.replace("Frames: 3", "Frames: 4"), "declares 4 frames of 60 numbers; it holds 180"),
        (TEXT.replace("Frames: 3", "Frames: 999999999"), "bytes cannot hold them"),
        (TEXT.replace("Frames: 3", "Frames: 0"), "expected at least one frame"),
        (TEXT.replace("Frames: 3", "Frames: -3"), "expected 'Frames: N'"),
        (TEXT.replace("0.0333333", "nan"), "Frame Time: expected a number"),
        (TEXT.replace("MOTION", "NOTION"), "expected HIERARCHY, at most"),
        (TEXT.replace("HIERARCHY", "HIGHER"), "expected HIERARCHY; got 'HIGHER'"),
        (TEXT.replace("CHANNELS 6", "CHANNELS 99999999"), "expected how many, up to 6"),
        (TEXT.replace("Xposition", "Xscale"), "expected X, Y, Z with rotation or position; got 'xscale'"),
        (TEXT.replace("Xposition", "Yposition"), "a position is given twice"),
        (TEXT.replace("}\nMOTION", "MOTION"), "the hierarchy ends within 'mixamorig:Hips'"),
        (TEXT.replace("ROOT", "JOINT"), "expected roots outside and joints inside"),
        (TEXT.replace("\tEnd Site", "\tGarbage"), "expected ROOT, JOINT, End Site"),
        ("HIERARCHY\nMOTION\nFrames: 1\nFrame Time: 1\n1\n", "no joints"),
        ("HIERARCHY\nROOT a\n{\n}\nMOTION\nFrames: 1\nFrame Time: 1\n1\n", "no joint has channels"),
        ("HIERARCHY\nROOT a\n{\n" + "JOINT b\n{\n" * 5000 + "MOTION\n", "200 deep"),
        ("HIERARCHY\nROOT a\n{\n" + "JOINT b\n{\n}\n" * 5000 + "MOTION\n", "at most 2000"),
        ("HIERARCHY\nROOT " + "x" * 2_000_000 + "MOTION\n", "at most 1048576 bytes"),
        ("\n" * 3_000_000, "expected HIERARCHY"),
        (TEXT + "1" * 3_000_000, "a word of"),
        ("", "expected HIERARCHY"),
    ],
)
def test_hostile_files_are_refused_soon(tmp_path, text, message):
    (tmp_path / "bad.bvh").write_text(text)
    start = time.monotonic()
    with pytest.raises(ValueError, match=message) as error:
        load_source(f"bvh:{tmp_path / 'bad.bvh'}", H36M_17, scale=10.0)
    assert "\n" not in str(error.value) and len(str(error.value)) < 2000
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "options",
    [
        {"scale": 0.0}, {"scale": float("nan")}, {"up": "w"}, {"frame_rate": -1.0}, {"cameras": 0}, {"seed": -1},
        {"test_fraction": 1.0}, {"elevation_mean": 100.0}, {"elevation_std": -1.0}, {"distance_mean": 500.0},
        {"distance_std": float("inf")}, {"roll_std": float("nan")}, {"test_fraction": 0.5},
    ],
)  # fmt: skip
def test_options_out_of_range_are_named(tmp_path, options):
    with pytest.raises(ValueError, match=rf"bvh.*{next(iter(options))}: expected"):
        seen(tmp_path, **options)


def test_missing_files_and_empty_folders(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        load_source(f"bvh:{tmp_path / 'none.bvh'}", H36M_17)
    with pytest.raises(ValueError, match=r"the folder holds no \.bvh files"):
        load_source(f"bvh:{tmp_path}", H36M_17)


def test_damaged_files_are_read_or_refused(tmp_path):
    source, options = bvh.write(tmp_path)
    rng = np.random.default_rng(0)
    whole = (tmp_path / "walk.bvh").read_bytes()
    for _ in range(150):
        data = bytearray(whole)
        for place in rng.integers(len(data), size=2):
            data[place] = rng.integers(256)
        (tmp_path / "walk.bvh").write_bytes(data[: rng.integers(1, len(data)) if rng.random() < 0.2 else None])
        try:
            load_source(source, H36M_17, **options)
        except ValueError as error:
            assert "\n" not in str(error)


def test_a_camera_by_hand():
    # A pole of 1.7 m, y down, seen from 5 m and 30 degrees above: its top is 1700 sin 30 mm nearer than its foot.
    one = [np.full((1, 1), value) for value in (77.0, 30.0, 0.0, 5000.0)]
    rig = Rig(*one, np.zeros((1, 1, 3)))
    top, foot = view(rig, np.array([[[[0.0, -1700.0, 0.0], [0.0, 0.0, 0.0]]]]))[0, 0, 0]
    np.testing.assert_allclose(top, [0, -1700 * np.cos(np.pi / 6), 4150], atol=1e-9)
    np.testing.assert_allclose(foot, [0, 0, 5000], atol=1e-9)
    np.testing.assert_allclose(pixels(foot, 1145.0, (500.0, 400.0)), [500, 400])
    # A quarter turn of azimuth brings what was to the right (x) behind the aim: z turns towards x.
    one[0], one[1] = np.full((1, 1), 90.0), np.zeros((1, 1))
    np.testing.assert_allclose(orientation(Rig(*one, np.zeros((1, 1, 3))))[0, 0] @ [0, 0, 1.0], [1, 0, 0], atol=1e-12)
