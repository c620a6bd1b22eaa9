"""BVH files, read back by the package's own reader and by forward kinematics written for these tests."""

import logging
import re

import numpy as np
import pytest
from lifted_samples import lifted, posing
from scipy.spatial.transform import Rotation

from tf_elepose.data.mocap.bvh_file import read_bvh_motion
from tf_elepose.data.sources import load_source
from tf_elepose.evaluation.alignment import procrustes
from tf_elepose.outputs.bvh import write_bvh
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton

Y_UP = np.array([1.0, -1.0, -1.0])


@pytest.fixture(autouse=True)
def absl_propagates(monkeypatch):
    """Log messages reach caplog; by default absl's logger does not propagate them."""
    monkeypatch.setattr(logging.getLogger("absl"), "propagate", True)


def forward(path) -> tuple[dict[str, np.ndarray], float]:
    """Joint positions [F, 3] by name, and the frame time. Position channels replace offsets, as in Blender."""
    hierarchy, motion = path.read_text().split("MOTION\n")
    frames, time, *rows = motion.rstrip("\n").split("\n")
    values = np.array([[float(number) for number in row.split()] for row in rows])
    assert frames == f"Frames: {len(values)}"
    places, turns, above, column = {}, {}, [], 0
    for line in hierarchy.split("\n")[1:]:
        word, *rest = line.split() or [""]
        if word in ("ROOT", "JOINT", "End"):
            above.append(rest[0] if word != "End" else f"{above[-1]} end")
        elif word == "OFFSET":
            offset = np.tile(np.array(rest, float), (len(values), 1))
        elif word == "}":
            above.pop()
        elif word == "CHANNELS":
            name, channels = above[-1], rest[1:]
            assert int(rest[0]) == len(channels) and channels[-3:] == ["Zrotation", "Xrotation", "Yrotation"]
            if len(channels) == 6:
                assert channels[:3] == ["Xposition", "Yposition", "Zposition"]
                offset = values[:, column : column + 3]
            turn = Rotation.from_euler(
                "ZXY", values[:, column + len(channels) - 3 : column + len(channels)], degrees=True
            )
            column += len(channels)
            if len(above) == 1:
                places[name], turns[name] = offset, turn
            else:
                places[name] = places[above[-2]] + turns[above[-2]].apply(offset)
                turns[name] = turns[above[-2]] * turn
    assert above == [] and column == values.shape[1]
    return places, float(time.removeprefix("Frame Time: "))


def read_back(path, skeleton=H36M_17) -> tuple[np.ndarray, np.ndarray]:
    """Poses [F, J, 3] mm read by two routes: the package's reader, and `forward`."""
    motion = read_bvh_motion(path)
    reader = motion.places([motion.names.index(joint) for joint in skeleton.joints], np.arange(len(motion.values)))
    own, _ = forward(path)
    return 10.0 * reader, 10.0 * np.stack([own[joint] for joint in skeleton.joints], axis=1)


def test_positions_round_trip_to_the_printed_digits(tmp_path):
    poses = posing(25, noise=30.0)
    write_bvh(tmp_path / "a.bvh", lifted(poses))
    reader, own = read_back(tmp_path / "a.bvh")
    # Rounded to 1e-5 cm on three axes: at most 0.9e-4 mm. The reader keeps float32.
    np.testing.assert_allclose(np.linalg.norm(own - poses * Y_UP, axis=-1), 0.0, atol=0.9e-4)
    np.testing.assert_allclose(reader, poses * Y_UP, atol=1e-3)
    assert forward(tmp_path / "a.bvh")[1] == pytest.approx(1 / 30, abs=1e-8)


def test_rotations_alone_reproduce_a_body_of_constant_bones(tmp_path):
    # A turn of the whole body bends no bone: the best case of the variant that animators may need.
    turns = Rotation.from_euler("y", 9.0 * np.arange(20)[:, np.newaxis], degrees=True).as_matrix()
    poses = posing(2, turn=0.0)[1:] @ turns
    write_bvh(tmp_path / "c.bvh", lifted(poses), constant_bones=True)
    reader, own = read_back(tmp_path / "c.bvh")
    np.testing.assert_allclose(own, poses * Y_UP, atol=1e-2)
    np.testing.assert_allclose(reader, poses * Y_UP, atol=1e-2)


def test_constant_bones_keep_their_directions_and_the_error_is_logged(tmp_path, caplog):
    poses = posing(25, noise=10.0)
    with caplog.at_level(logging.INFO, "absl"):
        write_bvh(tmp_path / "c.bvh", lifted(poses), constant_bones=True)
    _, own = read_back(tmp_path / "c.bvh")
    lower, upper = H36M_17.index("l_wrist"), H36M_17.index("l_elbow")
    bones = [(place[:, lower] - place[:, upper]) for place in (own, poses * Y_UP)]
    got, want = (bone / np.linalg.norm(bone, axis=-1, keepdims=True) for bone in bones)
    np.testing.assert_allclose(got, want, atol=1e-5)
    assert np.ptp(np.linalg.norm(bones[0], axis=-1)) < 1e-3 < np.ptp(np.linalg.norm(bones[1], axis=-1))
    error = np.linalg.norm(own - poses * Y_UP, axis=-1)
    match = re.search(r"stand ([\d.]+) mm .* at most ([\d.]+)", caplog.text)
    assert match and float(match[1]) == pytest.approx(error.mean(), abs=0.051)
    assert float(match[2]) == pytest.approx(error.max(), abs=0.051)


def test_programs_that_read_only_rotations_show_constant_bones(tmp_path):
    poses = lifted(posing(15, noise=20.0))
    write_bvh(tmp_path / "a.bvh", poses)
    write_bvh(tmp_path / "c.bvh", poses, constant_bones=True)
    full, plain = (read_bvh_motion(tmp_path / name) for name in ("a.bvh", "c.bvh"))
    assert full.names == plain.names and np.array_equal(full.offsets, plain.offsets)
    turns = full.values.reshape(15, -1, 6)[:, :, 3:].reshape(15, -1)
    assert np.array_equal(turns, plain.values[:, 3:])
    assert set(map(len, plain.channels[1:])) == {0, 3}


def test_left_stays_left_and_up_is_up(tmp_path):
    write_bvh(tmp_path / "l.bvh", lifted(posing(3, turn=0.0)))
    _, own = read_back(tmp_path / "l.bvh")
    place = dict(zip(H36M_17.joints, own[-1], strict=True))
    assert place["l_wrist"][1] > place["head"][1] > 0 > place["r_ankle"][1]
    assert place["l_wrist"][0] > 0 > place["r_wrist"][0] and place["nose"][2] > place["thorax"][2]
    motion = read_bvh_motion(tmp_path / "l.bvh")
    rest = {name: motion.offsets[n] for n, name in enumerate(motion.names)}
    assert rest["l_elbow"][0] > 0 > rest["r_elbow"][0] and rest["l_hip"][0] > 0 > rest["r_hip"][0]


def test_the_bvh_source_reads_it_as_the_same_person(tmp_path):
    poses = posing(10, noise=10.0)
    write_bvh(tmp_path / "s.bvh", lifted(poses))
    (tmp_path / "map.yaml").write_text("".join(f"{joint}: {joint}\n" for joint in H36M_17.joints))
    recording = load_source(f"bvh:{tmp_path / 's.bvh'}", H36M_17, joints=str(tmp_path / "map.yaml"), cameras=1)
    seen = recording.poses_3d[np.argsort(recording.frame)]
    np.testing.assert_allclose(procrustes(seen, poses), poses, atol=0.05)  # Turned, never mirrored; float32.
    scale = np.linalg.norm(seen - seen.mean(axis=1, keepdims=True)) / np.linalg.norm(
        poses - poses.mean(axis=1, keepdims=True)
    )
    assert scale == pytest.approx(1.0, abs=1e-5)  # The reader's own guess of the unit, cm, is right.


def test_angles_do_not_jump_by_a_turn(tmp_path):
    # Two and a half turns on the spot, with noise that a wrapped angle would show as 360 degrees.
    write_bvh(tmp_path / "t.bvh", lifted(posing(120, noise=2.0, turn=900.0)))
    motion = read_bvh_motion(tmp_path / "t.bvh")
    turns = motion.values.reshape(120, -1, 6)[:, :, 3:]
    assert np.abs(np.diff(turns, axis=0)).max() < 60.0
    assert abs(turns[-1, 0, 2] - turns[0, 0, 2]) == pytest.approx(900.0, abs=30.0)


def test_gaps_are_straight_lines_and_counted_and_the_ends_are_trimmed(tmp_path, caplog):
    poses, valid = posing(9), np.ones(9, bool)
    valid[[0, 4, 8]] = False
    poses[~valid] = 0.0
    frame = np.array([10, 11, 12, 13, 14, 16, 17, 18, 19])  # 14 is not valid, 15 is missing.
    with caplog.at_level(logging.WARNING, "absl"):
        write_bvh(tmp_path / "h.bvh", lifted(poses, valid=valid, frame=frame))
    assert "2 of 8 frames have no pose: interpolated" in caplog.text
    _, own = read_back(tmp_path / "h.bvh")
    want = [poses[1], poses[2], poses[3], (2 * poses[3] + poses[5]) / 3, (poses[3] + 2 * poses[5]) / 3, *poses[5:8]]
    np.testing.assert_allclose(own, np.array(want) * Y_UP, atol=1e-3)


def test_a_clip_without_gaps_gives_no_warning(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "absl"):
        write_bvh(tmp_path / "w.bvh", lifted(posing(4), frame=np.array([0, 5, 10, 15])))
    assert caplog.text == ""
    assert forward(tmp_path / "w.bvh")[1] == pytest.approx(5 / 30, abs=1e-8)


@pytest.mark.parametrize("constant_bones", [False, True])
def test_one_pose_is_a_motion_of_one_frame(tmp_path, constant_bones):
    poses = posing(2)[1:]
    write_bvh(tmp_path / "1.bvh", lifted(poses), constant_bones=constant_bones)
    np.testing.assert_allclose(read_back(tmp_path / "1.bvh")[1], poses * Y_UP, atol=1e-2)


def test_any_skeleton_can_be_written(tmp_path):
    # Parents after children, a root that is not the top, no sides, bones of no length, names with spaces.
    skeleton = Skeleton(
        name="odd", joints=("tip", "mid top", "hip", "base", "twin"), parents=("mid top", "hip", "base", None, "hip"),
        left=(), right=(), root="hip", head="tip",
    )  # fmt: skip
    poses = np.random.default_rng(0).normal(0.0, 300.0, (6, 5, 3))
    poses[:, 4] = poses[:, 2]
    poses[3, 1] = poses[3, 2]
    write_bvh(tmp_path / "o.bvh", lifted(poses, skeleton))
    own, _ = forward(tmp_path / "o.bvh")
    got = 10.0 * np.stack([own[joint.replace(" ", "_")] for joint in skeleton.joints], axis=1)
    np.testing.assert_allclose(got, poses * Y_UP, atol=1e-3)
    assert "nan" not in (tmp_path / "o.bvh").read_text() and "-0.00000 " not in (tmp_path / "o.bvh").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "unit"}, "expected poses in mm.*--height"),
        ({"frame_rate": None}, "frame rate.*--fps"),
        ({"camera": np.arange(4)}, "expected the poses of one person.*got 4 tracks"),
        ({"valid": np.zeros(4, bool)}, "expected a pose; none of the 4 could be lifted"),
    ],
)
def test_poses_that_the_format_cannot_hold_are_refused_without_a_file(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        write_bvh(tmp_path / "no.bvh", lifted(posing(4), **changes))
    assert list(tmp_path.iterdir()) == []
