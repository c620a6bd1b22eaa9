"""How far views agree on the canonical pose, against numbers worked out by hand."""

import dataclasses

import numpy as np
import pytest
import small_models
import small_runs

from tf_elepose.recipes.canonpose.canonical_space import canonical_poses, hips_deviation_mm, spread_between_views


def test_the_spread_worked_by_hand():
    # Two moments of two views: 3-4-5 apart, so 2.5 from their mean, twice; and 0. Over n - 1: 12.5 / 2 moments.
    poses = np.zeros((2, 2, 1, 3))
    poses[0, 1, 0] = [3, 0, 4]
    np.testing.assert_allclose(spread_between_views(poses), [np.sqrt(12.5 / 2)])
    poses += np.arange(2)[:, None, None, None] * 100.0  # Where a moment's pose is does not matter.
    np.testing.assert_allclose(spread_between_views(poses), [np.sqrt(12.5 / 2)])


def test_views_that_are_missing_do_not_count():
    poses = np.random.default_rng(0).normal(size=(4, 3, 2, 3))
    with_gaps = np.concatenate([poses, np.full((4, 1, 2, 3), np.nan)], axis=1)
    np.testing.assert_allclose(spread_between_views(with_gaps), spread_between_views(poses))
    alone = np.full((1, 4, 2, 3), np.nan)
    alone[0, 2] = 5.0
    np.testing.assert_allclose(spread_between_views(np.concatenate([with_gaps, alone])), spread_between_views(poses))
    assert np.isnan(spread_between_views(alone)).all()


def test_canonical_poses_are_as_large_as_the_body():
    method, _ = small_models.small_canonpose(rule="pose")
    recording = small_runs.small_recording(cameras=3).of_split("test")
    found, poses = canonical_poses(method, recording, recording.view("gt"))
    assert poses.shape == (*found.rows.shape, 17, 3)
    true = recording.poses_3d - recording.poses_3d[:, :1]
    np.testing.assert_allclose(
        np.linalg.norm(poses, axis=(2, 3)), np.linalg.norm(true, axis=(1, 2))[found.rows], rtol=1e-4
    )
    hips = list(recording.skeleton.indices(("l_hip", "r_hip")))
    assert hips_deviation_mm(method, recording, recording.view("gt")) == pytest.approx(
        np.sqrt(np.mean(spread_between_views(poses)[hips] ** 2)), rel=1e-6
    )
    with pytest.raises(ValueError, match="has no 3D poses"):
        canonical_poses(method, dataclasses.replace(recording, poses_3d=None), recording.view("gt"))
