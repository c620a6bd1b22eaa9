import numpy as np
import pytest
from json_cases import JsonCases, joint
from samples import mediapipe as sample

from tf_elepose.data.readers.mediapipe import read_mediapipe
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.skeletons import H36M_17

SIZE = {"image_width": 640, "image_height": 480}


CASES = JsonCases("mediapipe", "landmarks.json")
saved, load, problem = CASES.saved, CASES.load, CASES.problem


def test_shares_of_the_image_become_pixels(tmp_path):
    source, options = sample.write(tmp_path)
    recording = load_source(source, H36M_17, **options)
    # Landmark i stands at (x + i / 100, .25 + i / 50): left hip 23, right hip 24, eyes 2 and 5.
    np.testing.assert_allclose(joint(recording, 0, "l_hip"), [0.48 * 640, 0.71 * 480], rtol=1e-6)
    np.testing.assert_allclose(joint(recording, 0, "r_hip"), [0.49 * 640, 0.73 * 480], rtol=1e-6)
    np.testing.assert_allclose(joint(recording, 0, "root"), [0.485 * 640, 0.72 * 480], rtol=1e-6)
    np.testing.assert_allclose(joint(recording, 0, "head"), [0.285 * 640, 0.32 * 480], rtol=1e-6)
    np.testing.assert_allclose(joint(recording, 1, "nose"), [0.3 * 640, 0.25 * 480], rtol=1e-6)
    assert recording.frame.tolist() == [7, 9] and recording.person.tolist() == [0, 0]
    assert recording.image_size.tolist() == [640, 480]
    np.testing.assert_allclose(recording.confidence, 0.5)
    assert recording.dropped == {"frames without people": 1}
    assert recording.clip.tolist() == ["landmarks"] * 2


PERSON = sample.landmarks(0.25)


@pytest.mark.parametrize(
    "frames",
    [
        [None, PERSON, PERSON],
        [[], [PERSON], [PERSON]],
        [{"landmarks": []}, {"landmarks": PERSON}, {"landmarks": [PERSON]}],
        [{"poseLandmarks": None}, {"poseLandmarks": PERSON}, {"poseLandmarks": {"landmark": PERSON}}],
        [{"pose_landmarks": []}, {"pose_landmarks": [PERSON], "pose_world_landmarks": 3}, {"pose_landmarks": PERSON}],
        [None, {"landmark": PERSON}, [{"landmark": PERSON}]],
    ],
)
def test_all_accepted_forms_of_a_frame_are_read(tmp_path, frames):
    for content, options in (
        (frames, {"image_size": (640, 480)}),
        ({"frames": frames} | SIZE, {}),
        (SIZE | {"frames": frames}, {}),
    ):
        recording = load(saved(tmp_path, content), **options)
        assert recording.frame.tolist() == [1, 2] and recording.dropped == {"frames without people": 1}
        np.testing.assert_allclose(joint(recording, 1, "l_hip"), [0.48 * 640, 0.71 * 480], rtol=1e-6)


def test_several_people(tmp_path):
    recording = load(saved(tmp_path, [[PERSON, sample.landmarks(0.5)]]), image_size=(640, 480))
    assert recording.person.tolist() == [0, 1] and recording.frame.tolist() == [0, 0]
    np.testing.assert_allclose(joint(recording, 1, "nose"), [0.5 * 640, 0.25 * 480])


def test_an_image_size_is_required(tmp_path):
    for content in ([PERSON], {"frames": [PERSON]}, [{"landmarks": PERSON}]):
        message = problem(tmp_path, content)
        assert "expected image_width and image_height in the file, or --option=image_size=[WIDTH,HEIGHT]" in message


def test_frames_may_have_their_own_sizes_and_the_option_overrides_them(tmp_path):
    frames = [{"landmarks": PERSON} | SIZE, {"landmarks": PERSON, "image_width": 1000, "image_height": 500}]
    recording = load(saved(tmp_path, frames))
    np.testing.assert_allclose(recording.poses_2d[:, H36M_17.index("nose")], [[160, 120], [250, 125]])
    assert recording.image_size is None
    stated = load(saved(tmp_path, frames), image_size=[100, 200])
    np.testing.assert_allclose(stated.poses_2d[:, H36M_17.index("nose")], [[25, 50], [25, 50]])


def test_invisible_landmarks_are_missing_and_those_outside_the_image_are_not(tmp_path):
    person = sample.landmarks(0.25)
    person[15]["visibility"] = 0
    person[16] |= {"x": -0.5, "y": 1.5}
    person[25]["x"] = float("nan")
    person[26] |= {"x": -1.0, "y": -1.0}
    recording = load(saved(tmp_path, [person]), image_size=(640, 480))
    assert {H36M_17.joints[i] for i in np.flatnonzero(~recording.visible[0])} == {"l_wrist", "l_knee", "r_knee"}
    np.testing.assert_allclose(joint(recording, 0, "r_wrist"), [-320, 720])


def test_landmarks_without_visibility_are_equally_sure(tmp_path):
    person = [{"x": mark["x"], "y": mark["y"]} for mark in PERSON]
    assert (load(saved(tmp_path, [person]), image_size=(640, 480)).confidence == 1).all()
    assert "visibility: expected one for all landmarks or none" in problem(
        tmp_path, [person, PERSON], image_size=(640, 480)
    )


def test_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.keypoint_lists.PART", 2)
    path = saved(tmp_path, [PERSON] * 5)
    assert [part.frame.tolist() for part in read_mediapipe(path, image_size=(640, 480))] == [[0, 1], [2, 3], [4]]


def landmark(at: int, value) -> list:
    person = sample.landmarks(0.25)
    person[at] = value
    return [person]


DAMAGED = [
    ([], "expected a list of frames, or an object with frames; holds none"),
    ({"landmarks": PERSON}, "expected a list of frames, or an object with frames; holds none"),
    ([None], "no pose to use: 1 frames without people"),
    ([3], "element 0: expected a list of landmarks; got 3"),
    ([{}], "element 0: expected one of landmarks, poseLandmarks, pose_landmarks, landmark; got an object of 0"),
    ([{"landmarks": [], "landmark": []}], "expected one of landmarks, poseLandmarks, pose_landmarks, landmark; got"),
    ([PERSON[:32]], "element 0: person 0: expected 33 landmarks; got 32"),
    ([[PERSON, 3]], "element 0: expected a list of landmarks for each person; got 3"),
    ([[3]], "element 0: expected a list of landmarks for each person; got 3"),
    (landmark(5, 3), "element 0: person 0: r_eye: expected an object with x and y; got 3"),
    (landmark(5, {}), "visibility: expected one for all landmarks or none"),
    (landmark(5, {"x": "1", "y": 1, "visibility": 1}), "person 0: r_eye: x: expected a number; got '1'"),
    (landmark(5, {"x": True, "y": 1, "visibility": 1}), "person 0: r_eye: x: expected a number; got True"),
    (landmark(5, {"x": 1, "visibility": 1}), "person 0: r_eye: y: expected a number; got nothing"),
    (landmark(5, {"x": 1, "y": 10**400, "visibility": 1}), "person 0: keypoints: expected numbers; got an integer"),
    (landmark(5, {"x": 1, "y": 2e6, "visibility": 1}), "numbers within 1e+06 px; got "),
    ([{"frame": "a", "landmarks": PERSON}], "element 0: frame: expected an integer from 0 to 2147483647; got 'a'"),
    ([{"frame": 1, "landmarks": PERSON}, PERSON], "element 1: frame: expected a number for all frames or none"),
    ([{"landmarks": PERSON, "image_width": 5}], "element 0: image_width, image_height: expected width and height"),
    ({"frames": [PERSON], "image_width": 0, "image_height": 5}, "expected width and height in pixels; got 0, 5"),
]


@pytest.mark.parametrize(("content", "expected"), DAMAGED, ids=[expected for _, expected in DAMAGED])
def test_damaged_files(tmp_path, content, expected):
    options = {} if type(content) is dict or "image_width" in expected else {"image_size": (640, 480)}
    assert expected in problem(tmp_path, content, **options)


def test_the_option_image_size_is_checked(tmp_path):
    assert "image_size: expected width and height in pixels; got 640" in problem(tmp_path, [PERSON], image_size=640)


def test_a_person_without_landmarks_is_counted(tmp_path):
    path = saved(tmp_path, {"frames": [[None, sample.landmarks(0.2)], [[], sample.landmarks(0.2)]]})
    recording = load(path, image_size=(640, 480))
    assert len(recording) == 2 and recording.dropped == {"without keypoints": 2}


def test_landmarks_with_names_come_in_any_order(tmp_path):
    names = CONVENTIONS["mediapipe_33"].joints
    named = [point | {"name": name.upper()} for name, point in zip(names, PERSON, strict=True)][::-1]
    by_name = {point["name"]: {"x": point["x"], "y": point["y"], "visibility": 0.5} for point in named}
    for frame in (named, [named], {"landmarks": by_name}, {"landmarks": [by_name]}, {"landmarks": named[10:]}):
        recording = load(saved(tmp_path, [frame]), image_size=(640, 480))
        np.testing.assert_allclose(joint(recording, 0, "l_shoulder"), [0.36 * 640, 0.47 * 480], rtol=1e-6)
        np.testing.assert_allclose(joint(recording, 0, "r_elbow"), [0.39 * 640, 0.53 * 480], rtol=1e-6)
        lacks = frame == {"landmarks": named[10:]}  # Without the hips and all below.
        assert recording.visible is None or lacks
        assert not lacks or not recording.visible[0, H36M_17.index("l_hip")]
    assert "name: expected one of MediaPipe's landmarks; got 'tail'" in problem(
        tmp_path, [[point | {"name": "tail"} for point in PERSON]], image_size=(640, 480)
    )
    assert "got 'NOSE' twice" in problem(tmp_path, [[*named, named[-1]]], image_size=(640, 480))


def test_ids_of_people_are_kept(tmp_path):
    people = [{"landmark": sample.landmarks(0.2), "id": 7}, {"landmark": sample.landmarks(0.6), "id": 3}]
    recording = load(saved(tmp_path, {"frames": [people, people[::-1]], **SIZE}))
    assert recording.person.tolist() == [7, 3, 3, 7] and recording.identity == "person"
