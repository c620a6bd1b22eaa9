import os

import numpy as np
import pytest
from samples import h36m

from tf_elepose.data.readers.h36m_cameras import LENSES, STANDS, project, to_camera
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17


def load(folder, **options):
    return load_source(f"h36m:{folder}", H36M_17, **options)


def sample(folder):
    h36m.write(folder)
    return folder


def save_3d(folder, positions):
    np.savez_compressed(folder / "data_3d_h36m.npz", positions_3d=np.array(positions, dtype=object))


def one_clip(folder, subject="S9", clip="Walking 1", frames=3):
    save_3d(folder, {subject: {clip: h36m.standing(frames)}})


def detections(folder, positions, **metadata):
    defaults = {"num_joints": 17, "keypoints_symmetry": h36m.SYMMETRY}
    h36m.save_2d(folder / "data_2d_h36m_own.npz", positions, defaults | metadata)


def views(frames=3, joints=17):
    return [np.full((frames, joints, 2), 100.0 + camera, np.float32) for camera in range(4)]


def test_rows_are_the_four_views_of_every_frame(tmp_path):
    recording = load(sample(tmp_path))
    assert len(recording) == 4 * 4 * h36m.FRAMES
    assert set(recording.subject) == {"S1", "S9", "S11"}
    assert set(recording.clip) == {"Walking", "Walking 1", "Photo", "Directions 1"}
    assert set(recording.action) == {"Walking", "Photo", "Directions"}
    assert {(s, t) for s, t in zip(recording.subject, recording.split, strict=True)} == {
        ("S1", "train"), ("S9", "test"), ("S11", "test"),
    }  # fmt: skip
    np.testing.assert_array_equal(np.bincount(recording.camera), [4 * h36m.FRAMES] * 4)
    np.testing.assert_array_equal(recording.image_size, [[1000, 1002], [1000, 1000], [1000, 1000], [1000, 1002]])


def test_3d_poses_are_in_the_camera_frame_in_mm(tmp_path):
    one_clip(tmp_path)
    recording = load(tmp_path)
    for row in range(len(recording)):
        stand = STANDS["S9"][recording.camera[row]]
        ankle = np.array([-130.0, 0.0, 50.0 + 10.0 * recording.frame[row]])  # The right one.
        expected = stand.rotation.T @ (ankle - stand.translation)
        np.testing.assert_allclose(recording.poses_3d[row, H36M_17.index("r_ankle")], expected, atol=1e-2)
        assert recording.elevation[row] == pytest.approx(stand.elevation, abs=1e-4)


def test_left_stays_left_and_up_stays_up(tmp_path):
    # Who faces -y shows their back to the cameras at +y (0 and 2): their left is on the left there.
    one_clip(tmp_path)
    recording = load(tmp_path)
    for joint in ("shoulder", "hip", "ankle"):
        left, right = (recording.poses_2d[:, H36M_17.index(f"{side}_{joint}"), 0] for side in "lr")
        np.testing.assert_array_equal(left < right, STANDS_BEHIND[recording.camera])
    assert (recording.poses_2d[:, H36M_17.index("head"), 1] < recording.poses_2d[:, H36M_17.index("r_ankle"), 1]).all()


STANDS_BEHIND = np.array([stand.translation[1] > 0 for stand in STANDS["S9"]])


def test_without_the_2d_file_poses_are_projected_with_distortion(tmp_path):
    with_file = load(sample(tmp_path))
    (tmp_path / "data_2d_h36m_gt.npz").unlink()
    np.testing.assert_allclose(load(tmp_path).poses_2d, with_file.poses_2d, atol=1e-3)


def test_the_2d_file_is_used_where_there_is_one(tmp_path):
    one_clip(tmp_path)
    h36m.save_2d(
        tmp_path / "data_2d_h36m_gt.npz",
        {"S9": {"Walking 1": views()}},
        {"num_joints": 17, "keypoints_symmetry": h36m.SYMMETRY},
    )
    recording = load(tmp_path)
    np.testing.assert_array_equal(recording.poses_2d[:, 0, 0], 100 + recording.camera)


def test_every_nth_frame_of_each_split(tmp_path):
    save_3d(tmp_path, {"S1": {"Eating": h36m.standing(10)}, "S9": {"Eating": h36m.standing(130)}})
    recording = load(tmp_path, test_every=64)
    assert sorted(set(recording.frame[recording.split == "test"].tolist())) == [0, 64, 128]
    assert (recording.split == "train").sum() == 40
    recording = load(tmp_path, every=64, train_every=5)
    assert sorted(set(recording.frame[recording.split == "train"].tolist())) == [0, 5]
    assert recording.dropped == {"between the frames taken": 4 * (8 + 127)}


def test_detections_are_cut_to_the_3d_poses_and_other_subjects_left_out(tmp_path):
    source, options = h36m.write(tmp_path)
    recording = load_source(source, H36M_17, **options)
    np.testing.assert_allclose(recording.poses_2d_detected, recording.poses_2d + 1, atol=1e-3)
    assert recording.dropped["detected without 3D poses"] == 12  # S2: four cameras, three frames.


def test_detections_of_coco_joints_are_converted(tmp_path):
    one_clip(tmp_path)
    own = views()
    for view in own:
        view[:, :, 0] = np.arange(17)
    symmetry = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
    detections(tmp_path, {"S9": {"Walking 1": own}}, keypoints_symmetry=symmetry)
    found = load(tmp_path, detections="own").poses_2d_detected
    assert found[0, H36M_17.index("r_ankle"), 0] == 16
    assert found[0, H36M_17.index("root"), 0] == 11.5


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"layout_name": "coco"}, "17 joints.*not the joints of coco"),
        ({"layout_name": "humaneva15"}, "layout_name: expected h36m, coco, mpii; got 'humaneva15'"),
        ({"num_joints": 16}, "16 joints.*not the joints of h36m, coco, mpii"),
        ({"keypoints_symmetry": h36m.SYMMETRY[::-1]}, "not the joints of"),
        ({"keypoints_symmetry": None}, "expected num_joints and keypoints_symmetry"),
    ],
)
def test_joints_that_are_not_those_of_the_layout_are_refused(tmp_path, metadata, message):
    one_clip(tmp_path)
    detections(tmp_path, {"S9": {"Walking 1": views()}}, **metadata)
    with pytest.raises(ValueError, match=message):
        load(tmp_path, detections="own")


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        ({"S9": {"Walking 1": views(2)}}, "camera 54138969: 2 frames, fewer than the 3 of the 3D poses"),
        ({"S9": {}}, "S9 Walking 1: missing"),
        ({"S9": {"Walking 1": views()[:3]}}, "expected poses of 4 cameras"),
        ({"S9": {"Walking 1": views(joints=16)}}, r"expected numbers \[T, 17, 2\]; got float32 \[3, 16, 2\]"),
        ("text", "expected poses by subject and action; got str"),
    ],
)
def test_detections_that_do_not_fit_are_refused(tmp_path, positions, message):
    one_clip(tmp_path)
    detections(tmp_path, positions)
    with pytest.raises(ValueError, match=message):
        load(tmp_path, detections="own")


def test_poses_without_cameras_or_video_are_counted(tmp_path):
    save_3d(
        tmp_path,
        {"S2": {"Eating": h36m.standing(2)}, "S9": {"WalkingDog 1": h36m.standing(1)},
         "S11": {"Directions": h36m.standing(3)}},
    )  # fmt: skip
    recording = load(tmp_path)
    assert recording.dropped == {"of subjects without cameras": 8, "of S11 Directions": 12}
    assert set(recording.action) == {"WalkDog"} and set(recording.clip) == {"WalkingDog 1"}


def test_missing_files_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"data_3d_h36m\.npz: no such file"):
        load(tmp_path)
    one_clip(tmp_path)
    with pytest.raises(ValueError, match=r"data_2d_h36m_none\.npz: no such file"):
        load(tmp_path, detections="none")


class Code:
    def __reduce__(self):
        return os.system, ("touch canary",)


def test_code_in_the_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_3d(tmp_path, {"S9": Code()})
    with pytest.raises(ValueError, match=r"positions_3d: file contains code object posix\.system; refusing"):
        load(tmp_path)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("array", [np.zeros((3, 17, 3)), np.array("x"), np.zeros(3), [1, 2], None])
def test_other_arrays_are_refused(tmp_path, array):
    save_3d(tmp_path, {"S9": {"Walking": array}})
    with pytest.raises(ValueError, match=r"S9 Walking: expected numbers \[T, 32, 3\]"):
        load(tmp_path)


def test_numbers_out_of_proportion_are_refused(tmp_path):
    for value in (np.nan, np.inf, 1e38):
        save_3d(tmp_path, {"S9": {"Walking": np.full((2, 32, 3), value, np.float32)}})
        with pytest.raises(ValueError, match="poses"):
            load(tmp_path)


def test_damaged_files_are_read_or_refused(tmp_path):
    source, options = h36m.write(tmp_path)
    rng = np.random.default_rng(0)
    file = tmp_path / "data_2d_h36m_cpn_ft_h36m_dbb.npz"
    whole = file.read_bytes()
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(len(data), size=4):
            data[place] = rng.integers(256)
        file.write_bytes(data[: rng.integers(1, len(data)) if rng.random() < 0.3 else None])
        try:
            load_source(source, H36M_17, **options)
        except ValueError as error:
            assert "\n" not in str(error)


def test_projection_in_the_sample_agrees_with_the_reader(tmp_path):
    one_clip(tmp_path)
    recording = load(tmp_path)
    world = 1000 * h36m.standing(3).astype(float)
    expected = project(LENSES[2], to_camera(STANDS["S9"][2], world))[:, h36m.KEPT]
    np.testing.assert_allclose(recording.poses_2d[recording.camera == 2], expected, atol=1e-3)


def test_chosen_subjects_cameras_and_frames_that_moved(tmp_path):
    sample(tmp_path)
    whole, some = load(tmp_path), load(tmp_path, subjects=["S1", "S9"], cameras=[58860488, 55011271], moved_mm=15)
    assert set(some.subject) == {"S1", "S9"} and set(some.camera) == {1, 2}
    # The body moves by 10 mm a frame; of the test all frames are taken.
    assert {f: set(some.frame[some.split == f]) for f in ("train", "test")} == {
        "train": {0, 2, 4}, "test": set(range(h36m.FRAMES)),
    }  # fmt: skip
    labels = ("subject", "clip", "camera", "frame")
    places = {key: row for row, key in enumerate(zip(*(getattr(whole, f) for f in labels), strict=True))}
    rows = [places[key] for key in zip(*(getattr(some, f) for f in labels), strict=True)]
    for field in ("poses_2d", "poses_3d", "elevation"):
        np.testing.assert_array_equal(getattr(some, field), getattr(whole, field)[rows])
    assert some.dropped == {"between the frames taken": 2 * 2 * 2}
    with pytest.raises(ValueError, match=r"subjects: expected some of S1, S5.*; got 'S3'"):
        load(tmp_path, subjects="S3")
