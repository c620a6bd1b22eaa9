import numpy as np
import pytest
import walker
from json_cases import JsonCases, joint
from samples import vitpose as sample

from tf_elepose.data.readers.vitpose import read_vitpose
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

CASES = JsonCases("vitpose", "walk_result.json")
saved, load, problem = CASES.saved, CASES.load, CASES.problem


def test_the_sample(tmp_path):
    source, options = sample.write(tmp_path)
    recording = load_source(source, H36M_17, **options)
    # Joint i of COCO stands at (x + i, 100 + 10 i): left hip 11, right hip 12.
    assert joint(recording, 0, "l_hip") == [211, 210] and joint(recording, 0, "r_hip") == [212, 220]
    assert [joint(recording, row, "nose") for row in (1, 2)] == [[400, 100], [410, 100]]
    assert recording.clip.tolist() == ["walk"] * 3 and recording.frame.tolist() == [0, 0, 2]
    assert recording.dropped == {"frames without people": 1}
    (rows,) = read_vitpose(source.removeprefix("vitpose:"))
    assert rows.person.tolist() == [4, 2, 2] and rows.identity.tolist() == ["person"] * 3


def test_walker(tmp_path):
    frames = [{"0": [[y, x, 0.9] for x, y in pose.tolist()]} for pose in walker.poses()]
    recording = load(saved(tmp_path, sample.content(frames)))
    assert recording.frame.tolist() == list(range(60))
    for coco, name in ((0, "nose"), (5, "l_shoulder"), (12, "r_hip"), (16, "r_ankle")):
        np.testing.assert_allclose(recording.poses_2d[:, H36M_17.index(name)], walker.poses()[:, coco], atol=1e-3)


def test_ids_without_tracking_are_places(tmp_path):
    frames = [{"0": sample.person(200.0)}, {"0": sample.person(400.0), "1": sample.person(201.0)}]
    (rows,) = read_vitpose(saved(tmp_path, sample.content(frames)))
    assert rows.person.tolist() == [0, 0, 1] and rows.identity.tolist() == ["place"] * 3


def test_the_names_in_the_file_say_which_joints_they_are(tmp_path):
    frames = [{"0": sample.person(200.0, 25)}]
    recording = load(saved(tmp_path, sample.content(frames, sample.NAMES_25)))
    # With the neck at 5 and the hips' middle at 14, the left shoulder is 6, the right ankle 18.
    assert joint(recording, 0, "l_shoulder") == [206, 160] and joint(recording, 0, "r_ankle") == [218, 280]
    assert joint(recording, 0, "root") == [214, 240] and joint(recording, 0, "thorax") == [205, 150]
    mpii = ["right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax",
            "upper_neck", "head top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow",
            "left_wrist"]  # fmt: skip
    recording = load(saved(tmp_path, sample.content([{"0": sample.person(200.0, 16)}], mpii)))
    assert joint(recording, 0, "head") == [209, 190] and joint(recording, 0, "l_wrist") == [215, 250]
    whole = [*sample.NAMES, *(f"{side}_{joint}" for side in ("left", "right") for joint in sample.FEET)]
    whole += [f"face-{i}" for i in range(68)] + [f"left_thumb{i}" for i in range(42)]
    recording = load(saved(tmp_path, sample.content([{"0": sample.person(200.0, 133)}], whole)))
    assert joint(recording, 0, "r_ankle") == [216, 260]


def test_a_file_without_names_needs_a_convention(tmp_path):
    content = sample.content([{"0": sample.person(200.0)}], None)
    assert "keypoints: 17 of them; state their convention" in problem(tmp_path, content)
    assert joint(load(saved(tmp_path, content), convention="coco_17"), 0, "r_hip") == [212, 220]


def test_a_convention_that_the_names_contradict_is_refused(tmp_path):
    content = sample.content([{"0": sample.person(200.0)}])
    assert "convention 'h36m_17'" in problem(tmp_path, content, convention="h36m_17")


def test_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.keypoint_lists.PART", 2)
    source, _ = sample.write(tmp_path)
    parts = list(read_vitpose(source.removeprefix("vitpose:")))
    assert [part.frame.tolist() for part in parts] == [[0, 0], [2]]


def frame(people) -> dict:
    return sample.content([people])


DAMAGED = [
    ([3], "expected an object with a list of keypoints; holds none"),
    ({"keypoints": [{}], "skeleton": {"0": "nose"}}, "names of keypoints: expected names of the joints of a body"),
    (frame(3), "keypoints 0: expected an object of people; got 3"),
    (frame({"Ann": sample.person(200.0)}), "keypoints 0: id: expected an integer from 0; got 'Ann'"),
    (frame({"5": 3}), "keypoints 0: id '5': expected a list of [y, x, score]; got 3"),
    (frame({"0": [[1, 2]] * 17}), "keypoints 0: id '0': expected a list of [y, x, score]; got a list of 17"),
    (frame({"0": sample.person(200.0, 16)}), "keypoints: expected 17, as many as the file names; got 16"),
    (frame({"0": [["a", 2, 3]] * 17}), "keypoints 0: id '0': keypoints: expected numbers; got 'a' at 1"),
    ({"keypoints": [{}], "skeleton": {"1": "nose"}}, "skeleton: expected an object with a name of each keypoint"),
    ({"keypoints": [{}], "skeleton": 3}, "skeleton: expected an object with a name of each keypoint, from 0; got 3"),
]


@pytest.mark.parametrize(("content", "expected"), DAMAGED, ids=[expected for _, expected in DAMAGED])
def test_damaged_files(tmp_path, content, expected):
    assert expected in problem(tmp_path, content)
