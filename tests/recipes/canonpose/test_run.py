"""CanonPose from a recording to a trained model: what is refused, what is told, and that runs resume."""

import dataclasses
import logging

import numpy as np
import pytest
import small_runs
import tensorflow as tf
from same_training import require_same_training

from tf_elepose import default_config
from tf_elepose.data.missing import hide_joints
from tf_elepose.recipes.canonpose.run import CanonposeRun
from tf_elepose.recipes.canonpose.settings import from_config
from tf_elepose.training import workdir
from tf_elepose.training.interruption import StopRequest
from tf_elepose.training.strategy import make_strategy

pytest_plugins = ("outside_graphs",)
RATE = 1e-3


@pytest.fixture(scope="module")
def recording():
    return small_runs.small_recording(cameras=3)


@pytest.fixture(scope="module")
def settings():
    config = default_config.get_canonpose_config()
    config.lifter.update(width=16, precision="float32", batch_size=32, epochs=2.0, evaluate_every=4)
    config.lifter.optimizer.update(learning_rate=RATE, average_decay=0.9)
    config.loop.update(steps_per_call=2, checkpoint_every=4)
    return from_config(config)


@pytest.fixture
def warnings_logged(caplog):
    """The logged warnings; absl's logger does not pass its messages on by itself."""
    logger = logging.getLogger("absl")
    before, logger.propagate = logger.propagate, True
    with caplog.at_level(logging.WARNING, "absl"):
        yield lambda: [record.getMessage() for record in caplog.records]
    logger.propagate = before


def _run(folder, recording, settings):
    return CanonposeRun(folder, CanonposeRun.prepare(recording, settings), settings, make_strategy("one_device"))


def _trained(folder, recording, settings):
    run = _run(folder, recording, settings)
    with StopRequest() as stop:
        method = run.run(None, stop)
    pixels = recording.of_split("test").poses_2d
    assert method is not None and np.all(np.isfinite(method.predict(pixels).poses_3d))
    return run, method


def _stepped(folder, recording, settings):
    """A run whose first step is finite."""
    run = _run(folder, recording, settings)
    batch = {name: tf.constant(array[:32]) for name, array in run.stages[0]._loop._arrays.items()}
    values, gradients = run._objective.gradients(batch, tf.constant([1, 2]))
    assert all(np.isfinite(value) for value in values.values())
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)
    return run


def _changed(recording, **fields):
    return dataclasses.replace(recording, **fields)


def test_a_run_knows_its_data_and_writes_nothing_yet(recording, settings, tmp_path, warnings_logged):
    facts = _run(tmp_path / "run", recording, settings).facts
    train = recording.of_split("train")
    assert (facts["training_moments"], facts["cameras"]) == (len(train) // 3, [0, 1, 2])
    assert facts["rigs"] == facts["training_clips"] == 15
    assert _run(tmp_path, recording, dataclasses.replace(settings, rig="subject")).facts["rigs"] == 3
    assert _run(tmp_path, recording, dataclasses.replace(settings, cameras=2)).facts["cameras"] == [0, 1]
    assert not (tmp_path / "run").exists() and not warnings_logged()


@pytest.fixture(scope="module")
def whole(recording, settings, tmp_path_factory):
    """A finished run's folder, it and its model."""
    folder = tmp_path_factory.mktemp("whole")
    with small_runs.eagerly():
        return folder, *_trained(folder, recording, settings)


def test_a_run_works_from_python_without_the_command(recording, whole, tmp_path):
    folder, run, method = whole
    assert {path.name for path in folder.iterdir()} == {"lifter"} and run.seconds > 0
    workdir.save_model(tmp_path / "model.npz", method, {})
    pixels = recording.of_split("test").poses_2d
    np.testing.assert_allclose(
        workdir.load_model(tmp_path).predict(pixels).poses_3d, method.predict(pixels).poses_3d, atol=1e-5
    )


def test_a_run_that_is_stopped_resumes_to_the_same_weights(outside_graphs, recording, settings, whole, tmp_path):
    class Stop:
        requested = False

    stop, first = Stop(), _run(tmp_path / "parts", recording, settings)
    evaluate = first.stages[0]._evaluate
    first.stages[0]._evaluate = lambda: setattr(stop, "requested", True) or evaluate()
    assert first.run(None, stop) is None
    parts = _trained(tmp_path / "parts", recording, settings)[1]
    require_same_training(whole[2].saved_variables(), parts.saved_variables(), RATE)


def test_detections_and_their_confidences_are_trained_on_when_asked_for(recording, settings, tmp_path):
    trust = recording.confidence if recording.confidence is not None else np.full(recording.poses_2d.shape[:2], 0.7)
    detected = _changed(recording, poses_2d_detected=recording.poses_2d + 1.0, confidence=np.clip(trust, 0.1, 0.9))
    exact, run = (_run(tmp_path, detected, dataclasses.replace(settings, poses_2d=kind)) for kind in ("gt", "detected"))
    assert np.all(exact.model.trust.range.numpy() == 1.0)
    assert np.all(run.model.trust.range.numpy()[2] <= 0.9)
    batch = run.stages[0]._loop._arrays
    used = detected.of_split("train").select(run._moments.rows[:, 0])
    np.testing.assert_allclose(batch["confidence"][:, 0], used.confidence)


def test_joints_may_be_missing_where_joints_are_hidden_in_training(recording, settings, tmp_path):
    fewer = hide_joints(recording, 3, seed=0)
    run, test = _stepped(tmp_path, fewer, settings), fewer.of_split("test")
    assert run.model.predict(test.poses_2d, seen=test.view("gt").seen).valid.all()
    lifter = dataclasses.replace(settings.lifter, hidden=0.0)
    with pytest.raises(ValueError, match=r"training poses lack joints: they need --config\.lifter\.hidden over 0"):
        _run(tmp_path, fewer, dataclasses.replace(settings, lifter=lifter))


@pytest.mark.parametrize(
    ("data", "changes", "message"),
    [
        (lambda r: r.select(r.split == "test"), {}, "no rows of split 'train'"),
        (lambda r: r.select(r.camera == 1), {}, "no moment is seen by two cameras"),
        (lambda r: r, {"cameras": 9}, r"cameras: expected 0 \(all\) or 2 to 3; got 9"),
        (lambda r: r, {"rig": "room"}, "unknown rig 'room'"),
        (lambda r: r, {"batch_size": 31}, "lifter: batch_size must be even"),
        (lambda r: r, {"batch_size": 4000}, "lifter: batch_size 4000 is larger than the data: 120"),
        (lambda r: _changed(r, poses_2d_detected=None, confidence=None), {"poses_2d": "detected"}, "no detected 2D"),
    ],
)
def test_unusable_data_and_settings_are_refused_before_anything_is_written(
    recording, settings, tmp_path, data, changes, message
):
    with pytest.raises(ValueError, match=message):
        _run(tmp_path / "run", data(recording), dataclasses.replace(settings, **changes))
    assert not (tmp_path / "run").exists()


# ---- hostile views --------------------------------------------------------------------------------------------------


def test_moments_of_unequal_number_of_views(recording, settings, tmp_path, warnings_logged):
    gone = (recording.frame % 3 == 1) & (recording.camera == 1) | (recording.frame % 4 == 2) & (recording.camera > 0)
    run = _stepped(tmp_path, recording.select(~gone), settings)
    assert not run._moments.present.all()
    (message,) = [line for line in warnings_logged() if "one camera only" in line]
    assert f"{run._moments.single} moments" in message and f"clips '{np.unique(recording.clip)[0]}', '" in message


def test_a_camera_without_detections_in_one_clip_is_reported_with_the_clip(
    recording, settings, tmp_path, warnings_logged
):
    clip = recording.of_split("train").clip[0]
    gone = (recording.camera == 1) & (recording.clip == clip)
    confidence = np.where(gone[:, None], 0.0, np.full((len(recording), 17), 0.9, np.float32))
    detected = _changed(recording, poses_2d_detected=recording.poses_2d, confidence=confidence)
    run = _stepped(tmp_path, detected, dataclasses.replace(settings, poses_2d="detected"))
    assert run.facts["cameras"] == [0, 1, 2] and not run._moments.present.all()
    (message,) = [line for line in warnings_logged() if "camera 1" in line]
    assert f"clip '{clip}': camera 1 has no pose with enough joints" in message


def test_a_camera_without_detections_is_reported_and_the_others_are_trained_on(
    recording, settings, tmp_path, warnings_logged
):
    visible = np.repeat(recording.camera != 1, 17).reshape(-1, 17)
    blind = _changed(recording, visible=visible, poses_2d=np.where(visible[..., None], recording.poses_2d, 0.0))
    run = _stepped(tmp_path, blind, settings)
    assert run.facts["cameras"] == [0, 2]
    assert any("camera 1 has no pose with enough joints and is not trained on" in line for line in warnings_logged())


def test_people_swapped_in_one_view_are_reported_with_their_clip(recording, settings, tmp_path, warnings_logged):
    clip = recording.of_split("train").clip[0]
    bad = np.flatnonzero((recording.clip == clip) & (recording.camera == 1))
    others = np.flatnonzero((recording.clip != clip) & (recording.camera == 1))[::5][: len(bad)]
    pixels = recording.poses_2d.copy()
    pixels[bad] = recording.poses_2d[others]
    _stepped(tmp_path, _changed(recording, poses_2d=pixels), settings)
    assert any(f"clip '{clip}': its views do not show one body" in line for line in warnings_logged())


def test_identical_cameras_are_reported_with_their_clips_and_give_no_nan(
    recording, settings, tmp_path, warnings_logged
):
    two = recording.select(recording.camera < 2)
    first = {
        (s, c, f): row
        for row, (s, c, f, k) in enumerate(zip(two.subject, two.clip, two.frame, two.camera, strict=True)) if k == 0
    }  # fmt: skip
    rows = [first[key] for key in zip(two.subject, two.clip, two.frame, strict=True)]
    same = _changed(two, poses_2d=two.poses_2d[rows])
    _stepped(tmp_path, same, settings)
    clips = np.unique(two.of_split("train").clip)
    (message,) = [line for line in warnings_logged() if "cameras 0 and 1 show the same picture" in line]
    assert f"clips '{clips[0]}', '{clips[1]}', '{clips[2]}' and {len(clips) - 3} more" in message


@pytest.mark.parametrize(
    ("pairs", "view", "camera"), [("mean", 1.0, 0.1), ("paper", 2.0, 0.2), ("authors", 3.0, 0.3 * 15)]
)
def test_pairs_of_views_count_as_the_setting_says(recording, settings, tmp_path, pairs, view, camera):
    """Three cameras; the paper's sum over all 3 x 3 combinations has 3 of a view with itself and 6 of two views."""
    lifter = dataclasses.replace(settings.lifter, pairs=pairs)
    run = _run(tmp_path, recording, dataclasses.replace(settings, lifter=lifter))
    assert len(np.unique(run._moments.rig)) == 15 < settings.batch_size  # Each clip has cameras of its own.
    weights = run._objective.term_weights
    assert weights["reprojection"] == 1.0 and weights["knees"] == settings.lifter.term_weights["knees"]
    assert (weights["view"], weights["camera"]) == (pytest.approx(view), pytest.approx(camera))
    with pytest.raises(ValueError, match="expected mean, paper or authors; got 'sum'"):
        dataclasses.replace(lifter, pairs="sum")
