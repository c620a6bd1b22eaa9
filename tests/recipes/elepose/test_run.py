"""From a recording to a trained model: what is refused before anything is trained, and how clips are held out.

The file is long because its tests share trainings that are made once.
"""

import dataclasses

import numpy as np
import pytest
import small_runs
import tensorflow as tf
from ml_collections import config_dict
from same_training import require_same_training

from tf_elepose.data.missing import hide_joints
from tf_elepose.evaluation import depth_sign
from tf_elepose.recipes.elepose import run as elepose_run
from tf_elepose.recipes.elepose.data import prepare
from tf_elepose.recipes.elepose.run import EleposeRun
from tf_elepose.recipes.elepose.settings import from_config
from tf_elepose.recipes.settings import NormalizationSettings
from tf_elepose.storage import files
from tf_elepose.training import workdir
from tf_elepose.training.evaluator import clip_and_camera, evaluate_method
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.metric_log import MetricLog, read_metric_log
from tf_elepose.training.strategy import make_strategy

pytest_plugins = ("quick_completer", "outside_graphs")
pytestmark = pytest.mark.usefixtures("quick_completer")


@pytest.fixture(scope="module")
def recording():
    return small_runs.small_recording()


@pytest.fixture(scope="module")
def settings():
    space = {}
    exec(small_runs.CONFIG, space)
    config = space["get_config"]()
    assert isinstance(config, config_dict.ConfigDict)
    return from_config(config)


def _run(folder, recording, settings):
    return EleposeRun(folder, prepare(recording, settings), settings, make_strategy("one_device"))


def _changed(recording, **fields):
    return dataclasses.replace(recording, **fields)


def _showing_nothing(recording, count):
    """The first `count` rows show no joint."""
    return _changed(recording, visible=np.repeat(np.arange(len(recording)) >= count, 17).reshape(-1, 17))


def test_a_run_knows_its_data_and_writes_nothing_yet(recording, settings, tmp_path):
    run = _run(tmp_path / "run", recording, settings)
    assert run.writes and run.seconds == 0.0
    facts = run.facts
    assert (facts["training_poses"], facts["training_clips"], facts["source"]) == (240, 15, "synthetic")
    assert facts["held_out_poses"] == 3 * 16  # A fifth of 15 clips, of 8 frames in 2 cameras.
    assert facts["skeleton"] == recording.skeleton.to_dict()
    assert len(facts["bone_prior"]["lengths"]) == recording.skeleton.num_bones
    assert not (tmp_path / "run").exists()


def test_whole_clips_are_held_out_by_the_seed(recording, settings):
    found = [
        prepare(recording, dataclasses.replace(settings, seed=seed, held_out=share)).held_out
        for seed, share in ((0, 0.2), (0, 0.2), (1, 0.2), (0, 0.01), (0, 0.8))
    ]
    train_clips = recording.of_split("train").clip
    held = [set(train_clips[held_out]) for held_out in found]
    assert [len(clips) for clips in held] == [3, 3, 3, 1, 12]
    assert held[0] == held[1] != held[2]
    for held_out, clips in zip(found, held, strict=True):
        np.testing.assert_array_equal(held_out, np.isin(train_clips, list(clips)))


def test_without_held_out_clips_the_prior_learns_from_all_and_keeps_its_last_weights(recording, settings, tmp_path):
    prior_stage = dataclasses.replace(settings.prior_stage, epochs=2.0, evaluate_every=0, average_decay=0.0)
    changed = dataclasses.replace(settings, held_out=0.0, completer=None, prior_stage=prior_stage)
    run = _run(tmp_path, recording, changed)
    assert run.facts["held_out_poses"] == 0
    stage = next(stage for stage in run.stages if stage.name == "prior")
    with MetricLog(tmp_path / "metrics.jsonl") as log, StopRequest() as stop:
        assert stage.run(log, stop)
    measured = [row for row in read_metric_log(tmp_path / "metrics.jsonl") if "training_nll" in row]
    assert [row["step"] for row in measured] == [8, 16]  # 240 poses in batches of 32, twice.
    image, _ = run.model.normalizer.apply(recording.of_split("train").poses_2d)
    assert -run.model.prior.log_prob(image).numpy().mean() == pytest.approx(measured[-1]["training_nll"], rel=1e-3)
    assert not (tmp_path / "prior" / "best.npz").exists()


def _facts(recording, settings):
    """The facts of the training data, without building networks."""
    return prepare(recording, settings).facts(settings)


def test_clips_of_one_name_by_two_people_are_two(recording, settings):
    facts = _facts(_changed(recording, clip=np.full(len(recording), "1")), settings)
    assert facts["training_clips"] == 3  # As many as people to train on.


def test_nothing_of_the_test_split_is_trained_on(recording, settings):
    """Test poses may be anything: normalizer, bone prior and what is trained on are the same."""
    test = recording.split == "test"
    one = prepare(recording, settings)
    pixels = np.where(test[:, None, None], 3.0 * recording.poses_2d, recording.poses_2d)
    other = prepare(_changed(recording, poses_2d=pixels), settings)
    assert other.facts(settings) == one.facts(settings) and other.bone_prior.to_dict() == one.bone_prior.to_dict()
    np.testing.assert_array_equal(other.image, one.image)
    pixels = np.where(test[:, None, None], recording.poses_2d, 3.0 * recording.poses_2d)
    assert _facts(_changed(recording, poses_2d=pixels), settings) != one.facts(settings)


def test_a_stated_bone_prior_is_the_skeletons(recording, settings):
    data = prepare(recording, dataclasses.replace(settings, bone_prior="skeleton"))
    stated = np.asarray(recording.skeleton.bone_prior)
    np.testing.assert_allclose(data.bone_prior.lengths, stated / stated.mean(), rtol=1e-6)


def test_detections_are_trained_on_when_asked_for(recording, settings):
    detected = _facts(recording, dataclasses.replace(settings, poses_2d="detected"))
    assert detected["poses_2d"] == "detected"
    assert detected["normalizer"] != _facts(recording, settings)["normalizer"]


def test_detections_are_trained_on_denoised_and_measured_as_they_are(recording, settings):
    noisy = dataclasses.replace(settings, poses_2d="detected")
    data = prepare(recording, noisy)
    plain = prepare(recording, dataclasses.replace(noisy, denoise="never"))
    exact = prepare(recording, settings)
    assert np.abs(data.image - exact.image).mean() < 0.9 * np.abs(plain.image - exact.image).mean()
    np.testing.assert_allclose(data.detected, plain.image, rtol=0.02, atol=0.02)  # Up to the normalizer's scale.
    assert data.is_denoised and not plain.is_denoised and not exact.is_denoised


@pytest.mark.parametrize(
    ("data", "changes", "message"),
    [
        (lambda r: r.select(r.split == "test"), {}, "no rows of split 'train'"),
        (lambda r: r.select(r.clip == r.clip[0]), {}, "expected at least 2 training clips"),
        (lambda r: r.select(np.arange(0, len(r), 80)), {"bases": 12, "completer": None}, "need more than 12 training"),
        (lambda r: r.select(np.arange(0, len(r), 32)), {}, "batch_size 32 is larger than the data"),
        (
            lambda r: _changed(r, poses_2d_detected=None, confidence=None),
            {"poses_2d": "detected"},
            "has no detected 2D poses",
        ),
        (lambda r: hide_joints(r, 2, seed=0), {"completer": None}, "240 of 240 training poses lack joints: they need"),
        (lambda r: _showing_nothing(r, len(r)), {}, "no training pose shows 6 joints"),
        (lambda r: _changed(r, poses_2d=np.full_like(r.poses_2d, 2.0)), {}, "every head lies on its root"),
        (lambda r: r, {"bases": 35}, "expected 1 to 34 bases"),
        (lambda r: r, {"held_out": 1.0}, "held_out must be at least 0 and below 1"),
        (lambda r: r, {"bone_prior": "mean"}, "unknown bone_prior 'mean'"),
        (lambda r: r, {"normalization": NormalizationSettings("frame", 10.0)}, "unknown normalisation rule 'frame'"),
        (lambda r: r, {"prior_batch_size": 31}, "batch_size must be even"),
        (lambda r: r, {"lifter_batch_size": 2000}, "batch_size 2000 is larger than the data: 240 poses"),
        (lambda r: r, {"prior_noise": float("nan")}, "noise must be at least 0; got nan"),
    ],
)
def test_unusable_data_and_settings_are_refused_before_anything_is_written(
    recording, settings, tmp_path, data, changes, message
):
    with pytest.raises(ValueError, match=message):
        _run(tmp_path / "run", data(recording), dataclasses.replace(settings, **changes))
    assert not (tmp_path / "run").exists()


def test_a_mistake_in_the_lifters_settings_is_reported_before_the_prior_is_trained(recording, settings, tmp_path):
    lifter = dataclasses.replace(settings.lifter, arch="deep")
    with pytest.raises(ValueError, match="unknown lifter architecture 'deep'"):
        _run(tmp_path / "run", recording, dataclasses.replace(settings, lifter=lifter))
    stage = dataclasses.replace(settings.lifter_stage, schedule="linear")
    with pytest.raises(ValueError, match="unknown schedule 'linear'"):
        _run(tmp_path / "run", recording, dataclasses.replace(settings, lifter_stage=stage))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("seed", [-1, 2**31 - 1])
def test_a_seed_out_of_range_is_refused(settings, seed):
    with pytest.raises(ValueError, match=rf"seed must be at least 0 and below 2\^31 - 1; got {seed}"):
        dataclasses.replace(settings, seed=seed)


def test_a_folder_keeps_to_its_data(recording, settings, tmp_path):
    run = _run(tmp_path, recording, settings)
    run.claim_data()
    before = (tmp_path / "data.json").read_bytes()
    assert files.read_json(tmp_path / "data.json") == run.facts
    _run(tmp_path, recording, settings).claim_data()
    first = recording.clip == recording.clip[0]
    others = {
        "training_poses": recording.select(np.arange(1, len(recording))),
        "training_clips": _changed(recording, clip=np.where(first, "x", recording.clip[-1])),
        "normalizer": _changed(recording, poses_2d=recording.poses_2d * 1.01),
        "skeleton": _changed(recording, skeleton=dataclasses.replace(recording.skeleton, arms=())),
    }  # fmt: skip
    for key, other in others.items():
        with pytest.raises(ValueError, match=rf"was started on other data \({key} differs from synthetic\)"):
            _run(tmp_path, other, settings).claim_data()
    assert (tmp_path / "data.json").read_bytes() == before


@pytest.fixture(scope="module")
def finished(recording, settings, tmp_path_factory):
    """A finished run's folder, it and its model."""
    folder = tmp_path_factory.mktemp("finished")
    return folder, *_trained(folder, recording, settings)


def test_a_run_works_from_python_without_the_command(recording, finished, tmp_path):
    """Without command, config file or log: the model comes back, elevations measured; only checkpoints are written."""
    folder, run, method = finished
    assert method is not None and run.seconds > 0
    assert {path.name for path in folder.iterdir()} == {"completer", "prior", "lifter"}
    image, _ = method.normalizer.apply(recording.of_split("train").poses_2d)
    e = method.averaged(image)[1].numpy()
    assert float(method.density.elevation_mean) == pytest.approx(e.mean(), abs=1e-5)
    assert float(method.density.elevation_deviation) == pytest.approx(e.std(ddof=1), abs=1e-5)
    workdir.save_model(tmp_path / "model.npz", method, {})
    pixels = recording.of_split("test").poses_2d
    np.testing.assert_allclose(
        workdir.load_model(tmp_path).predict(pixels).poses_3d, method.predict(pixels).poses_3d, atol=1e-5
    )


def test_the_start_with_the_fewest_backward_knees_goes_on(recording, settings, tmp_path, monkeypatch):
    knees = iter([30.0, 10.0, 20.0])  # Far more than objectives differ.
    monkeypatch.setattr(
        elepose_run.losses, "backward_knees", lambda *_: tf.numpy_function(lambda: next(knees), [], tf.float64)
    )
    # The term is left out of the objective, so that only the judge asks for knees.
    weights = {**settings.lifter.term_weights, "knees": 0.0}
    settings = dataclasses.replace(settings, lifter=dataclasses.replace(settings.lifter, term_weights=weights))
    several = dataclasses.replace(settings, starts=3, start_steps=5)
    run, alone = _run(tmp_path / "a", recording, several), _run(tmp_path / "b", recording, settings)
    names = [stage.name for stage in run.stages]
    assert names == ["completer", "prior", "starts", "lifter"] and run.stages[2].steps == 15
    assert [stage.name for stage in alone.stages] == ["completer", "prior", "lifter"]
    first = [run._first_weights(start) for start in range(3)]
    single = {variable.path: np.array(variable) for variable in alone.model.lifter.variables}
    assert all(np.array_equal(single[name], values) for name, values in first[0].items())
    assert any(not np.array_equal(first[1][name], values) for name, values in first[2].items())
    with StopRequest() as stop:
        assert run.stages[2].run(None, stop)
    assert next(knees, None) is None
    kernel = run.model.lifter.trunk.upscale.kernel
    moved = [np.abs(np.array(kernel) - weights[kernel.path]).max() for weights in first]
    assert np.argmin(moved) == 1


def test_a_skeleton_without_legs_has_one_start(recording, settings, tmp_path, caplog):
    legless = dataclasses.replace(recording.skeleton, name="legless", legs=())
    weights = {**settings.lifter.term_weights, "knees": 0.0}
    several = dataclasses.replace(settings, starts=3, lifter=dataclasses.replace(settings.lifter, term_weights=weights))
    with caplog.at_level("INFO"):
        run = _run(tmp_path, _changed(recording, skeleton=legless), several)
    assert [stage.name for stage in run.stages] == ["completer", "prior", "lifter"]
    assert "lifter: one start; skeleton 'legless' names no legs to judge several by" in caplog.text


@pytest.mark.parametrize("field", ["starts", "start_steps"])
def test_fewer_than_one_start_is_refused(settings, field):
    with pytest.raises(ValueError, match=f"{field} must be at least 1; got 0"):
        dataclasses.replace(settings, **{field: 0})


def _short(settings, **changes):
    """The settings with the fewest steps possible."""
    stages = {
        f"{stage}_stage": dataclasses.replace(getattr(settings, f"{stage}_stage"), epochs=0.3)
        for stage in ("completer", "prior", "lifter")
    }
    return dataclasses.replace(settings, **stages, **changes)


def _trained(folder, recording, settings):
    run = _run(folder, recording, settings)
    with StopRequest() as stop:
        return run, run.run(None, stop)


@pytest.fixture(scope="module")
def by_clips_in_bfloat16(recording, settings, tmp_path_factory):
    """A short run under the clip rule, its lifter trained in bfloat16, and its model."""
    lifter = dataclasses.replace(settings.lifter, precision="mixed_bfloat16")
    short = _short(settings, normalization=NormalizationSettings("clip", 10.0), lifter=lifter)
    return _trained(tmp_path_factory.mktemp("by_clips"), recording, short)


def test_under_the_clip_rule_poses_have_the_scale_of_their_clip_from_training_to_evaluation(
    recording, by_clips_in_bfloat16
):
    run, method = by_clips_in_bfloat16
    train_split, test = recording.of_split("train"), recording.of_split("test")
    heads = np.linalg.norm(run._data.image[:, recording.skeleton.index("head")], axis=-1)
    for group in np.unique(groups := clip_and_camera(train_split)):
        assert heads[groups == group].mean() == pytest.approx(0.1, rel=1e-5)  # 1 / distance.
    rows = np.array([3, 40, 41, 79])
    some, every = evaluate_method(method, test, rows=rows), evaluate_method(method, test)
    np.testing.assert_allclose(some.predicted, every.predicted[rows], atol=1e-5)
    np.testing.assert_allclose(some.pa_mpjpe_mm, every.pa_mpjpe_mm[rows], rtol=1e-4)
    np.testing.assert_allclose(some.elevation, every.elevation[rows], atol=1e-4)
    prediction = method.predict(test.poses_2d, clip_and_camera(test))
    np.testing.assert_allclose(every.elevation, prediction.elevation, atol=1e-4)
    with pytest.raises(ValueError, match="rule 'clip' needs the clip and camera of each of the 4 poses; got none"):
        method.predict(test.poses_2d[rows])


def test_the_returned_model_computes_in_float32(by_clips_in_bfloat16):
    run, method = by_clips_in_bfloat16
    computes_in = [model.lifter.trunk.upscale.compute_dtype for model in (run.model, method)]
    assert computes_in == ["bfloat16", "float32"]
    trained = {variable.path: np.asarray(variable) for variable in run.model.lifter.variables}
    for variable in method.lifter.variables:
        np.testing.assert_array_equal(np.asarray(variable), trained[variable.path])


def test_the_estimated_bone_prior_does_not_depend_on_the_distance_from_the_camera(recording, settings):
    """A clip filmed from twice as far, its poses half as large in px, has the same proportions."""
    far = recording.clip == recording.of_split("train").clip[0]
    pixels = np.where(far[:, None, None], 0.5 * recording.poses_2d, recording.poses_2d)
    lengths = [
        np.asarray(prepare(one, settings).bone_prior.lengths)
        for one in (recording, _changed(recording, poses_2d=pixels))
    ]
    np.testing.assert_allclose(lengths[1], lengths[0], rtol=1e-5)


def test_the_sign_is_judged_without_true_poses(finished, monkeypatch):
    _, run, method = finished
    summaries = []
    monkeypatch.setattr(depth_sign, "sign_verdict", lambda summary: summaries.append(summary) or "mixed")
    verdict, grounds = run.sign_without_truth(method)
    (summary,) = summaries
    assert summary["poses"] == 240 and not any("mpjpe" in key for key in summary)
    knees, elbows = (round(100 * summary[f"{joints}_forward_share"]) for joints in ("knees", "elbows"))
    assert verdict == "mixed"
    assert grounds == f"{knees} % of knees and {elbows} % of elbows bend the way they can"


def test_the_sign_is_unknown_without_limbs(recording, settings, tmp_path):
    bare = dataclasses.replace(recording.skeleton, legs=(), arms=())
    with pytest.raises(ValueError, match="names no legs: give them"):
        _run(tmp_path / "run", _changed(recording, skeleton=bare), settings)
    assert not (tmp_path / "run").exists()
    weights = {**settings.lifter.term_weights, "knees": 0.0}
    lifter = dataclasses.replace(settings.lifter, term_weights=weights)
    run = _run(tmp_path, _changed(recording, skeleton=bare), dataclasses.replace(settings, lifter=lifter))
    assert run.sign_without_truth(run.model) == ("unknown", "the skeleton names no legs or arms")


def test_poses_with_too_few_seen_joints_are_not_trained_on(recording, settings, caplog):
    facts = _facts(_showing_nothing(recording, 10), settings)
    assert facts["training_poses"] == 240 - (recording.split[:10] == "train").sum()
    assert "show fewer than 6 joints and are left out" in caplog.text


def test_hidden_joints_are_trained_with_and_lifted(outside_graphs, recording, settings, tmp_path):
    """Their coordinates have no influence, from the normalizer's fit to the last weight."""
    hidden = hide_joints(recording, 0.2, seed=1)
    altered = _changed(hidden, poses_2d=np.where(hidden.visible[..., None], hidden.poses_2d, np.float32(4321.0)))
    assert _facts(altered, settings) == _facts(hidden, settings)
    (_, one), (_, other) = (
        _trained(tmp_path / name, r, _short(settings)) for name, r in (("a", hidden), ("b", altered))
    )
    require_same_training(one.saved_variables(), other.saved_variables(), settings.lifter_stage.learning_rate)
    summary = evaluate_method(one, hidden.of_split("test")).summary()
    assert summary["joints_hidden_share"] == pytest.approx(0.2, abs=0.02)
    assert _facts(hidden, settings)["joints_missing"] == pytest.approx(0.2, abs=0.02)


def test_a_clip_without_heads_is_trained_on_but_not_used_for_bones(recording, settings):
    """One clip never shows the head: its size is not known, so the bones are those of the others."""
    train_split = recording.split == "train"
    first = recording.clip == recording.clip[np.argmax(train_split)]
    visible = np.ones(recording.poses_2d.shape[:2], bool)
    visible[first, recording.skeleton.index("head")] = False
    with_gap = prepare(_changed(recording, visible=visible), settings)
    others = prepare(recording.select(~first), settings)
    assert len(with_gap.train) == 240 and with_gap.bone_prior.to_dict() == others.bone_prior.to_dict()
    with pytest.raises(ValueError, match="never seen together in 2 clips and cameras"):
        clip = dataclasses.replace(settings, normalization=NormalizationSettings("clip", 10.0))
        prepare(_changed(recording, visible=visible), clip)
