"""The training command: what a run leaves, and that a stopped one goes on as if it had not stopped."""

import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import small_models
import small_runs
from same_training import require_same_training

from tf_elepose import train
from tf_elepose.data.readers.views import write_views
from tf_elepose.evaluation import depth_sign
from tf_elepose.methods.elepose import ElePose
from tf_elepose.motion.prediction import Prediction
from tf_elepose.storage import files
from tf_elepose.training import checkpoint, workdir
from tf_elepose.training.loop import Loop
from tf_elepose.training.metric_log import read_metric_log

pytest_plugins = ("train_fixtures", "outside_graphs")


# ---- a run to its end ----------------------------------------------------------------------------------------------


def test_a_finished_run_has_all_its_files(finished):
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


def test_repeating_a_finished_run_changes_nothing(on_views, finished):
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
def trained(finished, tmp_path, monkeypatch):
    """A run that has only to be evaluated, and that none of these tests looks closely at."""
    small_models.solve_quickly(monkeypatch)
    shutil.copytree(finished / "run", tmp_path / "run")
    (tmp_path / "run" / "model.npz").unlink()
    (tmp_path / "run" / "metrics.json").unlink()
    return tmp_path / "run"


@pytest.fixture(scope="module")
def finish(finished, tmp_path_factory):
    """The command's last part as a function of the workdir: a run that was trained once is evaluated and judged."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    shutil.copytree(finished / "run", folder)
    (folder / "model.npz").unlink()
    kept = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(finished)
        small_models.solve_quickly(patch)
        last_part = train._finish
        patch.setattr(train, "_finish", lambda workdir, *arguments: kept.extend(arguments))
        patch.setattr(sys, "argv", ["train", *small_runs.on_views_arguments(folder)])
        with pytest.raises(SystemExit) as stopped:
            train.commands.run(train.main, train.define_flags)
        assert not stopped.value.code
    return lambda workdir, keep_mirrored=False: last_part(workdir, *kept[:-1], keep_mirrored)


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
    finish, tmp_path, monkeypatch, capsys, without_truth, with_truth, verdict
):
    seen = []

    def judge(summary):
        seen.append(summary)
        return with_truth if "pa_mpjpe_mm" in summary else without_truth

    monkeypatch.setattr(depth_sign, "sign_verdict", judge)
    with pytest.raises(
        ValueError, match=rf"the depths are {verdict} \(training poses: .*The model was not saved"
    ) as told:
        finish(tmp_path)
    assert "% of knees and " in str(told.value) and "--keep_mirrored" in str(told.value)
    assert "PA-MPJPE" in capsys.readouterr().out  # What is wrong can be looked at.
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["depth_sign"] == verdict and metrics["split"] == "test" and metrics["poses"] == 80
    assert not (tmp_path / "model.npz").exists()
    assert sorted(("pa_mpjpe_mm" in summary, summary["poses"]) for summary in seen) == [(False, 240), (True, 80)]


def test_a_model_of_the_wrong_sign_is_kept_on_request_under_a_name_that_says_so(
    finish, finished, tmp_path, monkeypatch
):
    monkeypatch.setattr(depth_sign, "sign_verdict", lambda summary: "mixed")
    with pytest.raises(ValueError, match=r"The model was saved as .*model\.mixed\.npz; try another seed"):
        finish(tmp_path, keep_mirrored=True)
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.json", "model.mixed.npz"}
    kept, info = workdir.load_model_and_info(tmp_path / "model.mixed.npz")
    right, _ = workdir.load_model_and_info(finished / "run")
    assert info["depth_sign"] == "mixed"
    pixels = small_runs.small_recording().poses_2d[:3]
    np.testing.assert_array_equal(kept.predict(pixels).poses_3d, right.predict(pixels).poses_3d)
    with pytest.raises(
        ValueError, match=r"because its depths are mixed; --keep_mirrored saved it as .*model\.mixed\.npz"
    ):
        workdir.load_model(tmp_path)


def test_a_run_of_the_wrong_sign_says_the_same_when_it_is_run_again(on_views, trained, monkeypatch):
    small_runs.let_pass(monkeypatch, "mirrored")
    monkeypatch.setattr(Loop, "run", lambda *_: pytest.fail("it trained again"))
    results = [on_views(trained) for _ in range(2)]
    assert [status for status, _, _ in results] == [2, 2] and not (trained / "model.npz").exists()
    first, again = (err.splitlines()[-1] for _, _, err in results)
    assert again == first and first.startswith("error: the depths are mirrored ")
    assert all("PA-MPJPE" in out and "Traceback" not in err for _, out, err in results)


@pytest.mark.parametrize(
    ("without_truth", "with_truth", "verdict"),
    [("right", "unknown", "right"), ("unknown", "right", "right"), ("unknown", "unknown", "unknown")],
)
def test_the_verdict_comes_from_the_joints_that_can_be_judged(
    finish, tmp_path, monkeypatch, capsys, without_truth, with_truth, verdict
):
    monkeypatch.setattr(
        depth_sign, "sign_verdict", lambda summary: with_truth if "pa_mpjpe_mm" in summary else without_truth
    )
    finish(tmp_path)
    assert f"depths are {verdict}: " in capsys.readouterr().out
    assert json.loads((tmp_path / "metrics.json").read_text())["depth_sign"] == verdict
    assert (tmp_path / "model.npz").exists()


@pytest.mark.parametrize(("sign", "status", "verdict"), [(1.0, 0, "right"), (-1.0, 2, "mirrored")])
def test_true_depths_are_right_and_turned_round_they_are_mirrored(
    command, finished, trained, monkeypatch, sign, status, verdict
):
    """The whole check, with the truth in the lifter's place."""
    monkeypatch.chdir(finished)
    truth = small_runs.small_recording()

    def predict(self, image, seen, confidence=None):
        place = {one.tobytes(): row for row, one in enumerate(self.normalizer.apply(truth.poses_2d)[0])}
        poses = truth.poses_3d[[place[one.tobytes()] for one in image]]
        turned = (poses - poses[:, :1]) / 1000 * np.float32([1, 1, sign])
        return Prediction(turned, None, np.ones(len(image), bool), image)

    monkeypatch.setattr(ElePose, "predict_normalized", predict)
    got, _, err = command(*small_runs.on_views_arguments(trained))
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
    require_same_training(_model(reference), _model(run), small_runs.LARGEST_RATE)
    for row in (rows := read_metric_log(run / "metrics.jsonl")):
        row["kind"] = "figures" if {"pa_mpjpe_mm", "held_out_nll", "held_out_error"} & set(row) else "terms"
    keys = [(row["phase"], row["kind"], row["step"]) for row in rows]
    assert len(set(keys)) == len(keys)
    stages = ["completer", "prior", "lifter"]
    assert (phases := [row["phase"] for row in rows]) == sorted(phases, key=stages.index)
    for phase in stages:
        steps = [row["step"] for row in rows if row["phase"] == phase]
        assert steps == sorted(steps)


def _sigterm_in_the_prior(folder, run):
    """Exit status, output and messages of the command as a process that gets SIGTERM while it trains the prior."""
    root = os.path.dirname(os.path.dirname(train.__file__))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    process = subprocess.Popen(
        [sys.executable, "-m", "tf_elepose.train", *small_runs.on_views_arguments(run)],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        deadline = time.monotonic() + 600
        while process.poll() is None and not list(run.glob("prior/step-*.npz")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def test_a_run_stopped_twice_ends_like_an_uninterrupted_one(on_views, finished, monkeypatch, tmp_path):
    run = tmp_path / "stopped here"
    status, out, err = _sigterm_in_the_prior(finished, run)
    assert (status, out) == (143, ""), err
    opening, _, command = err.splitlines()[-1].partition("To go on: ")
    assert opening == "stopped by SIGTERM; everything is saved. "
    assert shlex.split(command) == ["python", "-m", "tf_elepose.train", *small_runs.on_views_arguments(run)]
    with monkeypatch.context() as patch:
        small_runs.stop_after(patch, 3, signal.SIGINT)  # In the lifter: the prior has at most one call left.
        status, _, err = on_views(run)
        assert status == 130 and "stopped by SIGINT" in err, err
        assert list((run / "lifter").iterdir()) and not (run / "model.npz").exists()
    # A stop between two of the usual moments to save is saved all the same, and damage is survived.
    newest = sorted((run / "lifter").glob("step-*.npz"))[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    status, out, err = on_views(run)
    assert status == 0 and "PA-MPJPE" in out
    _require_same_training(run, finished / "run")
    now, then = (json.loads((one / "metrics.json").read_text()) for one in (run, finished / "run"))
    assert now["pa_mpjpe_mm"] == pytest.approx(then["pa_mpjpe_mm"], rel=1e-4)


def test_a_run_without_a_readable_checkpoint_does_not_start_again(on_views, monkeypatch, tmp_path):
    small_models.solve_quickly(monkeypatch)
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


def test_a_full_disk_is_one_line_and_what_was_saved_stays(on_views, full_disk, monkeypatch):
    small_models.solve_quickly(monkeypatch)
    line = on_views.refuses(full_disk / "run")
    assert str(full_disk / "run") in line and "No space left on device" in line
    for path in (full_disk / "run").rglob("step-*.npz"):
        checkpoint.read_checkpoint(path)
    assert not list(full_disk.rglob("*.partial"))


def test_a_write_that_fails_is_one_line_and_what_was_saved_stays(outside_graphs, on_views, tmp_path, monkeypatch):
    small_models.solve_quickly(monkeypatch)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))  # The prior's checkpoints fit, the lifter's do not.
    try:
        line = on_views.refuses(tmp_path / "run", *small_runs.SHORT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "lifter/step-" in line and "cannot be written: File too large" in line
    assert list((tmp_path / "run" / "prior").glob("step-*.npz"))
    assert not list((tmp_path / "run").rglob("*.partial")) and not list((tmp_path / "run" / "lifter").glob("*.npz"))
