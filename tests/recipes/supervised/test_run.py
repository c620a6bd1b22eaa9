"""A supervised run: from a recording to a model, and what is refused before anything is written."""

import dataclasses

import numpy as np
import pytest
import small_runs
from same_training import require_same_training

from tf_elepose import default_config
from tf_elepose.data.missing import hide_joints
from tf_elepose.data.synthetic import synthesize
from tf_elepose.recipes.supervised.run import SupervisedRun
from tf_elepose.recipes.supervised.settings import from_config
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training.evaluator import evaluate_method
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.strategy import make_strategy

pytest_plugins = ("outside_graphs",)
RATE = 5e-3


def _config(**lifter):
    config = default_config.get_supervised_config()
    config.strategy = "one_device"
    config.lifter.update(width=32, precision="float32", batch_size=32, evaluate_every=100, **lifter)
    config.lifter.optimizer.update(learning_rate=RATE, average_decay=0.9)
    config.loop.update(steps_per_call=20, checkpoint_every=20)
    return config


def _run(folder, recording, config):
    settings = from_config(config)
    return SupervisedRun(folder, SupervisedRun.prepare(recording, settings), settings, make_strategy("one_device"))


def _trained(folder, recording, config, stop_after=None):
    run = _run(folder, recording, config)
    with StopRequest() as stop:
        return run.run(None, stop)


def test_detections_are_learnt_from_as_they_are(tmp_path):
    recording = synthesize(H36M_17, subjects=4, takes=1, frames=16, cameras=2)
    config = _config()
    config.poses_2d = "detected"
    run = _run(tmp_path, recording, config)
    trained_on, data = run.stages[0]._loop._arrays, run._data
    as_they_are, _ = data.normalizer.apply(recording.of_split("train").poses_2d_detected)
    np.testing.assert_allclose(trained_on["image"], as_they_are, atol=1e-6)
    assert data.is_denoised and np.abs(data.image - as_they_are).max() > 1e-2


def test_a_supervised_run_learns_to_lift(tmp_path):
    recording = synthesize(H36M_17, subjects=4, takes=2, frames=16, cameras=2)
    method = _trained(tmp_path, recording, _config(epochs=20.0))
    summary = evaluate_method(method, recording.of_split("test")).summary()
    assert summary["pa_mpjpe_mm"] < 0.6 * summary["flat_pa_mpjpe_mm"] and summary["depth_correlation"] > 0.8
    assert {path.name for path in tmp_path.iterdir()} == {"lifter"}


def test_a_stopped_run_ends_like_an_uninterrupted_one(outside_graphs, tmp_path, monkeypatch):
    recording, config = small_runs.small_recording(), _config(epochs=0.8)
    config.loop.update(steps_per_call=2, checkpoint_every=2)
    whole = _trained(tmp_path / "whole", recording, config)
    small_runs.stop_after(monkeypatch, 2)
    assert _trained(tmp_path / "stopped", recording, config) is None
    monkeypatch.undo()
    resumed = _trained(tmp_path / "stopped", recording, config)
    require_same_training(whole.saved_variables(), resumed.saved_variables(), RATE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: dataclasses.replace(r, poses_3d=None), "has no poses_3d; supervised learning needs"),
        (lambda r: hide_joints(r, 2, seed=0), "240 of 240 training poses lack joints; this method is trained on"),
        (lambda r: r.select(r.split == "test"), "no rows of split 'train'"),
        (lambda r: r.select(np.arange(0, len(r), 32)), "batch_size 32 is larger than the data"),
    ],
)
def test_unusable_data_and_settings_are_refused_before_anything_is_written(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        _run(tmp_path / "run", change(small_runs.small_recording()), _config())
    assert not (tmp_path / "run").exists()
