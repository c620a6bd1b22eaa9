import numpy as np
import pytest

from tf_elepose.data.readers.keypoint_lists import KeypointLists, integer, stem, text
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


def test_the_body_of_whole_body_lists():
    for length, name in ((133, "coco_17"), (135, "body_25"), (136, "halpe_26")):
        lists = KeypointLists("here", "file", {})
        lists.add(list(range(length * 3)), "element 0", clip="a", frame=0, person=0)
        rows = lists.rows(None)
        assert rows.convention is CONVENTIONS[name] and rows.poses_2d[0, -1].tolist() == [
            3 * CONVENTIONS[name].num_joints - 3,
            3 * CONVENTIONS[name].num_joints - 2,
        ]
    for length, name in ((133, "coco_17"), (133, "coco_17_gast"), (135, "body_25b"), (133, "coco_wholebody_133")):
        lists = KeypointLists("here", "file", {}, name)
        lists.add([1.0] * length * 3, "element 0", clip="a", frame=0, person=0)
        assert lists.rows(None).convention is CONVENTIONS[name]
    with pytest.raises(ValueError, match=r"convention .coco_17_gast. has 17 joints; got 25"):
        KeypointLists("here", "file", {136: "body_25"}, "coco_17_gast").add([0] * 75, "x", clip="a", frame=0, person=0)


def test_a_person_without_keypoints_is_counted():
    lists = poses()
    for keypoints in ([], None, [1.0] * 51, []):
        lists.add(keypoints, "element", clip="a", frame=0, person=0)
    rows = lists.rows(None)
    assert len(rows.poses_2d) == 1 and rows.dropped == {"without keypoints": 3}


def test_names_come_before_the_number_of_keypoints():
    names = [
        f"right_{j[2:]}" if j[:2] == "l_" else f"left_{j[2:]}" if j[:2] == "r_" else j
        for j in CONVENTIONS["coco_17"].joints
    ]
    lists = poses(names=names)
    lists.add(list(range(51)), "element 0", clip="a", frame=0, person=0)
    rows = lists.rows(None)
    assert rows.convention.joints[5] == "r_shoulder" and rows.poses_2d[0, 5].tolist() == [15, 16]
    with pytest.raises(ValueError, match="expected 17, as many as the file names; got 18"):
        poses(names=names).add([0] * 54, "element 0", clip="a", frame=0, person=0)


def test_checked_values():
    assert integer(3, "x") == integer(3.0, "x") == 3 and text("ä", "x") == "ä" and stem("a/b.c.json", "x") == "b.c"
    for wrong in (True, -1, 2**31, 0.5, float("nan"), "3", None, [3]):
        with pytest.raises(ValueError, match="x: expected an integer from 0 to 2147483647; got "):
            integer(wrong, "x")
    for wrong in ("", None, 3, "\ud800", "a\nb", "a" * 257):
        with pytest.raises(ValueError, match="x: expected "):
            text(wrong, "x")
