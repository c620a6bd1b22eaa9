import pathlib

import numpy as np
import pytest
import yaml
from samples import views as sample

from tf_elepose.data.readers.views import read_views, write_views
from tf_elepose.data.recording import Recording, row_fields
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.skeletons import H36M_17, H36M_17_ELEPOSE, Skeleton

SHARED = pathlib.Path(__file__).parents[3].parent / "shared" / "data"
ROWS = 5


def load(path, skeleton=H36M_17, **options) -> Recording:
    return load_source(f"views:{path}", skeleton, check="off", **options)


def fields() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "poses_2d": rng.normal(500, 100, (ROWS, 17, 2)).astype(np.float32),
        "poses_2d_det": rng.normal(500, 100, (ROWS, 17, 2)).astype(np.float32),
        "confidence": rng.uniform(0.1, 1, (ROWS, 17)).astype(np.float32),
        "poses_3d": rng.normal(0, 500, (ROWS, 17, 3)).astype(np.float32),
        "elevation": np.arange(ROWS, dtype=np.float32),
        "subject": np.array(["S1"] * ROWS),
        "action": np.array(["walk", "walk", "sit down", "sit down", "Ü"]),
        "clip": np.array(["a"] * ROWS),
        "camera": np.array([0, 1, 0, 1, 0], np.int8),
        "frame": np.arange(ROWS),
        "person": np.array([0, 0, 1, 1, 0]),
        "split": np.array(["train", "train", "train", "test", "test"]),
        "image_size": np.array([1000, 1002]),
    }


def saved(path, arrays) -> str:
    np.savez(path / "views.npz", **arrays)
    return str(path / "views.npz")


def assert_equal(one, other):
    assert one.skeleton.name == other.skeleton.name
    for field in [*row_fields(17), "image_size"]:
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field), err_msg=field)


def assert_written_and_read_the_same(recording, folder):
    write_views(folder / "again.npz", recording)
    assert_equal(load(folder / "again.npz"), recording)


def test_every_field_is_kept(tmp_path):
    arrays = fields()
    recording = load(saved(tmp_path, arrays | {"remark": np.array(["ignored"])}))
    for name, array in arrays.items():
        np.testing.assert_array_equal(getattr(recording, name.replace("_det", "_detected")), array, err_msg=name)
    assert recording.skeleton is H36M_17 and recording.visible is None
    assert "views.npz" in recording.source


def test_writing_then_reading_gives_an_equal_recording(tmp_path):
    assert_written_and_read_the_same(load(saved(tmp_path, fields())), tmp_path)


def test_the_sample_is_read(tmp_path):
    source, options = sample.write(tmp_path)
    assert len(load_source(source, H36M_17, check="off", **options)) == 6


def test_optional_fields_may_be_absent_and_stay_so(tmp_path):
    arrays = fields()
    for name in ("poses_2d_det", "confidence", "poses_3d", "elevation", "image_size", "person"):
        del arrays[name]
    recording = load(saved(tmp_path, arrays))
    assert recording.poses_3d is recording.elevation is recording.image_size is recording.person is None
    assert_written_and_read_the_same(recording, tmp_path)


def test_missing_joints_are_kept_missing(tmp_path):
    """Joints are missing by `visible`, NaN or confidence 0, in the ground truth and in the detections."""
    arrays = fields()
    arrays["visible"] = np.ones((ROWS, 17), np.uint8)  # 0 and 1 are flags too.
    arrays["visible"][0, 3] = 0
    arrays["poses_2d"][1, 4, 0] = np.nan
    arrays["poses_2d_det"][2, 5] = np.nan
    arrays["confidence"][3, 6] = 0.0
    recording = load(saved(tmp_path, arrays))
    assert np.argwhere(~recording.view("gt").seen).tolist() == [[0, 3], [1, 4]]
    assert np.argwhere(~recording.view("detected").seen).tolist() == [[2, 5], [3, 6]]
    assert_written_and_read_the_same(recording, tmp_path)


def test_without_other_detections_confidence_is_about_poses_2d(tmp_path):
    arrays = fields()
    del arrays["poses_2d_det"]
    arrays["confidence"][1, 2] = 0.0
    recording = load(saved(tmp_path, arrays))
    assert np.argwhere(~recording.view("gt").seen).tolist() == [[1, 2]]
    assert_written_and_read_the_same(recording, tmp_path)


def test_sizes_of_several_cameras_are_kept(tmp_path):
    recording = load(saved(tmp_path, fields() | {"image_size": np.array([[10, 20], [30, 40], [50, 60]])}))
    assert recording.image_size[:2].tolist() == [[10, 20], [30, 40]]  # There is no camera 2.
    assert_written_and_read_the_same(recording, tmp_path)


def test_joints_are_reordered_by_name(tmp_path):
    arrays = fields()
    path = saved(tmp_path, arrays)
    recording = load(path, H36M_17_ELEPOSE)
    for joint in H36M_17.joints:
        there, here = H36M_17.index(joint), H36M_17_ELEPOSE.index(joint)
        np.testing.assert_array_equal(recording.poses_2d[:, here], arrays["poses_2d"][:, there])
        np.testing.assert_array_equal(recording.poses_2d_detected[:, here], arrays["poses_2d_det"][:, there])
        np.testing.assert_array_equal(recording.poses_3d[:, here], arrays["poses_3d"][:, there])
        np.testing.assert_array_equal(recording.confidence[:, here], arrays["confidence"][:, there])
    write_views(tmp_path / "again.npz", recording)
    assert_equal(load(tmp_path / "again.npz"), load(path))


def coco_fields() -> dict[str, np.ndarray]:
    return {name: array for name, array in fields().items() if name != "poses_3d"}


def test_another_convention_is_named_by_the_file_or_the_option(tmp_path):
    coco = CONVENTIONS["coco_17"]
    arrays = coco_fields()
    stated = load(saved(tmp_path, arrays | {"keypoints": np.array("COCO_17")}))
    np.testing.assert_array_equal(
        stated.poses_2d[:, H36M_17.index("l_knee")], arrays["poses_2d"][:, coco.index("l_knee")]
    )
    hips = arrays["poses_2d"][:, [coco.index("l_hip"), coco.index("r_hip")]].mean(axis=1)
    np.testing.assert_allclose(stated.poses_2d[:, H36M_17.root_index], hips, rtol=1e-6)
    assert_equal(load(saved(tmp_path, arrays), convention="coco_17"), stated)
    wrong = saved(tmp_path, arrays | {"keypoints": np.array("halpe_26")})
    assert_equal(load(wrong, convention="coco_17"), stated)


def test_a_users_own_convention_is_given_by_option_only(tmp_path):
    own = {"name": "own", "joints": [f"my_{joint}" for joint in H36M_17.joints]}
    own["made"] = {joint: f"my_{joint}" for joint in H36M_17.joints}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own))
    path = saved(tmp_path, fields() | {"keypoints": np.array("own")})
    np.testing.assert_array_equal(load(path, convention=str(tmp_path / "own.yaml")).poses_2d, fields()["poses_2d"])
    with pytest.raises(ValueError, match="keypoints: unknown convention 'own': expected one of h36m_17, "):
        load(path)
    pointing = saved(tmp_path, fields() | {"keypoints": np.array(str(tmp_path / "own.yaml"))})
    with pytest.raises(ValueError, match=r"keypoints: expected the name of a convention; got '.*own\.yaml'"):
        load(pointing)


def test_a_convention_that_knows_hardly_a_joint_of_the_skeleton_is_refused(tmp_path):
    stick = Skeleton(
        "stick", ("middle", "a", "b", "c", "d", "e", "f"), (None, *["middle"] * 6), (), (), "middle", "a"
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"'h36m_17' does not know middle, a, .* of skeleton 'stick'"):
        load(saved(tmp_path, fields()), stick)


def test_a_skeleton_of_a_known_name_with_other_joints_is_not_written(tmp_path):
    recording = load(saved(tmp_path, fields()))
    misnamed = Skeleton(**{**vars_of(H36M_17_ELEPOSE), "name": "coco_17"})
    with pytest.raises(ValueError, match="skeleton 'coco_17': is the name of a known convention of other joints"):
        write_views(tmp_path / "new.npz", Recording(**{**vars_of(recording), "skeleton": misnamed}))
    assert not (tmp_path / "new.npz").exists()


def vars_of(thing) -> dict:
    return {field: getattr(thing, field) for field in thing.__dataclass_fields__}


def test_long_files_come_in_parts_with_the_share_read(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.views._PART_ROWS", 2)
    parts = list(read_views(saved(tmp_path, fields())))
    assert [(len(part.poses_2d), part.done) for part in parts] == [(2, 0.4), (2, 0.8), (1, 1.0)]
    np.testing.assert_array_equal(load(tmp_path / "views.npz").poses_3d, fields()["poses_3d"])


def broken(rows, name="poses_2d", number=2e6) -> np.ndarray:
    poses = fields()[name]
    poses[rows, 3, 1] = number
    return poses


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subject": None, "frame": None}, r"missing frame, subject; it holds action, .*split"),
        ({"poses_2d": np.zeros((ROWS, 34))}, r"poses_2d: expected shape \[5, 17, 2\]; got \[5, 34\]"),
        ({"poses_2d": np.zeros((0, 17, 2))}, r"poses_2d: expected at least one row; got shape \[0, 17, 2\]"),
        ({"poses_3d": np.zeros((ROWS, 16, 3))}, r"poses_3d: expected shape \[5, 17, 3\]; got \[5, 16, 3\]"),
        ({"frame": np.arange(4)}, r"frame: expected shape \[5\]; got \[4\]"),
        ({"camera": np.zeros(ROWS)}, r"camera: expected integers; got an array of float64"),
        ({"subject": np.arange(ROWS)}, r"subject: expected text; got an array of int64"),
        ({"confidence": np.full((ROWS, 17), "x")}, r"poses_2d_detected: expected confidences \[5, 17\]; got <U1"),
        ({"poses_2d": broken([1, 4])}, r"poses_2d: expected numbers within 1e\+06 px; row 1 holds 2000000"),
        ({"poses_2d_det": broken([3])}, r"poses_2d_detected: expected numbers within 1e\+06 px; row 3 holds 2000000"),
        ({"poses_2d": broken([2], number=1e30)}, r"poses_2d: expected numbers within 1e\+06 px; row 2 holds 1.*e\+30"),
        ({"poses_3d": broken([0], "poses_3d", np.nan)}, r"poses_3d: expected numbers within .* mm; row 0 holds nan"),
        ({"visible": np.ones((ROWS, 17))}, r"visible: expected true or false; got an array of float64"),
        ({"visible": np.ones((ROWS, 16), bool)}, r"visible: expected shape \[5, 17\]; got \[5, 16\]"),
        ({"person": np.arange(ROWS) - 1}, r"person: expected values from 0; got -1"),
        ({"split": np.array(["train", "test", "dev", "val", "test"])}, r"split: expected train or test; got 'dev'"),
        ({"clip": np.array(["a" * 300] * ROWS)}, r"clip: expected text of at most 256 characters; got <U300"),
        ({"image_size": np.array([1000])}, r"image_size: expected \[2\] or \[cameras, 2\]; got \[1\]"),
        ({"image_size": np.array([[10, 10]])}, r"image_size: sizes of 1 cameras, but camera numbers go up to 1"),
        ({"camera": np.arange(ROWS) - 1}, r"camera: expected values from 0; got -1"),
        ({"camera": np.arange(ROWS) - 9, "image_size": np.ones((2, 2), int)}, r"image_size: sizes of 2 cameras, but"),
        ({"image_size": np.array([0, 10])}, r"image_size: expected positive widths and heights; got \[0, 10\]"),
        ({"keypoints": np.arange(3)}, r"keypoints: expected the name of a convention; got int64 \[3\]"),
        ({"elevation": np.zeros(ROWS, complex)}, r"elevation: expected numbers or text; got complex128"),
    ],
)
def test_wrong_fields_are_refused_with_file_and_field(tmp_path, changes, message):
    arrays = {name: array for name, array in (fields() | changes).items() if array is not None}
    with pytest.raises(ValueError, match=rf"^views (file )?.*views\.npz: {message}") as error:
        load(saved(tmp_path, arrays))
    assert "\n" not in str(error.value)


def test_missing_files_and_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.npz: no such file"):
        load(tmp_path / "nowhere.npz")
    with pytest.raises(ValueError, match=r"not a readable \.npz archive"):
        load(tmp_path)
    (tmp_path / "text.npz").write_text("poses")
    with pytest.raises(ValueError, match=r"not a readable \.npz archive"):
        load(tmp_path / "text.npz")


def test_a_damaged_file_is_read_whole_or_refused_with_its_name(tmp_path):
    np.savez_compressed(tmp_path / "whole.npz", **fields())
    whole = (tmp_path / "whole.npz").read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        (tmp_path / "damaged.npz").write_bytes(
            damaged[: len(whole) if rng.random() < 0.8 else rng.integers(len(whole))]
        )
        try:
            recording = load(tmp_path / "damaged.npz")
        except ValueError as error:
            assert str(error).startswith("views ")
            assert "\n" not in str(error)
            refused += 1
        else:
            assert np.isfinite(recording.poses_2d).all()
    assert refused > 200


@pytest.mark.skipif(not SHARED.is_dir(), reason="the sample data is not beside this checkout")
def test_the_sample_of_real_motion_is_read():
    recording = load_source(f"views:{SHARED / 'cmu_views.npz'}", H36M_17, check="strict")
    assert len(recording) == 66348
    assert len(recording.of_split("test")) == 6692
    assert recording.elevation.mean() == pytest.approx(11.5, abs=0.1)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the sample data is not beside this checkout")
def test_the_treadmill_sample_is_four_synchronised_views_of_mediapipes_joints():
    path = SHARED / "treadmill" / "treadmill_views.npz"
    recording = load_source(f"views:{path}", H36M_17, check="strict")
    assert len(recording) == 400
    moments = {}
    for clip, frame, camera in zip(recording.clip, recording.frame, recording.camera, strict=True):
        moments.setdefault((str(clip), int(frame)), []).append(int(camera))
    assert len(moments) == 100 and all(sorted(cameras) == [0, 1, 2, 3] for cameras in moments.values())
    # Indices of MediaPipe's documentation: 11 and 12 are the shoulders, 23 and 24 the hips, 25 the left knee, ...
    held = np.load(path)
    by_hand = {
        "root": [23, 24], "thorax": [11, 12], "nose": [0], "head": [2, 5], "l_shoulder": [11], "r_wrist": [16],
        "l_knee": [25], "r_ankle": [28], "r_hip": [24], "spine": [23, 24, 11, 12],
    }  # fmt: skip
    for joint, sources in by_hand.items():
        here = H36M_17.index(joint)
        for name in ("poses_2d", "poses_3d"):
            expected = held[name][:, sources].mean(axis=1)
            np.testing.assert_allclose(getattr(recording, name)[:, here], expected, rtol=1e-4, atol=0.01, err_msg=joint)
        np.testing.assert_array_equal(recording.confidence[:, here], held["confidence"][:, sources].min(axis=1))
    assert recording.image_size.tolist() == held["image_size"].tolist()
