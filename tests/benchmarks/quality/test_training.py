"""Claims: a row in several tables is trained once; the end of a training is a result or an error."""

import json
import pathlib

import pytest

from benchmarks.quality import shown, training
from benchmarks.quality.rows import Row
from benchmarks.quality.tables import TABLES
from tf_elepose.data import sources

ROWS = [row for table in TABLES.values() for row in table.rows]


@pytest.fixture
def train(tmp_path, monkeypatch):
    """training.train with a command that writes `metrics` (None: no file) and ends with `status`."""

    def call(metrics, status, message=""):
        (tmp_path / "metrics.json").unlink(missing_ok=True)
        if metrics is not None:
            (tmp_path / "metrics.json").write_text(json.dumps(metrics))
        said = f"warning: x\n{message}\n"
        (tmp_path / "ending.py").write_text(f"import sys\nsys.stderr.write({said!r})\nsys.exit({status})\n")
        return training.train(Row("a row", "configs/cmu.py"), tmp_path)

    monkeypatch.setattr(training, "TRAIN", "ending")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # Python would not notice a file rewritten within a second.
    return call


def test_a_training_that_refuses_its_depths_is_a_result_and_any_other_error_stops(train):
    right, mirrored = {"pa_mpjpe_mm": 30.0, "depth_sign": "right"}, {"pa_mpjpe_mm": 99.0, "depth_sign": "mirrored"}
    refused = "error: the depths are mirrored: ..."
    assert train(right, 0) == right
    assert train(mirrored, 2, refused) == mirrored
    assert train(None, 2, refused) == train(right, 2, refused) == {"failed": refused}
    assert train(None, 2, "error: training stopped: the critic diverged") == {
        "failed": "error: training stopped: the critic diverged"
    }
    with pytest.raises(ValueError, match="a row: training ended with status 2: no such file"):
        train(mirrored, 2, "error: no such file")


def test_equal_trainings_share_a_folder_and_different_ones_do_not():
    folders = {}
    for row in ROWS:
        folders.setdefault(training.folder_of(row), set()).add((row.config, frozenset(row.arguments)))
    assert all(len(trainings) == 1 for trainings in folders.values())
    assert all(len(name) < 200 and "/" not in name for name in folders)
    first = {name: training.folder_of(TABLES[name].rows[0]) for name in ("seeds", "elevation", "lines")}
    assert set(first.values()) == {"cmu_completer.epochs-0.0"}
    full = training.folder_of(next(row for row in TABLES["ablation"].rows if "PCA + elevation" in row.label))
    assert full == training.folder_of(next(row for row in TABLES["pca"].rows if row.label == "26 bases"))


def test_other_data_and_toy_sizes_are_other_folders():
    row = ROWS[0]
    elsewhere = training.on_data(row, "views:../a/b.npz")
    toy, toy_elsewhere = training.quick(row, own_data=False), training.quick(elsewhere, own_data=False)
    folders = [training.folder_of(r) for r in (row, elsewhere, toy, toy_elsewhere)]
    assert len(set(folders)) == 4 and all("/" not in folder for folder in folders)
    assert "--config.data=synthetic" in toy.arguments
    assert "--config.data=views:../a/b.npz" in toy_elsewhere.arguments
    assert not any("synthetic" in argument for argument in toy_elsewhere.arguments)
    assert not any("synthetic" in argument for argument in training.quick(row, own_data=True).arguments)


@pytest.mark.parametrize("row", {row.config: row for row in ROWS}.values(), ids=lambda row: row.config)
def test_a_config_is_there_and_what_it_expects_can_be_shown(row):
    config = training.config_module(row.config).get_config()
    assert config.method in training.METHODS
    assert set(training.expected(row.config)) <= set(shown.COLUMNS)


@pytest.mark.parametrize("row", ROWS, ids=training.folder_of)
def test_what_a_row_changes_is_a_setting_of_its_config(row):
    config = training.config_module(row.config).get_config()
    for override in (*row.overrides, *training.quick(row, own_data=True).hidden):
        name, _, text = override.removeprefix("--config.").partition("=")
        if name == "--option":
            assert text.split("=")[0] in sources.common_options()
            continue
        *folders, last = name.split(".")
        place = config
        for folder in folders:
            place = place[folder]
        assert last in place and (isinstance(place[last], (str, bool)) or float(text) is not None), override


def test_papers_numbers_are_those_of_its_tables():
    text = pathlib.Path(__file__).parents[3] / "configs"
    for name in ("h36m", "h36m_detected", "mpi_inf_3dhp", "3dpw", "svmac_h36m", "svmac_mpi_inf_3dhp"):
        expected = training.expected(f"configs/{name}.py")
        told = (text / f"{name}.py").read_text().split("get_config")[0]
        assert expected and all(
            told.count(str(number)) >= 2 for key, number in expected.items() if key != "cps_unaligned"
        )


@pytest.mark.parametrize("name", TABLES)
def test_every_column_has_a_heading(name):
    assert set(TABLES[name].columns) <= set(shown.COLUMNS)


def test_the_rows_of_the_ablation_leave_out_the_papers_parts():
    left_out = {
        row.label: {o.removeprefix("--config.") for o in row.overrides} - {"completer.epochs=0.0", "lifter.epochs=30.0"}
        for row in TABLES["ablation"].rows
    }
    assert left_out == {
        "base": {"prior.bases=0", "lifter.elevation=fixed", "lifter.term_weights.bone=0.0"},
        "base + bones": {"prior.bases=0", "lifter.elevation=fixed"},
        "base + bones + elevation": {"prior.bases=0"},
        "base + bones + PCA": {"lifter.elevation=fixed"},
        "base + bones + PCA + elevation": set(),
    }
    assert [row.seed for row in TABLES["ablation"].rows] == [0] * 5 + [1] * 5 + [2] * 5
