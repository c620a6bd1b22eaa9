"""The training command: mistakes are one line and leave nothing; a stopped run goes on as if it had not stopped."""

import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import small_runs

from tf_elepose import depth_sign, files, train
from tf_elepose.data.readers.views import write_views
from tf_elepose.data.shards import write_shards
from tf_elepose.methods.base import Prediction
from tf_elepose.methods.elepose import ElePose
from tf_elepose.skeletons import H36M_17
from tf_elepose.training import checkpoint, workdir
from tf_elepose.training.metric_log import read_metric_log


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.py").write_text(small_runs.CONFIG)
    (tmp_path / "files.py").write_text(small_runs.CONFIG_ON_FILES)
    return small_runs.Command(train, monkeypatch, capsys)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with files.py, views.npz and a run trained on it to its end, and what the command printed."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "files.py").write_text(small_runs.CONFIG_ON_FILES)
    write_views(folder / "views.npz", small_runs.small_recording())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        small_runs.let_pass(patch)
        patch.setattr(sys, "argv", ["train", *_on_views("run")])
        with pytest.raises(SystemExit) as stopped:
            train.commands.run(train.main, train.define_flags)
        assert not stopped.value.code
    return folder


def _on_views(workdir):
    return ("--config=files.py", f"--workdir={workdir}", "--config.data=views:views.npz")


@pytest.fixture
def on_views(command, finished, monkeypatch):
    """The command with the config of `finished`, in its folder."""
    monkeypatch.chdir(finished)
    small_runs.let_pass(monkeypatch)

    def call(workdir, *arguments):
        return command(*_on_views(workdir), *arguments)

    call.refuses = lambda workdir, *arguments: command.refuses(*_on_views(workdir), *arguments)
    return call


# ---- mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("skeleton=h36m_18", "h36m_18"),
        ("skeleton=missing.yaml", "missing.yaml"),
        ("method=unposed", "unknown method 'unposed'; expected one of elepose"),
        ("data=video:a.mp4", "unknown source 'video:a.mp4': expected one of synthetic, views:PATH"),
        ("data=views:gone.npz", "unknown option cameras, frames, subjects, takes"),
        ("poses_2d=guessed", "guessed"),
        ("bone_prior=guess", "unknown bone_prior 'guess'; expected skeleton or estimate"),
        ("normalization.rule=image", "unknown normalisation rule 'image'; expected one of dataset, clip, pose"),
        ("normalization.distance=-1.0", "distance must be a positive number; got -1.0"),
        ("strategy=cluster", "unknown strategy 'cluster'"),
        ("strategy=multi_worker", "needs the environment variable TF_CONFIG"),
        ("normalization.distance=1.0", "distance must be over 1.0, the nearest; got 1.0"),
        ("seed=-1", "seed must be at least 0 and below 2^31 - 1; got -1"),
        ("prior.bases=35", "expected 1 to 34 bases for 34 coordinates; got 35"),
        ("prior.bases=-1", "got -1"),
        ("prior.held_out=1.0", "held_out must lie between 0 and 1; got 1.0"),
        ("prior.blocks=0", "blocks must be at least 1; got 0"),
        ("prior.width=-8", "width must be at least 1; got -8"),
        ("prior.layers=-1", "layers must be at least 0; got -1"),
        ("prior.noise=-0.5", "noise must be at least 0; got -0.5"),
        ("prior.batch_size=33", "batch_size must be even and at least 2; got 33"),
        ("prior.batch_size=0", "batch_size must be even and at least 2; got 0"),
        ("prior.batch_size=1000", "batch_size 1000 is larger than the data: "),
        ("prior.epochs=-1.0", "epochs must be positive; got -1.0"),
        ("prior.optimizer.schedule=linear", "unknown schedule 'linear'; expected one of constant, cosine"),
        ("prior.optimizer.schedule=steps", "schedule 'steps' takes ['epochs', 'factor']"),
        ("lifter.arch=wide", "unknown lifter architecture 'wide'; expected one of code, paper"),
        ("lifter.elevation=guessed", "unknown elevation 'guessed'; expected one of predicted, fixed"),
        ("lifter.precision=float8", "float8"),
        ("lifter.width=0", "0"),
        ("lifter.likelihood_ceiling=-1.0", "likelihood_ceiling must be at least 0; got -1.0"),
        ("lifter.term_weights.bone=nan", "expected finite term weights"),
        ("lifter.batch_size=31", "batch_size must be even and at least 2; got 31"),
        ("lifter.batch_size=1000", "batch_size 1000 is larger than the data: 240 poses"),
        ("lifter.epochs=nan", "epochs must be positive; got nan"),
        ("lifter.optimizer.learning_rate=0.0", "learning_rate must be positive; got 0.0"),
        ("lifter.optimizer.clip_norm=-1.0", "clip_norm must not be negative; got -1.0"),
        ("lifter.optimizer.average_decay=1.0", "average_decay must be at least 0 and below 1; got 1.0"),
        ("loop.steps_per_call=0", "steps_per_call must be positive; got 0"),
        ("loop.checkpoint_every=-5", "checkpoint_every must be positive; got -5"),
        ("prior.evaluate_every=0", "evaluate_every must be positive; got 0"),
        ("lifter.widht=8", "widht"),
        ("lifter.width=wide", "invalid literal for int()"),
        ("lifter.width=1.5", "invalid literal for int()"),
    ],
)
def test_a_wrong_setting_is_one_line_and_leaves_no_folder(command, tmp_path, override, message):
    assert message in command.refuses("--config=small.py", "--workdir=run", f"--config.{override}")
    assert not (tmp_path / "run").exists()


def test_a_missing_or_foreign_data_file(command, tmp_path):
    common = ("--config=files.py", "--workdir=run")
    assert command.refuses(*common, "--config.data=views:gone.npz") == "views file gone.npz: no such file"
    line = command.refuses(*common, "--config.data=views:small.py")
    assert line.startswith("views file small.py: not a readable .npz archive")
    assert not (tmp_path / "run").exists()


def _rewritten(recording, path, **changes):
    """A views file of `recording` with some fields changed; None leaves one out."""
    write_views(path, recording)
    arrays = {**files.read_npz(path), **changes}
    files.write_npz(path, {name: array for name, array in arrays.items() if array is not None})


def _with_infinity(poses):
    poses = poses.copy()
    poses[5, 2, 1] = np.inf
    return poses


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (lambda r: {"poses_2d": r.poses_2d[:, :16]}, "poses_2d: expected shape [320, 17, 2]; got [320, 16, 2]"),
        (lambda r: {"poses_2d": r.poses_2d[..., :1]}, "poses_2d: expected shape [320, 17, 2]"),
        (lambda r: {"poses_2d": r.poses_2d[:-1]}, "expected shape [319"),
        (lambda r: {"poses_2d": _with_infinity(r.poses_2d)}, "poses_2d: expected numbers within 1e+06 px; row 5"),
        (lambda r: {"poses_2d": np.full_like(r.poses_2d, 7.0)}, "every head lies on its root"),
        (lambda r: {"clip": None}, "missing clip"),
        (lambda r: {"subject": np.full(len(r), "S1"), "clip": np.full(len(r), "c")}, "at least 2 training clips"),
        (lambda r: {"split": np.full(len(r), "test")}, "train"),
        (lambda r: {"split": np.where(np.arange(len(r)) % 64 == 0, "train", "test")}, "larger than the data"),
        (lambda r: {"keypoints": np.array("dancer_17")}, "dancer_17"),
    ],
)  # fmt: skip
def test_wrong_data_are_one_line_and_leave_no_folder(command, tmp_path, changes, message):
    recording = small_runs.small_recording()
    _rewritten(recording, tmp_path / "views.npz", **changes(recording))
    line = command.refuses(*_on_views("run"))
    assert message in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("del config.lifter.arch", "missing lifter.arch"),
        ("del config.lifter", "missing lifter.arch, lifter.batch_size, "),
        ("config.lifter.widht = 8", "unknown lifter.widht"),
        ("config.subjects = 3; del config.seed", "unknown subjects; missing seed"),
        ("config.loop.evaluate_every = 40", "unknown loop.evaluate_every"),
        ("del config.prior; config.prior = 3", "unknown prior; missing prior.bases, "),
    ],
)
def test_a_config_file_has_every_setting_and_no_other(command, tmp_path, line, message):
    text = small_runs.CONFIG.replace("return config", f"config.unlock(); {line}\n    return config")
    (tmp_path / "other.py").write_text(text)
    told = command.refuses("--config=other.py", "--workdir=run")
    assert told.startswith(f"config settings: {message}")
    assert told.endswith("; tf_elepose/default_config.py has all there are")
    assert not (tmp_path / "run").exists()


def test_a_config_file_with_what_its_choices_do_not_take(command, tmp_path):
    """The names of these settings depend on the reader and the schedule."""
    for old, new, message in (
        ("subjects=4", "crowd=4", "unknown option crowd; options are seed, subjects"),
        ("    return", "    config.prior.optimizer.decay = 0.5\n    return", "schedule 'cosine' takes"),
        ("    return", "    del config.lifter.optimizer.clip_norm\n    return", "an optimizer lacks clip_norm"),
    ):
        text = small_runs.CONFIG.replace(old, new)
        assert text != small_runs.CONFIG
        (tmp_path / "options.py").write_text(text)
        assert message in command.refuses("--config=options.py", "--workdir=run")
        (tmp_path / "options.py").unlink()
        assert not (tmp_path / "run").exists()


def test_a_skeleton_without_legs_has_no_knees_to_train(command, tmp_path):
    bare = {**H36M_17.to_dict(), "name": "bare", "legs": [], "arms": []}
    files.write_json(tmp_path / "bare.json", bare)
    arguments = ("--config=small.py", "--workdir=run", "--config.skeleton=bare.json", *small_runs.SHORT)
    line = command.refuses(*arguments)
    assert line == "skeleton 'bare' names no legs: give them, or set term_weights.knees to 0"
    assert not (tmp_path / "run").exists()
    arguments = (*arguments, "--config.lifter.term_weights.knees=0.0")
    status, out, err = command(*arguments)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert "knees_forward_share" not in metrics and "elbows_forward_share" not in metrics
    # With the truth known, it alone decides.
    assert (status, metrics["depth_sign"]) in ((0, "right"), (2, depth_sign.sign_verdict(metrics))), err
    assert "the skeleton names no legs or arms" in (out if status == 0 else err)


def test_a_workdir_that_cannot_be_one(command, tmp_path):
    (tmp_path / "file").write_text("something")
    assert "file" in command.refuses("--config=small.py", "--workdir=file")
    assert "file" in command.refuses("--config=small.py", "--workdir=file/run")
    assert (tmp_path / "file").read_text() == "something"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(command, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o555)
    assert "locked" in command.refuses("--config=small.py", "--workdir=locked/run")


def test_too_large_a_learning_rate_is_told_and_the_good_checkpoint_stays(command, tmp_path):
    text = small_runs.CONFIG.replace(
        "    return config",
        "    options = {'learning_rate': 1e-3, 'schedule': 'exponential', 'decay': 1e12}\n"
        "    kept = {key: config.prior.optimizer[key] for key in ('weight_decay', 'clip_norm', 'average_decay')}\n"
        "    config.prior.optimizer = config_dict.create(**options, **kept)\n"
        "    return config",
    )
    (tmp_path / "rising.py").write_text(text)
    every = ("--config.loop.checkpoint_every=5", "--config.loop.steps_per_call=5")
    for _ in range(2):  # Again: from the good checkpoint into the same trouble.
        line = command.refuses("--config=rising.py", "--workdir=run", *every)
        assert re.fullmatch(r"training stopped: nll not finite in step [5-9]", line)
    steps = sorted(path.name for path in (tmp_path / "run" / "prior").iterdir())
    assert steps == ["step-000000005.npz"]
    kept = checkpoint.read_checkpoint(tmp_path / "run" / "prior" / "step-000000005.npz")
    assert all(np.all(np.isfinite(array)) for array in kept.arrays.values())
    rows = read_metric_log(tmp_path / "run" / "metrics.jsonl")
    assert [row["step"] for row in rows if row["phase"] == "prior"] == [5]
    assert not (tmp_path / "run" / "model.npz").exists()


def test_a_learning_rate_of_1e9_names_the_terms(command, tmp_path):
    line = command.refuses(
        "--config=small.py", "--workdir=run", *small_runs.SHORT, "--config.lifter.optimizer.learning_rate=1e9"
    )
    terms, _, steps = line.removeprefix("training stopped: ").partition(" not finite in ")
    assert set(terms.split(", ")) <= {"likelihood", "bone", "lifting", "deformation", "reprojection", "knees"}
    assert steps.startswith("step ") and not (tmp_path / "run" / "model.npz").exists()


def test_shards_are_trained_on_as_they_are(command, tmp_path, monkeypatch):
    small_runs.let_pass(monkeypatch)
    recording = small_runs.small_recording()
    write_shards([recording], tmp_path / "shards", shards=3, seed=0)
    arguments = ("--config=files.py", "--workdir=run", "--config.data=shards:shards")
    assert "no data_options, hidden_joints 0" in command.refuses(*arguments, "--config.hidden_joints=0.1")
    assert "wanted 'h36m_17_elepose'" in command.refuses(*arguments, "--config.skeleton=h36m_17_elepose")
    assert not (tmp_path / "run").exists()
    status, out, err = command(*arguments, *small_runs.SHORT)
    assert status == 0 and "PA-MPJPE" in out, err
    facts = files.read_json(tmp_path / "run" / "data.json")
    assert (facts["training_poses"], facts["source"]) == (240, "shards shards")


# ---- a run to its end ----------------------------------------------------------------------------------------------


def test_a_finished_run_holds_what_it_should(finished):
    run = finished / "run"
    assert {path.name for path in run.iterdir()} == {
        "config.json", "data.json", "completer", "prior", "lifter", "events", "metrics.jsonl", "metrics.json",
        "model.npz", "lock",
    }  # fmt: skip
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["depth_sign"] == "right" and metrics["split"] == "test" and metrics["poses"] == 80
    assert metrics["source"] == "views:views.npz" and metrics["versions"]["tensorflow"]
    assert not list(run.rglob("*.partial"))
    rows = read_metric_log(run / "metrics.jsonl")
    assert {row["phase"] for row in rows} == {"completer", "prior", "lifter"}
    assert rows[-1]["step"] == 80 and "pa_mpjpe_mm" in rows[-1]


def test_a_finished_run_again_says_so_and_changes_nothing(on_views, finished):
    before = small_runs.contents(finished / "run")
    status, out, err = on_views("run")
    assert (status, out) == (0, "") and err.endswith("run: already trained; nothing to do\n")
    assert small_runs.contents(finished / "run") == before


def test_a_workdir_of_other_settings_is_refused_and_unchanged(on_views, finished):
    before = small_runs.contents(finished / "run")
    line = on_views.refuses("run", "--config.seed=3", "--config.lifter.width=8")
    assert line == "run: holds a run with other settings: lifter.width was 16, now 8; seed was 0, now 3; " \
        "use another --workdir"  # fmt: skip
    assert "skeleton was 'h36m_17', now 'h36m_17_elepose'" in on_views.refuses(
        "run", "--config.skeleton=h36m_17_elepose"
    )
    assert small_runs.contents(finished / "run") == before


def test_a_workdir_of_other_data_is_refused_and_unchanged(on_views, finished):
    before = small_runs.contents(finished / "run")
    views = (finished / "views.npz").read_bytes()
    try:
        write_views(finished / "views.npz", small_runs.small_recording(frames=9))
        assert "run: was started on other data (training_poses differs from" in on_views.refuses("run")
        write_views(finished / "views.npz", small_runs.small_recording(seed=1))
        assert "run: was started on other data (normalizer differs from" in on_views.refuses("run")
    finally:
        (finished / "views.npz").write_bytes(views)
    assert small_runs.contents(finished / "run") == before


@pytest.fixture
def trained(finished, tmp_path):
    """A run that has only to be evaluated."""
    shutil.copytree(finished / "run", tmp_path / "run")
    (tmp_path / "run" / "model.npz").unlink()
    (tmp_path / "run" / "metrics.json").unlink()
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("without_truth", "with_truth", "verdict"),
    [
        ("right", "mirrored", "mirrored"),
        ("mirrored", "right", "mirrored"),  # The training poses have to agree.
        ("mixed", "unknown", "mixed"),  # No truth: they alone decide.
        ("mirrored", "unclear", "unclear"),
        ("unknown", "mixed", "mixed"),
    ],
)
def test_depths_of_the_wrong_sign_are_measured_but_leave_no_model(
    on_views, trained, monkeypatch, without_truth, with_truth, verdict
):
    seen = []

    def judge(summary):
        seen.append(summary)
        return with_truth if "pa_mpjpe_mm" in summary else without_truth

    monkeypatch.setattr(depth_sign, "sign_verdict", judge)
    status, out, err = on_views(trained)
    assert status == 2 and "PA-MPJPE" in out  # What is wrong can be looked at.
    last = err.splitlines()[-1]
    assert last.startswith(f"error: the depths are {verdict} (training poses: ") and "The model was not saved" in last
    assert "% of knees and " in last and "Traceback" not in err
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["depth_sign"] == verdict and metrics["split"] == "test" and metrics["poses"] == 80
    assert not (trained / "model.npz").exists()
    assert sorted(("pa_mpjpe_mm" in summary, summary["poses"]) for summary in seen) == [(False, 240), (True, 80)]
    status, _, err = on_views(trained)  # Again: the same, without training.
    assert status == 2 and err.splitlines()[-1] == last


@pytest.mark.parametrize(
    ("without_truth", "with_truth", "verdict"),
    [("right", "unknown", "right"), ("unknown", "right", "right"), ("unknown", "unknown", "unknown")],
)
def test_what_can_be_judged_decides(on_views, trained, monkeypatch, without_truth, with_truth, verdict):
    monkeypatch.setattr(
        depth_sign, "sign_verdict", lambda summary: with_truth if "pa_mpjpe_mm" in summary else without_truth
    )
    status, out, err = on_views(trained)
    assert status == 0 and f"depths are {verdict}: " in out, err
    assert json.loads((trained / "metrics.json").read_text())["depth_sign"] == verdict
    assert (trained / "model.npz").exists()


@pytest.mark.parametrize(("sign", "status", "verdict"), [(1.0, 0, "right"), (-1.0, 2, "mirrored")])
def test_true_depths_are_right_and_turned_round_they_are_mirrored(
    command, finished, trained, monkeypatch, sign, status, verdict
):
    """The whole check, with the truth in the lifter's place."""
    monkeypatch.chdir(finished)
    truth = small_runs.small_recording()

    def predict(self, image, seen):
        place = {one.tobytes(): row for row, one in enumerate(self.normalizer.apply(truth.poses_2d)[0])}
        poses = truth.poses_3d[[place[one.tobytes()] for one in image]]
        turned = (poses - poses[:, :1]) / 1000 * np.float32([1, 1, sign])
        return Prediction(turned, None, np.ones(len(image), bool), image)

    monkeypatch.setattr(ElePose, "predict_normalized", predict)
    got, _, err = command(*_on_views(trained))
    assert got == status, err
    assert json.loads((trained / "metrics.json").read_text())["depth_sign"] == verdict
    assert (trained / "model.npz").exists() == (status == 0)


def test_a_workdir_is_trained_in_by_one_process_at_a_time(on_views, finished, tmp_path):
    shutil.copytree(finished / "run", tmp_path / "run")
    with workdir.exclusive(tmp_path / "run"):
        assert on_views.refuses(tmp_path / "run") == f"{tmp_path}/run: another process is training in this workdir"


# ---- stopping and going on -----------------------------------------------------------------------------------------


def _model(run):
    return {name: array for name, array in files.read_npz(run / "model.npz").items() if array.dtype.kind == "f"}


def _require_same_training(run, reference):
    assert small_runs.largest_difference(_model(run), _model(reference)) <= 1e-6
    for row in (rows := read_metric_log(run / "metrics.jsonl")):
        row["kind"] = "figures" if {"pa_mpjpe_mm", "held_out_nll", "held_out_error"} & set(row) else "terms"
    keys = [(row["phase"], row["kind"], row["step"]) for row in rows]
    assert len(set(keys)) == len(keys)
    phases = [row["phase"] for row in rows]
    stages = ["completer", "prior", "lifter"]
    assert phases == sorted(phases, key=stages.index)
    for phase in stages:
        steps = [row["step"] for row in rows if row["phase"] == phase]
        assert steps == sorted(steps)


def test_stopped_twice_it_ends_as_if_it_had_not(on_views, finished, monkeypatch, tmp_path):
    run = tmp_path / "stopped here"
    with monkeypatch.context() as patch:
        small_runs.stop_after(patch, 2)  # In the prior.
        status, out, err = on_views(run)
        last = err.splitlines()[-1]
        command = last.partition("To go on: ")[2]
        assert (status, out) == (143, "") and last.startswith("stopped by SIGTERM; everything is saved.")
        assert shlex.split(command) == ["python", "-m", "tf_elepose.train", *_on_views(run)]
    with monkeypatch.context() as patch:
        small_runs.stop_after(patch, 3, signal.SIGINT)  # In the lifter: the prior has one call left.
        status, _, err = on_views(run)
        assert status == 130 and "stopped by SIGINT" in err, err
        assert list((run / "lifter").iterdir()) and not (run / "model.npz").exists()
    # A stop between two of the usual moments to save is saved all the same, and damage is survived.
    newest = sorted((run / "lifter").glob("step-*.npz"))[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    status, out, err = on_views(run)
    assert status == 0 and "PA-MPJPE" in out
    _require_same_training(run, finished / "run")
    assert (
        json.loads((run / "metrics.json").read_text())["pa_mpjpe_mm"]
        == json.loads((finished / "run" / "metrics.json").read_text())["pa_mpjpe_mm"]
    )


def test_when_no_checkpoint_can_be_read_it_does_not_start_again(on_views, monkeypatch, tmp_path):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        small_runs.stop_after(patch, 2)
        assert on_views(run)[0] == 143
    for path in (run / "prior").iterdir():
        path.write_bytes(os.urandom(1000))
    before = small_runs.contents(run / "prior")
    assert "checkpoints can be read; move them away to start from the beginning" in on_views.refuses(run)
    assert small_runs.contents(run / "prior") == before


@pytest.fixture
def full_disk(tmp_path):
    """A folder on a disk of 128 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no small disk can be made: {error}")
    if done.returncode:
        pytest.skip(f"no small disk can be made: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_what_was_saved_stays(on_views, full_disk):
    line = on_views.refuses(full_disk / "run")
    assert str(full_disk / "run") in line and "No space left on device" in line
    for path in (full_disk / "run").rglob("step-*.npz"):
        checkpoint.read_checkpoint(path)
    assert not list(full_disk.rglob("*.partial"))


def test_a_write_that_fails_is_one_line_and_what_was_saved_stays(on_views, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))  # The prior's checkpoints fit, the lifter's do not.
    try:
        line = on_views.refuses(tmp_path / "run", *small_runs.SHORT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "lifter/step-" in line and "cannot be written: File too large" in line
    assert list((tmp_path / "run" / "prior").glob("step-*.npz"))
    assert not list((tmp_path / "run").rglob("*.partial")) and not list((tmp_path / "run" / "lifter").glob("*.npz"))


def test_sigterm_to_the_process_and_the_same_command_again(on_views, finished, tmp_path):
    run = tmp_path / "run"
    root = os.path.dirname(os.path.dirname(train.__file__))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    process = subprocess.Popen(
        [sys.executable, "-m", "tf_elepose.train", *_on_views(run)],
        cwd=finished, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        deadline = time.monotonic() + 120
        while process.poll() is None and not list(run.glob("prior/step-*.npz")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (143, ""), err
    last = err.splitlines()[-1]
    assert last == "stopped by SIGTERM; everything is saved. To go on: python -m tf_elepose.train " + shlex.join(
        _on_views(run)
    )
    status, out, err = on_views(run)
    assert status == 0 and "PA-MPJPE" in out, err
    _require_same_training(run, finished / "run")
