import os
import pickle

import numpy as np
import pytest
from samples import pw3d

from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17


def load(folder):
    return load_source(f"3dpw:{folder}", H36M_17)


def written(folder, split="test", **changes):
    (folder / split).mkdir(exist_ok=True)
    pw3d.dump(folder / split / "a.pkl", pw3d.sequence("yard_run_03") | changes)
    return folder


def test_rows_are_the_valid_frames_of_every_person(tmp_path):
    source, options = pw3d.write(tmp_path)
    recording = load_source(source, H36M_17, validation="train", **options)
    fight = recording.clip == "fight_00"
    np.testing.assert_array_equal(recording.person[fight], [0, 0, 1, 1])
    np.testing.assert_array_equal(recording.frame[fight], [10, 16, 10, 16])  # As the file counts its images.
    assert set(recording.split[fight]) == {"test"} and set(recording.split[~fight]) == {"train"}
    assert set(recording.action) == {"downtown_walk", "yoga", "fight"}
    assert recording.dropped == {"in frames marked invalid": 4, "with fewer than 6 joints": 4}
    np.testing.assert_array_equal(recording.image_size, [1080, 1920])


def test_validation_sequences_are_neither_trained_nor_tested_on_unless_asked_for(tmp_path):
    source, _ = pw3d.write(tmp_path)
    by_choice = {choice: load_source(source, H36M_17, validation=choice) for choice in ("out", "train", "test")}
    split = {choice: set(r.split[r.action == "yoga"]) for choice, r in by_choice.items()}
    assert split == {"out": set(), "train": {"train"}, "test": {"test"}}
    assert set(load_source(source, H36M_17).action) == {"downtown_walk", "fight"}
    with pytest.raises(ValueError, match="validation: expected out, train or test; got 'no'"):
        load_source(source, H36M_17, validation="no")


def test_joints_are_turned_and_moved_into_the_camera_frame(tmp_path):
    recording = load(written(tmp_path))
    # World (x, y, z) m becomes (x + 0.5, 1 - y, 5 - z): the pelvis at height 1 is on the axis' height.
    expected = {"root": (500, 0, 5000), "r_ankle": (330, 900, 5000), "l_wrist": (800, 100, 5000)}
    for joint, place in expected.items():
        np.testing.assert_allclose(recording.poses_3d[0, H36M_17.index(joint)], place, atol=1e-2, err_msg=joint)


def test_2d_poses_are_the_3d_joints_projected(tmp_path):
    recording = load(written(tmp_path))
    np.testing.assert_allclose(recording.poses_2d[0, 0], [1960 * 0.1 + 540, 960], atol=1e-3)
    left, right = (recording.poses_2d[:, H36M_17.index(f"{side}_knee"), 0] for side in "lr")
    assert (left > right).all()


def test_detections_are_transposed_and_keep_their_confidence(tmp_path):
    recording = load(written(tmp_path))
    # OpenPose's 3 is the right elbow, 6 the left one.
    np.testing.assert_allclose(recording.poses_2d_detected[0, H36M_17.index("r_elbow")], [503, 703])
    np.testing.assert_allclose(recording.poses_2d_detected[0, H36M_17.index("l_elbow")], [506, 706])
    np.testing.assert_allclose(recording.confidence, 0.9, atol=1e-6)


def test_a_joint_that_was_not_found_has_no_confidence(tmp_path):
    found = pw3d.sequence("x")["poses2d"][0]
    found[0, :, 4] = 0
    recording = load(written(tmp_path, poses2d=[found]))
    assert recording.confidence[0, H36M_17.index("r_wrist")] == 0
    assert recording.confidence[0, H36M_17.index("l_wrist")] > 0


def test_joints_behind_the_camera_are_missing(tmp_path):
    camera = np.eye(4)
    camera[2, 3] = -3.0
    with pytest.raises(ValueError, match=r"no pose to use.*with fewer than 6 joints"):
        load(written(tmp_path, cam_poses=np.tile(camera, (4, 1, 1))))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cam_poses": np.zeros((3, 4, 4))}, r"cam_poses: expected \[4, 4, 4\]; got \[3, 4, 4\]"),
        ({"poses2d": [np.zeros((4, 18, 3))]}, r"poses2d of person 0: expected \[4, 3, 18\]; got \[4, 18, 3\]"),
        ({"jointPositions": []}, "of 0, 1, 1 people; expected equally many"),
        ({"jointPositions": None}, "jointPositions: expected a list; got NoneType"),
        ({"jointPositions": ["x"]}, "jointPositions of person 0: expected numbers"),
        ({"cam_intrinsics": np.eye(3)}, "cam_intrinsics: expected the principal point in an image"),
        ({"cam_intrinsics": np.full((3, 3), np.nan)}, "cam_intrinsics: expected the principal point in an image"),
        ({"img_frame_ids": np.arange(4.0)}, "img_frame_ids: expected integers; got float64"),
        ({"sequence": 3}, "sequence: expected a str; got int"),
        ({"jointPositions": [np.full((4, 72), 1e300)]}, "poses"),
        ({"jointPositions": [np.full((4, 72), np.nan)]}, "poses"),
    ],
)
def test_other_contents_are_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        load(written(tmp_path, **changes))


def test_a_folder_without_sequences_is_refused(tmp_path):
    for folder, message in (
        (tmp_path, r"expected train/\*.pkl, validation/\*.pkl, test/\*.pkl; found none"),
        (tmp_path / "none", "none: no such folder"),
    ):
        with pytest.raises(ValueError, match=message):
            load(folder)


class Code:
    def __reduce__(self):
        return os.system, ("touch canary",)


def test_code_in_the_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.pkl").write_bytes(pickle.dumps(pw3d.sequence("a") | {"texture_maps": Code()}))
    with pytest.raises(ValueError, match=r"a\.pkl: file contains code object posix\.system; refusing"):
        load(tmp_path)
    assert not (tmp_path / "canary").exists()


def test_the_sample_is_a_python_2_pickle(tmp_path):
    data = (written(tmp_path) / "test" / "a.pkl").read_bytes()
    assert b"cnumpy.core.multiarray\n_reconstruct" in data and b"_codecs" not in data
    with pytest.raises(UnicodeDecodeError):
        pickle.loads(data)
    assert pickle.loads(data, encoding="latin1")["sequence"] == "yard_run_03"


def test_damaged_files_are_read_or_refused(tmp_path):
    rng = np.random.default_rng(0)
    file = written(tmp_path) / "test" / "a.pkl"
    whole = file.read_bytes()
    for _ in range(150):
        data = bytearray(whole)
        for place in rng.integers(len(data), size=4):
            data[place] = rng.integers(256)
        file.write_bytes(data[: rng.integers(1, len(data)) if rng.random() < 0.3 else None])
        try:
            load(tmp_path)
        except ValueError as error:
            assert "\n" not in str(error)
