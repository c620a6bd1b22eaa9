"""A student learns from its teacher's poses, and mistakes are reported before anything is trained."""

import dataclasses
import json

import numpy as np
import pytest
import small_models
from ml_collections import config_dict

from tf_elepose import default_config
from tf_elepose.data.missing import hide_joints
from tf_elepose.data.synthetic import synthesize
from tf_elepose.recipes import registry
from tf_elepose.recipes.distilled.run import DistilledRun
from tf_elepose.recipes.distilled.settings import from_config
from tf_elepose.skeleton.skeletons import H36M_17, H36M_17_ELEPOSE
from tf_elepose.training import workdir
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.metric_log import MetricLog
from tf_elepose.training.strategy import make_strategy

pytest_plugins = ("quick_completer",)
pytestmark = pytest.mark.usefixtures("quick_completer")


@pytest.fixture(scope="module")
def recording():
    return synthesize(H36M_17, subjects=4, takes=1, frames=8, cameras=2)


@pytest.fixture
def teacher(tmp_path):
    return saved(tmp_path / "teacher")


def saved(folder, rule="pose", **options):
    options = {"completer": small_models.small_completer()} | options
    method, _ = small_models.small_elepose(rule, noise=0.02, **options)
    method.density.elevation_mean.assign(-0.2)
    method.density.elevation_deviation.assign(0.1)
    folder.mkdir()
    workdir.save_model(folder / "model.npz", method, {})
    return folder


def config(teacher):
    made = default_config.get_distilled_config()
    made.teacher = str(teacher)
    made.student.update({"width": 16, "depth": 1, "batch_size": 8, "epochs": 8.0, "evaluate_every": 10})
    made.student.precision = "float32"
    made.prior.update({"blocks": 1, "width": 6, "batch_size": 8, "epochs": 2.0, "evaluate_every": 10})
    made.loop.update({"steps_per_call": 5, "checkpoint_every": 10})
    return made


RARELY = {"steps_per_call": 20, "checkpoint_every": 400}
"""For runs that are not stopped."""


def run(folder, recording, teacher, **changes):
    stated = config(teacher)
    stated.update(config_dict.ConfigDict(changes))
    registry.require_known_settings(stated)
    settings = from_config(stated)
    return DistilledRun(folder, DistilledRun.prepare(recording, settings), settings, make_strategy("one_device"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, recording):
    """A run, its student, the error and the prior's negative log-likelihood before it, and its teacher."""
    folder = tmp_path_factory.mktemp("trained")
    teacher = saved(folder / "teacher")
    made = run(folder / "run", recording, teacher, prior={"epochs": 40.0, "evaluate_every": 400}, loop=RARELY)
    before = made.watch()["pa_mpjpe_mm"], nll_of(made.model, recording)
    with StopRequest() as stop:
        return made, made.run(None, stop), before, teacher


def test_the_saved_student_equals_the_trained_one(tmp_path, recording, trained):
    made, student, (before, _), _ = trained
    assert student.name == "distilled" and student.density.elevation_mean.numpy() == pytest.approx(-0.2)
    assert np.all(np.diff(student.likelihood_quantiles) >= 0)
    assert made.watch()["pa_mpjpe_mm"] != before
    workdir.save_model(tmp_path / "model.npz", student, {})
    again = workdir.load_model(tmp_path / "model.npz")
    pixels = recording.poses_2d[:4]
    np.testing.assert_array_equal(again.predict(pixels).poses_3d, student.predict(pixels).poses_3d)
    assert json.dumps(made.facts)


def test_the_students_prior_is_smaller_learns_the_same_poses_and_keeps_the_teachers_bases(recording, trained):
    _, student, (_, before), teacher = trained
    known = workdir.load_model(teacher).prior
    assert student.prior.flow.coupling_blocks[0].hidden[0].units == 6 and len(student.prior.flow.coupling_blocks) == 1
    for own, others in zip(student.prior.subspace_variables, known.subspace_variables, strict=True):
        np.testing.assert_array_equal(own, others)
    assert nll_of(student, recording) < before - 1.0


def nll_of(method, recording):
    return -float(np.mean(method.prior.log_prob(method.normalizer.apply(recording.poses_2d)[0])))


def test_without_epochs_the_teachers_prior_is_kept(tmp_path, recording, teacher):
    made = run(tmp_path / "run", recording, teacher, prior={"epochs": 0.0})
    assert [stage.name for stage in made.stages] == ["student"]
    known = workdir.load_model(teacher).prior
    for own, others in zip(made.model.prior.variables, known.variables, strict=True):
        np.testing.assert_array_equal(own, others)
    with pytest.raises(ValueError, match=r"prior.epochs must not be negative; got -1.0"):
        run(tmp_path / "other", recording, teacher, prior={"epochs": -1.0})


def test_longer_training_comes_nearer_to_the_teacher(tmp_path, recording, teacher):
    plain = dict.fromkeys(("bones", "joints", "face", "noise", "outliers", "swaps", "hidden", "roll_deg"), 0.0)
    losses = []
    for epochs in (1.0, 40.0):
        folder = tmp_path / f"run{epochs}"
        folder.mkdir()
        made = run(
            folder,
            recording,
            teacher,
            views=plain,
            loop=RARELY,
            prior={"epochs": 0.0},
            student={"epochs": epochs, "evaluate_every": 600, "optimizer": {"learning_rate": 5e-3}},
        )
        with StopRequest() as stop, MetricLog(folder / "metrics.jsonl", folder / "events") as log:
            made.run(log, stop)
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        losses.append([line["pose"] for line in lines if "pose" in line][-1])
    assert losses[1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "dataset"}, "its teacher needs normalization.rule=pose; got dataset"),
        ({"elevation": "fixed"}, "expected an elepose that predicts elevations"),
    ],
)
def test_an_unfit_teacher_is_refused(tmp_path, recording, options, message):
    with pytest.raises(ValueError, match=message):
        run(tmp_path / "run", recording, saved(tmp_path / "unfit", **options))
    assert not (tmp_path / "run").exists()


def test_a_teacher_without_a_completer_cannot_lift_poses_that_lack_joints(tmp_path, recording):
    teacher = saved(tmp_path / "plain", completer=None)
    with pytest.raises(ValueError, match="training poses lack joints"):
        run(tmp_path / "run", hide_joints(recording, 0.2, seed=0), teacher)
    run(tmp_path / "run", recording, teacher)


def test_other_skeletons_and_missing_teachers_are_refused(tmp_path, recording, teacher):
    other = dataclasses.replace(recording, skeleton=H36M_17_ELEPOSE)
    with pytest.raises(ValueError, match="lifts 'h36m_17'; the data have 'h36m_17_elepose'"):
        run(tmp_path / "run", other, teacher)
    with pytest.raises(ValueError, match="nowhere"):
        run(tmp_path / "run", recording, tmp_path / "nowhere")
