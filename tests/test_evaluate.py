"""The evaluation command: figures, files, and one line for what is wrong."""

import dataclasses
import importlib.util
import json
import os
import shutil

import numpy as np
import pytest
import small_models
import small_runs
from stick_people import turning

from tf_elepose import evaluate
from tf_elepose.data.readers.views import write_views
from tf_elepose.evaluation.evaluation import PROTOCOL_JOINTS
from tf_elepose.storage import files
from tf_elepose.training import workdir

TRAINED = {"date": "2026-01-02", "versions": {"python": "3.11", "numpy": "2.4"}, "training_seconds": 2.0}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with views.npz and a workdir whose model is as it was before training."""
    folder = tmp_path_factory.mktemp("trained")
    write_views(folder / "views.npz", small_runs.small_recording())
    method, _ = small_models.small_elepose()
    config = {
        "data": "synthetic",
        "poses_2d": "gt",
        "seed": 3,
        "data_options": {"subjects": 4, "takes": 1, "frames": 8, "cameras": 2},
    }
    workdir.claim(folder / "run", config)
    workdir.save_model(folder / "run" / "model.npz", method, TRAINED)
    rows = [{"step": 1, "loss": 1.0}]  # Some other program's line, of no phase.
    rows += [{"step": step, "phase": phase, "loss": 1.0 / step} for phase in ("prior", "lifter") for step in (1, 2, 3)]
    (folder / "run" / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def command(trained, monkeypatch, capsys):
    monkeypatch.chdir(trained)
    return small_runs.Command(evaluate, monkeypatch, capsys)


def test_the_command_prints_a_table_and_writes_figures_and_report(command, trained, tmp_path):
    before = small_runs.contents(trained)
    status, out, err = command(
        "--workdir=run", "--likelihood_views=2", f"--output={tmp_path}/new/metrics.json", f"--figures={tmp_path}/report"
    )
    assert status == 0 and "PA-MPJPE" in out and out.lower().count("depth sign: ") == 1
    values = files.read_json(tmp_path / "new" / "metrics.json")
    assert (values["poses"], values["split"], values["data"], values["poses_2d"]) == (80, "test", "synthetic", "gt")
    assert values["model"] == "run" and values["versions"] and "nll_mean" in values
    assert err.splitlines()[-1] == f"report: {tmp_path}/report/index.html"
    page = (tmp_path / "report" / "index.html").read_text()
    assert "ElePose on synthetic" in page and "lifter" in page
    trained_with = "date: 2026-01-02\nversions: python 3.11, numpy 2.4\ntraining seconds: 2.0"
    assert f'<th scope="row">Trained</th><td class="fact">{trained_with}</td>' in page
    evaluated = page[page.index("Evaluated</th>") :]
    assert values["date"][:10] in evaluated and "2026-01-02" not in evaluated and "{" not in evaluated
    assert small_runs.contents(trained) == before  # What is evaluated is not changed.


def test_the_same_data_from_a_file_give_the_same_figures(command, tmp_path):
    for name, data in (("a", "synthetic"), ("b", "views:views.npz")):
        status, _, _ = command(
            "--workdir=run",
            "--likelihood_views=0",
            f"--data={data}",
            "--split=train",
            f"--output={tmp_path}/{name}.json",
        )
        assert status == 0
    a, b = (files.read_json(tmp_path / f"{name}.json") for name in "ab")
    assert a["poses"] == 240 and "nll_mean" not in a
    numbers = [name for name, value in a.items() if isinstance(value, float)]
    np.testing.assert_allclose([a[name] for name in numbers], [b[name] for name in numbers], rtol=1e-6)


def test_without_a_test_split_the_training_rows_are_measured(command, trained, tmp_path):
    arrays = files.read_npz(trained / "views.npz")
    files.write_npz(tmp_path / "views.npz", arrays | {"split": np.full(len(arrays["split"]), "train")})
    status, _, _ = command(
        "--workdir=run", "--likelihood_views=0", f"--data=views:{tmp_path}/views.npz", f"--output={tmp_path}/all.json"
    )
    values = files.read_json(tmp_path / "all.json")
    assert (status, values["split"], values["poses"]) == (0, "train", len(arrays["split"]))


def test_detections_and_ground_truth_have_their_own_figures(command, tmp_path):
    common = ("--workdir=run", "--likelihood_views=0")
    assert command(*common, "--poses_2d=detected", f"--output={tmp_path}/detected.json")[0] == 0
    assert command(*common, f"--output={tmp_path}/gt.json")[0] == 0
    detected, gt = (files.read_json(tmp_path / f"{name}.json") for name in ("detected", "gt"))
    assert detected["poses_2d"] == "detected" and detected["pa_mpjpe_mm"] != gt["pa_mpjpe_mm"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--workdir=nowhere", "nowhere"),
        ("--workdir=views.npz", "expected a model written by tf_elepose.train; this file is something else"),
        ("--workdir=run --split=validation", "no rows of split 'validation'; splits here are test, train"),
        ("--workdir=run --data=video:a.mp4", "unknown source 'video:a.mp4'"),
        ("--workdir=run --data=views:gone.npz", "views file gone.npz: no such file"),
        ("--workdir=run --poses_2d=guessed", "guessed"),
        ("--workdir=run --likelihood_views=-1", "--likelihood_views must not be negative; got -1"),
        ("--workdir=run --likelihood_views=0 --output=views.npz/x.json", "views.npz"),
        ("run", "workdir"),
    ],
)
def test_an_error_is_one_line(command, trained, arguments, message):
    before = small_runs.contents(trained)
    status, _, err = command(*arguments.split())
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert status == 2 and len(errors) == 1 and message in errors[0] and "Traceback" not in err
    assert small_runs.contents(trained) == before


def test_an_unfinished_run_is_refused(command, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    line = command.refuses(f"--workdir={tmp_path}/run")
    assert line == f"{tmp_path}/run: expected a finished run with a model.npz; train it to its end first"


@pytest.mark.parametrize("kind", ["truncated", "random", "another", "empty"])
def test_a_damaged_model_is_refused(command, trained, tmp_path, kind):
    shutil.copytree(trained / "run", tmp_path / "run")
    path = tmp_path / "run" / "model.npz"
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:-50])
    elif kind == "another":
        shutil.copy(trained / "views.npz", path)
    else:
        path.write_bytes(os.urandom(3000) if kind == "random" else b"")
    line = command.refuses(f"--workdir={tmp_path}/run")
    assert line.startswith(f"{path}: ")


def test_a_missing_or_damaged_config_is_refused(command, trained, tmp_path):
    shutil.copytree(trained / "run", tmp_path / "run")
    config = tmp_path / "run" / "config.json"
    config.write_text('{"data": ')
    assert "config.json: not valid JSON" in command.refuses(f"--workdir={tmp_path}/run")
    config.unlink()
    assert "config.json: expected a file" in command.refuses(f"--workdir={tmp_path}/run")


def test_an_unknown_convention_is_refused(command, trained, tmp_path):
    recording = small_runs.small_recording()
    write_views(tmp_path / "views.npz", recording)
    arrays = files.read_npz(tmp_path / "views.npz") | {"keypoints": np.array("dancer_17")}
    files.write_npz(tmp_path / "views.npz", arrays)
    assert "unknown convention 'dancer_17'" in command.refuses("--workdir=run", f"--data=views:{tmp_path}/views.npz")


def test_a_report_without_matplotlib_is_one_line(monkeypatch, capsys, tmp_path):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else found(name))
    line = small_runs.Command(evaluate, monkeypatch, capsys).refuses(f"--workdir={tmp_path}", "--figures=report")
    assert "--figures needs matplotlib" in line and "tf_elepose[report]" in line


def test_missing_joints_are_reported_and_poses_that_cannot_be_lifted_counted(command, trained, tmp_path):
    """This model was not taught to complete poses: those with a hidden joint are not lifted."""
    recording = small_runs.small_recording()
    visible = np.ones(recording.poses_2d.shape[:2], bool)
    visible[recording.split == "test", 5] = np.arange(80) % 4 > 0
    write_views(tmp_path / "views.npz", dataclasses.replace(recording, visible=visible))
    arguments = ("--workdir=run", f"--data=views:{tmp_path}/views.npz", "--likelihood_views=0")
    status, out, err = command(*arguments, f"--output={tmp_path}/m.json", f"--figures={tmp_path}/report")
    values = files.read_json(tmp_path / "m.json")
    assert status == 0 and "Poses not lifted" in out, err
    assert (values["poses"], values["invalid_poses"], values["hidden_joints"]) == (60, 20, 0.0)
    line = command.refuses(*arguments, "--hidden_joints=3")
    assert line.endswith("none of 80 poses can be lifted: too few joints are seen")


def test_where_the_2d_poses_come_from_is_said_as_far_as_it_is_known():
    recording = turning()
    seen = np.ones(recording.poses_2d.shape[:2])
    assert evaluate.origin_of(recording, "gt") == "gt"
    alone = dataclasses.replace(recording, poses_3d=None)
    assert evaluate.origin_of(alone, "gt") == "given"
    assert evaluate.origin_of(dataclasses.replace(alone, confidence=seen), "gt") == "detected"
    both = dataclasses.replace(recording, poses_2d_detected=recording.poses_2d, confidence=seen)
    assert [evaluate.origin_of(both, kind) for kind in ("gt", "detected")] == ["gt", "detected"]


def test_a_protocol_counts_its_joints_only(command, tmp_path):
    figures = {}
    for joints in ("mpi_inf_3dhp", ",".join(PROTOCOL_JOINTS["mpi_inf_3dhp"]), None):
        chosen = [f"--joints={joints}"] if joints else []
        assert command("--workdir=run", "--likelihood_views=0", f"--output={tmp_path}/m.json", *chosen)[0] == 0
        figures[joints] = files.read_json(tmp_path / "m.json")["pa_mpjpe_mm"]
    protocol, named, every = figures.values()
    assert protocol == named != every
    assert "has no joint 'tail'" in command.refuses("--workdir=run", "--joints=head,tail")
