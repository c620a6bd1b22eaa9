import dataclasses

import numpy as np
import pytest

from tf_elepose.data.recording import Recording
from tf_elepose.skeleton.skeletons import H36M_17

ROWS = 6


def recording(**changes) -> Recording:
    joints = H36M_17.num_joints
    fields = {
        "source": "some place",
        "skeleton": H36M_17,
        "poses_2d": np.arange(ROWS * joints * 2, dtype=np.float64).reshape(ROWS, joints, 2),
        "subject": np.array(["S1"] * ROWS),
        "action": np.array(["walking"] * ROWS),
        "clip": np.array(["a"] * 3 + ["b"] * 3),
        "camera": np.arange(ROWS) % 2,
        "frame": np.arange(ROWS),
        "split": np.array(["train"] * 4 + ["test"] * 2),
    }
    return Recording(**(fields | changes))


def test_numbers_become_float32_and_int32():
    made = recording(poses_3d=np.ones((ROWS, 17, 3)), confidence=np.ones((ROWS, 17)), image_size=[1000, 800])
    assert made.poses_2d.dtype == made.poses_3d.dtype == made.confidence.dtype == np.float32
    assert made.camera.dtype == made.frame.dtype == made.image_size.dtype == np.int32
    assert len(made) == ROWS


def test_arrays_cannot_be_written_to_and_the_callers_stay_writable():
    own = np.zeros((ROWS, 17, 2), np.float32)
    made = recording(poses_2d=own)
    with pytest.raises(ValueError, match="read-only"):
        made.poses_2d[0] = 1.0
    own[0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.source = "elsewhere"


def test_select_picks_the_same_rows_of_every_field():
    made = recording(elevation=np.arange(ROWS) * 10.0, image_size=[1000, 800])
    picked = made.select([4, 1])
    assert picked.frame.tolist() == [4, 1]
    assert picked.elevation.tolist() == [40.0, 10.0]
    assert picked.clip.tolist() == ["b", "a"]
    np.testing.assert_array_equal(picked.poses_2d, made.poses_2d[[4, 1]])
    assert picked.image_size.tolist() == [1000, 800]
    assert made.select(made.camera == 1).frame.tolist() == [1, 3, 5]


def test_selecting_no_row_is_an_error():
    with pytest.raises(ValueError, match="some place: the selection leaves none of 6 rows"):
        recording().select(np.zeros(ROWS, bool))


def test_of_split_keeps_its_rows_and_names_the_splits_there_are():
    assert recording().of_split("test").frame.tolist() == [4, 5]
    with pytest.raises(ValueError, match="some place: no rows of split 'val'; splits here are test, train"):
        recording().of_split("val")


def test_a_view_is_of_ground_truth_or_detections():
    detected = np.full((ROWS, 17, 2), 7.0)
    made = recording(poses_2d_detected=detected)
    np.testing.assert_array_equal(made.view("gt").pixels, made.poses_2d)
    np.testing.assert_array_equal(made.view("detected").pixels, detected)
    with pytest.raises(ValueError, match="no detected 2D poses"):
        recording().view("detected")
    with pytest.raises(ValueError, match="'gt' or 'detected'; got 'truth'"):
        made.view("truth")


def test_seen_are_the_joints_that_are_visible_and_trusted():
    visible = np.ones((ROWS, 17), bool)
    visible[1, 2] = False
    confidence = np.full((ROWS, 17), 0.8)
    confidence[3, 4], confidence[3, 5] = 0.0, 0.3
    own = recording(visible=visible, confidence=confidence)  # poses_2d come from a detector.
    for kind in ("gt", "detected"):
        assert np.argwhere(~own.view(kind).seen).tolist() == [[1, 2], [3, 4]]
    assert np.argwhere(~own.view("detected", 0.3).seen).tolist() == [[1, 2], [3, 4], [3, 5]]
    detected = np.ones((ROWS, 17, 2))
    both = recording(visible=visible, confidence=confidence, poses_2d_detected=detected)
    assert np.argwhere(~both.view("gt", 0.9).seen).tolist() == [[1, 2]]  # Nobody doubts the ground truth.
    assert np.argwhere(~both.view("detected").seen).tolist() == [[3, 4]]
    assert recording().view("gt").seen.all()
    with pytest.raises(ValueError, match="no detected 2D poses"):
        recording(visible=visible).view("detected")
    with pytest.raises(ValueError, match="'gt' or 'detected'; got 'best'"):
        own.view("best")


def test_confidences_come_with_the_poses_that_they_are_about():
    confidence = np.full((ROWS, 17), 0.8, np.float32)
    own = recording(confidence=confidence)
    both = recording(confidence=confidence, poses_2d_detected=np.ones((ROWS, 17, 2)))
    assert both.view("gt").confidence is None
    for view in (own.view("gt"), own.view("detected"), both.view("detected")):
        np.testing.assert_array_equal(view.confidence, confidence)


def test_seen_leaves_the_recording_as_it_was():
    made = recording(visible=np.ones((ROWS, 17), bool), confidence=np.zeros((ROWS, 17)))
    assert not made.view("gt").seen.any() and made.visible.all()


def test_visible_and_person_go_with_their_rows():
    visible = np.ones((ROWS, 17), bool)
    visible[4] = False
    picked = recording(visible=visible, person=np.arange(ROWS)).select([4, 1])
    assert picked.visible[:, 0].tolist() == [False, True] and picked.person.tolist() == [4, 1]
    assert picked.person.dtype == np.int32 and picked.visible.dtype == bool


def test_detections_without_another_source_are_the_2d_poses():
    made = recording(confidence=np.ones((ROWS, 17)))
    assert made.view("detected").pixels is made.poses_2d


def broken_rows() -> np.ndarray:
    poses = np.zeros((ROWS, 17, 3))
    poses[2, 5, 0], poses[2, 6, 1], poses[4, 0, 0] = np.nan, np.inf, np.nan
    return poses


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"poses_2d": np.zeros((0, 17, 2))}, r"poses_2d: expected at least one row \[N, 17, 2\]; got \(0, 17, 2\)"),
        ({"poses_2d": 3.0}, r"poses_2d: expected at least one row"),
        ({"poses_2d": np.zeros((ROWS, 16, 2))}, r"poses_2d: expected shape \[6, 17, 2\]; got \[6, 16, 2\]"),
        ({"poses_3d": np.zeros((ROWS, 17, 2))}, r"poses_3d: expected shape \[6, 17, 3\]; got \[6, 17, 2\]"),
        ({"poses_3d": broken_rows()}, r"poses_3d: NaN or infinity in 2 of 6 rows, the first is row 2"),
        ({"elevation": np.full(ROWS, 1e300)}, r"elevation: NaN or infinity in 6 of 6 rows, the first is row 0"),
        ({"poses_2d": np.full((ROWS, 17, 2), "a")}, r"poses_2d: expected numbers; got an array of <U1"),
        ({"confidence": np.ones(ROWS)}, r"confidence: expected shape \[6, 17\]; got \[6\]"),
        ({"confidence": np.full((ROWS, 17), -0.5)}, r"confidence: expected values from 0; got -0.5"),
        ({"visible": np.ones((ROWS, 17))}, r"visible: expected true or false; got an array of float64"),
        ({"visible": np.ones(ROWS, bool)}, r"visible: expected shape \[6, 17\]; got \[6\]"),
        ({"person": np.arange(ROWS) - 1}, r"person: expected values from 0; got -1"),
        ({"person": np.array(["p"] * ROWS)}, r"person: expected integers; got an array of <U1"),
        ({"camera": np.zeros(ROWS)}, r"camera: expected integers; got an array of float64"),
        ({"camera": np.arange(ROWS) - 1}, r"camera: expected values from 0; got -1"),
        ({"frame": np.full(ROWS, 2**40)}, r"frame: expected integers of 32 bits"),
        ({"subject": np.zeros(ROWS)}, r"subject: expected text; got an array of float64"),
        ({"clip": np.array(["a"])}, r"clip: expected shape \[6\]; got \[1\]"),
        ({"split": None}, r"split: expected an array of 6 rows; got None"),
        ({"image_size": [1000]}, r"image_size: expected shape \[2\]; got \[1\]"),
        ({"image_size": [1000, 0]}, r"image_size: expected positive widths and heights; got \[1000, 0\]"),
        ({"image_size": [[9, 9]]}, r"image_size: sizes of 1 cameras, but camera numbers go up to 1"),
    ],
)
def test_wrong_arrays_are_refused_with_source_and_field(changes, message):
    with pytest.raises(ValueError, match=f"^some place: {message}") as error:
        recording(**changes)
    assert "\n" not in str(error.value)


def test_text_beyond_unicode_is_refused():
    text = np.array(["a"] * ROWS)
    text.view(np.uint32)[3] = 0x110000
    with pytest.raises(ValueError, match="action: expected text; got code points beyond Unicode"):
        recording(action=text)
