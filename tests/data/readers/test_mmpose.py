import numpy as np
import pytest
import walker
from json_cases import JsonCases, joint
from samples import mmpose as sample

from tf_elepose.data.readers.mmpose import read_mmpose
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

H36M_NAMES = [
    "root", "right_hip", "right_knee", "right_foot", "left_hip", "left_knee", "left_foot", "spine", "thorax",
    "neck_base", "head", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
]  # fmt: skip


CASES = JsonCases("mmpose", "results.json")
saved, load, problem = CASES.saved, CASES.load, CASES.problem


def assert_is_the_sample(recording):
    # Joint i of COCO stands at (x + i, 100 + 10 i): left hip 11, right hip 12.
    assert joint(recording, 0, "l_hip") == [211, 210] and joint(recording, 0, "r_hip") == [212, 220]
    assert joint(recording, 1, "nose") == [400, 100] and joint(recording, 2, "nose") == [210, 100]
    # Frame numbers as given; the empty frame 2 shifts nothing.
    assert recording.frame.tolist() == [1, 1, 3] and recording.person.tolist() == [0, 1, 0]
    np.testing.assert_allclose(recording.confidence, 0.5)
    assert recording.dropped == {"frames without people": 1}


def test_a_file_of_the_demo_scripts(tmp_path):
    source, options = sample.write(tmp_path)
    recording = load_source(source, H36M_17, **options)
    assert_is_the_sample(recording)
    assert recording.clip.tolist() == ["results_video"] * 3


def test_a_folder_of_pictures(tmp_path):
    folder = tmp_path / "predictions"
    folder.mkdir()
    for name, people in {
        "000007": [sample.instance(200.0)],
        "000008": [],
        "walk_01": [sample.instance(400.0), sample.instance(500.0)],
    }.items():
        saved(folder, people, f"{name}.json")
    with pytest.raises(ValueError, match=r"'000007\.json': element 0: keypoints: 17 of them; state their convention"):
        load(folder)
    recording = load(folder, convention="coco_17")
    assert recording.clip.tolist() == ["predictions", "walk", "walk"] and recording.frame.tolist() == [7, 1, 1]
    assert joint(recording, 0, "l_hip") == [211, 210] and joint(recording, 1, "l_hip") == [411, 210]
    assert recording.dropped == {"frames without people": 1}
    assert recording.subject.tolist() == ["predictions"] * 3
    alone = load(folder / "000007.json", convention="coco_17")
    assert alone.clip.tolist() == ["predictions"] and alone.frame.tolist() == [7]


def test_a_folder_of_pictures_and_videos(tmp_path):
    folder = tmp_path / "out"
    (folder / "day").mkdir(parents=True)
    saved(folder, {"meta_info": sample.meta_info("h36m", H36M_NAMES), "instance_info": sample.frames()}, "a1.json")
    saved(folder / "day", {"meta_info": sample.meta_info(), "instance_info": sample.frames()}, "a2.json")
    recording = load(folder)
    assert recording.clip.tolist() == ["a1"] * 3 + ["day/a2"] * 3 and recording.frame.tolist() == [1, 1, 3] * 2
    assert joint(recording, 0, "root") == [200, 100] and joint(recording, 3, "l_hip") == [211, 210]
    saved(folder, [sample.instance(200.0)], "picture_5.json")
    with pytest.raises(
        ValueError, match=r"'picture_5\.json': element 0: keypoints: 17 of them; state their convention"
    ):
        load(folder)  # The videos say what their keypoints are, the picture does not.


def test_walker_in_pictures(tmp_path):
    for frame, pose in enumerate(walker.poses()[:5]):
        people = [sample.instance(0.0) | {"keypoints": pose.round(2).tolist()}]
        saved(tmp_path, people, f"{frame:06d}.json")
    recording = load(tmp_path, convention="coco_17")
    assert recording.frame.tolist() == list(range(5)) and set(recording.clip.tolist()) == {tmp_path.name}
    for coco, name in ((0, "nose"), (5, "l_shoulder"), (12, "r_hip"), (16, "r_ankle")):
        np.testing.assert_allclose(
            recording.poses_2d[:, H36M_17.index(name)], walker.poses()[:5, coco], atol=0.006, err_msg=name
        )


def test_meta_info_may_come_last(tmp_path):
    assert_is_the_sample(load(saved(tmp_path, {"instance_info": sample.frames(), "meta_info": sample.meta_info()})))


def test_a_video_of_the_inferencer(tmp_path):
    message = problem(tmp_path, sample.frames())
    assert "keypoints: 17 of them; state their convention with --option=convention=NAME, one of" in message
    assert "coco_17" in message and "h36m_17" in message
    assert_is_the_sample(load(saved(tmp_path, sample.frames()), convention="coco_17"))


@pytest.mark.parametrize("wrap", [list, lambda instances: {"meta_info": {}, "instance_info": instances}])
def test_a_picture_is_a_list_of_instances(tmp_path, wrap):
    path = saved(tmp_path, wrap([sample.instance(200.0), sample.instance(400.0)]))
    recording = load(path, convention="coco_17")
    assert recording.frame.tolist() == [0, 0] and recording.person.tolist() == [0, 1]
    assert joint(recording, 1, "l_hip") == [411, 210]


@pytest.mark.parametrize(
    "meta_info",
    [
        sample.meta_info("h36m", H36M_NAMES),
        sample.meta_info("a data set of mine", H36M_NAMES),  # The names tell.
        {"dataset_name": "h36m"},
        {"dataset_name": "H36M", "keypoint_id2name": {"0": "pelvis", "2": "?"}},
    ],
)
def test_meta_info_decides_the_convention(tmp_path, meta_info):
    recording = load(saved(tmp_path, {"meta_info": meta_info, "instance_info": sample.frames()}))
    assert joint(recording, 0, "root") == [200, 100] and joint(recording, 0, "l_ankle") == [206, 160]
    assert joint(recording, 0, "nose") == [209, 190]


@pytest.mark.parametrize(
    "meta_info", [{}, {"dataset_name": "animals"}, {"dataset_name": ["coco"]}, {"keypoint_id2name": {"a": "nose"}}]
)
def test_an_unknown_convention_is_not_guessed(tmp_path, meta_info):
    content = {"meta_info": meta_info, "instance_info": sample.frames()}
    assert "state their convention" in problem(tmp_path, content)
    assert_is_the_sample(load(saved(tmp_path, content), convention="coco_17"))


def test_3d_poses_are_refused(tmp_path):
    frames = sample.frames()
    for point in frames[0]["instances"][0]["keypoints"]:
        point.append(0.5)
    message = problem(tmp_path, frames, convention="coco_17")
    assert "element 0: instances 0: keypoints: expected [x, y]; got [x, y, z]" in message and "2D output" in message


def test_joints_without_score_are_missing(tmp_path):
    frames = sample.frames()
    frames[0]["instances"][0]["keypoint_scores"][9] = 0
    frames[0]["instances"][0]["keypoints"][10] = [float("nan"), 3]
    recording = load(saved(tmp_path, frames), convention="coco_17")
    assert {H36M_17.joints[i] for i in np.flatnonzero(~recording.visible[0])} == {"l_wrist", "r_wrist"}


def test_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.keypoint_lists.PART", 2)
    path = saved(tmp_path, sample.frames() * 2)
    parts = list(read_mmpose(path, convention="coco_17"))
    assert [part.frame.tolist() for part in parts] == [[1, 1], [3, 1, 1], [3]]
    assert [dict(part.dropped) for part in parts] == [{}, {"frames without people": 1}, {"frames without people": 1}]


def changed(**fields) -> list:
    frames = sample.frames()
    frames[0]["instances"][1] |= fields
    return frames


DAMAGED = [
    ([], "expected a list, or an object with instance_info; holds nothing of either"),
    ({"instances": []}, "expected a list, or an object with instance_info; holds nothing of either"),
    ([3], "element 0: expected an object with instances, or keypoints; got 3"),
    ([{}], "element 0: expected an object with instances, or keypoints"),
    ([{"instances": []}], "element 0: frame_id: expected an integer from 0 to 2147483647; got null"),
    ([{"frame_id": 1.5, "instances": []}], "frame_id: expected an integer from 0 to 2147483647; got 1.5"),
    ([{"frame_id": 1, "instances": 3}], "element 0: instances: expected a list; got 3"),
    ([{"frame_id": 1, "instances": [3]}], "element 0: instances 0: expected an object; got 3"),
    (changed(keypoints=3), "instances 1: keypoints: expected a list of [x, y]; got 3"),
    (changed(keypoints=[1, 2]), "instances 1: keypoints: expected a list of [x, y]; got a list of 2"),
    (changed(keypoints=[[1, 2], [3]]), "instances 1: keypoints: expected a list of [x, y]; got lengths [1, 2]"),
    (changed(keypoints=[[]] * 17), "instances 1: keypoints: expected a list of [x, y]; got lengths [0]"),
    (changed(keypoint_scores=[1]), "instances 1: keypoint_scores: expected a list of 17; got a list of 1"),
    (changed(keypoint_scores=["a"] * 17), "instances 1: keypoints: expected numbers; got 'a' at 2"),
    (changed(keypoints=[[1, 2]] * 16, keypoint_scores=[1] * 16), "expected 51 numbers as before; got 48"),
    (changed(keypoints=[[1, 2e6]] * 17), "instances 1: keypoints: expected numbers within 1e+06 px; got 2e+06"),
    ({"meta_info": 3, "instance_info": []}, "meta_info: expected an object; got 3"),
    ({"instance_info": {"a": 1}}, "instance_info: expected an object with instances"),
]


@pytest.mark.parametrize(("content", "expected"), DAMAGED, ids=[expected for _, expected in DAMAGED])
def test_damaged_files(tmp_path, content, expected):
    assert expected in problem(tmp_path, content, convention="coco_17" if type(content) is list else None)
