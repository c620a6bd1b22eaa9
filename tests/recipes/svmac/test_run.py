"""An SVMAC run: from a recording to a model, stopped and resumed, and what is refused before anything is written."""

import dataclasses
import pathlib

import numpy as np
import pytest
import small_runs
from same_training import require_same_training
from samples import h36m

from tf_elepose import default_config, train
from tf_elepose.data.missing import hide_joints
from tf_elepose.methods import wasserstein
from tf_elepose.recipes.svmac.run import SvmacRun
from tf_elepose.recipes.svmac.settings import from_config
from tf_elepose.storage import files
from tf_elepose.training import workdir
from tf_elepose.training.checkpoint import Checkpointer
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.metric_log import MetricLog, read_metric_log
from tf_elepose.training.strategy import make_strategy

ROOT = pathlib.Path(__file__).parents[3]

pytest_plugins = ("outside_graphs",)
RATE = 1e-3


def _config(epochs=6.0, **generator):
    config = default_config.get_svmac_config()
    config.strategy = "one_device"
    config.generator.update(
        width=16, critic_width=16, critic_bases=8, precision="float32", batch_size=32, epochs=epochs,
        evaluate_every=100, batch_norm=True, dropout=0.1, **generator,
    )  # fmt: skip
    config.generator.optimizer.update(learning_rate=RATE, average_decay=0.9)
    config.loop.update(steps_per_call=10, checkpoint_every=10)
    return config


def _new_run(folder, recording, settings):
    return SvmacRun(folder, SvmacRun.prepare(recording, settings), settings, make_strategy("one_device"))


def _run(folder, recording, config):
    return _new_run(folder, recording, from_config(config))


def _trained(folder, recording, config, log=None):
    run = _run(folder, recording, config)
    with StopRequest() as stop:
        return run.run(log, stop)


@pytest.fixture(scope="module")
def recording():
    return small_runs.small_recording()


@pytest.fixture(scope="module")
def whole_and_stopped(recording, tmp_path_factory):
    """Both models of a whole run of two critic updates a step and of one that was stopped after two thirds and went on;
    the arrays of both last checkpoints; those of the checkpoint where the second was stopped; and the log of the first.
    """
    folder, config = tmp_path_factory.mktemp("whole_and_stopped"), _config(epochs=0.4, critic_steps=2)
    config.loop.update(steps_per_call=1, checkpoint_every=1)
    recording = dataclasses.replace(recording, poses_3d=None)  # Nothing is learnt from the truth.
    folder.joinpath("whole").mkdir()

    def arrays(name):
        return Checkpointer(folder / name / "generator").latest().arrays

    with small_runs.eagerly(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(wasserstein, "LEAST_DISTANCE", -10.0)  # Some steps of a toy: it need not be healthy.
        with MetricLog(folder / "whole" / "metrics.jsonl") as log:
            whole = _trained(folder / "whole", recording, config, log)
        with pytest.MonkeyPatch.context() as stopping, StopRequest() as stop:
            run = _run(folder / "stopped", recording, config)
            assert run.stages[0].steps == 3
            small_runs.stop_after(stopping, 2)
            assert run.run(None, stop) is None
        before = arrays("stopped")
        resumed = _trained(folder / "stopped", recording, config)
    rows = [row for row in read_metric_log(folder / "whole" / "metrics.jsonl") if "loss" in row]
    return (whole, resumed), (arrays("whole"), arrays("stopped")), before, rows


def test_the_critic_learns_until_the_end(whole_and_stopped):
    """Also with several updates a step: a schedule counts updates."""
    _, (last, _), before, _ = whole_and_stopped
    moved = [np.abs(before[name] - values).max() for name, values in last.items() if name.startswith("critic/")]
    assert max(moved) > 1e-4


def test_a_stopped_run_ends_like_an_uninterrupted_one(recording, tmp_path, whole_and_stopped):
    """Moving statistics, the critic and both optimizers come back."""
    (whole, resumed), (last, last_of_resumed), *_ = whole_and_stopped
    assert any(name.startswith("critic/") for name in last) and last.keys() == last_of_resumed.keys()
    require_same_training(last, last_of_resumed, RATE)
    assert any(name.endswith("moving_mean") for name in whole.saved_variables())
    require_same_training(whole.saved_variables(), resumed.saved_variables(), RATE)
    workdir.save_model(tmp_path / "model.npz", whole, {})
    pixels = recording.of_split("test").poses_2d
    np.testing.assert_array_equal(workdir.load_model(tmp_path).predict(pixels).poses_3d, whole.predict(pixels).poses_3d)


def test_no_true_poses_are_needed_without_supervision_and_the_critics_health_is_logged(whole_and_stopped):
    (whole, _), *_, rows = whole_and_stopped
    assert whole is not None and len(rows) == 3
    for row in rows:
        assert {"wasserstein", "critic_slope", "critic_gradient_norm", "adversarial", "camera"} <= set(row)
        assert 0.3 < row["critic_slope"] < 3 and row["critic_gradient_norm"] > 0


def test_a_critic_that_diverges_stops_the_run_and_the_checkpoints_stay(outside_graphs, recording, tmp_path):
    config = _config(critic_rate=3e4)
    config.loop.update(steps_per_call=2, checkpoint_every=2)
    with pytest.raises(ValueError, match=r"training stopped: (the critic diverged|.* not finite)"):
        _trained(tmp_path, recording, config)


def test_the_two_networks_learn_at_their_own_rates(recording, tmp_path):
    run = _run(tmp_path, recording, _config(critic_rate=3.0))
    optimizers = run.stages[0]._optimizers
    rates = {name: float(optimizer.learning_rate) for name, optimizer in optimizers.items()}
    assert rates["critic"] == pytest.approx(3.0 * rates["generator"])
    assert {(float(o.beta_1), float(o.beta_2)) for o in optimizers.values()} == {(0.7, 0.9)}


def test_a_share_of_the_truth_is_learnt_from(recording, tmp_path):
    config = _config(epochs=1.0)
    config.supervised_share = 0.1
    run = _run(tmp_path, recording, config)
    known = np.any(run.stages[0]._loop._arrays["pose"].numpy() != 0, axis=(1, 2))
    assert known.sum() == 24  # Of 240.
    assert run._objective.term_weights["supervision"] == pytest.approx(10.0 * config.generator.term_weights.supervision)
    assert "supervision" not in _run(tmp_path, recording, _config())._objective.term_weights


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (lambda r: hide_joints(r, 2, seed=0), {}, "240 of 240 training poses lack joints; this method is trained on"),
        (lambda r: dataclasses.replace(r, poses_3d=None), {"supervised_share": 0.1}, "has no poses_3d"),
        (lambda r: r, {"supervised_share": 1e-6}, "supervised_share: expected over 0 and up to 1, of 240 poses"),
        (lambda r: r, {"bases": 35}, "expected 1 to 34 bases"),
        (lambda r: r, {"generator_batch_size": 2000}, "batch_size 2000 is larger than the data: 240 poses"),
    ],
)
def test_unusable_data_and_settings_are_refused_before_anything_is_written(
    recording, tmp_path, data, settings, message
):
    changed = dataclasses.replace(from_config(_config()), **settings)
    with pytest.raises(ValueError, match=message):
        _new_run(tmp_path / "run", data(recording), changed)
    assert not (tmp_path / "run").exists()


def test_the_papers_config_trains_on_files_in_human36ms_layout(tmp_path, monkeypatch, capsys):
    (tmp_path / "data").mkdir()
    source, _ = h36m.write(tmp_path / "data")
    small_runs.let_pass(monkeypatch)  # People who all stand: their depths are nothing to judge.
    sizes = {"width": 16, "critic_width": 16, "critic_bases": 4, "batch_size": 8, "epochs": 1}
    status, _, err = small_runs.Command(train, monkeypatch, capsys)(
        f"--config={ROOT / 'configs' / 'svmac_h36m.py'}", f"--workdir={tmp_path / 'run'}", f"--config.data={source}",
        "--option=every=1", "--option=cameras=[]",
        *(f"--config.generator.{name}={value}" for name, value in sizes.items()),
    )  # fmt: skip
    assert status == 0, err
    assert np.isfinite(files.read_json(tmp_path / "run" / "metrics.json")["pa_mpjpe_mm"])
