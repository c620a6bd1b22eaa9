"""Files that earlier versions wrote are still read, and give the same answers."""

import json
import shutil
import sys

import golden_answers
import numpy as np
import pytest
from golden_answers import FOLDER, HEIGHT_MM
from in_process import Command

import tf_elepose
from tf_elepose import evaluate, train
from tf_elepose.methods.registry import METHODS

UNIT = 1e-5
"""The tolerance of numbers of about one: lengths in body sizes (one, or HEIGHT_MM), entries of rotations, radians.
Processors that add in another order differ by up to 1e-6."""

# How far an answer may be off, absolutely and as a share.
TOLERANCES = {
    "poses_3d": (UNIT, 0.0),
    "rotation": (UNIT, 0.0),
    "image": (UNIT / 10, 0.0),  # Seen from a distance of 10.
    "elevation": (np.rad2deg(UNIT), 0.0),
    "percentile": (100 * UNIT, 0.0),
    "likelihood": (0.0, UNIT),  # Nats, some 50.
    "method": None,
    "valid": None,
}

# Figures that count what is under a threshold, or ranks: one pose that changes place is more than a rounding error.
COUNTED = ("pck_150", "auc_150", "cps", "knees_forward_share", "elbows_forward_share", "nll_pa_spearman")


@pytest.fixture(scope="module")
def given():
    return golden_answers.read("inputs.npz")


@pytest.fixture(scope="module")
def expected():
    """{subject: {name: values}}"""
    found = {}
    for name, values in golden_answers.read("expected.npz").items():
        subject, _, answer = name.partition(":")
        found.setdefault(subject, {})[answer] = values
    return found


def test_every_method_has_a_golden_model(expected):
    assert {str(answers["method"]) for answers in expected.values() if "method" in answers} >= set(METHODS)


def test_of_everything_that_lies_here_it_is_known_what_it_says(expected):
    assert sorted(golden_answers.subjects()) == sorted(expected)
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    files = {name for name in files if "__pycache__" not in name and not name.startswith("workdir/")}
    own = {"README.md", "make_golden.py", "test_golden.py", "inputs.npz", "expected.npz", "bundle/metadata.json"}
    assert files == own | (set(expected) - {"workdir"})


def test_expected_answers_are_worth_comparing(expected):
    for subject, answers in expected.items():
        assert answers["lift/complete/valid"].all(), subject
        assert np.std(answers["lift/complete/poses_3d"], axis=0)[1:].min() > 1.0, subject  # mm
    for subject in ("models/elepose.npz", "workdir", "bundle/tflite/lift_all_float32_batch.tflite"):
        assert expected[subject]["lift/missing/valid"].sum() == 23  # Of 24: one shows too little.
        assert np.ptp(expected[subject]["lift/complete/percentile"]) > 20


@pytest.mark.parametrize("subject", golden_answers.subjects())
def test_it_says_what_it_said(subject, given, expected):
    said = golden_answers.answers(subject, given)
    assert sorted(said) == sorted(expected[subject])
    for name, then in expected[subject].items():
        kind = "likelihood" if "likelihood" in name else name.rpartition("/")[2]
        assert (said[name].dtype, said[name].shape) == (then.dtype, then.shape), name
        if TOLERANCES[kind] is None:
            np.testing.assert_array_equal(said[name], then, err_msg=name)
            continue
        absolute, share = TOLERANCES[kind]
        size = HEIGHT_MM if kind == "poses_3d" and name.startswith("lift/") else 1.0
        np.testing.assert_allclose(said[name], then, atol=absolute * size, rtol=share, err_msg=name)


def _require_figures(now, then):
    """The figures of `now` are those that `then` has under the same names."""
    for name, figure in now.items():
        if isinstance(figure, dict):
            _require_figures(figure, then[name])
        elif isinstance(figure, float):
            assert figure == pytest.approx(then[name], rel=1e-3 if name in COUNTED else UNIT), name
        else:
            assert figure == then[name], name


def _measured(path):
    """The figures of a metrics.json, without how they came to be."""
    made = ("date", "hardware", "versions", "commit", "training_seconds")
    return {name: figure for name, figure in json.loads(path.read_text()).items() if name not in made}


def test_evaluation_of_the_workdir_gives_the_figures_that_training_ended_with(monkeypatch, capsys, tmp_path):
    command = Command(evaluate, monkeypatch, capsys, tensorflow=True)
    output = tmp_path / "metrics.json"
    status, _, err = command(f"--workdir={FOLDER / 'workdir'}", f"--output={output}", "--likelihood_views=0")
    assert status == 0, err
    then, now = _measured(FOLDER / "workdir" / "metrics.json"), _measured(output)
    common = {name: figure for name, figure in now.items() if name in then}
    assert common.keys() >= {"poses", "pa_mpjpe_mm", "n_mpjpe_mm", "elevation_correlation", "depth_sign", "by_action"}
    _require_figures(common, then)


def test_training_goes_on_in_the_workdir(monkeypatch, capsys, tmp_path):
    """Without its model, which is made again from the checkpoints: of the same settings and the same data."""
    workdir = tmp_path / "workdir"
    shutil.copytree(FOLDER / "workdir", workdir)
    settings = json.loads((workdir / "config.json").read_text())
    (tmp_path / "config.py").write_text(
        f"from ml_collections import config_dict\n\n\ndef get_config():\n"
        f"    return config_dict.ConfigDict({settings!r})\n"
    )
    for name in ("model.npz", "metrics.json"):
        (workdir / name).unlink()
    command = Command(train, monkeypatch, capsys, tensorflow=True)
    status, _, err = command(f"--config={tmp_path / 'config.py'}", f"--workdir={workdir}")
    assert status == 0, err
    then, now = _measured(FOLDER / "workdir" / "metrics.json"), _measured(workdir / "metrics.json")
    assert now.keys() >= then.keys()  # There may be a new figure.
    _require_figures({name: now[name] for name in then}, then)
    log = (FOLDER / "workdir" / "metrics.jsonl").read_text()
    assert (workdir / "metrics.jsonl").read_text() == log  # Nothing was trained.
    with np.load(FOLDER / "workdir" / "model.npz") as then, np.load(workdir / "model.npz") as now:
        assert now.files == then.files
        for name in set(then.files) - {"__model__"}:
            np.testing.assert_allclose(now[name], then[name], rtol=UNIT, atol=UNIT / 10, err_msg=name)


# LInKs has ElePose's terms, and supervised lifting a single one.
@pytest.mark.parametrize("name", sorted(METHODS.keys() - {"links", "supervised"}))
def test_models_of_before_load_when_the_objective_has_a_new_term(name, monkeypatch):
    """A model knows nothing of the terms that it was trained with."""
    module = sys.modules[METHODS[name].model_class().__module__]
    monkeypatch.setattr(module, "TERMS", (*module.TERMS, "new"))
    assert tf_elepose.load_model(FOLDER / "models" / f"{name}.npz").name == name
