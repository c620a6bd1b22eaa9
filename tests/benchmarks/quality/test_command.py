"""Claims: one command trains missing rows and writes JSON, CSV, Markdown and figures; an error is one line."""

import csv
import dataclasses
import os
import pathlib

import numpy as np
import pytest
from small_models import normalized, small_elepose
from small_runs import Command

from benchmarks.quality import __main__ as quality
from benchmarks.quality import side_by_side, tables, training, uncertainty
from tf_elepose.methods.registry import METHODS
from tf_elepose.storage import files
from tf_elepose.training import workdir

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture
def command(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    return Command(quality, monkeypatch, capsys)


@pytest.fixture
def trained(monkeypatch):
    """Replaces training: the PA-MPJPE of a row is its number; gives the list of requested rows."""
    asked = []

    def train(row, folder):
        asked.append((row, folder))
        made = {"date": "2026-01-02", "hardware": "2 x A", "versions": {"keras": "3"}, "commit": "abc"}
        return {"pa_mpjpe_mm": 20.0 + len(asked), "n_mpjpe_mm": 50.0, "training_seconds": 1.0, **made}

    monkeypatch.setattr(training, "train", train)
    return asked


def test_a_table_becomes_json_csv_markdown_and_a_figure(command, trained, tmp_path):
    status, out, _ = command("--table=ablation", f"--output={tmp_path}/runs", f"--results={tmp_path}/results")
    assert status == 0 and len(trained) == 15 and out.count("| base (") == 10  # After each row from the sixth on.
    written = {path.name for path in (tmp_path / "results").rglob("*.*")}
    assert written == {f"quality_ablation.{kind}" for kind in ("json", "csv", "md", "png")}
    results = files.read_json(tmp_path / "results" / "quality_ablation.json")
    assert [row["metrics"]["pa_mpjpe_mm"] for row in results["rows"]] == [20.0 + n for n in range(1, 16)]
    assert "training_seconds" not in results["rows"][0]["metrics"]  # They may be trained beside other work.
    with open(tmp_path / "results" / "quality_ablation.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 15
    page = (tmp_path / "results" / "quality_ablation.md").read_text()
    assert "| base (3 seeds) | 26.0 ± 5.0 |" in page and "2026-01-02, 2 x A, keras 3, commit abc" in page


def test_other_data_and_fewer_seeds(command, trained, tmp_path):
    assert (
        command("--table=pca", "--data=views:a.npz", "--seeds=1", f"--output={tmp_path}", f"--results={tmp_path}/r")[0]
        == 0
    )
    assert len(trained) == len(tables.BASES)
    assert all("--config.data=views:a.npz" in row.arguments and row.seed == 0 for row, _ in trained)
    assert len({folder for _, folder in trained}) == len(trained)


def test_ablations_on_a_papers_data_have_the_papers_config(command, trained, tmp_path):
    common = (f"--output={tmp_path}", f"--results={tmp_path}/r", "--seeds=1")
    assert command("--table=ablation", "--data=h36m:data/h36m", *common)[0] == 0
    assert {row.config for row, _ in trained} == {"configs/h36m.py"}
    by_label = {row.label: row.overrides for row, _ in trained}
    data = "--config.data=h36m:data/h36m"
    assert by_label[tables.FULL] == (data,)  # The paper's own length, and its completer as the config has it.
    off = ("--config.prior.bases=0", "--config.lifter.elevation=fixed", "--config.lifter.term_weights.bone=0.0")
    assert by_label["base"] == (*off, data)
    trained.clear()
    assert command("--table=elevation", "--config=configs/h36m_authors.py", *common)[0] == 0
    assert [(row.config, row.overrides) for row, _ in trained] == [
        ("configs/h36m_authors.py", ()), ("configs/h36m_authors.py", ("--config.lifter.elevation=fixed",)),
    ]  # fmt: skip
    told = command("--table=svmac", "--config=configs/h36m.py", *common)[2]
    assert "--config: the rows of svmac have their own configs; it is for ablation, ablation_full" in told


def test_finished_trainings_are_shown_without_training(command, trained, tmp_path):
    row = tables.TABLES["svmac"].rows[1]
    folder = tmp_path / "runs" / training.folder_of(row)
    folder.mkdir(parents=True)
    files.write_json(folder / "metrics.json", {"pa_mpjpe_mm": 57.0, "commit": "abc"})
    (tmp_path / "runs" / training.folder_of(tables.TABLES["svmac"].rows[0])).mkdir()  # Only begun.
    for table, shown in (("svmac", True), ("pca", False)):
        status, out, _ = command(
            f"--table={table}", "--finished", f"--output={tmp_path}/runs", f"--results={tmp_path}/results"
        )
        assert status == 0 and ("57.0" in out) == shown
    assert not trained and "pca: left out, none of its trainings in" in out
    (found,) = files.read_json(tmp_path / "results" / "quality_svmac.json")["rows"]
    assert (found["label"], found["seed"], found["metrics"]["pa_mpjpe_mm"]) == (row.label, row.seed, 57.0)
    assert not (tmp_path / "results" / "quality_pca.json").exists()


def test_rows_that_leave_people_out_are_not_trained_on_other_data(command, trained, tmp_path):
    named = [row for row in tables.TABLES["detections"].rows if training.names_people(row)]
    assert len(named) == 2 * len(tables.SUBJECTS)
    assert command("--table=detections", "--data=views:a.npz", f"--output={tmp_path}", f"--results={tmp_path}")[0] == 0
    assert len(trained) == len(tables.TABLES["detections"].rows) - len(named)


def test_a_papers_table_carries_its_numbers(command, trained, tmp_path):
    assert command("--table=h36m", f"--output={tmp_path}/runs", f"--results={tmp_path}")[0] == 0
    rows = files.read_json(tmp_path / "quality_h36m.json")["rows"]
    assert [row["expected"].get("pa_mpjpe_reflected_mm") for row in rows] == [36.7, 50.2, None]
    assert rows[2]["expected"] == {"pa_mpjpe_mm": 56.8}  # Of SVMAC, whose metric is another.
    assert "exact 2D, the paper" in (tmp_path / "quality_h36m.md").read_text()


def test_all_is_every_table_that_needs_no_other_data(command, trained, tmp_path):
    status, out, _ = command("--table=all", "--quick", f"--output={tmp_path}")
    assert status == 0 and "uncertainty: left out" in out  # No model was saved.
    configs = {row.config for row, _ in trained}
    assert "configs/svmac_cmu.py" in configs and "configs/h36m.py" not in configs
    assert len({folder for _, folder in trained}) == len(trained) < 40  # What tables share is asked for once.
    assert all(row.seed == 0 and row.variant == "quick" for row, _ in trained)
    assert (tmp_path / "results" / "quality_pca.json").exists()  # Not where the real ones are.


def test_mistakes_are_one_line(command, tmp_path):
    assert "expected at least 1" in command.refuses("--table=pca", "--seeds=0", f"--output={tmp_path}")
    assert "--table" in command.refuses("--table=nothing", f"--output={tmp_path}")
    assert "--jobs" in command.refuses("--table=pca", "--jobs=0", f"--output={tmp_path}")
    assert "--jobs=9999" in command.refuses("--table=pca", "--jobs=9999", f"--output={tmp_path}")


def test_tables_are_written_in_their_order_while_others_train(tmp_path):
    """Two tables share their first row; the second has all its rows before the first."""
    rows = {name: tables.TABLES[name].rows[:2] for name in ("elevation", "lines", "supervised")}
    shared, fixed, supervised = (training.folder_of(row) for row in (*rows["elevation"], rows["supervised"][0]))
    rows["supervised"] = rows["supervised"][:1]
    written = []

    def ended():
        for folder in (supervised, shared, fixed):
            yield folder, {"pa_mpjpe_mm": 30.0, "training_seconds": 2.0}
            written.append(sorted(path.stem for path in tmp_path.glob("*.json")))

    assert set(quality.write_as_they_end(rows, ended(), tmp_path, growing=False)) == {shared, fixed, supervised}
    assert written == [[], [], ["quality_elevation", "quality_lines", "quality_supervised"]]
    found = [files.read_json(tmp_path / f"quality_{name}.json")["rows"] for name in ("elevation", "lines")]
    assert [[row["label"] for row in one] for one in found] == [[row.label for row in rows[name]] for name in rows][:2]
    assert found[0][0]["metrics"] == {"pa_mpjpe_mm": 30.0, "training_seconds": 2.0}


FAKE_TRAINING = """
import json, os, pathlib, signal, sys, time

told = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
folder = pathlib.Path(told["workdir"])
print("trains")
(folder / "cores.json").write_text(json.dumps(sorted(os.sched_getaffinity(0))))

def stopped(number, frame):
    (folder / "saved").touch()
    sys.exit(143)

if "prior.bases-0" in folder.name:
    signal.signal(signal.SIGTERM, stopped)
    (folder.parent / "waits").touch()
    time.sleep(60)
if "fixed" in folder.name:
    while not (folder.parent / "waits").exists():
        time.sleep(0.02)
    sys.exit("error: no such file")
metrics = {"pa_mpjpe_mm": 31.25, "depth_sign": "right", "training_seconds": 60.0, "hardware": "1 x A",
           "date": "2026-01-02", "versions": {}}
(folder / "metrics.json").write_text(json.dumps(metrics))
"""
"""Writes metrics at once; without PCA it waits for SIGTERM, and then a fixed elevation is a mistake."""


@pytest.fixture
def two_at_a_time(command, tmp_path, monkeypatch):
    """The command with --jobs=2 and trainings that take no time."""
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    (tmp_path / "fake_training.py").write_text(FAKE_TRAINING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(training, "TRAIN", "fake_training")
    return lambda table: command(
        f"--table={table}", "--jobs=2", f"--output={tmp_path}/runs", f"--results={tmp_path}/results"
    )


def test_two_trainings_at_a_time_have_their_own_cores_and_logs(two_at_a_time, tmp_path):
    status, out, _ = two_at_a_time("seeds")
    assert status == 0
    rows = tables.TABLES["seeds"].rows
    folders = [tmp_path / "runs" / training.folder_of(row) for row in rows]
    assert [(folder / "train.log").read_text() for folder in folders] == ["trains\n"] * len(rows)
    cores = {tuple(files.read_json(folder / "cores.json")) for folder in folders}
    assert cores == {tuple(sorted(part)) for part in side_by_side.shares(2)}
    assert [out.count(f"{row.label}: begins") for row in rows] == [1] * len(rows)
    assert [out.count(f"{row.label}: PA-MPJPE 31.2 mm, 0.0 min") for row in rows] == [1] * len(rows)
    assert out.count(f"| {rows[-1].label} |") == 1  # The table once, when it is whole.
    results = files.read_json(tmp_path / "results" / "quality_seeds.json")
    assert [row["seed"] for row in results["rows"]] == [row.seed for row in rows]
    assert all(row["metrics"]["training_seconds"] == 60.0 for row in results["rows"])


def test_an_error_stops_the_other_training_and_is_the_message(two_at_a_time, tmp_path, monkeypatch):
    ablation = tables.TABLES["ablation"]
    without_pca, fixed, whole = ablation.rows[2], ablation.rows[3], ablation.rows[4]
    monkeypatch.setitem(tables.TABLES, "ablation", dataclasses.replace(ablation, rows=(without_pca, fixed, whole)))
    status, _, err = two_at_a_time("ablation")
    runs = tmp_path / "runs"
    assert status == 2 and err.splitlines()[-1].startswith(
        f"error: {fixed.label}: training ended with status 1: no such file (all of it: {runs}/"
    )
    assert (runs / training.folder_of(without_pca) / "saved").exists()
    assert not (runs / training.folder_of(whole)).exists()
    assert not (tmp_path / "results").exists()


def test_a_rehearsal_trains_on_built_in_data(command, tmp_path, monkeypatch):
    """Trains an even smaller row with the real command."""
    ablation = tables.TABLES["ablation"]
    monkeypatch.setitem(tables.TABLES, "ablation", dataclasses.replace(ablation, rows=ablation.rows[:1]))
    least = {"width": 16, "batch_size": 32, "epochs": 0.1}
    sizes = {f"{part}.{key}": value for part in ("prior", "lifter") for key, value in least.items()}
    toy = dataclasses.replace(METHODS["elepose"], quick={"completer.epochs": 0.0, "lifter.starts": 1, **sizes})
    monkeypatch.setitem(METHODS, "elepose", toy)
    data = tuple(f"--option={option}" for option in ("subjects=4", "takes=1", "frames=8", "cameras=2"))
    monkeypatch.setattr(training, "QUICK_DATA", data)
    assert command("--table=ablation", "--quick", f"--output={tmp_path}")[0] == 0
    (base,) = files.read_json(tmp_path / "results" / "quality_ablation.json")["rows"]
    assert base["metrics"]["prior_dimensions"] == 32 and base["metrics"]["prior_variance_share"] == 1.0  # No PCA.
    assert base["metrics"]["source"] == "synthetic" and base["metrics"]["pa_mpjpe_mm"] > 0


def test_uncertainty_is_measured_as_evaluate_and_lift_do(tmp_path):
    method, _ = small_elepose()
    method.measure_likelihood(normalized(64)[0])
    options = {"subjects": 4, "takes": 1, "frames": 8, "cameras": 2}
    config = {"data": "synthetic", "poses_2d": "gt", "seed": 3, "min_confidence": 0.0, "data_options": options}
    workdir.claim(tmp_path / "run", config)
    made = {"date": "2026-01-02", "hardware": "2 x A", "versions": {"keras": "3"}}
    workdir.save_model(tmp_path / "run" / "model.npz", method, made)
    results, evaluation, recording = uncertainty.measure(tmp_path / "run")
    summary, (random, fixed, perfect) = evaluation.summary(), results["uncertainty"]
    assert random["pa_mpjpe_refused_20_mm"] == summary["pa_mpjpe_refused_20_mm"]
    assert random["nll_pa_spearman"] == pytest.approx(summary["nll_pa_spearman"])
    assert perfect["nll_pa_spearman"] == 1.0 and np.isfinite(fixed["nll_pa_spearman"])
    assert perfect["pa_mpjpe_refused_30_mm"] <= min(random["pa_mpjpe_refused_30_mm"], fixed["pa_mpjpe_refused_30_mm"])
    assert results["poses"] == len(recording) == 80 and results["trained"] == made
    assert sum(band["poses_percent"] for band in results["bands"]) == pytest.approx(100.0)
