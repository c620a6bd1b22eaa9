"""The lifting command: keypoints in, poses out, what a summary printed; a mistake is one line and leaves nothing."""

import csv
import errno
import json
import subprocess
import sys

import command_line
import numpy as np
import pytest
from lifted_samples import lifted, posing
from lifting_bundle import keypoints, small_lifting_bundle, small_run
from stick_people import turning

from tf_elepose import lift, pretrained
from tf_elepose.data.readers import arrays
from tf_elepose.data.readers.views import write_views
from tf_elepose.inference import streaming
from tf_elepose.inference import summary as lift_summary
from tf_elepose.inference.lifter import Lifter
from tf_elepose.inference.summary import LiftSummary
from tf_elepose.inference.tflite_model import LiteModel
from tf_elepose.outputs.registry import WRITERS
from tf_elepose.skeleton.skeletons import H36M_17

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("quick_completer")]
pytest_plugins = ("quick_completer",)


command, refuses = command_line.running(lift), command_line.refuses


@pytest.fixture
def model():
    return f"--model={small_lifting_bundle()}"


def save(name, points=None, **fields):
    points = keypoints(30) if points is None else points
    np.savez(name, keypoints=points, **fields)
    return name


def test_an_array_is_lifted_as_from_python(command, model, tmp_path):
    points = keypoints(30)
    save(tmp_path / "a.npz", points)
    status, out, err = command("a.npz", "--convention=h36m_17", model, "--output=out.npz", "--option=check=off")
    assert status == 0, err
    expected = Lifter(small_lifting_bundle())(points, convention="h36m_17", subject="a", clip="a")
    with np.load(tmp_path / "out.npz") as found:
        for name in ("poses_3d", "valid", "elevation", "percentile", "clip", "frame"):
            np.testing.assert_array_equal(found[name], getattr(expected, name))
    lines = out.splitlines()
    assert lines[0] == "lifted: 30 of 30 poses"
    share = 100 * (expected.percentile < 5).mean()
    assert lines[1].startswith(f"likelihood: median percentile {np.median(expected.percentile):.0f} of the training's")
    assert f"{share:.1f} % of the poses are below 5" in lines[1]
    assert lines[2] == (
        "poses_3d: unit: about one from root to head; axes: camera, x right, y down, z forward; joints: h36m_17"
    )
    assert lines[3].startswith("model: elepose sha256:") and lines[4] == "written: out.npz"


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_comes_out(command, model, tmp_path, suffix):
    save(tmp_path / "a.npz")
    status, out, err = command(
        "npz:a.npz", "--convention=h36m_17", model, f"--output=out{suffix}", "--height=1750", "--fps=25",
        "--axes=level", "--option=check=off", "--nolikelihood",
    )  # fmt: skip
    assert status == 0, err
    assert (tmp_path / f"out{suffix}").stat().st_size > 1000
    assert "unit: mm, of a body of 1750 mm; axes: level" in out and "likelihood" not in out


def test_a_workdir_lifts_too(command, tmp_path):
    save(tmp_path / "a.npz", keypoints(3))
    status, _, err = command("a.npz", "--convention=h36m_17", f"--model={small_run()}", "--output=out.json")
    assert status == 0, err
    assert len(json.loads((tmp_path / "out.json").read_text())["rows"]) == 3


def test_several_inputs_are_one_output_with_clips_apart(command, model, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        save(tmp_path / folder / "a.npz", keypoints(5))
    write_views(tmp_path / "v.npz", turning(rows=20))
    status, out, err = command(
        "one/a.npz", "views:v.npz", "two/a.npz", "--convention=h36m_17", model, "--output=out.csv"
    )
    assert status == 0, err
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    clips = [row["clip"] for row in rows]
    assert clips[:5] == ["a"] * 5 and clips[25:] == ["a_2"] * 5 and set(clips[5:25]) == set(turning(rows=20).clip)
    assert "lifted: 30 of 30 poses" in out


def test_poses_that_cannot_be_lifted_are_counted(command, model, tmp_path):
    points = keypoints(20).astype(float)
    points[0, 3:] = np.nan
    points[1] = points[1, :1] + 0.0
    points[2] = 0.0
    save(tmp_path / "a.npz", points)
    status, out, err = command("a.npz", "--convention=h36m_17", model, "--output=out.npz", "--option=min_joints=3")
    assert status == 0, err
    assert "lifted: 17 of 19 poses; not valid: 1 with fewer than 6 joints; 1 without extent" in out
    assert "left out when read: 1 with fewer than 3 joints" in out


@pytest.mark.parametrize(("unusual", "warned"), [(4, False), (6, True)])
def test_mostly_unusual_poses_give_a_warning(monkeypatch, unusual, warned):
    """When more than half of the valid poses are unlike the training's."""
    warnings = []
    monkeypatch.setattr(lift_summary.logging, "warning", lambda text, *values: warnings.append(text % values))
    percentile = np.array([1.0] * unusual + [60.0] * (10 - unusual) + [np.nan] * 5)
    given = lifted(posing(15), percentile=percentile, valid=np.isfinite(percentile))
    summary = lift_summary.LiftSummary()
    for rows in (slice(0, 7), slice(7, 15)):
        summary.add(given.select(rows))
    text = summary.text(1750.0)
    assert f"{10 * unusual:.1f} % of the poses are below 5" in text and text.startswith("lifted: 10 of 15 poses")
    assert bool(warnings) == warned and all("sample: most poses are unlike" in line for line in warnings)


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".json"])
def test_a_long_file_lifted_in_parts_gives_the_same_output(command, model, tmp_path, monkeypatch, suffix):
    """Poses, order, text of another width in the second part, and the printed text."""
    clips = np.array(["a"] * 20 + ["another clip"] * 10)
    points = np.concatenate([keypoints(28), np.full((2, 17, 2), np.nan)])
    save(tmp_path / "a.npz", points, clip=clips, split=np.array(["train", "test"] * 15))
    base = ("a.npz", "--convention=h36m_17", model, "--option=check=off")
    status, whole, err = command(*base, f"--output=whole{suffix}")
    assert status == 0, err
    monkeypatch.setattr(arrays, "_PART_ROWS", 8)
    parts, add = [], LiftSummary.add
    monkeypatch.setattr(LiftSummary, "add", lambda self, *part: (parts.append(part), add(self, *part)))
    status, text, err = command(*base, f"--output=parts{suffix}")
    assert status == 0, err
    assert len(parts) == 4 and text == whole.replace("whole", "parts") and "2 with fewer than" in text
    assert (tmp_path / f"parts{suffix}").read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
    status, text, err = command(*base, f"--output=test{suffix}", "--split=test")
    assert status == 0 and "lifted: 14 of 14 poses" in text, err


def test_an_unknown_split_leaves_no_output(refuses, model, tmp_path):
    save(tmp_path / "a.npz")
    text = refuses("a.npz", "--convention=h36m_17", model, "--option=check=off", "--output=o.npz", "--split=test")
    assert text.endswith("no rows of split 'test'; splits here are train")


def test_options_that_need_several_poses_are_not_lifted_in_parts(command, model, tmp_path, monkeypatch):
    """The best of several people may be in another part; so may the clip that gives a model its scale."""
    points = keypoints(30)
    people = {"frame": np.arange(30) % 15, "person": np.arange(30) // 15}
    save(tmp_path / "a.npz", points, clip=np.full(30, "a"), subject=np.full(30, "a"), **people)
    monkeypatch.setattr(arrays, "_PART_ROWS", 8)
    parts = []
    monkeypatch.setattr(streaming, "lifted_parts", lambda *_, **__: parts.append(1))
    base = ("a.npz", "--convention=h36m_17", model, "--option=check=off", "--output=o.npz")
    status, out, err = command(*base, "--option=people=best")
    assert status == 0 and "lifted: 15 of 15 poses" in out, err
    monkeypatch.setattr(LiteModel, "needs_groups", True)
    status, out, err = command(*base)
    assert status == 0 and "lifted: 30 of 30 poses" in out and not parts, err


def test_dropped_rows_are_reported_with_a_split_too(command, model, tmp_path, monkeypatch):
    points = keypoints(30)
    points[:10, 3:] = np.nan
    save(tmp_path / "a.npz", points, split=np.array(["train"] * 20 + ["test"] * 10))
    monkeypatch.setattr(arrays, "_PART_ROWS", 8)
    base = ("a.npz", "--convention=h36m_17", model, "--option=check=off")
    for split in ("train", "test"):
        status, out, err = command(*base, f"--output={split}.npz", f"--split={split}")
        assert status == 0 and "lifted: 10 of 10 poses" in out, err
        assert "left out when read: 10 with fewer than 6 joints" in out


def test_an_error_of_reading_names_the_source_and_not_the_output(model, refuses, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise OSError(errno.EIO, "Input/output error")
        yield

    save(tmp_path / "a.npz")
    monkeypatch.setattr(streaming, "stream_source", broken)
    text = refuses("a.npz", "--convention=h36m_17", model, "--output=o.npz")
    assert "npz:a.npz" in text and "cannot be read: Input/output error" in text and "o.npz" not in text


def test_smoothing_and_pictures_are_made(command, model, tmp_path):
    save(tmp_path / "a.npz", keypoints(30))
    base = ("a.npz", "--convention=h36m_17", model, "--option=check=off", "--fps=25")
    assert command(*base, "--output=plain.npz")[0] == 0
    status, out, err = command(*base, "--output=out.npz", "--smooth=butterworth:cutoff=2", "--render=out.html")
    assert status == 0, err
    assert "drawn: out.html: track a-a-camera0-person0" in out and (tmp_path / "out.html").exists()
    plain, smooth = (np.load(tmp_path / f"{name}.npz")["poses_3d"] for name in ("plain", "out"))
    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.5 * np.abs(np.diff(plain, axis=0)).mean()
    assert command(*base, "--render=alone.html", "--render_track=a-a-camera0-person0")[0] == 0


def test_detections_and_splits_can_be_chosen(command, model, tmp_path):
    split = np.repeat(["train", "test"], 10)
    recording = turning(rows=20, split=split)
    found = recording.poses_2d + np.random.default_rng(0).normal(0, 3, recording.poses_2d.shape)
    write_views(tmp_path / "v.npz", turning(
        rows=20, split=split, poses_2d_detected=found, confidence=np.ones((20, 17))))  # fmt: skip
    for kind, truth in (("gt", recording.poses_2d), ("detected", found)):
        arguments = ("views:v.npz", model, "--output=out.npz", f"--poses_2d={kind}", "--split=test")
        assert command(*arguments)[0] == 0
        np.testing.assert_allclose(np.load(tmp_path / "out.npz")["poses_2d"], truth[10:], rtol=1e-6)


def test_smoothing_is_parsed():
    assert lift.parse_smoothing("one_euro") == ("one_euro", {})
    assert lift.parse_smoothing("one_euro:min_cutoff=.5,beta=2,max_gap=3") == (
        "one_euro", {"min_cutoff": 0.5, "beta": 2.0, "max_gap": 3},
    )  # fmt: skip


def test_models_are_listed(command, monkeypatch, tmp_path):
    folder = tmp_path / "pretrained"
    folder.mkdir()
    monkeypatch.setattr(pretrained, "_FOLDER", folder)
    assert command("--list_models") == (
        0, "No models came with this installation; --model takes the folder of an export.\n", ""
    )  # fmt: skip
    (folder / "small").symlink_to(small_lifting_bundle())
    assert command("--list_models")[1] == f"small: {folder / 'small'}\n"
    save(tmp_path / "a.npz")
    status, out, _ = command("a.npz", "--convention=h36m_17", "--model=small", "--output=out.npz")
    assert status == 0 and "model: small sha256:" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected an INPUT: FORMAT:PATH, or a .npz or .csv file with --convention"),
        (["a.npz"], "input 'a.npz': its joints have no convention: give --convention=NAME, or the format, npz:a.npz"),
        (["a.json", "--convention=coco_17"], "input 'a.json': expected its format in front, FORMAT:PATH with one of"),
        (["mocap:a.npz", "--convention=coco_17"], "expected its format in front"),
        (["npz:a.npz", "MODEL", "--output=o.npz"], "17 joints without names"),
        (["npz:a.npz", "--output=o.npz"], "--model=MODEL is missing"),
        (["npz:a.npz", "MODEL"], "--output=FILE is missing"),
        (["npz:a.npz", "MODEL", "--output=o.fbx"], "o.fbx: expected a name that ends in .npz"),
        (["npz:a.npz", "MODEL", "--output=o.bvh", "--fps=25"], "give the person's --height=MM"),
        (["npz:a.npz", "MODEL", "--output=o.trc", "--height=1700"], "give the frames a second, --fps=RATE"),
        (["npz:a.npz", "MODEL", "--output=no/o.npz"], "--output=no/o.npz: no such folder"),
        (["npz:a.npz", "MODEL", "--output=folder"], "--output=folder: is a folder"),
        (["npz:a.npz", "MODEL", "--output=a.npz"], "--output=a.npz: is the source itself"),
        (["npz:a.npz", "MODEL", "--render=o.bmp"], "o.bmp: expected a name that ends in .png"),
        (["npz:a.npz", "MODEL", "--output=o.npz", "--height=175"], "175 cm are 1750"),
        (["npz:a.npz", "MODEL", "--output=o.npz", "--fps=0"], "--fps=0: expected frames a second, above 0"),
        (["npz:a.npz", "MODEL", "--output=o.npz", "--smooth=one_euro"], "--smooth needs the frames a second"),
        (["npz:a.npz", "MODEL", "--output=o.npz", "--smooth=mean"], "expected one_euro or butterworth; got 'mean'"),
        (["npz:a.npz", "MODEL", "--output=o.npz", "--smooth=one_euro:x=1"], "one_euro has no x; its options are"),
        (["npz:a.npz", "MODEL", "--output=o.npz", "--smooth=one_euro:beta"], "expected one_euro:key=number,...; got"),
        (["npz:gone.npz", "MODEL", "--output=o.npz", "--convention=h36m_17"], "npz file gone.npz: no such file"),
        (["npz:a.npz", "--model=gone", "--output=o.npz"], "model 'gone': no such file or folder"),
        (["npz:a.npz", "MODEL", "--output=o.npz", "--precision=int8"], "no file of precision int8; there is float32"),
        (["npz:a.npz", "MODEL", "--output=o.npz", "--convention=coc"], "unknown convention 'coc'"),
        (
            ["npz:a.npz", "MODEL", "--output=o.npz", "--convention=h36m_17", "--option=convention=coco_17"],
            "--convention=h36m_17 and --option=convention=coco_17: give one of them",
        ),
        (
            ["mediapipe:a.npz", "MODEL", "--output=o.npz", "--convention=h36m_17"],
            "--convention=h36m_17: mediapipe:a.npz says itself whose joints it holds",
        ),
        (["npz:a.npz", "MODEL", "--output=o.npz", "--convention=h36m_17", "--split=test"], "no rows of split 'test'"),
        (["npz:a.npz", "MODEL", "--output=o.npz", "--convention=h36m_17", "--poses_2d=detected"], "no detected 2D"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(refuses, model, tmp_path, arguments, message):
    save(tmp_path / "a.npz")
    (tmp_path / "folder").mkdir()
    assert message in refuses(*(model if argument == "MODEL" else argument for argument in arguments))


def test_a_bundle_of_another_convention_is_refused(refuses, tmp_path):
    facts = json.loads((small_lifting_bundle() / "metadata.json").read_text())
    (tmp_path / "bundle").mkdir()
    facts |= {"convention": "coco_17", "keypoints": ["nose"]}
    (tmp_path / "bundle" / "metadata.json").write_text(json.dumps(facts))
    save(tmp_path / "a.npz")
    assert "export it without --convention" in refuses("npz:a.npz", "--model=bundle", "--output=o.npz")


def test_the_command_starts_fast_and_without_tensorflow(tmp_path):
    """1,000 poses in under a second of the processor's time, imports included."""
    save(tmp_path / "a.npz", keypoints(1000))
    script = (
        "import sys, time; from tf_elepose import lift\nfrom tf_elepose.cli import commands\n"
        f"sys.argv = ['lift', {str(tmp_path / 'a.npz')!r}, '--convention=h36m_17', '--model={small_lifting_bundle()}', "
        f"'--output={tmp_path / 'new.npz'}']\n"
        "try: commands.run(lift.main, lift.define_flags, positional=True)\n"
        "finally: print([m for m in ('tensorflow', 'keras', 'scipy', 'PIL') if m in sys.modules], "
        "time.process_time() < 1)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[] True"


def test_the_joints_of_a_lifted_pose_are_where_their_names_say(command, model, tmp_path):
    """Ankles below, head above: the whole way from a file in another order to columns by name."""
    order = np.random.default_rng(0).permutation(17)
    joints = [H36M_17.joints[i] for i in order]
    (tmp_path / "own.yaml").write_text(json.dumps({"name": "own", "joints": joints}))
    save(tmp_path / "a.npz", keypoints(5)[:, order])
    status, _, err = command("a.npz", "--convention=own.yaml", model, "--output=out.csv", "--option=check=off")
    assert status == 0, err
    with open(tmp_path / "out.csv", newline="") as file:
        for row in csv.DictReader(file):
            assert float(row["l_ankle_y"]) > 0 > float(row["head_y"]) and float(row["root_y"]) == 0
