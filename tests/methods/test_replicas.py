"""Two replicas do what one replica with the whole batch does."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import tf_elepose
from tf_elepose.methods import replicas

PAIRS = [
    ("one", "two"),
    ("one_prior", "two_prior_streaming"),
    ("one_canonpose", "two_canonpose"),
    ("one_svmac", "two_svmac"),
]

PROGRAM = pathlib.Path(__file__).with_name("replica_runs.py")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    path = tmp_path_factory.mktemp("replicas") / "runs.npz"
    folders = [PROGRAM.parents[1] / "reference", pathlib.Path(tf_elepose.__file__).parents[1]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([sys.executable, PROGRAM, path], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_steps_of_sgd_give_the_same_weights_on_one_and_two_replicas(runs, one, other):
    moved = np.abs(runs[f"{one}/weights"] - runs[f"{one}/start"])
    assert moved.max() > 1e-3 and (moved > 1e-6).mean() > 0.5  # The steps change the weights, so a test can fail.
    np.testing.assert_array_equal(runs[f"{one}/start"], runs[f"{other}/start"])
    np.testing.assert_allclose(runs[f"{other}/weights"], runs[f"{one}/weights"], rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(runs[f"{other}/averages"], runs[f"{one}/averages"], rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(runs[f"{other}/statistics"], runs[f"{one}/statistics"], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(runs[f"{other}/copy"], runs[f"{other}/weights"])  # Replicas stay equal.


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_reported_values_are_those_of_the_whole_batch(runs, one, other):
    np.testing.assert_array_equal(runs[f"{one}/names"], runs[f"{other}/names"])
    np.testing.assert_allclose(runs[f"{other}/first"], runs[f"{one}/first"], rtol=1e-5)
    np.testing.assert_allclose(runs[f"{other}/rest"], runs[f"{one}/rest"], rtol=1e-4)
    if one == "one":
        values = dict(zip(runs["one/names"], runs["one/first"], strict=True))
        assert set(values) >= {"likelihood", "bone", "lifting", "deformation", "reprojection", "knees", "loss"}
        assert all(value != 0 for value in values.values()) and values["gradient_norm"] > 1000  # So it is clipped.


def test_statistics_and_their_gradients_are_those_of_the_global_batch(runs):
    values = np.array([0.1, -0.4, 0.3, 0.2, -0.1, 0.05])
    mean, deviation = values.mean(), values.std(ddof=1)
    expected = 2 / 6 + 3 * (values - mean) / (5 * deviation)
    for run in ("one_statistics", "two_statistics"):
        np.testing.assert_allclose(runs[f"{run}/mean"], mean, rtol=1e-5)
        np.testing.assert_allclose(runs[f"{run}/deviation"], deviation, rtol=1e-5)
        np.testing.assert_allclose(runs[f"{run}/gradient"], expected, rtol=1e-4)


def test_replicas_draw_the_rows_that_one_replica_draws(runs):
    np.testing.assert_array_equal(runs["two_statistics/drawn"], runs["one_statistics/drawn"])
    assert len(np.unique(runs["one_statistics/drawn"])) == 18


def test_a_constant_batch_has_deviation_zero_without_gradient():
    x = tf.fill([4], 0.3)
    with tf.GradientTape() as tape:
        tape.watch(x)
        _, deviation = replicas.mean_and_deviation(x)
    assert deviation == 0.0
    np.testing.assert_array_equal(tape.gradient(deviation, x), np.zeros(4))


def test_one_example_has_deviation_zero():
    mean, deviation = replicas.mean_and_deviation(tf.constant([0.7]))
    assert (float(mean), float(deviation)) == (pytest.approx(0.7), 0.0)
