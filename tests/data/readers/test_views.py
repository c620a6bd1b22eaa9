import io
import pathlib
import zipfile

import numpy as np
import pytest

from tf_elepose.data.readers.views import read_views, write_views
from tf_elepose.data.recording import row_fields
from tf_elepose.skeletons import H36M_17, H36M_17_ELEPOSE, Skeleton

SHARED = pathlib.Path(__file__).parents[3].parent / "shared" / "data"
ROWS = 5


def fields() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "poses_2d": rng.normal(500, 100, (ROWS, 17, 2)).astype(np.float32),
        "poses_2d_det": rng.normal(500, 100, (ROWS, 17, 2)).astype(np.float32),
        "confidence": rng.random((ROWS, 17)).astype(np.float32),
        "poses_3d": rng.normal(0, 500, (ROWS, 17, 3)).astype(np.float32),
        "elevation": np.arange(ROWS, dtype=np.float32),
        "subject": np.array(["S1"] * ROWS),
        "action": np.array(["walk", "walk", "sit down", "sit down", "Ü"]),
        "clip": np.array(["a"] * ROWS),
        "camera": np.array([0, 1, 0, 1, 0], np.int8),
        "frame": np.arange(ROWS),
        "split": np.array(["train", "train", "train", "test", "test"]),
        "image_size": np.array([1000, 1002]),
    }


def saved(path, arrays) -> str:
    np.savez(path / "views.npz", **arrays)
    return str(path / "views.npz")


def assert_equal(one, other):
    for field in [*row_fields(17), "image_size"]:
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field), err_msg=field)


def test_every_field_is_kept(tmp_path):
    arrays = fields()
    recording = read_views(saved(tmp_path, arrays | {"remark": np.array(["ignored"])}), H36M_17)
    for name, array in arrays.items():
        np.testing.assert_array_equal(getattr(recording, name.replace("_det", "_detected")), array, err_msg=name)
    assert recording.skeleton is H36M_17
    assert "views.npz" in recording.source


def test_writing_then_reading_gives_an_equal_recording(tmp_path):
    recording = read_views(saved(tmp_path, fields()), H36M_17)
    write_views(tmp_path / "again.npz", recording)
    assert_equal(read_views(tmp_path / "again.npz", H36M_17), recording)


def test_optional_fields_may_be_absent_and_stay_so(tmp_path):
    arrays = fields()
    for name in ("poses_2d_det", "confidence", "poses_3d", "elevation", "image_size"):
        del arrays[name]
    recording = read_views(saved(tmp_path, arrays), H36M_17)
    assert recording.poses_3d is recording.elevation is recording.image_size is None
    write_views(tmp_path / "again.npz", recording)
    assert_equal(read_views(tmp_path / "again.npz", H36M_17), recording)


def test_joints_are_reordered_by_name(tmp_path):
    arrays = fields()
    path = saved(tmp_path, arrays)
    recording = read_views(path, H36M_17_ELEPOSE)
    for joint in H36M_17.joints:
        there, here = H36M_17.index(joint), H36M_17_ELEPOSE.index(joint)
        np.testing.assert_array_equal(recording.poses_2d[:, here], arrays["poses_2d"][:, there])
        np.testing.assert_array_equal(recording.poses_2d_detected[:, here], arrays["poses_2d_det"][:, there])
        np.testing.assert_array_equal(recording.poses_3d[:, here], arrays["poses_3d"][:, there])
        np.testing.assert_array_equal(recording.confidence[:, here], arrays["confidence"][:, there])
    write_views(tmp_path / "again.npz", recording)
    assert_equal(read_views(tmp_path / "again.npz", H36M_17), read_views(path, H36M_17))


def test_other_conventions_are_refused_by_name(tmp_path):
    path = saved(tmp_path, fields() | {"keypoints": np.array("mediapipe_33")})
    with pytest.raises(ValueError, match=r"keypoints: holds 'mediapipe_33'; wanted 'h36m_17' \(17 joints\)"):
        read_views(path, H36M_17)
    stick = Skeleton("stick", ("root", "head"), (None, "root"), (), (), "root", "head")
    with pytest.raises(ValueError, match=r"keypoints: holds 'h36m_17'; wanted 'stick' \(2 joints\)"):
        read_views(saved(tmp_path, fields()), stick)


def broken(rows) -> np.ndarray:
    poses = fields()["poses_2d"]
    poses[rows, 3, 1] = np.nan
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
        ({"confidence": np.full((ROWS, 17), "x")}, r"confidence: expected numbers; got an array of <U1"),
        ({"poses_2d": broken([1, 4])}, r"poses_2d: NaN or infinity in 2 of 5 rows, the first is row 1"),
        ({"poses_2d_det": broken([3])}, r"poses_2d_det: NaN or infinity in 1 of 5 rows, the first is row 3"),
        ({"split": np.array(["train", "test", "dev", "val", "test"])}, r"split: expected train or test; got 'dev'"),
        ({"clip": np.array(["a" * 300] * ROWS)}, r"clip: expected text of at most 256 characters; got <U300"),
        ({"image_size": np.array([1000])}, r"image_size: expected shape \[2\]; got \[1\]"),
        ({"keypoints": np.arange(3)}, r"keypoints: expected the name of a convention; got int64 \[3\]"),
        ({"elevation": np.zeros(ROWS, complex)}, r"elevation: expected numbers or text; got complex128"),
    ],
)
def test_wrong_fields_are_refused_with_file_and_field(tmp_path, changes, message):
    arrays = {name: array for name, array in (fields() | changes).items() if array is not None}
    with pytest.raises(ValueError, match=rf"^views file .*views\.npz: {message}") as error:
        read_views(saved(tmp_path, arrays), H36M_17)
    assert "\n" not in str(error.value)


def test_missing_files_and_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.npz: no such file"):
        read_views(tmp_path / "nowhere.npz", H36M_17)
    with pytest.raises(ValueError, match=r"not a readable \.npz archive"):
        read_views(tmp_path, H36M_17)
    (tmp_path / "text.npz").write_text("poses")
    with pytest.raises(ValueError, match=r"not a readable \.npz archive"):
        read_views(tmp_path / "text.npz", H36M_17)


def replaced(path, name: str, data: bytes, compression=zipfile.ZIP_STORED) -> str:
    """A good views file but for the bytes of one member."""
    with zipfile.ZipFile(path / "bad.npz", "w") as archive:
        for field, array in fields().items():
            stream = io.BytesIO()
            np.save(stream, array)
            if field == name:
                archive.writestr(f"{field}.npy", data, compression)
            else:
                archive.writestr(f"{field}.npy", stream.getvalue())
    return str(path / "bad.npz")


def header(shape, dtype="<f4") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def test_a_header_that_declares_more_than_the_member_holds_is_refused_before_allocating(tmp_path):
    path = replaced(tmp_path, "poses_2d", header((10**12, 17, 2)) + bytes(100))
    with pytest.raises(ValueError, match=r"poses_2d: its header declares 13600000000\d+ bytes, the archive holds 228"):
        read_views(path, H36M_17)


def test_a_member_that_unpacks_a_thousandfold_is_refused(tmp_path):
    rows = 500_000
    data = header((rows, 17, 2)) + bytes(rows * 17 * 2 * 4)
    path = replaced(tmp_path, "poses_2d", data, zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=r"poses_2d: \d+ bytes that unpack to 68000128; at most 1:100"):
        read_views(path, H36M_17)


def test_pickled_objects_are_refused(tmp_path):
    np.savez(tmp_path / "objects.npz", **(fields() | {"subject": np.array([{}] * ROWS, object)}))
    with pytest.raises(ValueError, match="subject: "):
        read_views(tmp_path / "objects.npz", H36M_17)


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{", header((-1, 17, 2)), b"P" * 90])
def test_members_that_are_no_arrays_are_refused(tmp_path, data):
    with pytest.raises(ValueError, match=r"poses_3d: not a readable \.npy array"):
        read_views(replaced(tmp_path, "poses_3d", data), H36M_17)


def test_fields_given_twice_are_refused(tmp_path):
    path = saved(tmp_path, fields())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("frame.npy", b"")
    with pytest.raises(ValueError, match="frame: given twice"):
        read_views(path, H36M_17)


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
            recording = read_views(tmp_path / "damaged.npz", H36M_17)
        except ValueError as error:
            assert str(error).startswith("views file ")
            assert "\n" not in str(error)
            refused += 1
        else:
            assert np.isfinite(recording.poses_2d).all()
    assert refused > 200


@pytest.mark.skipif(not SHARED.is_dir(), reason="the sample data is not beside this checkout")
def test_the_sample_of_real_motion_is_read():
    recording = read_views(SHARED / "cmu_views.npz", H36M_17)
    assert len(recording) == 66348
    assert len(recording.of_split("test")) == 6692
    assert recording.elevation.mean() == pytest.approx(11.5, abs=0.1)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the sample data is not beside this checkout")
def test_the_treadmill_sample_says_what_it_holds():
    with pytest.raises(ValueError, match="holds 'mediapipe_33'; wanted 'h36m_17'"):
        read_views(SHARED / "treadmill" / "treadmill_views.npz", H36M_17)
