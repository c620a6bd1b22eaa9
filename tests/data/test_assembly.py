"""Claims: what readers yield becomes the wanted joints, missing ones known as such, and nothing wrong gets through.

The file is long because every mistake in rows has its case here, beside the rows that it is made of.
"""

import dataclasses

import numpy as np
import pytest

from tf_elepose.data.assembly import assemble, recordings
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.skeletons import H36M_17, H36M_17_ELEPOSE, MIN_JOINTS

COCO = CONVENTIONS["coco_17"]
ROOT, HEAD, SPINE = (H36M_17.index(joint) for joint in ("root", "head", "spine"))


def part(n=3, convention=H36M_17, **changes) -> Rows:
    joints = convention.num_joints
    poses = 100.0 + np.arange(n * joints * 2, dtype=np.float32).reshape(n, joints, 2)
    fields = {"poses_2d": poses, "subject": "S1", "clip": "a", "frame": np.arange(n)}
    return Rows(convention=convention, **(fields | changes))


def made(*parts, skeleton=H36M_17, **options):
    return assemble(iter(parts), skeleton, "some place", **options)


# ---- one value for all rows ------------------------------------------------------------------------------------------


def test_one_value_holds_for_all_rows_and_arrays_for_each():
    recording = made(
        part(2, action="walk", split="test", camera=3), part(1, subject=np.array(["S2"]), clip="long name")
    )
    assert recording.subject.tolist() == ["S1", "S1", "S2"]
    assert recording.clip.tolist() == ["a", "a", "long name"]
    assert recording.action.tolist() == ["walk", "walk", ""]
    assert recording.split.tolist() == ["test", "test", "train"]
    assert recording.camera.tolist() == [3, 3, 0]
    assert recording.frame.tolist() == [0, 1, 0]
    assert recording.source == "some place" and recording.person is None
    assert recording.visible is None  # All joints are known.


def test_empty_parts_add_what_they_dropped_only():
    recording = made(part(0, dropped={"without keypoints": 4}), part(2), part(0, dropped={"without keypoints": 1}))
    assert len(recording) == 2
    assert recording.dropped == {"without keypoints": 5}


def test_a_pose_that_a_frame_has_before_is_left_out():
    twice = part(3, person=np.array([0, 1, 0]), frame=np.array([4, 4, 5]))
    twice.poses_2d[:] = twice.poses_2d[0]
    # By ids, the first two are different people; without ids, nobody has the joints of somebody else.
    assert made(twice).frame.tolist() == [4, 4, 5]
    places = dataclasses.replace(twice, identity="place")
    recording = made(places, dataclasses.replace(places, dropped={"crowds": 1}))
    assert recording.frame.tolist() == [4, 5] and recording.dropped == {"crowds": 1, "given twice": 4}
    (streamed,) = recordings(iter([places]), H36M_17, "some place")
    assert streamed.frame.tolist() == [4, 5] and streamed.dropped == {"given twice": 1}
    other_clip = made(places, dataclasses.replace(places, clip="b"))
    assert other_clip.frame.tolist() == [4, 5, 4, 5]


# ---- missing joints --------------------------------------------------------------------------------------------------


def test_a_joint_that_is_nan_is_not_visible_and_0():
    poses = part().poses_2d.copy()
    poses[1, 5] = np.nan
    poses[2, 7, 1] = np.nan  # Half of a place is none.
    recording = made(part(poses_2d=poses))
    expected = np.ones((3, 17), bool)
    expected[1, 5] = expected[2, 7] = False
    np.testing.assert_array_equal(recording.visible, expected)
    np.testing.assert_array_equal(recording.view("gt").seen, expected)
    np.testing.assert_array_equal(recording.poses_2d[expected], poses[expected])
    assert not recording.poses_2d[~expected].any()


@pytest.mark.parametrize("nothing", [0.0, -0.5, np.nan])
def test_a_joint_without_confidence_is_missing(nothing):
    confidence = np.full((3, 17), 0.5)
    confidence[1, 5] = nothing
    recording = made(part(confidence=confidence))
    assert np.argwhere(~recording.visible).tolist() == [[1, 5]]
    assert recording.confidence[1, 5] == 0 and not recording.poses_2d[1, 5].any()
    assert recording.view("detected").pixels is recording.poses_2d  # With confidences they come from a detector.


def test_made_joints_are_missing_with_their_sources():
    poses = part(convention=COCO).poses_2d.copy()
    poses[1, COCO.index("l_hip")] = np.nan
    confidence = np.full((3, 17), 0.8, np.float32)
    confidence[2, COCO.index("l_eye")] = 0.0
    confidence[0, COCO.index("r_hip")] = 0.3
    recording = made(part(convention=COCO, poses_2d=poses, confidence=confidence))
    hidden = {(1, ROOT), (1, SPINE), (1, H36M_17.index("l_hip")), (2, HEAD)}
    assert set(map(tuple, np.argwhere(~recording.visible).tolist())) == hidden
    np.testing.assert_allclose(
        recording.poses_2d[0, ROOT], poses[0, [COCO.index("l_hip"), COCO.index("r_hip")]].mean(axis=0)
    )
    assert recording.confidence[0, [ROOT, SPINE, HEAD]].tolist() == np.float32([0.3, 0.3, 0.8]).tolist()
    assert not recording.confidence[~recording.visible].any()


def test_joints_that_a_convention_lacks_are_missing_in_all_rows():
    recording = made(part(convention=CONVENTIONS["lsp_14"]))
    assert np.argwhere(~recording.visible)[:, 1].tolist() == [H36M_17.index("nose")] * 3


def test_poses_with_too_few_joints_are_counted_and_left_out():
    poses = part(4).poses_2d.copy()
    poses[1, MIN_JOINTS - 1 :] = np.nan
    poses[2, MIN_JOINTS:] = np.nan
    recording = made(part(4, poses_2d=poses), part(1, frame=7, dropped={"with fewer than 6 joints": 2}))
    assert recording.frame.tolist() == [0, 2, 3, 7]  # Frame numbers are not shifted.
    assert recording.dropped == {"with fewer than 6 joints": 3}
    assert made(part(4, poses_2d=poses), min_joints=12).frame.tolist() == [0, 3]
    assert made(part(4, poses_2d=poses), min_joints=1).frame.tolist() == [0, 1, 2, 3]


def test_a_detection_with_too_few_joints_drops_the_row_too():
    confidence = np.ones((3, 17))
    confidence[1, MIN_JOINTS - 1 :] = 0.0
    recording = made(part(poses_2d_detected=part().poses_2d, confidence=confidence))
    assert recording.frame.tolist() == [0, 2]
    assert recording.dropped == {"with fewer than 6 joints": 1}


def test_a_source_without_a_usable_pose_says_why():
    poses = np.full((2, 17, 2), np.nan)
    with pytest.raises(ValueError, match=r"^some place: no pose to use: 3 crowds; 2 with fewer than 6 joints$"):
        made(part(0, dropped={"crowds": 3}), part(2, poses_2d=poses))
    with pytest.raises(ValueError, match=r"^some place: no pose to use: it holds no poses$"):
        made()


# ---- detections and 3D poses -----------------------------------------------------------------------------------------


def test_each_array_is_converted_from_its_own_convention():
    detected = part(convention=COCO).poses_2d + 0.5
    poses_3d = np.random.default_rng(0).normal(0, 500, (3, 28, 3))
    mpi = CONVENTIONS["mpi3dhp_28"]
    confidence = np.full((3, 17), 0.9)
    confidence[0, COCO.index("l_wrist")] = 0.0
    recording = made(
        part(
            convention=H36M_17_ELEPOSE, poses_2d_detected=detected, detected_convention=COCO, confidence=confidence,
            poses_3d=poses_3d, convention_3d=mpi, elevation=np.array([1.0, 2.0, 3.0]),
        )
    )  # fmt: skip
    for joint in ("l_wrist", "r_wrist", "l_ankle"):
        here = H36M_17.index(joint)
        np.testing.assert_array_equal(recording.poses_2d[:, here], part().poses_2d[:, H36M_17_ELEPOSE.index(joint)])
        np.testing.assert_array_equal(recording.poses_2d_detected[1:, here], detected[1:, COCO.index(joint)])
        np.testing.assert_array_equal(recording.poses_3d[:, here], np.float32(poses_3d[:, mpi.index(joint)]))
    wrist = H36M_17.index("l_wrist")
    assert recording.visible is None  # That is about poses_2d.
    assert not recording.view("detected").seen[0, wrist] and recording.view("gt").seen.all()
    assert not recording.poses_2d_detected[0, wrist].any()
    assert recording.elevation.tolist() == [1, 2, 3]


def test_detections_without_confidences_are_as_sure_as_can_be():
    detected = part().poses_2d.copy()
    detected[2, 4] = np.nan
    recording = made(part(poses_2d_detected=detected))
    assert recording.confidence[2, 4] == 0 and recording.confidence.sum() == 3 * 17 - 1


def test_3d_poses_must_have_every_joint():
    poses_3d = np.zeros((3, 14, 3))
    with pytest.raises(ValueError, match="poses_3d: has no nose; skeleton 'h36m_17' needs it"):
        made(part(poses_3d=poses_3d, convention_3d=CONVENTIONS["lsp_14"]))
    broken = np.zeros((3, 17, 3))
    broken[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match=r"some place: poses_3d: expected numbers within 1e\+07 mm; row 1 holds nan"):
        made(part(poses_3d=broken))


# ---- several parts ---------------------------------------------------------------------------------------------------


def test_parts_of_several_conventions_become_one_recording():
    one, other = part(2), part(2, convention=COCO, confidence=np.full((2, 17), 0.25))
    recording = made(one, other)
    np.testing.assert_array_equal(recording.poses_2d[:2], one.poses_2d)
    wrist = H36M_17.index("l_wrist")
    np.testing.assert_array_equal(recording.poses_2d[2:, wrist], other.poses_2d[:, COCO.index("l_wrist")])
    assert recording.confidence[:, wrist].tolist() == [1, 1, 0.25, 0.25]  # Without a detector joints are certain.


def test_parts_without_confidences_are_not_sure_of_joints_they_lack():
    poses = part(2).poses_2d.copy()
    poses[1, 3] = np.nan
    recording = made(part(2, poses_2d=poses), part(1, frame=2, confidence=np.full((1, 17), 0.5)))
    assert recording.confidence[:, 3].tolist() == [1, 0, 0.5]


def test_what_only_some_parts_know():
    person = part(1, person=2, poses_3d=np.zeros((1, 17, 3)), elevation=np.zeros(1))
    recording = made(part(1), person)
    assert recording.person.tolist() == [0, 2]
    assert recording.poses_3d is recording.elevation is None  # There is no value for "unknown".
    with pytest.raises(ValueError, match="poses_2d_detected for some of its rows only"):
        made(part(1), part(1, poses_2d_detected=part(1).poses_2d))


def test_progress_is_told_after_each_part():
    told = []
    made(part(2, done=0.5), part(0), part(3, done=1.0), progress=lambda rows, share: told.append((rows, share)))
    assert told == [(2, 0.5), (2, None), (5, 1.0)]


def test_recordings_are_made_part_by_part():
    parts = [part(2), part(0), part(1, image_size=(10, 20), dropped={"crowds": 1})]
    one, other = recordings(iter(parts), H36M_17, "some place")
    assert (len(one), len(other)) == (2, 1)
    assert one.image_size is None and other.image_size.tolist() == [10, 20]
    assert other.dropped == {"crowds": 1} and other.source == "some place"


# ---- people ----------------------------------------------------------------------------------------------------------


def people(**changes) -> Rows:
    """Frames 0 and 1 with two people, 0 and 1; frame 2 with person 1; then frame 0 of another camera."""
    frame, person, camera = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0], [2, 1, 0], [0, 0, 1]]).T
    return part(6, frame=frame, person=person, camera=camera, **changes)


def test_all_people_are_kept_unless_the_best_are_wanted():
    assert len(made(people())) == 6
    best = made(people(score=np.array([1, 2, 5, 4, 0, 0])), people="best")
    assert list(zip(best.frame, best.person, best.camera, strict=True)) == [(0, 1, 0), (1, 0, 0), (2, 1, 0), (0, 0, 1)]
    assert best.dropped == {"other people in the image": 2}


def test_without_scores_the_best_person_is_the_most_certain_one():
    confidence = np.full((6, 17), 0.5)
    confidence[0], confidence[3, 0] = 0.6, 0.7
    assert made(people(confidence=confidence), people="best").person.tolist() == [0, 1, 1, 0]


def test_without_confidences_the_best_person_is_the_one_with_most_joints():
    poses = people().poses_2d.copy()
    poses[0, 3] = poses[3, 4:9] = np.nan
    assert made(people(poses_2d=poses), people="best").person.tolist() == [1, 0, 1, 0]


def test_the_best_person_is_found_over_parts_and_clips_are_kept_apart():
    one = part(1, frame=7, score=np.array([1.0]))
    better = part(1, frame=7, score=np.array([2.0]), person=1)
    elsewhere = part(1, frame=7, score=np.array([0.0]), clip="b")
    best = made(one, better, elsewhere, people="best")
    assert (best.person.tolist(), best.clip.tolist()) == ([1, 0], ["a", "b"])


@pytest.mark.parametrize("wish", ["first", "", None, -1, 1.0, True, ["best"]])
def test_another_choice_of_people_is_refused(wish):
    with pytest.raises(ValueError, match=r"some place: people: expected all, best, .* or the number of a person; got"):
        made(part(), people=wish)


# ---- image sizes -----------------------------------------------------------------------------------------------------


def test_image_sizes_of_all_cameras_or_of_each():
    camera = np.array([0, 2, 2])
    assert made(part(image_size=(640, 480))).image_size.tolist() == [640, 480]
    assert made(part(camera=camera, image_size=(640, 480))).image_size.tolist() == [640, 480]
    sizes = made(part(camera=camera, image_size={0: (640, 480), 2: (10, 20), 5: (1, 1)})).image_size
    assert sizes[[0, 2]].tolist() == [[640, 480], [10, 20]]
    merged = made(part(1, image_size=(640, 480)), part(1, camera=1, image_size=(10, 20)))
    assert merged.image_size.tolist() == [[640, 480], [10, 20]]


def test_image_sizes_that_are_not_known_of_every_camera_are_unknown():
    assert made(part(1, image_size=(640, 480)), part(1, camera=1)).image_size is None
    # The same camera number with other images in another clip.
    assert made(part(1, image_size=(640, 480)), part(1, clip="b", image_size=(10, 20))).image_size is None
    # Cameras named by serial numbers: a table by camera would be larger than the poses.
    serials = part(camera=np.array([0, 1, 2**31 - 1]), image_size={0: (1, 2), 1: (3, 4), 2**31 - 1: (5, 6)})
    assert made(serials).image_size is None
    with pytest.raises(ValueError, match="image_size: sizes of 1 cameras, but camera numbers go up to 1"):
        made(part(camera=np.array([0, 1, 1]), image_size={0: (640, 480)}))


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1e30, -2e6])
@pytest.mark.parametrize("field", ["poses_2d", "poses_2d_detected"])
def test_numbers_out_of_all_proportion_are_refused_with_their_row(field, number):
    poses = part().poses_2d.astype(np.float64)
    poses[2, 5, 1] = number
    with pytest.raises(ValueError, match=rf"^some place: {field}: expected numbers within 1e\+06 px; row 2 holds "):
        made(part(**{field: poses}))
    with pytest.raises(ValueError, match=r"^some place: poses_3d: expected numbers within 1e\+07 mm; row 2 holds "):
        made(part(poses_3d=np.concatenate([poses, poses[..., :1]], axis=-1) * 100))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"poses_2d": np.zeros((3, 16, 2))}, r"poses_2d: expected numbers \[3, 17, 2\]; got float64 \[3, 16, 2\]"),
        ({"poses_2d": np.full((3, 17, 2), "a")}, r"poses_2d: expected numbers \[3, 17, 2\]; got <U1"),
        ({"poses_2d": np.zeros((3, 17, 2), complex)}, r"poses_2d: expected numbers \[3, 17, 2\]; got complex128"),
        ({"confidence": np.zeros((3, 16))}, r"poses_2d: expected confidences \[3, 17\]; got float64 \[3, 16\]"),
        ({"poses_2d_detected": np.zeros((2, 17, 2))}, r"poses_2d_detected: expected 3 rows; got 2"),
        ({"poses_3d": np.zeros((3, 17, 2))}, r"poses_3d: expected numbers \[3, 17, 3\]; got float64 \[3, 17, 2\]"),
        ({"frame": np.arange(2)}, r"frame: expected shape \[3\]; got \[2\]"),
        ({"frame": np.arange(3.0)}, r"frame: expected integers; got an array of float64"),
        ({"frame": np.arange(3) - 1}, r"frame: expected values from 0; got -1"),
        ({"person": -1}, r"person: expected values from 0; got -1"),
        ({"clip": np.arange(3)}, r"clip: expected text; got an array of int64"),
        ({"score": np.zeros(2)}, r"score: expected 3 numbers; got shape \[2\]"),
        ({"image_size": (640, 0)}, r"image_size: expected positive widths and heights; got \[640, 0\]"),
    ],
)
def test_wrong_fields_are_refused_with_source_and_field(changes, message):
    with pytest.raises(ValueError, match=f"^some place: {message}") as error:
        made(part(**changes))
    assert "\n" not in str(error.value)


def test_a_convention_that_has_hardly_a_joint_is_refused():
    hands = Convention("hands", ("l_wrist", "r_wrist", "thumb"))
    with pytest.raises(ValueError, match=r"convention 'hands' does not know root, .* of skeleton 'h36m_17'; a conv"):
        made(part(convention=hands))


def test_what_the_last_parts_left_out_counts_too():
    few = part(1).poses_2d.copy()
    few[:, 3:] = np.nan
    parts = [part(2, dropped={"crowds": 1}), part(0, dropped={"crowds": 4}), part(1, poses_2d=few)]
    (one,) = recordings(iter(parts), H36M_17, "some place")
    assert one.dropped == {"crowds": 5, "with fewer than 6 joints": 1}
    with pytest.raises(ValueError, match=r"^some place: no pose to use: 4 crowds; 1 with fewer than 6 joints$"):
        list(recordings(iter(parts[1:]), H36M_17, "some place"))


def test_parts_with_and_without_detections_are_refused():
    parts = [part(1), part(1, poses_2d_detected=part(1).poses_2d)]
    with pytest.raises(ValueError, match="poses_2d_detected for some of its rows only"):
        list(recordings(iter(parts), H36M_17, "some place"))
