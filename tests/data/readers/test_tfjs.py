import json

import numpy as np
import pytest
import walker
from json_cases import JsonCases, joint
from samples import tfjs as sample

from tf_elepose.data.readers.tfjs import read_tfjs
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

CASES = JsonCases("tfjs", "poses.json")
saved, load, problem = CASES.saved, CASES.load, CASES.problem

POSE = sample.pose(sample.points(200))


def assert_walks(recording, frames=60):
    """The recording is the walker's."""
    assert recording.frame.tolist() == list(range(frames))
    for coco, name in ((0, "nose"), (5, "l_shoulder"), (12, "r_hip"), (16, "r_ankle")):
        expected = walker.poses()[:frames, coco]
        np.testing.assert_allclose(recording.poses_2d[:, H36M_17.index(name)], expected, atol=1e-3, err_msg=name)


def test_the_sample(tmp_path):
    source, options = sample.write(tmp_path)
    recording = load_source(source, H36M_17, **options)
    # Joint i of COCO stands at (x + i, 100 + 10 i): left hip 11, right hip 12.
    assert joint(recording, 0, "l_hip") == [211, 210] and joint(recording, 0, "r_hip") == [212, 220]
    assert [joint(recording, row, "nose") for row in (1, 2)] == [[400, 100], [410, 100]]
    assert recording.clip.tolist() == ["poses"] * 3 and recording.frame.tolist() == [0, 0, 2]
    assert recording.dropped == {"frames without people": 1} and recording.image_size is None
    np.testing.assert_allclose(recording.confidence, 0.5)
    (rows,) = read_tfjs(source.removeprefix("tfjs:"))
    assert rows.person.tolist() == [4, 2, 2] and rows.identity.tolist() == ["person"] * 3


def posenet(pose):
    camel = {name: name.split("_")[0] + "".join(map(str.capitalize, name.split("_")[1:])) for name in sample.NAMES}
    keypoints = [
        {"position": {"x": point["x"], "y": point["y"]}, "score": point["score"], "part": camel[point["name"]]}
        for point in pose["keypoints"]
    ]
    return {"score": 0.75, "keypoints": keypoints}


def ml5(pose):
    keypoints = [{**point, "confidence": point["score"], "score": None} for point in pose["keypoints"]]
    return {"keypoints": keypoints, "confidence": 0.75, "id": 1, "nose": {"x": 1, "y": 2}}


FORMS = {
    "lists of poses": lambda poses: [[pose] for pose in poses],
    "poses alone": lambda poses: poses,
    "frames": lambda poses: {"frames": [{"frame": t, "poses": [pose]} for t, pose in enumerate(poses)]},
    "time stamps": lambda poses: [{"timestamp": 33.3 * t, "poses": [pose]} for t, pose in enumerate(poses)],
    "posenet": lambda poses: [posenet(pose) for pose in poses],
    "ml5.js": lambda poses: [[ml5(pose)] for pose in poses],
    "ml5.js, old": lambda poses: [[{"pose": posenet(pose), "skeleton": []}] for pose in poses],
}


@pytest.mark.parametrize("form", FORMS)
def test_walker(tmp_path, form):
    poses = [sample.pose(pose, score=0.9) for pose in walker.poses()]
    assert_walks(load(saved(tmp_path, FORMS[form](poses))))


def test_json_lines(tmp_path):
    lines = [json.dumps([sample.pose(pose)]) for pose in walker.poses()]
    (tmp_path / "poses.jsonl").write_text("\n".join(lines))
    assert_walks(load(tmp_path / "poses.jsonl"))


def test_keypoints_in_any_order_and_number(tmp_path):
    poses = [[sample.pose(pose)] for pose in walker.poses()]
    for frame in poses[1:]:
        frame[0]["keypoints"].reverse()
    del poses[0][0]["keypoints"][9], poses[5][0]["keypoints"][16 - 9]
    recording = load(saved(tmp_path, poses))
    assert_walks(recording)
    assert np.argwhere(~recording.visible).tolist() == [[row, H36M_17.index("l_wrist")] for row in (0, 5)]


def test_blazepose_by_its_names(tmp_path):
    pose = sample.pose(sample.points(200, 33), sample.BLAZEPOSE, keypoints3D=[{"x": 0.1, "y": 0.2, "z": 0.3}])
    recording = load(saved(tmp_path, [[pose]]))
    # Left shoulder 11, right ankle 28.
    assert joint(recording, 0, "l_shoulder") == [211, 210] and joint(recording, 0, "r_ankle") == [228, 380]


def test_keypoints_without_names_by_their_number(tmp_path):
    recording = load(saved(tmp_path, [[sample.pose(sample.points(200), None)]]))
    assert joint(recording, 0, "r_ankle") == [216, 260]
    recording = load(saved(tmp_path, [[sample.pose(sample.points(200, 33), None)]]))
    assert joint(recording, 0, "r_ankle") == [228, 380]
    assert "16 of them; state their convention" in problem(tmp_path, [[sample.pose(sample.points(200, 16), None)]])


def test_without_scores_all_keypoints_are_equally_sure(tmp_path):
    np.testing.assert_allclose(load(saved(tmp_path, [[sample.pose(sample.points(200), score=None)]])).confidence, 1)


def test_shares_need_the_size_of_the_picture(tmp_path):
    poses = [[sample.pose(pose / (walker.WIDTH, walker.HEIGHT))] for pose in walker.poses()]
    poses[3][0]["keypoints"][9] |= {"x": 0.0, "y": 0.0}
    message = problem(tmp_path, poses)
    assert "shares of the picture's width and height" in message and "--option=image_size=[width,height]" in message
    recording = load(saved(tmp_path, poses), image_size=[walker.WIDTH, walker.HEIGHT])
    assert_walks(recording)
    assert np.argwhere(~recording.visible).tolist() == [[3, H36M_17.index("l_wrist")]]
    beside = {"width": walker.WIDTH, "height": walker.HEIGHT, "frames": poses}
    assert_walks(load(saved(tmp_path, beside)))
    # Of pixels the size is only kept.
    pixels = {"image_width": 640, "image_height": 480, "frames": [[POSE]]}
    recording = load(saved(tmp_path, pixels))
    assert joint(recording, 0, "nose") == [200, 100] and recording.image_size.tolist() == [640, 480]


def test_a_list_of_few_poses_is_asked_about(tmp_path):
    poses = [POSE, sample.pose(sample.points(400))]
    message = problem(tmp_path, poses)
    assert "a list of 2 poses" in message and "--option=list_of=frames" in message
    assert "--option=list_of=people" in message
    assert load(saved(tmp_path, poses), list_of="frames").frame.tolist() == [0, 1]
    people = load(saved(tmp_path, poses), list_of="people")
    assert people.frame.tolist() == [0, 0] and joint(people, 1, "nose") == [400, 100]
    # Ids tell: nobody is twice in one picture.
    assert load(saved(tmp_path, [POSE | {"id": 3}] * 2)).frame.tolist() == [0, 1]
    assert load(saved(tmp_path, [POSE | {"id": 3}, POSE | {"id": 4}])).frame.tolist() == [0, 0]


def test_poses_with_the_number_of_their_frame(tmp_path):
    poses = [POSE | {"frame": 3}, sample.pose(sample.points(400), frame=5), sample.pose(sample.points(201), frame=5)]
    path = saved(tmp_path, poses)
    recording = load(path)
    assert recording.frame.tolist() == [3, 5, 5] and joint(recording, 1, "nose") == [400, 100]
    (rows,) = read_tfjs(path)
    assert rows.person.tolist() == [0, 0, 1] and rows.identity.tolist() == ["place"] * 3


def test_poses_without_keypoints_are_left_out(tmp_path):
    recording = load(saved(tmp_path, [[None, POSE, {"keypoints": []}], None, {"poses": None}]))
    assert len(recording) == 1 and recording.frame.tolist() == [0]
    assert recording.dropped == {"without keypoints": 2, "frames without people": 2}


def test_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.keypoint_lists.PART", 2)
    source, _ = sample.write(tmp_path)
    assert [part.frame.tolist() for part in read_tfjs(source.removeprefix("tfjs:"))] == [[0, 0], [2]]


def changed(**fields) -> list:
    points = [dict(point) for point in POSE["keypoints"]]
    points[3] |= fields
    return [[POSE | {"keypoints": points}]]


DAMAGED = [
    ({"a": 3}, "expected a list of frames, or an object with frames or poses; holds none"),
    ([3], "element 0: expected a list of poses; got 3"),
    ([{"a": 3}], "element 0: expected a list of poses, or an object with poses; got an object of 1"),
    ([[3]], "element 0: pose 0: expected an object with a list of keypoints; got 3"),
    ([[POSE | {"keypoints": 3}]], "element 0: pose 0: expected an object with a list of keypoints; got an object"),
    ([[POSE | {"keypoints": [3]}]], "pose 0: keypoint 0: expected an object with x and y; got 3"),
    ([[POSE | {"id": "a"}]], "pose 0: id: expected an integer from 0"),
    (changed(x="a"), "pose 0: keypoint 3: x: expected a number; got 'a'"),
    (changed(score="high"), "pose 0: keypoint 3: score: expected a number; got 'high'"),
    (changed(score=None), "scores: expected one for all keypoints or none"),
    (changed(name=None), "pose 0: names: expected one for all keypoints or none"),
    (changed(name="nose"), "pose 0: names: expected a different one for each keypoint"),
    ([[POSE], [sample.pose(sample.points(200), None)]], "names of keypoints: expected them in all poses or none"),
    ([{"frame": 1, "poses": []}] * 2, "frame 1: given twice"),
    ([{"frame": 1, "poses": []}, []], "frame: expected a number for all frames or none"),
    ([POSE | {"frame": 1, "id": 2}] * 2, "frame 1: id 2: given twice"),
    ({"width": 3, "frames": [[POSE]]}, "image_size: expected width and height in pixels; got 3, null"),
]


@pytest.mark.parametrize(("content", "expected"), DAMAGED, ids=[expected for _, expected in DAMAGED])
def test_damaged_files(tmp_path, content, expected):
    assert expected in problem(tmp_path, content)


def test_wrong_options(tmp_path):
    assert "list_of: expected frames or people; got 'a'" in problem(tmp_path, [[POSE]], list_of="a")
