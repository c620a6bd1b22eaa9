import pathlib

import h5py
import numpy as np
import pytest
from samples import skipose as sample

from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17


@pytest.fixture
def source(tmp_path) -> str:
    return sample.write(tmp_path)[0]


def folder(source: str) -> pathlib.Path:
    return pathlib.Path(source.partition(":")[2])


def test_poses_with_root_positions_are_absolute_and_project_onto_the_pixels(source):
    recording = load_source(source, H36M_17)
    image = recording.poses_3d / 1000 @ sample.INTRINSICS.T
    np.testing.assert_allclose(image[..., :2] / image[..., 2:] * 256, recording.poses_2d, atol=1e-3)
    np.testing.assert_allclose(recording.poses_3d[:, 0], [[0, 0, 20000]] * 24, atol=1e-2)  # The cameras look at it.


def test_poses_without_root_positions_are_relative_to_the_root(source):
    absolute = load_source(source, H36M_17).poses_3d
    (folder(source) / "ski_centers.csv").unlink()
    relative = load_source(source, H36M_17).poses_3d
    np.testing.assert_allclose(relative, absolute - absolute[:, :1], atol=1e-2)
    assert (relative[:, 0] == 0).all()


def test_units_axes_and_sides(source):
    recording = load_source(source, H36M_17)
    relative = recording.poses_3d - recording.poses_3d[:, :1]
    # The skier faces the world's -y; camera 4 of 6 stands at -120 degrees, 30 off the front, towards the right side.
    row = np.flatnonzero(recording.camera == 4)[0]
    expected = (160 * np.cos(np.pi / 6), -450, 160 * np.sin(np.pi / 6))
    np.testing.assert_allclose(relative[row, H36M_17.index("l_shoulder")], expected, atol=0.05)
    np.testing.assert_allclose(relative[:, H36M_17.index("head"), 1], -700, atol=0.05)
    np.testing.assert_allclose(recording.poses_2d[:, 0], 128, atol=1e-3)


def test_labels_of_each_row(source):
    recording = load_source(source, H36M_17)
    rows = set(zip(*(getattr(recording, f).tolist() for f in ("split", "subject", "clip", "action")), strict=True))
    assert rows == {("train", "S1", "seq_001", "skiing"), ("test", "S2", "seq_005", "skiing")}
    assert recording.camera.tolist() == list(range(6)) * 4
    assert recording.frame.tolist() == ([3] * 6 + [4] * 6) * 2
    assert recording.image_size.tolist() == [256, 256]


def test_legs_can_be_swapped(source):
    as_is, swapped = (load_source(source, H36M_17, swap_legs=swap) for swap in (False, True))
    for joint in H36M_17.joints:
        side, _, part = joint.partition("_")
        other = {"l": "r_", "r": "l_"}[side] + part if part in ("hip", "knee", "ankle") else joint
        for field in ("poses_2d", "poses_3d"):
            there = getattr(as_is, field)[:, H36M_17.index(other)]
            np.testing.assert_array_equal(getattr(swapped, field)[:, H36M_17.index(joint)], there)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("2D", np.zeros((12, 32)), r"2D: expected numbers \[12, 34\]; got float64 \[12, 32\]"),
        ("2D", np.float64(1), r"2D: expected numbers \[34\]; got float64 \[\]"),
        ("3D", np.zeros((11, 51)), r"3D: expected numbers \[12, 51\]; got float64 \[11, 51\]"),
        ("cam", np.arange(12) / 2, r"cam: expected integers from 0; row 1 holds 0\.5"),
        ("seq", None, "missing seq; it holds "),
        ("R_cam_2_world", np.zeros((12, 3, 3)), r"R_cam_2_world: expected numbers \[12, 9\]"),
        ("frame", np.full(12, 9), r"ski_centers\.csv has no line for row 0, seq 1 frame 9"),
    ],
)
def test_wrong_fields_are_named_with_their_file(source, name, array, message):
    with h5py.File(folder(source) / "train" / "labels.h5", "r+") as file:
        del file[name]
        if array is not None:
            file[name] = array
    with pytest.raises(ValueError, match=rf"^skipose file .*train/labels\.h5: {message}"):
        load_source(source, H36M_17)


@pytest.mark.parametrize("line", ["1 3 0.5 0.5", "a b c d e", "nan 1 2 3 4", "1,2,3,4,5", "inf 1 2 3 4"])
def test_wrong_lines_of_roots(source, line):
    (folder(source) / "ski_centers.csv").write_text("1 3 0 0 0\n\n" + line)
    with pytest.raises(ValueError, match=r"ski_centers\.csv: line 3: expected seq frame x y z; got"):
        load_source(source, H36M_17)


def test_numbers_out_of_all_proportion(source):
    with h5py.File(folder(source) / "train" / "labels.h5", "r+") as file:
        file["3D"][2, 5] = 1e308
    with pytest.raises(ValueError, match=r"poses_3d: expected numbers within .* row 2"):
        load_source(source, H36M_17)


def test_wrong_folders(tmp_path):
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        load_source(f"skipose:{tmp_path / 'nowhere'}", H36M_17)
    with pytest.raises(ValueError, match=r"expected train/labels\.h5 or test/labels\.h5 in it; found neither"):
        load_source(f"skipose:{tmp_path}", H36M_17)
