import json

import numpy as np
import pytest
import walker
from reader_checks import joint
from samples import openpose as sample

from tf_elepose.data.readers.openpose import read_openpose
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17


def load(path, **options):
    return load_source(f"openpose:{path}", H36M_17, **options)


def problem(path, **options) -> str:
    with pytest.raises(ValueError) as caught:
        load(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_body_25(tmp_path):
    source, options = sample.write(tmp_path)
    recording = load_source(source, H36M_17, **options)
    # Joint i stands at (x + i, 100 + 10 i): right first; mid hip 8, right hip 9, left hip 12, eyes 15 and 16.
    assert joint(recording, 0, "root") == [208, 180]
    assert joint(recording, 0, "r_hip") == [209, 190] and joint(recording, 0, "l_hip") == [212, 220]
    assert joint(recording, 0, "l_wrist") == [207, 170] and joint(recording, 0, "r_wrist") == [204, 140]
    assert joint(recording, 0, "thorax") == [201, 110] and joint(recording, 0, "head") == [215.5, 255]
    assert joint(recording, 1, "nose") == [400, 100] and joint(recording, 2, "nose") == [210, 100]
    # The empty frame 1 shifts nothing.
    assert recording.frame.tolist() == [0, 0, 2] and recording.person.tolist() == [0, 1, 0]
    assert recording.clip.tolist() == ["video"] * 3 and recording.subject.tolist() == ["json"] * 3
    assert recording.dropped == {"frames without people": 1}
    np.testing.assert_allclose(recording.confidence, 0.5)
    assert recording.image_size is None


def test_coco_18(tmp_path):
    sample.write_frame(tmp_path, "a", 0, [sample.person(sample.keypoints(200.0, 18))])
    recording = load(tmp_path)
    assert joint(recording, 0, "r_hip") == [208, 180] and joint(recording, 0, "l_hip") == [211, 210]
    assert joint(recording, 0, "root") == [209.5, 195]


# Joints that Halpe and BODY_25B have after COCO's 17, made of a walker's; after them come the feet.
HALPE_26 = {"head": (0, 0, (0, -20)), "neck": (5, 6, (0, 0)), "root": (11, 12, (0, 0))}
BODY_25B = {"upper_neck": (5, 6, (0, -10)), "head": (5, 6, (0, -60))}


def walking(more: dict, frame: int, feet: list[int]) -> list[float]:
    """x, y, c of COCO's joints, of joints in `more` (beside the middle of two of COCO's), and of six of the feet."""
    pose = walker.poses()[frame].astype(float)
    middle = [(pose[a] + pose[b]) / 2 + np.array(aside) for a, b, aside in more.values()]
    points = np.concatenate([pose, np.array(middle), pose[feet] + 3.0]).round(2)
    return np.column_stack([points, np.full(len(points), 0.9)]).ravel().tolist()


def test_pose2sim(tmp_path):
    """Halpe's 26 in VIDEO_json/VIDEO_000000.json; its person_id [-1] does not say who it is."""
    folder = tmp_path / "cam01_json"
    folder.mkdir()
    for frame in range(5):
        people = [sample.person(walking(HALPE_26, frame, [15, 16] * 3))]
        (folder / f"cam01_{frame:06d}.json").write_text(json.dumps({"version": 1.3, "people": people}))
    (rows,) = read_openpose(folder)
    assert rows.convention.name == "halpe_26" and rows.clip == "cam01" and rows.frame.tolist() == list(range(5))
    assert rows.identity.tolist() == ["place"] * 5
    np.testing.assert_allclose(rows.poses_2d[:, :17], walker.poses()[:5], atol=0.006)
    np.testing.assert_allclose(rows.poses_2d[:, 18], walker.poses()[:5, 5:7].mean(axis=1), atol=0.006)


def test_body_25b_is_not_taken_for_body_25(tmp_path):
    """Older demos of Pose2Sim: cam01.0030.json, 25 keypoints in one of two orders."""
    for frame in range(5):
        people = [sample.person(walking(BODY_25B, frame, [15] * 3 + [16] * 3))]
        (tmp_path / f"cam01.{30 + frame:04d}.json").write_text(json.dumps({"version": 1.3, "people": people}))
    message = problem(tmp_path)
    assert "25 keypoints look like BODY_25B" in message and "--option=convention=body_25b" in message
    recording = load(tmp_path, convention="body_25b")
    assert recording.clip.tolist() == ["cam01"] * 5 and recording.frame.tolist() == list(range(30, 35))
    for coco, name in ((0, "nose"), (5, "l_shoulder"), (12, "r_hip"), (16, "r_ankle")):
        np.testing.assert_allclose(
            recording.poses_2d[:, H36M_17.index(name)], walker.poses()[:5, coco], atol=0.006, err_msg=name
        )
    assert load(tmp_path, convention="body_25", check="off").frame.tolist() == list(range(30, 35))


def test_joints_not_found_are_missing(tmp_path):
    numbers = sample.keypoints(200.0)
    numbers[9 * 3 : 9 * 3 + 3] = [0, 0, 0]
    recording = load(sample.write_frame(tmp_path, "a", 4, [sample.person(numbers)]))
    assert recording.visible[0].tolist() == [name != "r_hip" for name in H36M_17.joints]
    assert recording.frame.tolist() == [4] and recording.clip.tolist() == ["a"]


def test_frames_come_by_number_and_clips_by_folder(tmp_path):
    people = [sample.person(sample.keypoints(200.0))]
    (tmp_path / "camera_2" / "x").mkdir(parents=True)
    for folder, name in [
        (tmp_path, "b_000000000010"),
        (tmp_path, "b_9"),
        (tmp_path, "b_c_3"),
        (tmp_path / "camera_2", "b_000000000001"),
        (tmp_path / "camera_2" / "x", "000000000002"),
        (tmp_path, "photo"),
    ]:
        (folder / f"{name}_keypoints.json").write_text(json.dumps({"people": people}))
    (tmp_path / "b_000000000011.json").write_text("not in this layout")
    recording = load(tmp_path)
    found = list(zip(recording.clip.tolist(), recording.frame.tolist(), strict=True))
    assert found == [("b", 9), ("b", 10), ("b_c", 3), ("camera_2/b", 1), ("camera_2/x", 2), ("photo", 0)]


def test_tracked_people_keep_their_numbers(tmp_path):
    people = [sample.person(sample.keypoints(x), person_id) for x, person_id in ((200.0, 7), (300.0, 3))]
    sample.write_frame(tmp_path, "a", 0, people)
    assert load(tmp_path).person.tolist() == [7, 3]


def test_one_number_for_two_people_is_no_number(tmp_path, caplog):
    people = [sample.person(sample.keypoints(x), 0) for x in (200.0, 300.0)]
    sample.write_frame(tmp_path, "a", 0, people)
    assert load(tmp_path).person.tolist() == [0, 1]
    assert "two people of one frame have the same number" in caplog.text


def test_hidden_files_are_left_alone(tmp_path):
    sample.write_frame(tmp_path, "a", 0, [sample.person(sample.keypoints(200.0))])
    (tmp_path / "._a_000000000000_keypoints.json").write_bytes(b"\0\5\26\7Mac OS X")
    assert load(tmp_path).clip.tolist() == ["a"]


def scaled(tmp_path, scale, shift=0.0):
    numbers = np.array(sample.keypoints(200.0)).reshape(25, 3)
    if scale == 3:
        numbers[:, :2] /= (640 - 1, 480 - 1)
    elif scale == 4:
        numbers[:, :2] = numbers[:, :2] * 2 / (640 - 1, 480 - 1) - 1
    numbers[1, 2] = 0  # Not found: its coordinates say nothing about the scale.
    numbers[1, :2] = 0
    return sample.write_frame(tmp_path, f"scale{scale}", 0, [sample.person(numbers.ravel().tolist())])


@pytest.mark.parametrize("scale", [3, 4])
def test_shares_of_the_image_become_pixels_if_its_size_is_known(tmp_path, scale):
    path = scaled(tmp_path, scale)
    message = problem(path)
    assert f"--keypoint_scale {scale}" in message and "image_size" in message
    recording = load(path, image_size=(640, 480))
    np.testing.assert_allclose(joint(recording, 0, "l_hip"), [212, 220], rtol=1e-5)
    assert recording.image_size.tolist() == [640, 480]
    stated = load(path, image_size=[640, 480], keypoint_scale=scale)
    np.testing.assert_array_equal(stated.poses_2d, recording.poses_2d)
    assert joint(load(path, keypoint_scale=0), 0, "l_hip") != [212, 220]  # As they are.


def test_pixels_stay_pixels_when_the_image_size_is_known(tmp_path):
    recording = load(scaled(tmp_path, 0), image_size=(640, 480))
    assert joint(recording, 0, "l_hip") == [212, 220] and recording.image_size.tolist() == [640, 480]


def test_coordinates_must_fit_the_scale(tmp_path):
    message = problem(scaled(tmp_path, 0), image_size=(640, 480), keypoint_scale=3)
    assert "expected coordinates of OpenPose's --keypoint_scale 3 throughout; got 100 to 340" in message
    assert "keypoint_scale: expected 0, 3 or 4; got 2" in problem(tmp_path, keypoint_scale=2)
    for size in ((640,), (640, -1), "640", (640.5, 3), 5):
        assert "image_size: expected width and height in pixels" in problem(tmp_path, image_size=size)


def test_a_scale_found_at_first_must_hold_later(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.keypoint_lists.PART", 1)
    scaled(tmp_path, 3)
    sample.write_frame(tmp_path, "z", 0, [sample.person(sample.keypoints(200.0))])
    assert "--option=keypoint_scale=0, 3 or 4" in problem(tmp_path, image_size=(640, 480))


def test_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.keypoint_lists.PART", 2)
    for frame in range(5):
        sample.write_frame(tmp_path, "a", frame, [sample.person(sample.keypoints(200.0))])
    parts = list(read_openpose(tmp_path))
    assert [part.frame.tolist() for part in parts] == [[0, 1], [2, 3], [4]]
    assert [part.done for part in parts] == [0.4, 0.8, 1]


def test_only_empty_frames(tmp_path):
    sample.write_frame(tmp_path, "a", 0, [])
    assert "no pose to use: 1 frames without people" in problem(tmp_path)


DAMAGED = [
    ([], "expected an object with a list of people; got a list of 0"),
    ({"people": {}}, "expected an object with a list of people"),
    ({"people": [3]}, "people 0: expected an object; got 3"),
    ({"people": [{}]}, "no pose to use: 1 without keypoints"),
    ({"people": [{"pose_keypoints_2d": [1, 2]}]}, "expected x, y and confidence of each; got 2 numbers"),
    ({"people": [{"pose_keypoints_2d": 3}]}, "people 0: keypoints: expected a list; got 3"),
    ({"people": [{"pose_keypoints_2d": [1] * 45}]}, "keypoints: 15 of them; state their convention"),
    ({"people": [sample.person([1] * 75), sample.person([1] * 54)]}, "people 1: keypoints: expected 75 numbers"),
    ({"people": [sample.person(["a"] * 75)]}, "people 0: keypoints: expected numbers; got 'a' at 0"),
    (
        {"people": [sample.person([2e6] * 75)]},
        "people 0: keypoints: expected numbers within 1e+06 px; got 2e+06",
    ),
    ({"people": [{"person_id": "Ann"}]}, "people 0: person_id: expected an integer from 0 to 2147483647; got 'Ann'"),
    ({"people": [{"person_id": [0.5]}]}, "people 0: person_id: expected an integer from 0"),
]


@pytest.mark.parametrize(("content", "expected"), DAMAGED, ids=[expected for _, expected in DAMAGED])
def test_damaged_files(tmp_path, content, expected):
    path = sample.write_frame(tmp_path, "a", 0, [])
    path.write_text(json.dumps(content))
    message = problem(path)
    assert expected in message and (str(path) in message or "frame 0 of clip 'a': " in message)


def test_other_places(tmp_path):
    assert "no such file or folder" in problem(tmp_path / "none")
    assert "expected files that end with .json, in this format; it holds nothing" in problem(tmp_path)
    (tmp_path / "a.json").write_text('[{"frame_id": 0, "instances": []}]')
    (tmp_path / "a.jpg").write_bytes(b"")
    message = problem(tmp_path)
    assert (
        "it holds 1 .jpg (pictures: find the keypoints with a 2D detector first), 1 .json (format mmpose, it" in message
    )
    assert "expected an object with a list of people; got a list of 1" in problem(tmp_path / "a.json")
    path = sample.write_frame(tmp_path, "a", 1, [])
    path.write_bytes(path.read_bytes()[:10])
    assert f"OpenPose file {path}: byte 10: ends too early" in problem(tmp_path)


def test_joints_that_are_no_numbers_have_no_scale(tmp_path):
    path = sample.write_frame(tmp_path, "a", 0, [sample.person([float("nan"), float("nan"), 1.0] * 25)])
    assert "1 with fewer than 6 joints" in problem(path, keypoint_scale=3, image_size=(640, 480))


def test_names_must_be_text(tmp_path):
    (tmp_path / "a\nb_1_keypoints.json").write_text('{"people": []}')
    assert "expected Unicode text without control characters" in problem(tmp_path)


def test_a_frame_given_twice_is_told(tmp_path, caplog):
    for x, name in enumerate(("a_1", "a_01")):
        people = [sample.person(sample.keypoints(200.0 + x))]
        (tmp_path / f"{name}_keypoints.json").write_text(json.dumps({"people": people}))
    recording = load(tmp_path)
    assert recording.frame.tolist() == [0, 1] and joint(recording, 0, "nose") == [201, 100]
    assert "a_01_keypoints.json and a_1_keypoints.json are both frame 1 of clip a" in caplog.text


def test_the_option_convention_overrides_the_number_of_keypoints(tmp_path):
    path = sample.write_frame(tmp_path, "a", 0, [sample.person(sample.keypoints(200.0, 17))])
    assert joint(load(path, convention="coco_17"), 0, "l_hip") == [211, 210]
    assert "17 of them; state their convention with --option=convention=NAME, one of" in problem(path)


def test_people_are_followed_though_they_change_places_in_the_list(tmp_path):
    for frame in range(6):
        people = [sample.person(sample.keypoints(x + 2 * frame)) for x in (200.0, 900.0)]
        sample.write_frame(tmp_path, "a", frame, people if frame < 2 else people[::-1])
    recording = load(tmp_path)
    assert recording.person.tolist() == [0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1, 0] and recording.identity == "track"
    nose = recording.poses_2d[:, H36M_17.index("nose"), 0]
    assert nose[recording.person == 0].tolist() == [200, 202, 204, 206, 208, 210]


def test_ids_from_0_are_people_and_others_are_none(tmp_path):
    for frame, ids in enumerate(((3, 8), (8, 3), (-1, 3))):
        people = [sample.person(sample.keypoints({3: 200.0}.get(own, 900.0)), own) for own in ids]
        sample.write_frame(tmp_path, "a", frame, people)
    recording = load(tmp_path)
    assert recording.person.tolist() == [3, 8, 8, 3, 8, 3]  # Who has lost its id stands where it stood.
