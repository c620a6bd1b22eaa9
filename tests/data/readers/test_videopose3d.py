"""VideoPose3D's files of custom videos and of Detectron's detections are read, as videopose3d: and as npz:."""

import numpy as np
import pytest
import walker
from reader_checks import joint, refusal
from samples import videopose3d as sample

from tf_elepose.data.readers.videopose3d import read_videopose3d, video_name
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17


def load(path, **options):
    return load_source(f"videopose3d:{path}", H36M_17, check="off", **options)


def problem(path, **options) -> str:
    return refusal(load, path, **options)


@pytest.mark.parametrize("format_name", ["videopose3d", "npz"])
def test_custom_videos(tmp_path, format_name):
    source, _ = sample.write(tmp_path)
    recording = load_source(f"{format_name}:{source.partition(':')[2]}", H36M_17, check="off")
    assert recording.clip.tolist() == ["walk"] * 6 + ["run"] * 4 and set(recording.subject) == {"walk", "run"}
    assert recording.frame.tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3]
    # Joint i of COCO at (x + i + 10 t, 100 + 10 i): left shoulder 5, right ankle 16.
    assert joint(recording, 0, "l_shoulder") == [205, 150] and joint(recording, 7, "r_ankle") == [326, 260]
    assert recording.image_size.tolist() == [1920, 1080] and recording.confidence is None
    assert recording.person is None or not recording.person.any()


@pytest.mark.parametrize("format_name", ["videopose3d", "npz"])
def test_detections_of_a_video(tmp_path, format_name):
    source, _ = sample.write_video(tmp_path)
    recording = load_source(f"{format_name}:{source.partition(':')[2]}", H36M_17, check="off", people="all")
    assert recording.frame.tolist() == [0, 0, 1, 3, 3, 4, 4, 5, 5] and set(recording.clip) == {"walk"}
    assert joint(recording, 0, "r_hip") == [212, 220] and joint(recording, 1, "r_hip") == [712, 220]
    np.testing.assert_allclose(recording.confidence, 0.75)
    assert recording.image_size.tolist() == [1920, 1080] and recording.dropped == {"frames without people": 1}
    (rows,) = read_videopose3d(tmp_path / "walk.mp4.npz")
    assert rows.identity == "place" and rows.person.tolist() == [0, 1, 0, 0, 1, 0, 1, 0, 1]
    assert rows.score.tolist() == [0.5, 0.25, 0.5, 0.5, 0.25, 0.5, 0.25, 0.5, 0.25]


def test_lists_of_objects_are_read_as_numpy_saves_them_either_way(tmp_path):
    """[T, 2] objects, or [T] lists, as older NumPy made them."""
    found, scores = sample.detections()
    sample.write_detections(tmp_path / "a.npz", found, scores)
    with np.load(tmp_path / "a.npz", allow_pickle=True) as arrays:
        held = dict(arrays)
    for name in ("boxes", "keypoints"):
        lists = np.empty(len(found), dtype=object)
        lists[:] = [list(frame) for frame in held[name]]
        if name == "keypoints":  # Detectron has a list of people.
            lists[:] = [[[], list(people)] for _, people in lists]
        held[name] = lists
    np.savez(tmp_path / "b.npz", **held)
    np.testing.assert_array_equal(load(tmp_path / "a.npz").poses_2d, load(tmp_path / "b.npz").poses_2d)


def test_a_folder_of_detections(tmp_path):
    sample.write_detections(tmp_path / "run.mp4.npz", *sample.detections(3))
    sample.write_video(tmp_path)
    recording = load(tmp_path)
    assert recording.clip.tolist() == ["run"] * 3 + ["walk"] * 9
    assert [rows.done for rows in read_videopose3d(tmp_path)] == [0.5, 1.0]
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.bvh").write_text("")
    assert "expected files that end with .npz; it holds 1 .bvh" in problem(tmp_path / "empty")


def test_parts_of_a_long_video(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.videopose3d._PART", 3)
    sample.write_video(tmp_path)
    parts = list(read_videopose3d(tmp_path / "walk.mp4.npz"))
    assert [part.frame.tolist() for part in parts] == [[0, 0, 1], [3, 3, 4, 4], [5, 5]]
    assert [part.dropped for part in parts] == [{}, {"frames without people": 1}, {}]
    assert [part.done for part in parts] == [2 / 6, 5 / 6, 1.0]


@pytest.mark.parametrize(
    ("layout", "symmetry", "convention"),
    [
        ("coco", sample.SYMMETRY, None),
        ("coco", [np.array(side) for side in sample.SYMMETRY], "coco_17_gast"),
        ("h36m", [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]], None),
        (None, [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]], None),
        ("mine", [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]], "h36m_17"),
    ],
)
def test_the_metadata_names_the_joints(tmp_path, layout, symmetry, convention):
    sample.write_custom(tmp_path / "d.npz", {"walk": sample.poses(200)}, layout=layout, keypoints_symmetry=symmetry)
    recording = load(tmp_path / "d.npz", convention=convention)
    wrist = {"coco": 9}.get(layout, 13)
    assert joint(recording, 0, "l_wrist") == [200 + wrist, 100 + 10 * wrist]


def test_actions_and_cameras_of_other_data_sets(tmp_path):
    views = [sample.poses(100, 3), sample.poses(500, 2)]
    described = {"layout_name": "coco", "num_joints": 17, "keypoints_symmetry": sample.SYMMETRY}
    np.savez(tmp_path / "d.npz", positions_2d={"S1": {"Walking 1": views, "Sitting": []}}, metadata=described)
    recording = load(tmp_path / "d.npz")
    assert recording.camera.tolist() == [0, 0, 0, 1, 1] and recording.frame.tolist() == [0, 1, 2, 0, 1]
    assert set(recording.subject) == {"S1"} and set(recording.clip) == set(recording.action) == {"Walking 1"}
    assert recording.image_size is None


def test_files_without_metadata_need_a_convention(tmp_path):
    np.savez(tmp_path / "d.npz", positions_2d={"walk.mp4": {"custom": [sample.poses(100)]}})
    assert "17 joints without names: name their convention, --option=convention=NAME" in problem(tmp_path / "d.npz")
    assert joint(load(tmp_path / "d.npz", convention="coco_17"), 0, "nose") == [100, 100]


def test_third_numbers_are_confidences(tmp_path):
    trusted = np.concatenate([sample.poses(100), np.full((6, 17, 1), 0.25)], axis=-1)
    sample.write_custom(tmp_path / "d.npz", {"walk": trusted})
    np.testing.assert_allclose(load(tmp_path / "d.npz").confidence, 0.25)
    trusted[..., 2] = -300
    sample.write_custom(tmp_path / "d.npz", {"walk": trusted})
    assert "third numbers are -300 to -300" in problem(tmp_path / "d.npz")
    assert load(tmp_path / "d.npz", third="z").confidence is None


def test_names_of_videos():
    names = ["walk.mp4", "a.b.MOV", "walk", "cam.01", "folder/walk.avi"]
    assert [video_name(name) for name in names] == ["walk", "a.b", "walk", "cam.01", "folder/walk"]


def test_two_videos_of_one_name_stay_two(tmp_path):
    sample.write_custom(tmp_path / "d.npz", {"walk.mp4": sample.poses(100), "walk.avi": sample.poses(500)})
    assert set(load(tmp_path / "d.npz").clip) == {"walk.mp4", "walk.avi"}


GOOD = {"metadata": {"num_joints": 17, "keypoints_symmetry": sample.SYMMETRY}}


def detected(**changed):
    people = np.zeros((1, 4, 17)) + 0.5
    return {
        "keypoints": sample.as_objects([[[], people]]),
        "boxes": sample.as_objects([[[], np.ones((1, 5))]]),
        "metadata": {"w": 1920, "h": 1080},
    } | changed


DAMAGED = [
    ({"poses": np.zeros(3)}, "expected positions_2d, or keypoints and boxes; it holds poses"),
    (GOOD | {"positions_2d": {}}, "positions_2d: expected poses by video; got none"),
    (GOOD | {"positions_2d": {3: {}}}, "positions_2d: expected poses by video and action; got dict"),
    (
        GOOD | {"positions_2d": {"a": {"custom": 5}}},
        "positions_2d: a custom: expected a list of arrays, one for each camera",
    ),
    (GOOD | {"positions_2d": {"a": {"custom": [np.zeros((3, 16, 2))]}}}, "camera 0: expected numbers [T, 17, 2 or 3]"),
    (GOOD | {"positions_2d": {"a": {"custom": [np.zeros((3, 17, 4))]}}}, "camera 0: expected numbers [T, 17, 2 or 3]"),
    (GOOD | {"positions_2d": {"a\n": {"custom": []}}}, "its name: expected Unicode text without control characters"),
    (
        {"positions_2d": {"a": {}}, "metadata": {"num_joints": 3}},
        "metadata: expected num_joints and keypoints_symmetry",
    ),
    (detected(metadata={"w": 0, "h": 3}), "metadata: w, h: expected width and height in pixels; got 0, 3"),
    (detected(boxes=sample.as_objects([])), "keypoints and boxes of equally many frames; got 1 and 0"),
    (
        detected(boxes=sample.as_objects([[[], np.ones((2, 5))]])),
        "frame 0: boxes: expected numbers [1, 5]; got float64",
    ),
    (
        detected(keypoints=sample.as_objects([[[], np.ones((1, 3, 17))]])),
        "frame 0: keypoints: expected numbers [1, 4, 17]; got float64 [1, 3, 17]",
    ),
    (detected(keypoints=sample.as_objects([[[], "x"]])), "frame 0: keypoints: expected numbers; got str"),
    (detected(keypoints=sample.as_objects([[[], np.ones((1, 4, 5))]])), "5 joints without names"),
    (
        detected(keypoints=np.array([None], dtype=object)),
        "frame 0: keypoints: expected a list of two classes; got None",
    ),
]


@pytest.mark.parametrize(("arrays", "message"), DAMAGED, ids=[message for _, message in DAMAGED])
def test_damaged_files(tmp_path, arrays, message):
    np.savez(tmp_path / "d.npz", **arrays)
    assert message in problem(tmp_path / "d.npz")


def test_code_is_refused(tmp_path):
    np.savez(tmp_path / "d.npz", positions_2d=np.array({"a": print}, dtype=object), metadata=GOOD["metadata"])
    assert "file contains code object builtins.print; refusing" in problem(tmp_path / "d.npz")


def test_walker(tmp_path):
    truth = walker.poses()[:40]
    sample.write_custom(tmp_path / "data_2d_custom_myvideos.npz", {"walk.mp4": truth})
    trusted = np.concatenate([truth, np.full((40, 17, 1), 0.4)], axis=-1)[:, np.newaxis]
    sample.write_detections(tmp_path / "walk.mp4.npz", list(trusted), [[0.9]] * 40)
    for name in ("data_2d_custom_myvideos.npz", "walk.mp4.npz"):
        recording = load(tmp_path / name)
        assert recording.frame.tolist() == list(range(40))
        for coco, ours in ((0, "nose"), (5, "l_shoulder"), (12, "r_hip"), (16, "r_ankle")):
            np.testing.assert_allclose(recording.poses_2d[:, H36M_17.index(ours)], truth[:, coco], atol=0.01)
