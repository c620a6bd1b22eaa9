"""A LInKs run: four stages, a prior of two halves, and what is refused before anything is written."""

import dataclasses

import numpy as np
import pytest
import small_runs

from tf_elepose import default_config
from tf_elepose.data.missing import hide_half
from tf_elepose.recipes.links.run import LinksRun
from tf_elepose.recipes.links.settings import from_config
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training.checkpoint import Checkpointer
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.strategy import make_strategy

pytest_plugins = ("quick_completer", "outside_graphs")
pytestmark = pytest.mark.usefixtures("quick_completer")


@pytest.fixture(scope="module")
def recording():
    return small_runs.small_recording()


def _settings(**changes):
    config = default_config.get_links_config()
    config.prior.update(bases=8, held_out=0.2, blocks=2, width=8, layers=1)
    for stage in (config.completer, config.prior, config.lifter, config.filler):
        stage.update(width=8, batch_size=32, epochs=2.0, evaluate_every=8)
        if "precision" in stage:
            stage.precision = "float32"
    config.lifter.starts = 1
    config.loop.update(steps_per_call=8, checkpoint_every=8)
    config.update_from_flattened_dict(changes)
    return from_config(config)


FEW_STEPS = {
    **{f"{stage}.epochs": 0.5 for stage in ("completer", "prior", "lifter", "filler")},
    "loop.steps_per_call": 2,
    "loop.checkpoint_every": 2,
}
"""Each stage has two calls."""


def _run(folder, recording, settings):
    return LinksRun(folder, LinksRun.prepare(recording, settings), settings, make_strategy("one_device"))


def _trained(folder, recording, settings):
    with StopRequest() as stop:
        return _run(folder, recording, settings).run(None, stop)


def test_fillers_are_trained_last_and_go_on_where_they_were_stopped(outside_graphs, recording, tmp_path, monkeypatch):
    monkeypatch.setattr(LinksRun, "watch", lambda self: {})
    settings = _settings(**FEW_STEPS)
    small_runs.stop_after(monkeypatch, 7)  # Of two calls a stage: in the middle of the fillers' stage.
    assert _trained(tmp_path, recording, settings) is None
    stopped = {stage: Checkpointer(tmp_path / stage).latest() for stage in ("lifter", "filler")}
    assert [stopped[stage].step for stage in stopped] == [4, 2]
    method = _trained(tmp_path, recording, settings)
    assert {path.name for path in tmp_path.iterdir()} == {"completer", "prior", "lifter", "filler"}
    for name, variable in method.saved_variables().items():
        stage = next((stage for stage in stopped if name in stopped[stage].arrays), None)
        if stage is not None:  # Averages: what is evaluated and stored.
            before = stopped[stage].arrays[f"average/{name}"]
            assert np.array_equal(np.asarray(variable), before) == (stage == "lifter"), name
    whole = recording.of_split("test").poses_2d
    halves = hide_half(recording.of_split("test"), "torso")
    there = list(H36M_17.indices(H36M_17.halves["legs"]))
    lifted = method.predict(halves.poses_2d, seen=halves.view("gt").seen)
    assert lifted.valid.all()
    np.testing.assert_allclose(lifted.poses_3d[:, there], method.predict(whole).poses_3d[:, there], atol=1e-6)


@pytest.mark.parametrize(("bases", "groups"), [(8, (3, 5)), (26, (10, 16)), (0, (12, 20))])
def test_bases_are_shared_out_by_joints(recording, tmp_path, bases, groups):
    """Six joints of sixteen are of the legs."""
    run = _run(tmp_path, recording, _settings(**{"prior.bases": bases}))
    assert run.model.prior.groups == groups
    legs = [2 * joint + axis for joint in H36M_17.indices(H36M_17.halves["legs"]) for axis in (0, 1)]
    basis = run.model.prior.basis.numpy()
    assert not np.delete(basis[: groups[0]], legs, axis=1).any() and not basis[groups[0] :, legs].any()


def test_without_filler_epochs_there_are_no_fillers(recording, tmp_path):
    run = _run(tmp_path, recording, _settings(**{"filler.epochs": 0.0}))
    assert [stage.name for stage in run.stages] == ["completer", "prior", "lifter"] and not run.model.fillers


def test_a_skeleton_without_legs_and_negative_epochs_are_refused(recording, tmp_path):
    legless = dataclasses.replace(H36M_17, name="legless", legs=())
    with pytest.raises(ValueError, match="'legless' names no legs"):
        _run(tmp_path, dataclasses.replace(recording, skeleton=legless), _settings())
    with pytest.raises(ValueError, match=r"filler.epochs must not be negative; got -1"):
        _settings(**{"filler.epochs": -1.0})
