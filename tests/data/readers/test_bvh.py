import logging
import re
import time

import numpy as np
import pytest
from samples import bvh

from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

# The sample: a T pose in cm, y up, facing +z, the person's left at +x; the left forearm points up.
CM = {
    "root": (0, 92, 0), "r_hip": (-9, 92, 0), "l_knee": (9, 50, 0), "r_ankle": (-9, 8, 0), "thorax": (0, 146, 0),
    "spine": (0, 119, 0), "nose": (0, 156, 0), "head": (0, 174, 0), "l_shoulder": (18, 144, 0),
    "l_elbow": (46, 144, 0), "l_wrist": (46, 170, 0), "r_wrist": (-72, 144, 0),
}  # fmt: skip


def seen(folder, **options):
    """The sample as seen by five cameras."""
    source, _ = bvh.write(folder)
    return load_source(source, H36M_17, **{"scale": 10.0, "cameras": 5, **options})


def test_poses_are_the_joints_in_a_camera_frame(tmp_path):
    recording = seen(tmp_path)
    world = np.array(list(CM.values())) * 10.0
    indices = [H36M_17.index(joint) for joint in CM]
    for pose in recording.poses_3d[:, indices]:
        one, other = pose - pose.mean(axis=0), world - world.mean(axis=0)
        u, _, vt = np.linalg.svd(other.T @ one)
        # The joints lie in a plane, so that a rotation fits where a mirror does; other tests tell left from right.
        u[:, 2] *= np.linalg.det(u @ vt)
        np.testing.assert_allclose(other @ u @ vt, one, atol=0.01)


def test_from_ahead_the_left_is_on_the_right_of_the_image(tmp_path):
    # The head's bone leans to +z, where the face looks: nearer to the camera means seen from ahead.
    text = bvh.text().replace("OFFSET 0.0 18.0 0.0", "OFFSET 0.0 18.0 9.0")
    (tmp_path / "lean.bvh").write_text(text)
    recording = load_source(
        f"bvh:{tmp_path / 'lean.bvh'}", H36M_17, scale=10.0, cameras=12, elevation_mean=0.0, elevation_std=0.0
    )
    head, nose = (recording.poses_3d[:, H36M_17.index(joint), 2] for joint in ("head", "nose"))
    left, right = (recording.poses_2d[:, H36M_17.index(f"{side}_hip"), 0] for side in "lr")
    clear = np.abs(head - nose) > 20
    assert 0.5 < clear.mean() < 1
    np.testing.assert_array_equal((head < nose)[clear], (left > right)[clear])


def test_2d_poses_are_the_3d_poses_projected(tmp_path):
    recording = seen(tmp_path)
    np.testing.assert_array_equal(recording.image_size, [1000, 1000])
    expected = 1145 * recording.poses_3d[..., :2] / recording.poses_3d[..., 2:] + 500
    np.testing.assert_allclose(recording.poses_2d, expected, atol=1e-2)


def test_rows_of_one_frame_are_views_of_one_moment(tmp_path):
    recording = seen(tmp_path, distance_mean=6000.0)
    assert len(recording) == 5 * 3 and recording.frame.tolist() == [0, 1, 2] * 5
    assert recording.camera.tolist() == sorted([0, 1, 2, 3, 4] * 3)
    first = recording.poses_3d[recording.camera == 0]
    # Static cameras: the hips move 10 mm a frame.
    np.testing.assert_allclose(np.linalg.norm(first[1, 0] - first[0, 0]), 10, atol=0.01)
    depth = recording.poses_3d[..., 2].mean()
    assert 5000 < depth < 7000


def test_elevation_is_the_cameras(tmp_path):
    recording = seen(tmp_path, elevation_mean=20.0, elevation_std=0.0, roll_std=10.0)
    np.testing.assert_allclose(recording.elevation, 20, atol=1e-4)
    up = recording.poses_3d[:, H36M_17.index("head")] - recording.poses_3d[:, 0]
    np.testing.assert_allclose(np.degrees(np.arcsin(-up[:, 2] / np.linalg.norm(up, axis=1))), 20, atol=1e-2)


def test_equal_seeds_give_equal_rows(tmp_path):
    one, same, other = (seen(tmp_path, seed=seed).poses_3d for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1


@pytest.mark.parametrize(("factor", "unit"), [(1.0, "cm"), (0.01, "m"), (10.0, "mm")])
def test_units_are_judged_by_the_body_and_logged(tmp_path, caplog, factor, unit):
    def scaled(match):
        return "OFFSET " + " ".join(f"{factor * float(number):.5f}" for number in match[1].split())

    text = re.sub(r"OFFSET (.*)", scaled, bvh.text())
    (tmp_path / "units.bvh").write_text(text)
    with caplog.at_level(logging.WARNING, logger="absl"):
        recording = load_source(f"bvh:{tmp_path / 'units.bvh'}", H36M_17)
    assert f"units from ankle to head, taken as {unit}" in caplog.text
    thigh = recording.poses_3d[:, H36M_17.index("l_hip")] - recording.poses_3d[:, H36M_17.index("l_knee")]
    np.testing.assert_allclose(np.linalg.norm(thigh, axis=-1), 420, rtol=1e-4)


def test_other_units_have_to_be_given(tmp_path):
    text = re.sub(r"OFFSET (\S+) (\S+)", lambda m: f"OFFSET {float(m[1]) / 5.6} {float(m[2]) / 5.6}", bvh.text())
    (tmp_path / "cmu.bvh").write_text(text)
    with pytest.raises(ValueError, match=r"units from ankle to head are a body neither in mm.*--option=scale="):
        load_source(f"bvh:{tmp_path / 'cmu.bvh'}", H36M_17)
    assert len(load_source(f"bvh:{tmp_path / 'cmu.bvh'}", H36M_17, scale=56.0)) == 12


def test_another_axis_may_point_up(tmp_path):
    def turned(match):
        x, y, z = map(float, match[1].split())
        return f"OFFSET {x} {-z} {y}"

    text = re.sub(r"OFFSET (.*)", turned, bvh.text()).replace("98.0000 0.0000", "0.0000 98.0000")
    (tmp_path / "z.bvh").write_text(text)
    source = f"bvh:{tmp_path / 'z.bvh'}"
    with pytest.raises(
        ValueError, match=r"the head is mostly along z from the ankles, not above them; .*--option=up=z"
    ):
        load_source(source, H36M_17, scale=10.0)
    recording = load_source(source, H36M_17, scale=10.0, up="z")
    head, ankle = (recording.poses_2d[:, H36M_17.index(joint), 1] for joint in ("head", "l_ankle"))
    assert (head < ankle).all()
    assert len(load_source(source, H36M_17, scale=10.0, up="y")) == 12  # People may lie.


def test_a_folder_holds_clips_of_subjects(tmp_path):
    for name in ("s1/walk", "s1/run", "s2/walk"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.bvh").write_text(bvh.text(2))
    recording = load_source(f"bvh:{tmp_path}", H36M_17, scale=10.0, test_fraction=0.3)
    assert dict(zip(recording.clip, recording.subject, strict=True)) == {
        "s1/walk": "s1",
        "s1/run": "s1",
        "s2/walk": "s2",
    }
    assert len(set(recording.clip[recording.split == "test"])) == 1
    one = load_source(f"bvh:{tmp_path / 's1' / 'walk.bvh'}", H36M_17, scale=10.0)
    assert set(one.clip) == {"walk"}


def test_frame_rate_drops_frames_and_keeps_their_numbers(tmp_path):
    (tmp_path / "long.bvh").write_text(bvh.text(10))
    recording = load_source(f"bvh:{tmp_path / 'long.bvh'}", H36M_17, scale=10.0, cameras=1, frame_rate=10.0)
    assert recording.frame.tolist() == [0, 3, 6, 9]
    assert recording.dropped == {"between the frames taken": 6}


def test_poses_too_near_to_a_camera_are_left_out(tmp_path):
    lines = bvh.text(400).splitlines()
    first = len(lines) - 400
    for frame in range(400):  # 8 m: past the cameras on both sides.
        lines[first + frame] = f"{2.0 * frame} " + lines[first + frame].split(" ", 1)[1]
    (tmp_path / "far.bvh").write_text("\n".join(lines) + "\n")
    recording = load_source(f"bvh:{tmp_path / 'far.bvh'}", H36M_17, scale=10.0, distance_mean=3000.0)
    assert recording.poses_3d[..., 2].min() >= 1000
    assert recording.dropped["nearer than 1 m to a camera"] + len(recording) == 1600


TEXT = bvh.text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("98.0000", "nan", 1), "frame 0, number 2: expected a number within 1e\\+07; got 'nan'"),
        (TEXT.replace("98.0000", "1e300", 1), "frame 0, number 2: expected a number"),
        (TEXT.replace("98.0000", "98,0", 1), "frame 0, number 2: .*got '98,0'; decimals need a point"),
        (TEXT.replace("OFFSET 0.0 26.0", "OFFSET 0,0 26,0"), "OFFSET of .*got '0,0'; decimals need a point"),
        (TEXT.replace("OFFSET 0.0 26.0", "OFFSET 0.0 inf"), "OFFSET of 'mixamorig:Spine': expected a number"),
        (TEXT.replace(" 98.0000 ", " ", 1), "declares 3 frames of 60 numbers; it holds 179"),
        (TEXT.replace("Frames: 3", "Frames: 4").replace(" 98.0000 ", " 98.0000\n"), "declares 4 frames of 60 numbers"),
        (TEXT[: TEXT.index("Frame Time")].replace("Frames: 3", "Frames: 0") + "Frame Time: 1\n", "at least one frame"),
        (TEXT.replace("Frames: 3", "Frames: -3"), "expected 'Frames: N'"),
        (TEXT.replace("0.0333333", "nan"), "Frame Time: expected a number"),
        (TEXT.replace("MOTION", "NOTION"), "expected HIERARCHY, at most"),
        (TEXT.replace("HIERARCHY", "HIGHER"), "expected HIERARCHY; got 'HIGHER'"),
        (TEXT.replace("CHANNELS 6", "CHANNELS 99999999"), "expected how many, up to 6"),
        (TEXT.replace("Xposition", "Xscale"), "expected X, Y, Z with rotation or position; got 'xscale'"),
        (TEXT.replace("Xposition", "Yposition"), "a position is given twice"),
        (TEXT.replace("}\nMOTION", "MOTION"), "the hierarchy ends within 'mixamorig:Hips'"),
        (TEXT.replace("ROOT", "JOINT"), "expected roots outside and joints inside"),
        (TEXT.replace("\tEnd Site", "\tGarbage"), "expected ROOT, JOINT, End Site"),
        ("HIERARCHY\nMOTION\nFrames: 1\nFrame Time: 1\n1\n", "no joints"),
        ("HIERARCHY\nROOT a\n{\n}\nMOTION\nFrames: 1\nFrame Time: 1\n1\n", "no joint has channels"),
        ("HIERARCHY\nROOT a\n{\n" + "JOINT b\n{\n" * 5000 + "MOTION\n", "200 deep"),
        ("HIERARCHY\nROOT a\n{\n" + "JOINT b\n{\n}\n" * 5000 + "MOTION\n", "at most 2000"),
        ("HIERARCHY\nROOT " + "x" * 2_000_000 + "MOTION\n", "at most 1048576 bytes"),
        ("\n" * 3_000_000, "expected HIERARCHY"),
        (TEXT + "1" * 3_000_000, "a word of"),
        ("", "expected HIERARCHY"),
    ],
)
def test_hostile_files_are_refused_soon(tmp_path, text, message):
    (tmp_path / "bad.bvh").write_text(text)
    start = time.monotonic()
    with pytest.raises(ValueError, match=message) as error:
        load_source(f"bvh:{tmp_path / 'bad.bvh'}", H36M_17, scale=10.0)
    assert "\n" not in str(error.value) and len(str(error.value)) < 2000
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("text", "frames", "warning"),
    [
        (TEXT.replace("Frames: 3", "Frames: 0"), 3, "declares 0 frames, and holds 3, which are read"),
        (TEXT.replace("Frames: 3", "Frames: 2"), 3, "declares 2 frames, and holds 3, which are read"),
        (TEXT.replace("Frames: 3", "Frames: 4"), 3, "declares 4 frames, and holds 3, which are read"),
        (TEXT.replace("Frames: 3", "Frames: 999999999"), 3, "declares 999999999 frames, and holds 3"),
        (TEXT[:-20], 2, "declares 3 frames, and holds 2, which are read; the last line is cut off"),
        (TEXT[:-8] + "-", 2, "holds 2, which are read; the last line is cut off"),
        (TEXT.replace(" 98.0000 ", " 98.0000\n"), 3, ""),  # Frames may have several lines if their number is right.
    ],
)
def test_as_many_frames_are_read_as_there_are(tmp_path, caplog, text, frames, warning):
    recordings = []
    for folder, content in (("counted", text), ("right", bvh.text(frames))):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "walk.bvh").write_text(content)
        with caplog.at_level(logging.WARNING, logger="absl"):
            recordings.append(load_source(f"bvh:{tmp_path / folder / 'walk.bvh'}", H36M_17, scale=10.0, cameras=1))
    assert recordings[0].frame.tolist() == list(range(frames)) and warning in caplog.text
    assert caplog.text.count("\n") == bool(warning)
    np.testing.assert_array_equal(recordings[0].poses_3d, recordings[1].poses_3d)


def test_lengths_may_be_in_the_position_channels_alone(tmp_path, caplog):
    """Moves the offset of every joint to position channels in every frame; the offset itself becomes 0."""
    head, _, motion = bvh.text().partition("MOTION")
    places, columns = [], []
    for offset, channels in re.findall(r"OFFSET (.*)\n\s*CHANNELS (\d)", head):
        columns.append(int(channels))
        places.append("" if channels == "6" else offset + " ")
    zero = re.sub(r"OFFSET .*(?=\n\s*CHANNELS)", "OFFSET 0 0 0", head)
    zero = zero.replace("CHANNELS 3 ", "CHANNELS 6 Xposition Yposition Zposition ")
    lines = []
    for line in motion.splitlines()[3:]:
        numbers = iter(line.split())
        lines.append(
            " ".join(p + " ".join(next(numbers) for _ in range(n)) for p, n in zip(places, columns, strict=True))
        )
    (tmp_path / "zero.bvh").write_text(zero + "MOTION\nFrames: 3\nFrame Time: 0.03\n" + "\n".join(lines) + "\n")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "zero.bvh").write_text(bvh.text())
    with caplog.at_level(logging.WARNING, logger="absl"):
        recording = load_source(f"bvh:{tmp_path / 'zero.bvh'}", H36M_17)
    plain = load_source(f"bvh:{tmp_path / 'plain' / 'zero.bvh'}", H36M_17)
    assert "152.8 units from ankle to head, taken as cm" in caplog.text
    np.testing.assert_allclose(recording.poses_3d, plain.poses_3d, atol=0.01)


@pytest.mark.parametrize(
    "options",
    [
        {"scale": 0.0}, {"scale": float("nan")}, {"up": "w"}, {"frame_rate": -1.0}, {"cameras": 0}, {"seed": -1},
        {"test_fraction": 1.0}, {"elevation_mean": 100.0}, {"elevation_std": -1.0}, {"distance_mean": 500.0},
        {"distance_std": float("inf")}, {"roll_std": float("nan")}, {"test_fraction": 0.5},
    ],
)  # fmt: skip
def test_options_out_of_range_are_named(tmp_path, options):
    with pytest.raises(ValueError, match=rf"bvh.*{next(iter(options))}: expected"):
        seen(tmp_path, **options)


def test_missing_files_and_empty_folders(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        load_source(f"bvh:{tmp_path / 'none.bvh'}", H36M_17)
    with pytest.raises(ValueError, match=r"the folder holds no \.bvh files"):
        load_source(f"bvh:{tmp_path}", H36M_17)


def test_damaged_files_are_read_or_refused(tmp_path):
    source, options = bvh.write(tmp_path)
    rng = np.random.default_rng(0)
    whole = (tmp_path / "walk.bvh").read_bytes()
    for _ in range(150):
        data = bytearray(whole)
        for place in rng.integers(len(data), size=2):
            data[place] = rng.integers(256)
        (tmp_path / "walk.bvh").write_bytes(data[: rng.integers(1, len(data)) if rng.random() < 0.2 else None])
        try:
            load_source(source, H36M_17, **options)
        except ValueError as error:
            assert "\n" not in str(error)
