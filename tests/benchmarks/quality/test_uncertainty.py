"""Claims: the figures on a model's uncertainty follow from its poses' rankings and errors."""

import dataclasses

import numpy as np
import pytest
from stick_people import turning

from benchmarks.quality import uncertainty
from tf_elepose.evaluation.evaluation import evaluate_poses


def test_bands_hold_every_pose_once_and_their_own_errors():
    percentile = np.array([0.0, 4.9, 5.0, 15.0, 25.0, 60.0, 75.0, 100.0])
    error = np.array([80.0, 60.0, 50.0, 40.0, 30.0, 20.0, 10.0, 12.0])
    bands = uncertainty._bands(percentile, error)
    assert [(band["from"], band["to"]) for band in bands][:2] == [(0, 5), (5, 10)] and bands[-1]["to"] == 100
    assert sum(band["poses_percent"] for band in bands) == pytest.approx(100.0)
    assert [band["pa_mpjpe_mm"] for band in bands] == [70.0, 50.0, 40.0, 30.0, None, 20.0, 11.0]


def test_reliability_is_that_of_the_ranking():
    error = np.arange(10.0, 110.0, 10.0)  # 10 ... 100, mean 55.
    right = uncertainty._reliability("x", error, error)
    assert right == {
        "label": "x", "nll_pa_spearman": pytest.approx(1.0), "pa_mpjpe_mm": 55.0, "pa_mpjpe_refused_10_mm": 50.0,
        "pa_mpjpe_refused_20_mm": 45.0, "pa_mpjpe_refused_30_mm": 40.0,
    }  # fmt: skip
    assert uncertainty._reliability("x", -error, error)["pa_mpjpe_refused_20_mm"] == 65.0
    assert uncertainty._reliability("x", np.zeros(10), error)["nll_pa_spearman"] == 0.0


def test_tables_say_how_much_is_gained():
    error = np.arange(10.0, 110.0, 10.0)
    rows = [uncertainty._reliability("percentile", error, error)]
    bands = uncertainty._bands(np.linspace(0, 100, 10), error)
    lines = uncertainty.markdown({"uncertainty": rows, "bands": bands}).splitlines()
    assert lines[2] == "| percentile | 1.00 | 55.0 | 50.0 (-9 %) | 45.0 (-18 %) | 40.0 (-27 %) |"
    assert lines[6] == "| 0 to 5 | 10.0 | 10.0 |"


def test_the_gallery_is_of_the_best_and_the_worst_pose_of_each_action():
    recording = turning(rows=60)
    poses = np.asarray(recording.poses_3d, np.float64)
    noise = np.linspace(0.0, 200.0, len(poses))[:, None, None]  # The later a row, the worse.
    predicted = poses + noise * np.random.default_rng(0).normal(size=poses.shape)
    evaluation = evaluate_poses(recording.skeleton, predicted, true_3d=poses)
    recording = dataclasses.replace(recording, action=np.where(np.arange(len(poses)) % 3 == 0, "rare", "often"))
    gallery = uncertainty.examples(evaluation, recording, "gt")
    assert [example.title.split("\n")[0] for example in gallery["best"]] == ["often", "rare"]
    for kind, pick in (("best", np.argmin), ("worst", np.argmax)):
        for example in gallery[kind]:
            own = np.flatnonzero(recording.action == example.title.split("\n")[0])
            row = own[pick(evaluation.pa_mpjpe_mm[own])]
            np.testing.assert_array_equal(example.image, recording.poses_2d[row])
            np.testing.assert_allclose(example.true, evaluation.true_mm[row])
            assert example.title.endswith(f"\n{evaluation.pa_mpjpe_mm[row]:.0f} mm")
