"""Claims: errors of each way of scaling, on poses that differ from the true ones only in size."""

import dataclasses

import numpy as np
import pytest
from lifted_samples import lifted, posing

from benchmarks.studies import body_size as benchmark
from tf_elepose.motion.body_size import chain_length
from tf_elepose.skeleton.skeletons import H36M_17


def test_poses_of_different_sizes_want_a_scale_each():
    true = np.repeat(posing(2, turn=0.0)[1:], 21, axis=0)
    factors = np.linspace(0.9, 1.1, 21)
    poses = true * (factors / 1600.0)[:, np.newaxis, np.newaxis]
    row = benchmark.errors(lifted(poses, unit="unit"), true + 5000.0)
    assert row["pose_mm"] == pytest.approx(0.0, abs=1e-3) and row["best_mm"] == pytest.approx(0.0, abs=1e-3)
    reach = np.linalg.norm(true[0], axis=-1).mean()
    assert row["track_mm"] == pytest.approx(reach * np.abs(factors - 1.0).mean(), rel=1e-6)  # The median factor is 1.


def test_one_wrong_chain_moves_its_own_pose_only():
    true = np.repeat(posing(2, turn=0.0)[1:], 5, axis=0)
    poses = true / 1600.0
    poses[2, H36M_17.index("l_knee")] *= 1.5
    made = lifted(poses, unit="unit")
    assert np.ptp(chain_length(poses, made.skeleton)) > 0.0
    row = benchmark.errors(made, true)
    assert row["track_mm"] < row["pose_mm"]


def test_poses_that_are_not_valid_do_not_count():
    true = np.repeat(posing(2, turn=0.0)[1:], 4, axis=0)
    poses = true / 1600.0
    poses[3] = 0.0
    made = dataclasses.replace(lifted(poses, unit="unit"), valid=np.array([True, True, True, False]))
    row = benchmark.errors(made, true)
    assert row["count"] == 3 and row["track_mm"] == pytest.approx(0.0, abs=1e-3)


def test_a_table_names_the_model_and_the_poses():
    row = {"count": 6692, "pose_mm": 46.8, "track_mm": 54.6, "best_mm": 45.9}
    lines = benchmark.markdown({"model": "cmu", "scaled": [{"poses": kind, **row} for kind in benchmark.KINDS]})
    assert "MPJPE of `cmu`" in lines and "| exact, 6,692 | 46.8 | 54.6 | 45.9 |" in lines
