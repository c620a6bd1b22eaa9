import h5py
import numpy as np
import pytest
import scipy.io
from samples import mpi_inf_3dhp as sample

from tf_elepose.data.readers import mpi_inf_3dhp
from tf_elepose.data.readers.mpi_inf_3dhp import VNECT_CAMERAS
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

PLACES = {
    "root": (0, 0), "spine": (0, -230), "thorax": (0, -480), "nose": (0, -600), "head": (0, -700),
    "l_shoulder": (160, -450), "r_shoulder": (-160, -450), "l_wrist": (230, 80), "r_hip": (-130, 0),
    "l_knee": (140, 450), "r_ankle": (-150, 900),
}  # fmt: skip


@pytest.fixture
def source(tmp_path) -> str:
    return sample.write(tmp_path)[0]


def only(recording, **values):
    return recording.select(np.all([getattr(recording, name) == value for name, value in values.items()], axis=0))


@pytest.mark.parametrize(("subject", "camera", "frame"), [("S1", 4, 3), ("S4", 8, 0), ("TS1", 14, 2), ("TS6", 15, 1)])
def test_joints_stand_where_they_do_in_the_file(source, subject, camera, frame):
    recording = only(load_source(source, H36M_17), subject=subject, camera=camera, frame=frame)
    assert len(recording) == 1
    depth = 4000 + 10 * (camera if subject[0] == "S" else 14)
    for joint, (x, y) in PLACES.items():
        place = recording.poses_3d[0, H36M_17.index(joint)]
        np.testing.assert_allclose(place, (x + 10 * frame, y, depth), rtol=1e-5, err_msg=joint)


def test_poses_project_onto_the_pixels_unless_of_a_standard_body(source):
    recording, standard = load_source(source, H36M_17), load_source(source, H36M_17, universal=True)
    np.testing.assert_allclose(sample.projected(recording.poses_3d), recording.poses_2d, atol=1e-2)
    np.testing.assert_allclose(standard.poses_3d, 0.9 * recording.poses_3d, rtol=1e-5)


def test_labels_of_each_row(source):
    recording = load_source(source, H36M_17)
    training = only(recording, split="train")
    assert len(training) == 2 * 8 * sample.FRAMES
    assert set(training.camera.tolist()) == set(VNECT_CAMERAS)
    assert set(zip(training.subject.tolist(), training.clip.tolist(), strict=True)) == {("S1", "Seq1"), ("S4", "Seq2")}
    test = only(recording, split="test")
    assert list(zip(test.clip.tolist(), test.action.tolist(), test.frame.tolist(), strict=True)) == [
        ("TS1", "green screen", 1),
        ("TS1", "green screen", 2),
        ("TS1", "green screen", 4),
        ("TS6", "outdoor", 0),
        ("TS6", "outdoor", 1),
    ]
    assert [recording.image_size[camera].tolist() for camera in (0, 8, 14, 15)] == [[2048, 2048]] * 3 + [[1920, 1080]]
    assert recording.dropped == {"frames marked invalid": 3, "from cameras not chosen": 2 * 6 * sample.FRAMES}


def test_rows_after_the_valid_ones_are_left_out_and_counted(source, monkeypatch):
    monkeypatch.setitem(mpi_inf_3dhp._VALID_FRAMES, "S1", (3, 9))
    recording = load_source(source, H36M_17, cameras=[0, 11])
    assert only(recording, subject="S1").frame.tolist() == [0, 1, 2] * 2
    assert recording.dropped["frames after the valid ones"] == 2 * 2


def test_left_and_right_can_be_swapped_in_the_frames_said_to_be_flipped(source, monkeypatch):
    monkeypatch.setattr(mpi_inf_3dhp, "_FLIPPED", ("S4", "Seq2", 2, 3))
    as_is, swapped = (load_source(source, H36M_17, swap_flipped=swap) for swap in (False, True))
    changed = (as_is.poses_2d != swapped.poses_2d).any(axis=(1, 2))
    assert changed.tolist() == ((as_is.subject == "S4") & np.isin(as_is.frame, (2, 3))).tolist()
    left, right = H36M_17.index("l_elbow"), H36M_17.index("r_elbow")
    np.testing.assert_array_equal(swapped.poses_3d[changed, left], as_is.poses_3d[changed, right])
    np.testing.assert_array_equal(swapped.poses_2d[changed, right], as_is.poses_2d[changed, left])


def test_more_valid_frames_than_annotations(tmp_path):
    sample.write_test(tmp_path / "mpi_inf_3dhp_test_set" / "TS3", [1, 1, 0])
    with h5py.File(tmp_path / "mpi_inf_3dhp_test_set" / "TS3" / "annot_data.mat", "r+") as file:
        del file["valid_frame"]
        file["valid_frame"] = np.array([[1], [1], [0], [1]], np.uint8)
    recording = load_source(f"mpi_inf_3dhp:{tmp_path}", H36M_17)
    assert recording.frame.tolist() == [0, 1]
    assert recording.dropped == {"frames marked invalid": 1, "frames not annotated": 1}


@pytest.mark.parametrize("cameras", [[], [14], [0, -1], 3, [0, "a"], [[0], 1], "vnect"])
def test_unknown_cameras_are_refused(source, cameras):
    with pytest.raises(ValueError, match="cameras: expected some of 0 to 13; got"):
        load_source(source, H36M_17, cameras=cameras)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annot2": None}, "missing annot2; it holds annot3, cameras, frames, univ_annot3"),
        (
            {"annot3": sample.cells([np.zeros((5, 84))] * 13)},
            r"annot3: expected a cell of 14 cameras; got cell \[13, 1\]",
        ),
        ({"annot2": np.zeros((14, 5))}, r"annot2: expected a cell of 14 cameras; got double \[14, 5\]"),
        ({"annot2": sample.cells([np.zeros((5, 34))] * 14)}, r"annot2\{1\}: expected \[5, 56\]; got \[5, 34\]"),
        ({"annot3": sample.cells([np.zeros((4, 84))] * 14)}, r"annot3\{1\}: expected \[5, 84\]; got \[4, 84\]"),
        ({"annot3": sample.cells(["text"] * 14)}, r"annot3\{1\}: expected \[5, 84\]; got \[1, 4\]"),
    ],
)
def test_wrong_variables_are_named_with_their_file(tmp_path, changes, message):
    sample.write_training(tmp_path / "S2" / "Seq1", 5, compressed=False)
    path = tmp_path / "S2" / "Seq1" / "annot.mat"
    held = {name: value for name, value in scipy.io.loadmat(path).items() if name[0] != "_"} | changes
    scipy.io.savemat(path, {name: value for name, value in held.items() if value is not None})
    with pytest.raises(ValueError, match=rf"^mpi_inf_3dhp file .*S2/Seq1/annot\.mat: {message}"):
        load_source(f"mpi_inf_3dhp:{tmp_path}", H36M_17)


def test_wrong_folders(tmp_path):
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        load_source(f"mpi_inf_3dhp:{tmp_path / 'nowhere'}", H36M_17)
    with pytest.raises(ValueError, match=r"expected S1/Seq1/annot\.mat or .*TS1/annot_data\.mat"):
        load_source(f"mpi_inf_3dhp:{tmp_path}", H36M_17)
