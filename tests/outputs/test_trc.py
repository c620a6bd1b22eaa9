"""TRC files, read back by the rules of OpenSim's reader."""

import re

import numpy as np
import pytest
from lifted_samples import lifted, posing

from tf_elepose.outputs.trc import write_trc
from tf_elepose.skeleton.skeletons import H36M_17


def cells(line: str) -> list[str]:
    """The cells of a line, split as OpenSim does: a tab ends a cell, and empty text after the last tab is no cell."""
    return line.split("\t")[:-1] if line.endswith("\t") else line.split("\t")


def read_trc(path) -> tuple[dict[str, str], list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Header, markers, frame numbers [F], times [F], positions [F, M, 3] with NaN for empty cells."""
    kind, keys, values, names, axes, empty, *rows = path.read_text(encoding="utf-8").split("\n")
    assert kind == f"PathFileType\t4\t(X/Y/Z)\t{path.name}"
    header = dict(zip(keys.split("\t"), values.split("\t"), strict=True))
    first, second, *markers = [cell for cell in cells(names) if cell]
    assert (first, second) == ("Frame#", "Time") and len(markers) == int(header["NumMarkers"])
    assert cells(axes) == ["", ""] + [f"{axis}{n + 1}" for n in range(len(markers)) for axis in "XYZ"]
    assert names.split("\t")[2::3][: len(markers)] == markers  # Above their X columns.
    assert empty == "" and rows.pop() == ""
    table = [cells(row) for row in rows]
    assert len(table) == int(header["NumFrames"])
    assert {len(row) for row in table} == {2 + 3 * len(markers)}
    numbers = np.array([[float(cell or "nan") for cell in row] for row in table])
    return header, markers, numbers[:, 0].astype(int), numbers[:, 1], numbers[:, 2:].reshape(len(table), -1, 3)


def test_positions_round_trip_to_the_printed_digits(tmp_path):
    poses = posing(12, noise=20.0)
    write_trc(tmp_path / "walk.trc", lifted(poses))
    header, markers, frames, times, positions = read_trc(tmp_path / "walk.trc")
    assert header == {
        "DataRate": "30", "CameraRate": "30", "NumFrames": "12", "NumMarkers": "17", "Units": "mm",
        "OrigDataRate": "30", "OrigDataStartFrame": "0", "OrigNumFrames": "12",
    }  # fmt: skip
    assert tuple(markers) == H36M_17.joints
    assert np.array_equal(frames, np.arange(12))
    np.testing.assert_allclose(times, np.arange(12) / 30.0, atol=5e-7)
    np.testing.assert_allclose(positions, poses * [1, -1, -1], atol=5.01e-5)


def test_up_is_up_and_left_is_left(tmp_path):
    # Seen by the camera, the person faces it: their left hand, raised, is on the picture's right.
    write_trc(tmp_path / "up.trc", lifted(posing(2, turn=0.0)))
    _, markers, _, _, positions = read_trc(tmp_path / "up.trc")
    place = {marker: positions[1, n] for n, marker in enumerate(markers)}
    assert place["head"][1] > place["root"][1] > place["r_ankle"][1]
    assert place["l_wrist"][0] > 0 > place["r_wrist"][0] and place["l_wrist"][1] > place["head"][1]
    assert place["nose"][2] > place["thorax"][2]  # y up, x right: z is towards the camera.


def test_the_change_of_axes_is_a_rotation_not_a_mirror(tmp_path):
    poses = posing(3, noise=50.0)
    write_trc(tmp_path / "turn.trc", lifted(poses))
    positions = read_trc(tmp_path / "turn.trc")[-1]
    turn, *_ = np.linalg.lstsq(poses.reshape(-1, 3), positions.reshape(-1, 3), rcond=None)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(turn) == pytest.approx(1.0, abs=1e-6)


def test_frames_without_a_pose_have_a_row_of_empty_cells(tmp_path):
    poses, valid = posing(6), np.array([False, True, True, False, True, False])
    frame = np.array([100, 101, 102, 103, 106, 107])
    write_trc(tmp_path / "gaps.trc", lifted(poses, valid=valid, frame=frame))
    header, _, frames, times, positions = read_trc(tmp_path / "gaps.trc")
    assert np.array_equal(frames, np.arange(100, 108)) and header["OrigDataStartFrame"] == "100"
    np.testing.assert_allclose(times, np.arange(100, 108) / 30.0, atol=5e-7)
    known = np.isin(frames, [101, 102, 106])
    assert np.isnan(positions[~known]).all()
    np.testing.assert_allclose(positions[known], poses[valid] * [1, -1, -1], atol=5.01e-5)


def test_every_fourth_frame_gives_a_quarter_of_the_data_rate(tmp_path):
    write_trc(tmp_path / "few.trc", lifted(posing(4), frame=np.array([0, 4, 8, 20]), frame_rate=59.94))
    header, _, frames, times, positions = read_trc(tmp_path / "few.trc")
    assert (header["DataRate"], header["CameraRate"], header["NumFrames"]) == ("14.985", "59.94", "6")
    assert frames.tolist() == [0, 4, 8, 12, 16, 20] and np.isnan(positions[3:5]).all()
    np.testing.assert_allclose(times, frames / 59.94, atol=5e-7)


def test_rows_may_come_in_any_order(tmp_path):
    poses = lifted(posing(9))
    write_trc(tmp_path / "a.trc", poses)
    first = (tmp_path / "a.trc").read_text()
    write_trc(tmp_path / "a.trc", poses.select(np.random.default_rng(0).permutation(9)))
    assert (tmp_path / "a.trc").read_text() == first
    assert "-0.0000\t" not in first


def test_names_cannot_break_a_cell(tmp_path):
    values = H36M_17.to_dict()
    renamed = {"nose": "tip of\tthe nose"}
    joints = [renamed.get(joint, joint) for joint in values["joints"]]
    parents = {renamed.get(j, j): renamed.get(p, p) for j, p in values["parents"].items()}
    skeleton = type(H36M_17).from_dict(values | {"joints": joints, "parents": parents, "bone_prior": "estimate"})
    write_trc(tmp_path / "n.trc", lifted(posing(2), skeleton))
    assert "tip_of_the_nose" in read_trc(tmp_path / "n.trc")[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "unit"}, "expected poses in mm.*--height"),
        ({"frame_rate": None}, "frame rate.*--fps"),
        ({"person": np.arange(4)}, "expected the poses of one person.*got 4 tracks .S1-clip-camera0-person0, "),
        ({"clip": np.array(list("aabb"))}, "got 2 tracks"),
        ({"valid": np.zeros(4, bool)}, "expected a pose; none of the 4 could be lifted"),
        ({"frame": np.array([0, 1, 2, 10**7])}, "from frame 0 to 10000000: expected at most 1000000"),
        ({"frame": np.array([0, 1, 1, 2])}, "frame 1: expected one pose"),
    ],
)
def test_poses_that_the_format_cannot_hold_are_refused_without_a_file(tmp_path, changes, message):
    with pytest.raises(ValueError, match=re.compile(message)):
        write_trc(tmp_path / "no.trc", lifted(posing(4), **changes))
    assert list(tmp_path.iterdir()) == []
