import numpy as np
import pytest

from tf_elepose.data.mocap.bvh_file import read_bvh_motion

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
def test_rotations_in_every_order_agree_with_hand_calculation(tmp_path, order, b, end):
    motion = three_joints(tmp_path, order, "0 0 0 90 90 90 0 0 0")
    a = np.array([1, 2, 3])
    np.testing.assert_allclose(places(motion), [a, a + b, a + b + np.array(end)], atol=1e-6)


def test_a_joint_rotates_only_its_descendants(tmp_path):
    motion = three_joints(tmp_path, "ZXY", "0 0 0 0 0 0 0 0 0", "0 0 0 0 0 0 90 0 0")
    np.testing.assert_allclose(places(motion, 0)[2], [11, 7, 3])
    np.testing.assert_allclose(places(motion, 1), [[1, 2, 3], [11, 2, 3], [6, 2, 3]], atol=1e-6)


@pytest.mark.parametrize("position", ["10 0 0", "0 0 0"])
def test_positions_may_replace_the_offset_or_be_added_to_it(tmp_path, position):
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
