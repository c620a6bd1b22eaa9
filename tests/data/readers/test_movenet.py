import json

import numpy as np
import pytest
import walker
from json_cases import joint
from reader_checks import refusal
from samples import movenet as sample

from tf_elepose.data.readers.movenet import read_movenet
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

SIZE = [walker.WIDTH, walker.HEIGHT]


def load(path, **options):
    return load_source(f"movenet:{path}", H36M_17, **{"image_size": SIZE, **options})


def problem(path, **options) -> str:
    return refusal(load, path, **options)


def saved(folder, content):
    """Writes an npz file of {name: array}, an npy file of an array or a JSON file of lists; returns its path."""
    if isinstance(content, dict):
        np.savez(folder / "walk.npz", **content)
        return folder / "walk.npz"
    if isinstance(content, np.ndarray):
        np.save(folder / "walk.npy", content)
        return folder / "walk.npy"
    (folder / "walk.json").write_text(json.dumps(content))
    return folder / "walk.json"


def assert_walks(recording, frames=60):
    """The recording is the walker's."""
    assert recording.frame.tolist() == list(range(frames)) and set(recording.clip.tolist()) == {"walk"}
    for coco, name in ((0, "nose"), (5, "l_shoulder"), (12, "r_hip"), (16, "r_ankle")):
        expected = walker.poses()[:frames, coco]
        np.testing.assert_allclose(recording.poses_2d[:, H36M_17.index(name)], expected, atol=1e-3, err_msg=name)


def test_several_people(tmp_path):
    source, options = sample.write(tmp_path)
    recording = load_source(source, H36M_17, **options)
    # Joint i of COCO stands at (x + i, 100 + 10 i): left hip 11, right hip 12.
    np.testing.assert_allclose(joint(recording, 0, "l_hip"), [211, 210], atol=0.01)
    np.testing.assert_allclose(joint(recording, 1, "nose"), [400, 100], atol=0.01)
    np.testing.assert_allclose(joint(recording, 2, "nose"), [410, 100], atol=0.01)
    assert recording.frame.tolist() == [0, 0, 2] and recording.image_size.tolist() == options["image_size"]
    assert recording.dropped == {"with a score of at most 0.25": 15}
    (rows,) = read_movenet(source.removeprefix("movenet:"), **options)
    assert rows.person.tolist() == [0, 1, 0] and rows.identity == "place" and rows.score.tolist() == [0.75, 0.5, 0.5]
    assert len(load_source(source, H36M_17, min_score=0.6, **options)) == 1


OUTPUT = sample.output(walker.poses(), SIZE)
FORMS = {
    "npz": {"keypoints": OUTPUT},
    "npz, other name": {"anything": OUTPUT, "fps": np.array(30.0)},
    "npy": OUTPUT.astype(np.float32),
    "as the model gives it": OUTPUT[:, np.newaxis, np.newaxis],
    "an axis for people": OUTPUT[:, np.newaxis],
    "flat": OUTPUT.reshape(60, 51),
    "json": OUTPUT.tolist(),
    "json, as the model gives it": OUTPUT[:, np.newaxis, np.newaxis].tolist(),
    "multipose": np.concatenate([OUTPUT.reshape(60, 1, 51), np.full((60, 1, 5), 0.9)], axis=-1),
}


@pytest.mark.parametrize("form", FORMS)
def test_walker(tmp_path, form):
    path = saved(tmp_path, FORMS[form])
    assert_walks(load(path))
    (rows,) = read_movenet(path, image_size=SIZE)
    assert rows.identity == "person" and rows.done == 1.0
    np.testing.assert_allclose(rows.confidence, 0.5)


@pytest.mark.parametrize("content", [OUTPUT[0], OUTPUT[:1, np.newaxis], OUTPUT[0].tolist(), [[OUTPUT[0].tolist()]]])
def test_one_frame(tmp_path, content):
    assert_walks(load(saved(tmp_path, content)), 1)


def test_people_of_json_frames(tmp_path):
    frames = [[OUTPUT[0].tolist()], [OUTPUT[1].tolist(), OUTPUT[2].tolist()], [OUTPUT[3].tolist()]]
    recording = load(saved(tmp_path, frames))
    assert recording.frame.tolist() == [0, 1, 1, 2]
    np.testing.assert_allclose(joint(recording, 2, "nose"), walker.poses()[2, 0], atol=1e-3)


def test_a_padded_picture(tmp_path):
    """The picture is in the middle of a square of 1920 px: 420 px above and below it."""
    square = walker.poses() + np.array([0, 420])
    assert_walks(load(saved(tmp_path, sample.output(square, (1920, 1920))), padded=True))
    recording = load(saved(tmp_path, sample.output(walker.poses()[:1], (1920, 1920))), padded=True)
    np.testing.assert_allclose(joint(recording, 0, "nose"), walker.poses()[0, 0] - (0, 420), atol=1e-3)


def test_joints_that_are_left_out(tmp_path):
    output = OUTPUT.copy()
    output[3, 9], output[4, 10, :2], output[5, 9] = (0.0, 0.0, 0.4), -1.0, np.nan
    recording = load(saved(tmp_path, output))
    left, right = H36M_17.index("l_wrist"), H36M_17.index("r_wrist")
    assert np.argwhere(~recording.visible).tolist() == [[3, left], [4, right], [5, left]]


@pytest.mark.filterwarnings("error")
def test_a_score_out_of_all_proportion_is_no_score(tmp_path):
    output = OUTPUT[:2].copy()
    output[1, 9, 2] = 1e300
    recording = load(saved(tmp_path, output.tolist()))
    assert np.argwhere(~recording.visible).tolist() == [[1, H36M_17.index("l_wrist")]]


def test_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.movenet._PART", 25)
    for content in (OUTPUT, OUTPUT.tolist()):
        parts = list(read_movenet(saved(tmp_path, content), image_size=SIZE))
        assert [int(part.frame[0]) for part in parts] == [0, 25, 50] and parts[-1].done == 1.0


def test_the_picture_size_is_needed(tmp_path):
    message = problem(saved(tmp_path, OUTPUT), image_size=None)
    assert "shares of the picture's width and height" in message and "--option=image_size=[width,height]" in message


DAMAGED = [
    ({"a": OUTPUT[:, :16]}, "expected an array [T, 17, 3] or [T, people, 17, 3] (y, x, score), or multipose's"),
    ({"a": OUTPUT, "b": OUTPUT}, "expected one array [T, 17, 3]"),
    (OUTPUT * 1000, "expected shares of the picture's width and height, within 2; got "),
    ([3], "element 0: expected a frame of [T, 17, 3]"),
    (["a"], "element 0: expected lists of numbers, a frame of [T, 17, 3]"),
    ([[[1, 2, 3], [4]]], "element 0: expected lists of numbers, a frame of [T, 17, 3]"),
    ([[0.5, 0.5, 0.5]] * 16, "expected a frame of [T, 17, 3]"),
    ([], "no pose to use"),
]


@pytest.mark.parametrize(("content", "expected"), DAMAGED, ids=[expected for _, expected in DAMAGED])
def test_damaged_files(tmp_path, content, expected):
    assert expected in problem(saved(tmp_path, content))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"padded": 1}, "padded: expected true or false; got 1"),
        ({"min_score": "high"}, "min_score: expected a number; got 'high'"),
        ({"image_size": [1920]}, "image_size: expected width and height in pixels"),
    ],
)
def test_wrong_options(tmp_path, options, expected):
    assert expected in problem(saved(tmp_path, OUTPUT), **options)
