import h5py
import numpy as np
import pytest
from samples import h36m_fetch as sample

from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17


@pytest.fixture
def source(tmp_path) -> str:
    return sample.write(tmp_path)[0]


def change(source: str, name: str, array: np.ndarray | None) -> None:
    with h5py.File(f"{source.partition(':')[2]}/S1/Walking-1/annot.h5", "r+") as file:
        del file[name]
        if array is not None:
            file[name] = array


def test_joints_stand_where_they_do_in_the_file(source):
    recording = load_source(source, H36M_17)
    row = np.flatnonzero((recording.subject == "S1") & (recording.camera == 2) & (recording.frame == 17))
    assert len(row) == 1
    pose = recording.poses_3d[row[0]]
    for joint, (x, y) in {
        "root": (0, 0), "l_shoulder": (160, -450), "r_shoulder": (-160, -450), "l_ankle": (150, 900),
        "r_wrist": (-230, 80), "head": (0, -700), "nose": (0, -590),
    }.items():  # fmt: skip
        np.testing.assert_allclose(pose[H36M_17.index(joint)], (x + 17, y, 5200), rtol=1e-6)


def test_poses_project_onto_the_pixels(source):
    recording = load_source(source, H36M_17)
    np.testing.assert_allclose(sample.projected(recording.poses_3d), recording.poses_2d, atol=1e-3)
    ankles = [H36M_17.index("l_ankle"), H36M_17.index("head")]
    assert (np.diff(recording.poses_2d[:, ankles, 1]) < 0).all()  # y down.


def test_labels_of_each_row(source):
    recording = load_source(source, H36M_17)
    assert len(recording) == 2 * 4 * 3
    rows = set(zip(*(getattr(recording, f).tolist() for f in ("subject", "action", "clip", "split")), strict=True))
    assert rows == {("S1", "Walking", "Walking-1", "train"), ("S9", "Sitting Down", "Sitting Down-2", "test")}
    assert recording.camera.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3] * 2
    assert recording.frame.tolist() == [1, 17, 65] * 8
    np.testing.assert_array_equal(recording.image_size, [[1000, 1002], [1000, 1000], [1000, 1000], [1000, 1002]])


def test_ground_truth_can_be_that_of_a_body_of_standard_size(source):
    own, standard = (load_source(source, H36M_17, universal=universal).poses_3d for universal in (False, True))
    np.testing.assert_allclose(standard, own * 0.9, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("pose/2d", np.zeros((12, 17, 2)), r"pose/2d: expected numbers \[n, 32, 2\]; got float64 \[12, 17, 2\]"),
        ("pose/3d", np.zeros((11, 32, 3)), r"pose/3d: expected numbers \[12, 32, 3\]; got float64 \[11, 32, 3\]"),
        ("pose/3d", None, "missing pose/3d; it holds "),
        ("camera", np.full(12, 7), "camera: expected one of 54138969, .*60457274; row 0 holds 7"),
        ("frame", np.full(12, -1), "frame: expected integers from 0; row 0 holds -1"),
    ],
)
def test_wrong_fields_are_named_with_their_file(source, name, array, message):
    change(source, name, array)
    with pytest.raises(ValueError, match=rf"^h36m_fetch file .*S1/Walking-1/annot\.h5: {message}"):
        load_source(source, H36M_17)


def test_wrong_folders(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere: no such folder"):
        load_source(f"h36m_fetch:{tmp_path / 'nowhere'}", H36M_17)
    with pytest.raises(ValueError, match=r"expected files such as S1/Walking-1/annot\.h5"):
        load_source(f"h36m_fetch:{tmp_path}", H36M_17)
    (tmp_path / "S2" / "Walking-1").mkdir(parents=True)
    (tmp_path / "S2" / "Walking-1" / "annot.h5").touch()
    with pytest.raises(ValueError, match=r"expected subjects S1, .*S11; got 'S2'"):
        load_source(f"h36m_fetch:{tmp_path}", H36M_17)


def test_chosen_subjects_cameras_and_frames_that_moved(source):
    def taken(**options):
        recording = load_source(source, H36M_17, **options)
        return {f: set(getattr(recording, f).tolist()) for f in ("subject", "camera", "frame")}

    assert taken(subjects=["S1"]) == {"subject": {"S1"}, "camera": {0, 1, 2, 3}, "frame": {1, 17, 65}}
    assert taken(cameras=[58860488, 54138969])["camera"] == {0, 2}
    # The body of standard size moves by 0.9 mm a frame: 14.4 mm to frame 17, 57.6 mm to frame 65.
    assert taken(moved_mm=40, subjects="S1")["frame"] == {1, 65}
    assert taken(moved_mm=40, subjects="S9")["frame"] == {1, 17, 65}  # Of the test all.
    assert load_source(source, H36M_17, moved_mm=40, subjects="S1").dropped == {"of frames and cameras not taken": 4}
    for options, message in (
        ({"subjects": "S2"}, "subjects: expected some of S1, S5.*; got 'S2'"),
        ({"cameras": 0}, "cameras: expected some of 54138969, .*; got 0"),
        ({"moved_mm": -1}, "moved_mm: expected millimetres from 0; got -1"),
        ({"subjects": "S5"}, "holds none of the subjects S5"),
    ):
        with pytest.raises(ValueError, match=message):
            load_source(source, H36M_17, **options)
