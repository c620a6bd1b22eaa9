"""A method measured on a recording: groups of rows, and figures that are left out without their input."""

import dataclasses

import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.data.recording import Recording
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training.evaluator import (
    clip_and_camera,
    clip_names,
    evaluate_method,
    independent_clips,
    spread_rows,
)


def _recording(count=12, **changes):
    pixels = small_models.poses_2d(count, seed=2)
    fields = {
        "source": "test", "skeleton": H36M_17, "poses_2d": pixels,
        "subject": np.array(["S1", "S2", "S1", "S2"] * (count // 4)),
        "action": np.array(["walk", "sit"] * (count // 2)),
        "clip": np.array(["a", "a", "b", "b"] * (count // 4)), "camera": np.arange(count) // 4,
        "frame": np.zeros(count, int),
        "split": np.full(count, "test"), "poses_2d_detected": pixels + 3.0,
        "poses_3d": np.random.default_rng(1).normal(0, 300, (count, 17, 3)) + np.array([0, 0, 5000]),
        "elevation": np.linspace(0, 20, count),
    }  # fmt: skip
    return Recording(**{**fields, **changes})


@pytest.fixture(scope="module")
def method():
    return small_models.small_elepose()[0]


def test_clips_of_one_name_are_two_when_two_people_perform_them():
    clips = clip_names(_recording())
    assert len(set(clips.tolist())) == 4
    np.testing.assert_array_equal(clips[:4], clips[4:8])  # Cameras do not matter.


def test_groups_are_one_clip_in_one_camera():
    recording = _recording()
    groups = clip_and_camera(recording)
    assert len(set(groups.tolist())) == 12
    keys = list(zip(recording.subject, recording.clip, recording.camera.tolist(), strict=True))
    for i in range(12):
        for j in range(12):
            assert (groups[i] == groups[j]) == (keys[i] == keys[j])


def test_people_who_were_linked_in_each_camera_are_not_joined_over_cameras():
    person, frame = np.arange(12) % 2, np.arange(12) // 4
    linked = _recording(clip=np.full(12, "a"), subject=np.full(12, "s"), camera=frame, person=person, identity="track")
    assert len(np.unique(clip_names(linked))) == 6 and len(np.unique(independent_clips(linked))) == 1
    known = dataclasses.replace(linked, identity="person")
    assert len(np.unique(clip_names(known))) == len(np.unique(independent_clips(known))) == 2
    alone = dataclasses.replace(linked, person=np.zeros(12, int))  # One person in each camera is one person.
    assert len(np.unique(clip_names(alone))) == 1
    one_camera = dataclasses.replace(linked, camera=np.zeros(12, int), frame=np.arange(12) // 2)
    assert len(np.unique(clip_names(one_camera))) == len(np.unique(independent_clips(one_camera))) == 2


def test_people_of_images_are_nobody_elses_clip_and_images_are_held_out_whole():
    images = _recording(clip=np.full(12, "a"), subject=np.full(12, "s"), camera=np.zeros(12, int), identity="place",
                        person=np.arange(12) % 2, frame=np.arange(12) // 2)  # fmt: skip
    assert len(np.unique(clip_names(images))) == len(np.unique(clip_and_camera(images))) == 12
    np.testing.assert_array_equal(independent_clips(images), np.arange(12) // 2)


def test_with_full_truth_every_figure_is_measured(method):
    summary = evaluate_method(method, _recording(), likelihood_views=3).summary()
    assert {"pa_mpjpe_mm", "depth_correlation", "elevation_correlation", "nll_mean", "knees_forward_share"} <= set(
        summary
    )
    assert set(summary["by_action"]) == {"walk", "sit"} and summary["poses"] == 12


def test_without_truth_there_are_no_errors(method):
    summary = evaluate_method(method, _recording(poses_3d=None, elevation=None)).summary()
    assert not {name for name in summary if "mpjpe" in name or "pck" in name or "correlation" in name}
    assert {"elevation_mean_deg", "knees_forward_share"} <= set(summary) and "nll_mean" not in summary


def test_the_prediction_is_the_methods_own(method):
    recording = _recording()
    evaluation = evaluate_method(method, recording)
    prediction = method.predict(recording.poses_2d)
    # Evaluation brings poses to the truth's size: directions are the method's.
    for mine, theirs in zip(evaluation.predicted, prediction.poses_3d, strict=True):
        cosine = np.sum(mine * theirs) / (np.linalg.norm(mine) * np.linalg.norm(theirs))
        assert cosine == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(evaluation.elevation, prediction.elevation, rtol=1e-6)


def test_detections_can_be_the_input(method):
    recording = _recording()
    shifted = evaluate_method(method, recording, poses_2d="detected")  # By 3 px, which centring removes.
    np.testing.assert_allclose(shifted.predicted, evaluate_method(method, recording).predicted, atol=1e-2)
    with pytest.raises(ValueError, match="has no detected 2D poses"):
        evaluate_method(method, dataclasses.replace(recording, poses_2d_detected=None), poses_2d="detected")


def test_the_mirror_of_a_pose_bends_its_knees_backwards(method, monkeypatch):
    forward = evaluate_method(method, _recording()).summary()["knees_forward_share"]
    predict = method.predict_normalized

    def mirrored(*arguments, **options):
        prediction = predict(*arguments, **options)
        return dataclasses.replace(prediction, poses_3d=prediction.poses_3d * np.float32([1, 1, -1]))

    monkeypatch.setattr(method, "predict_normalized", mirrored)
    assert evaluate_method(method, _recording()).summary()["knees_forward_share"] == pytest.approx(1 - forward)


def test_likelihoods_are_seeded_and_settle_with_more_views(method):
    method.density.elevation_mean.assign(-0.2)
    method.density.elevation_deviation.assign(0.1)
    recording = _recording()
    groups = clip_and_camera(recording)

    def nll(views, seed):
        return method.likelihood(recording.poses_2d, groups, views=views, seed=seed)

    np.testing.assert_array_equal(nll(20, 1), nll(20, 1))
    few, many = np.abs(nll(5, 1) - nll(5, 2)).mean(), np.abs(nll(200, 1) - nll(200, 2)).mean()
    assert 0 < many < 0.5 * few  # 1 / sqrt(40) of it, within what twelve poses can tell.


def test_the_likelihood_is_the_mean_over_turned_cameras(method):
    """With one elevation for all cameras, poses are levelled, turned about the vertical and projected."""
    recording = _recording()
    image, _ = method.normalizer.apply(recording.poses_2d)
    method.density.elevation_mean.assign(0.0)
    method.density.elevation_deviation.assign(0.0)
    groups = clip_and_camera(recording)
    value = method.likelihood(recording.poses_2d, groups, views=200, seed=3)
    y, e = (tensor.numpy().astype(np.float64) for tensor in method.y(tf.constant(image)))
    turned = np.empty((200, *image.shape))
    for i, angle in enumerate(e):
        level = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
        for view, a in enumerate(np.linspace(-np.pi, np.pi, 200, endpoint=False)):  # Instead of 200 draws.
            turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
            pose = y[i] @ (turn @ level).T
            turned[view, i] = pose[:, :2] / np.maximum(pose[:, 2:] + method.distance, 1.0)
    each = -method.prior.log_prob(tf.constant(turned, tf.float32)).numpy()
    error = each.std(axis=0) / np.sqrt(200)
    assert np.all(np.abs(value - each.mean(axis=0)) < 4 * error)
    assert np.ptp(each.mean(axis=0)) > 8 * error.mean()  # The poses differ by more than that.


@pytest.mark.parametrize("rule", ["dataset", "clip", "pose"])
def test_chosen_rows_get_the_same_figures_as_among_all(rule):
    """A clip's scale is that of all its frames, also when only one of them is measured."""
    chosen, _ = small_models.small_elepose("dataset")
    chosen.normalizer = dataclasses.replace(chosen.normalizer, rule=rule)
    recording = _recording(clip=np.full(12, "a"), subject=np.full(12, "S1"))  # Three groups of four.
    rows = np.array([2, 5, 11])
    some, every = evaluate_method(chosen, recording, rows=rows), evaluate_method(chosen, recording)
    assert len(some) == 3 and len(every) == 12
    for name in ("predicted", "pa_mpjpe_mm", "n_mpjpe_mm", "flat_pa_mpjpe_mm", "elevation", "true_elevation", "action",
                 "knees_forward", "elbows_forward"):  # fmt: skip
        mine, theirs = getattr(some, name), getattr(every, name)[rows]
        if mine.dtype.kind == "f":
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4, err_msg=name)
        else:
            np.testing.assert_array_equal(mine, theirs, err_msg=name)
    alone = evaluate_method(chosen, recording.select(rows))
    assert np.allclose(alone.predicted, some.predicted, atol=1e-3) == (rule != "clip")


def test_a_method_without_density_has_no_likelihood_in_its_evaluation(method, monkeypatch):
    monkeypatch.setattr(method, "likelihood_normalized", lambda image, seen, *, views, seed: None)
    assert "nll_mean" not in evaluate_method(method, _recording(), likelihood_views=3).summary()


def test_spread_rows_are_evenly_spaced_and_no_more_than_there_are():
    recording = _recording()
    np.testing.assert_array_equal(spread_rows(recording, 3), [0, 5, 11])
    np.testing.assert_array_equal(spread_rows(recording, 12), np.arange(12))
    np.testing.assert_array_equal(spread_rows(recording, 100), np.arange(12))
