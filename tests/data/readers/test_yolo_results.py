import json

import numpy as np
import pytest
import walker
from json_cases import JsonCases, joint

from tf_elepose.data.readers.recognition import format_of
from tf_elepose.data.readers.yolo import read_yolo
from tf_elepose.skeleton.skeletons import H36M_17

CASES = JsonCases("yolo", "walk_7.json")
saved, load, problem = CASES.saved, CASES.load, CASES.problem

SIZE = [walker.WIDTH, walker.HEIGHT]


def person(pose: np.ndarray, **fields) -> dict:
    """Returns a person in the form of Ultralytics' Results.summary()."""
    x, y = pose.round(3).T.tolist()
    found = {"name": "person", "class": 0, "confidence": 0.75, "box": {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}}
    return found | {"keypoints": {"x": x, "y": y, "visible": [0.9] * len(x)}} | fields


POSES = walker.poses()[:5]


def assert_walks(recording, frames=(0, 1, 2, 3, 4)):
    """The recording is the walker's first five frames, whose numbers are `frames`."""
    assert recording.frame.tolist() == list(frames) and set(recording.clip.tolist()) == {"walk"}
    for coco, name in ((0, "nose"), (5, "l_shoulder"), (12, "r_hip"), (16, "r_ankle")):
        np.testing.assert_allclose(recording.poses_2d[:, H36M_17.index(name)], POSES[:, coco], atol=1e-3, err_msg=name)


def test_a_file_a_frame(tmp_path):
    for frame, pose in enumerate(POSES, 1):
        saved(tmp_path, [person(pose, track_id=3)], f"walk_{frame}.json")
    saved(tmp_path, [], "walk_6.json")
    recording = load(tmp_path)
    assert_walks(recording, [1, 2, 3, 4, 5])
    assert recording.dropped == {"frames without people": 1}
    (rows,) = read_yolo(tmp_path)
    assert rows.person.tolist() == [3] * 5 and rows.identity.tolist() == ["person"] * 5
    assert rows.score.tolist() == [0.75] * 5
    np.testing.assert_allclose(rows.confidence, 0.9)
    assert format_of(tmp_path / "walk_1.json") == "yolo"


def test_a_video_in_one_file(tmp_path):
    frames = [[person(pose)] for pose in POSES]
    assert_walks(load(saved(tmp_path, frames, "walk.json")))
    (tmp_path / "walk.jsonl").write_text("\n".join(map(json.dumps, frames)))
    assert_walks(load(tmp_path / "walk.jsonl"))


def test_one_picture(tmp_path):
    path = saved(tmp_path, [person(POSES[0]), person(POSES[1]), person(POSES[2], **{"class": 2})])
    recording = load(path)
    assert recording.frame.tolist() == [7, 7] and recording.person.tolist() == [0, 1]
    assert recording.dropped == {"of other classes than 0": 1}


def test_shares_need_the_size_of_the_picture(tmp_path):
    shares = POSES / SIZE
    shares[2, 9] = 0.0  # Not found, with a confidence.
    frames = [[person(pose)] for pose in shares]
    for frame, pose in zip(frames, shares, strict=True):
        frame[0]["keypoints"] |= {"x": pose[:, 0].tolist(), "y": pose[:, 1].tolist()}
    path = saved(tmp_path, frames, "walk.json")
    with pytest.raises(ValueError, match=r"shares of the picture's width and height.*--option=image_size=\["):
        load(path)
    recording = load(path, image_size=SIZE)
    assert_walks(recording)
    assert np.argwhere(~recording.visible).tolist() == [[2, H36M_17.index("l_wrist")]]


def test_without_visibilities_and_without_keypoints(tmp_path):
    plain = person(POSES[0])
    del plain["keypoints"]["visible"]
    box = {key: value for key, value in plain.items() if key != "keypoints"}
    recording = load(saved(tmp_path, [plain, box]))
    assert recording.dropped == {"without keypoints": 1}
    np.testing.assert_allclose(joint(recording, 0, "nose"), POSES[0, 0], atol=1e-3)


GOOD = person(POSES[0])
DAMAGED = [
    ({"people": []}, "expected a list of people; got an object"),
    ([3], "people 0: expected an object with keypoints; got 3"),
    ([GOOD | {"keypoints": 3}], "people 0: keypoints: expected an object with lists x and y; got 3"),
    ([GOOD | {"keypoints": {"x": [1], "y": []}}], "people 0: keypoints: expected an object with lists x and y"),
    ([GOOD | {"keypoints": GOOD["keypoints"] | {"visible": 3}}], "people 0: keypoints: visible: expected a list of 17"),
    ([GOOD | {"track_id": 1}] * 2, "people 1: track_id: expected a different one for each person of a frame; got 1"),
    ([[GOOD], GOOD], "element 1: expected lists of people, or people; got both"),
    ([person(np.zeros((16, 2)))], "keypoints: 16 of them; state their convention"),
]


@pytest.mark.parametrize(("content", "expected"), DAMAGED, ids=[expected for _, expected in DAMAGED])
def test_damaged_files(tmp_path, content, expected):
    assert expected in problem(tmp_path, content)
