import numpy as np
import pytest

from tf_elepose.data.readers.keypoint_lists import KeypointLists, find_convention, frames_by_name, integer, stem, text
from tf_elepose.skeleton.conventions import CONVENTIONS


def poses(**options) -> KeypointLists:
    return KeypointLists("here", "file", {17: "coco_17", 136: "halpe_26"}, **options)


def test_lists_become_rows():
    lists = poses()
    for frame in range(3):
        numbers = [n for i in range(17) for n in (frame + i, 2.0 * i, 0.5)]
        lists.add(numbers, f"element {frame}", clip="a", frame=frame, person=7, score=frame)
    lists.dropped["crowds"] += 2
    rows = lists.rows(0.5)
    assert rows.convention is CONVENTIONS["coco_17"] and rows.poses_2d.shape == (3, 17, 2)
    assert rows.poses_2d[2, 5].tolist() == [7, 10] and (rows.confidence == 0.5).all()
    assert (
        rows.subject == "file"
        and rows.clip == "a"
        and rows.frame.tolist() == [0, 1, 2]
        and rows.person.tolist() == [7, 7, 7]
    )
    assert rows.score.tolist() == [0, 1, 2] and rows.dropped == {"crowds": 2} and rows.done == 0.5
    empty = lists.rows(1.0)
    assert empty.poses_2d.shape == (0, 17, 2) and empty.dropped == {}


def test_a_longer_list_begins_with_the_joints_of_its_convention():
    lists = poses()
    lists.add(list(range(136 * 3)), "element 0", clip="a", frame=0, person=0)
    assert lists.rows(None).poses_2d[0, 25].tolist() == [75, 76]


def test_flags_say_which_joints_are_labelled():
    lists = poses()
    lists.add([1, 2, 0] + [3, 4, 1] * 16, "element 0", clip="a", frame=0, person=0)
    rows = lists.rows(None, flags=True)
    assert np.isnan(rows.poses_2d[0, 0]).all() and rows.poses_2d[0, 1].tolist() == [3, 4] and rows.confidence is None


def test_conventions_are_found_by_the_names_of_their_joints():
    for name, convention in CONVENTIONS.items():
        written = [j.replace("l_", "left_", 1) if j.startswith("l_") else j for j in convention.joints]
        found = find_convention([j.replace("r_", "right_", 1) if j.startswith("r_") else j for j in written])
        assert CONVENTIONS[found].joints == convention.joints, name
    assert find_convention(["Left Shoulder"]) is None


@pytest.mark.parametrize(
    ("dataset", "names"),
    [
        ("mpii_16", "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax upper_neck head_top "
         "right_wrist right_elbow right_shoulder left_shoulder left_elbow left_wrist"),
        ("aic_14", "right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip right_knee "
         "right_ankle left_hip left_knee left_ankle head_top neck"),
        ("halpe_26", "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow "
         "left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle head neck hip "
         "left_big_toe right_big_toe left_small_toe right_small_toe left_heel right_heel"),
    ],
)  # fmt: skip
def test_names_of_mmpose(dataset, names):
    assert find_convention(names.split()) == dataset


def test_frames_by_name():
    assert frames_by_name(["a/b/x_007.jpg", "8.png"], "clip") == [("a/b", 7), ("clip", 8)]
    assert frames_by_name([f"{2**31 - 1:012d}.jpg"], "clip") == [("clip", 2**31 - 1)]
    assert frames_by_name([f"{2**31}.jpg"], "clip") is None
    assert frames_by_name(["000.jpg"], "clip") == [("clip", 0)]
    assert frames_by_name(["1.jpg", "x1.png"], "clip") is None
    assert frames_by_name(["7/one.jpg"], "clip") is None
    assert frames_by_name(["²٣.jpg"], "clip") is None  # Digits of other kinds are not frame numbers.


def test_checked_values():
    assert integer(3, "x") == integer(3.0, "x") == 3 and text("ä", "x") == "ä" and stem("a/b.c.json", "x") == "b.c"
    for wrong in (True, -1, 2**31, 0.5, float("nan"), "3", None, [3]):
        with pytest.raises(ValueError, match="x: expected an integer from 0 to 2147483647; got "):
            integer(wrong, "x")
    for wrong in ("", None, 3, "\ud800", "a\nb", "a" * 257):
        with pytest.raises(ValueError, match="x: expected "):
            text(wrong, "x")
