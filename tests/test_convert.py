"""The conversion command: any source becomes views, its contents are reported, and nothing is half-written."""

import json
import re
import subprocess
import sys

import command_line
import numpy as np
import pytest
import yaml
from samples import views as sample
from stick_people import turning

from tf_elepose import convert
from tf_elepose.data import corrections, format_help
from tf_elepose.data.manifest import manifest, manifest_text
from tf_elepose.data.readers.views import write_views
from tf_elepose.data.sources import READERS, get_reader, load_source, reader_options
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.skeletons import H36M_17, H36M_17_ELEPOSE
from tf_elepose.storage import files

command, refuses = command_line.running(convert), command_line.refuses


def write(name, recording):
    write_views(name, recording)
    return f"views:{name}"


def detections():
    """Two people of two clips by two cameras in COCO's joints; one joint missing once, one frame without people."""
    coco = CONVENTIONS["coco_17"]
    rows = 48
    poses = 500 + np.random.default_rng(0).normal(0, 100, (rows, 17, 2)).astype(np.float32)
    confidence = np.full((rows, 17), 0.9, np.float32)
    confidence[3, coco.index("l_knee")] = 0.0
    confidence[7] = 0.0
    return {
        "poses_2d": poses,
        "confidence": confidence,
        "subject": np.full(rows, "p"),
        "action": np.full(rows, ""),
        "clip": np.repeat(["a", "b"], rows // 2),
        "camera": np.arange(rows) % 2,
        "frame": np.arange(rows) // 4,
        "person": np.arange(rows) // 2 % 2,
        "split": np.repeat(["train", "test"], rows // 2),
        "keypoints": np.array("coco_17"),
    }


def test_a_source_becomes_pickle_free_views_of_the_wanted_joints(command, tmp_path):
    source, _ = sample.write(tmp_path)
    status, out, err = command(source, "--output=new.npz", "--convention=h36m17-elepose", "--option=check=off")
    assert (status, out.splitlines()[-1]) == (0, "written: new.npz")
    assert "reading" in err and "Traceback" not in err
    with np.load(tmp_path / "new.npz", allow_pickle=False) as held:
        assert str(held["keypoints"]) == "h36m_17_elepose"
    before = load_source(source, H36M_17_ELEPOSE, check="off")
    after = load_source("views:new.npz", H36M_17_ELEPOSE, check="off")
    for field in ("poses_2d", "poses_2d_detected", "confidence", "poses_3d", "elevation", "subject", "frame", "camera"):
        np.testing.assert_array_equal(getattr(after, field), getattr(before, field))


def test_the_manifest_says_what_the_data_hold(command, tmp_path):
    np.savez(tmp_path / "coco.npz", **detections())
    status, out, _ = command(
        "views:coco.npz", "--output=new.npz", "--manifest=new.json", "--option=people=best", "--option=check=off"
    )
    assert status == 0
    values = json.loads((tmp_path / "new.json").read_text())
    # 48 rows less the one without joints; of two people in each image the first, who never lacks a joint.
    assert values == {
        "source": "views coco.npz",
        "convention": "h36m_17",
        "fields": ["poses_2d", "confidence"],
        "poses": 24,
        "poses_by_split": {"test": 12, "train": 12},
        "subjects": ["p"],
        "actions": [""],
        "clips": 2,
        "cameras": [0, 1],
        "frames": 12,
        "persons": 2,
        "people": {
            "numbers": "person",
            "frames": [
                {"clip": clip, "camera": camera, "person": 0, "frames": 6} for clip in "ab" for camera in (0, 1)
            ],
        },
        "joints_missing": {"poses_2d": {}},
        "image_sizes": None,
        "dropped": {"with fewer than 6 joints": 1, "other people in the image": 23},
        "findings": [],
    }
    assert "poses: 24 (test 12, train 12)\nframes: 12 in 2 clips\ncameras: 2\n" in out
    assert "left out: 1 with fewer than 6 joints; 23 other people in the image" in out


def test_missing_joints_are_shares_of_the_poses(tmp_path):
    np.savez(tmp_path / "coco.npz", **detections())
    recording = load_source(f"views:{tmp_path / 'coco.npz'}", H36M_17, check="off")
    values = manifest(recording)
    assert values["poses"] == 47 and values["persons"] == 4
    assert values["joints_missing"] == {"poses_2d": {"l_knee": round(1 / 47, 6)}}
    assert "joints missing in poses_2d: l_knee 2.1 %" in manifest_text(values)
    both = manifest(turning(poses_2d_detected=turning().poses_2d, confidence=np.zeros((200, 17))))
    assert both["joints_missing"]["poses_2d"] == {} and set(both["joints_missing"]["poses_2d_detected"].values()) == {
        1.0
    }
    assert both["image_sizes"] == [[1000, 1000]] and both["frames"] == 200 and both["persons"] == 1


def test_control_characters_in_names_are_escaped():
    subjects = np.array(["a\x1b[2J\n"] * 100 + ["b"] * 100)
    text = manifest_text(manifest(turning(subject=subjects, action=np.array([f"{i:03d}" for i in range(200)]))))
    assert "\x1b" not in text and "subjects: 2 ('a\\x1b[2J\\n', b)" in text
    assert "actions: 200 (000, 001, 002, 003, 004, 005, 006, 007, 008, 009, 010, 011, ...)" in text


def test_findings_are_reported_and_corrected_by_options(command, refuses, tmp_path):
    source = write("swapped.npz", corrections.swap_sides(turning(), "arms"))
    status, out, _ = command(source, "--output=new.npz", "--manifest=new.json")
    assert status == 0 and "looks wrong: poses_2d, poses_3d: arms and legs disagree" in out
    (finding,) = json.loads((tmp_path / "new.json").read_text())["findings"]
    assert finding.endswith("--option=swap_sides=arms")
    status, out, _ = command(source, "--output=mended.npz", "--option=swap_sides=arms", "--strict")
    assert status == 0 and "looks wrong: nothing" in out
    np.testing.assert_array_equal(load_source("views:mended.npz", H36M_17).poses_3d, np.float32(turning().poses_3d))
    assert "arms and legs disagree" in refuses(source, "--output=strict.npz", "--strict")
    assert "give one of them" in refuses(source, "--output=strict.npz", "--strict", "--option=check=off")


def test_one_split_can_be_written(command, refuses, tmp_path):
    np.savez(tmp_path / "coco.npz", **detections())
    status, out, _ = command("views:coco.npz", "--output=new.npz", "--split=test", "--option=check=off")
    assert status == 0 and "poses: 24 (test 24)" in out
    assert "no rows of split 'val'; splits here are test, train" in refuses(
        "views:coco.npz", "--output=val.npz", "--split=val", "--option=check=off"
    )


def test_the_joints_can_be_those_of_a_users_skeleton(command, tmp_path):
    own = H36M_17.to_dict() | {"name": "own", "joints": list(reversed(H36M_17.joints))}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own))
    status, out, _ = command(write("stick.npz", turning()), "--output=new.npz", "--convention=own.yaml")
    assert status == 0 and out.splitlines()[-1].startswith("to be read with --option=convention=FILE.yaml")
    again = load_source("views:new.npz", H36M_17, convention="own.yaml")
    np.testing.assert_array_equal(again.poses_2d, np.float32(turning().poses_2d))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected one SOURCE, FORMAT:PATH; got 0 (--formats lists"),
        (["views:a.npz", "views:b.npz", "--output=new.npz"], "expected one SOURCE, FORMAT:PATH; got 2"),
        (["views:a.npz"], "--output=FILE.npz is missing"),
        (["views:gone.npz", "--output=new.npz"], "views file gone.npz: no such file"),
        (["mocap:a", "--output=new.npz"], "unknown source 'mocap:a': expected one of synthetic, views:PATH"),
        (["views:stick.npz", "--output=no/new.npz"], "--output=no/new.npz: no such folder"),
        (["views:stick.npz", "--output=folder"], "--output=folder: is a folder"),
        (["views:stick.npz", "--output=new.npz", "--manifest=no/m.json"], "--manifest=no/m.json: no such folder"),
        (
            ["views:stick.npz", "--output=new.npz", "--convention=coco"],
            "unknown skeleton 'coco': expected one of h36m_17",
        ),
        (["views:stick.npz", "--output=new.npz", "--convention=gone.yaml"], "skeleton file gone.yaml: cannot be read"),
        (
            ["views:stick.npz", "--output=new.npz", "--option=convention=coc"],
            "unknown convention 'coc': expected one of",
        ),
        (["views:stick.npz", "--output=new.npz", "--option=convention=3"], "a convention is a name: expected one of"),
        (
            ["views:stick.npz", "--output=new.npz", "--option=frames=3"],
            "unknown option frames; options are convention,",
        ),
        (["views:stick.npz", "--output=new.npz", "--option=source=3"], "unknown option source"),
        (["views:stick.npz", "--output=new.npz", "--option=split=test"], "unknown option split"),
        (["views:stick.npz", "--output=new.npz", "--option=progress=3"], "progress: expected a function; got 3"),
        (
            ["views:stick.npz", "--output=new.npz", "--option=check=[1]"],
            "check: expected one of warn, strict, off; got",
        ),
        (["views:stick.npz", "--output=new.npz", "--option=people"], "expected key=value"),
        (["views:stick.npz", "--output=new.npz", "--people=first"], "first"),
        (["views:stick.npz", "--output=new.npz", "--people=best", "--option=people=all"], "give one of them"),
        (["views:damaged.npz", "--output=new.npz"], "damaged.npz: not a readable .npz archive"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(refuses, tmp_path, arguments, message):
    write("stick.npz", turning(rows=20))
    (tmp_path / "folder").mkdir()
    (tmp_path / "damaged.npz").write_bytes((tmp_path / "stick.npz").read_bytes()[:5000])
    assert message in refuses(*arguments)


def test_a_full_disk_leaves_what_was_there(refuses, monkeypatch, tmp_path):
    write("stick.npz", turning(rows=20))
    (tmp_path / "new.npz").write_bytes(b"older")

    def full(*_):
        raise OSError(28, "No space left on device", "new.npz")

    monkeypatch.setattr(files.os, "fsync", full)
    assert refuses("views:stick.npz", "--output=new.npz") == "new.npz: cannot be written: No space left on device"


def test_formats_are_a_table_with_their_options(command):
    status, out, _ = command("--formats")
    assert status == 0
    for name in READERS:
        assert f"\n{name:<18}" in out
    assert (
        "\nviews             the project's own pickle-free npz, into which every other format can be converted\n" in out
    )
    assert "\n  keypoint_scale  OpenPose's flag: 0 pixels, 3 from 0 to 1, 4 from -1 to 1\n" in out
    assert (
        "\n  check           data that look wrong: warn, strict (they are an error) or off (no check) (warn)\n" in out
    )
    assert max(map(len, out.splitlines())) <= 120 and "None" not in out


def test_every_option_of_every_format_is_explained():
    table = format_help.formats_table().splitlines()
    assert [line for line in table if re.match(r"  \w", line) and len(line.split()) < 3] == []
    for name in READERS:
        text = format_help.format_text(name)
        for option in reader_options(get_reader(name)):
            assert re.search(rf"^--option={option}=.*\n    [A-Z.\[]\S* \S+", text, re.MULTILINE), (name, option)


def test_one_format_is_explained_at_length(command):
    status, out, _ = command("--formats", "bvh")
    assert status == 0 and out.startswith("bvh:PATH: motion capture in BVH files")
    assert "--option=scale=...\n    Size of one unit of the file in mm" in out and "56.44 mm" in out
    status, _, err = command("--formats", "vbh")
    assert status == 2 and "--formats vbh: no such format; formats are views, h36m" in err


def test_the_command_starts_fast_and_without_tensorflow(tmp_path):
    source = write(tmp_path / "stick.npz", turning(rows=20))
    script = (
        "import sys, time; from tf_elepose import convert\nfrom tf_elepose.cli import commands\n"
        f"sys.argv = ['convert', {source!r}, '--output={tmp_path / 'new.npz'}']\n"
        "try: commands.run(convert.main, convert.define_flags, positional=True)\n"
        "finally: print([m for m in ('tensorflow', 'keras', 'scipy') if m in sys.modules], time.process_time() < 2)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[] True"


def test_with_shards_the_output_is_a_folder_that_is_a_source(command, refuses, tmp_path):
    source, _ = sample.write(tmp_path)
    status, out, _ = command(source, "--output=shards", "--shards=2")
    assert status == 0 and "poses and shards: train 6 in 2" in out and "--config.data=shards:shards" in out
    one, other = load_source(source, H36M_17), load_source("shards:shards", H36M_17)
    assert sorted(one.elevation) == sorted(other.elevation) and other.poses_3d is not None
    assert "expected a new or empty folder" in refuses(source, "--output=shards", "--shards=2")
    assert "leave out --split" in refuses(source, "--output=others", "--shards=2", "--split=train")
    assert "expected 1 to" in refuses(source, "--output=others", "--shards=0")
    assert not (tmp_path / "others").exists()


def test_the_source_is_never_overwritten(command, refuses, tmp_path):
    source, _ = sample.write(tmp_path)
    path = source.partition(":")[2]
    assert refuses(source, f"--output={path}").endswith("is the source itself; give it another name")
    assert refuses(source, "--output=views.json").endswith("expected a name that ends in .npz")
