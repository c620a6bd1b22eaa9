import json

import numpy as np
import pytest
import walker
from json_cases import JsonCases, joint
from samples import openpifpaf as sample

from tf_elepose.data.readers.openpifpaf import read_openpifpaf
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

CASES = JsonCases("openpifpaf", "0001.jpg.predictions.json")
saved, load, problem = CASES.saved, CASES.load, CASES.problem


def rows_of(path, **options):
    (rows,) = read_openpifpaf(path, **options)
    return rows


def test_a_folder_of_pictures_and_videos(tmp_path):
    source, options = sample.write(tmp_path)
    recording = load_source(source, H36M_17, **options)
    # Joint i of COCO stands at (x + i, 100 + 10 i): left hip 11, right hip 12.
    assert joint(recording, 0, "l_hip") == [211, 210] and joint(recording, 0, "r_hip") == [212, 220]
    assert [joint(recording, row, "nose")[0] for row in range(5)] == [200, 400, 210, 410, 220]
    assert recording.clip.tolist() == ["walk"] * 2 + ["street"] * 3 and recording.frame.tolist() == [1, 1, 1, 1, 4]
    assert recording.dropped == {"frames without people": 2}
    np.testing.assert_allclose(recording.confidence, 0.5)
    rows = rows_of(source.removeprefix("openpifpaf:"))
    assert rows.person.tolist() == [0, 1, 4, 1, 4]
    assert rows.identity.tolist() == ["place", "place", "person", "place", "person"]
    assert rows.score.tolist() == [0.75, 0.5, 0.75, 0.75, 0.75]


@pytest.mark.parametrize("old", [False, True], ids=["frame and predictions", "the list alone"])
def test_walker_in_a_video(tmp_path, old):
    """A person whose left ear is not found: (0, -3, 0)."""
    lines = []
    for frame, pose in enumerate(walker.poses(), 1):
        keypoints = np.column_stack([pose.round(2), np.full(17, 0.9)])
        keypoints[3] = 0, -3, 0
        people = [{"keypoints": keypoints.ravel().tolist(), "bbox": [1, 2, 3, 4], "score": 0.9, "category_id": 1}]
        lines.append(json.dumps(people if old else {"frame": frame, "predictions": people}))
    (tmp_path / "walk.mp4.openpifpaf.json").write_text("\n".join(lines) + "\n")
    path = tmp_path / "walk.mp4.openpifpaf.json"
    recording = load(path)
    assert set(recording.clip.tolist()) == {"walk"} and recording.frame.tolist() == list(range(1, 61))
    for coco, name in ((0, "nose"), (5, "l_shoulder"), (12, "r_hip"), (16, "r_ankle")):
        np.testing.assert_allclose(
            recording.poses_2d[:, H36M_17.index(name)], walker.poses()[:, coco], atol=0.006, err_msg=name
        )
    assert (rows_of(path).confidence[:, 3] == 0).all() and (rows_of(path).confidence[:, 4] > 0.8).all()


def test_a_picture_alone(tmp_path):
    recording = load(saved(tmp_path / "", [sample.person(200.0)]))
    assert recording.clip.tolist() == [tmp_path.name] and recording.frame.tolist() == [1]
    recording = load(saved(tmp_path, [sample.person(200.0)], "any_0012.json"))
    assert recording.clip.tolist() == ["any"] and recording.frame.tolist() == [12]


def test_a_video_of_one_frame_is_no_picture(tmp_path):
    for number, name in enumerate(("clip7.mp4.openpifpaf.json", "clip8.json")):
        path = sample.write_video(tmp_path / name, {3 + number: [sample.person(200.0)]})
        recording = load(path)
        assert recording.clip.tolist() == [f"clip{7 + number}"] and recording.frame.tolist() == [3 + number]


def test_whole_bodies_are_cut_to_the_body(tmp_path):
    recording = load(saved(tmp_path, [sample.person(200.0, 133)]))
    assert joint(recording, 0, "r_ankle") == [216, 260]


def test_other_keypoints_by_their_convention(tmp_path):
    path = saved(tmp_path, [sample.person(200.0, 14)])
    with pytest.raises(
        ValueError, match="keypoints: 14 of them; state their convention with --option=convention=NAME, one of lsp_14"
    ):
        load(path)
    assert joint(load(path, convention="crowdpose_14"), 0, "l_shoulder") == [200, 100]


def test_boxes_without_keypoints_are_left_out(tmp_path):
    box = {"category_id": 1, "category": "person", "score": 0.5, "bbox": [1, 2, 3, 4]}
    recording = load(saved(tmp_path, [box, sample.person(200.0), sample.person(200.0, keypoints=[])]))
    assert recording.dropped == {"without keypoints": 2} and len(recording) == 1


def test_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.keypoint_lists.PART", 2)
    source, _ = sample.write(tmp_path)
    parts = list(read_openpifpaf(source.removeprefix("openpifpaf:")))
    assert [part.frame.tolist() for part in parts] == [[1, 1], [1, 1], [4]]
    assert parts[0].done < parts[1].done <= parts[2].done == 1.0


PERSON = sample.person(200.0)
DAMAGED = [
    (3, "expected a list of people; got 3"),
    ([3], "person 0: expected an object with keypoints; got 3"),
    ([PERSON | {"keypoints": 3}], "person 0: keypoints: expected a list; got 3"),
    ([PERSON | {"keypoints": ["a"] * 51}], "person 0: keypoints: expected numbers; got 'a' at 0"),
    ([PERSON | {"image_id": 3}], "person 0: expected people of one picture, without image_id"),
    ([PERSON | {"id_": -2}], "person 0: id_: expected an integer from 0"),
    ({"frame": 1}, "line 1: expected a list of people; got null"),
    ({"predictions": []}, "line 1: frame: expected an integer from 0"),
]


@pytest.mark.parametrize(("content", "expected"), DAMAGED, ids=[expected for _, expected in DAMAGED])
def test_damaged_files(tmp_path, content, expected):
    assert expected in problem(tmp_path, content)


def test_a_video_written_twice(tmp_path):
    line = json.dumps({"frame": 5, "predictions": [PERSON]})
    (tmp_path / "a.json").write_text(f"{line}\n{line}\n")
    with pytest.raises(ValueError, match="line 2: frame 5 given twice; openpifpaf appends to an existing file"):
        load(tmp_path / "a.json")


def test_no_files(tmp_path):
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(ValueError, match=r"expected files that end with \.json, in this format; it holds 1 \.txt"):
        load(tmp_path)
    (tmp_path / "empty.json").write_text("")
    with pytest.raises(ValueError, match=r"empty\.json: byte 0: holds no JSON"):
        load(tmp_path / "empty.json")
