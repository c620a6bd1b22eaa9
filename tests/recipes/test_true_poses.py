"""3D truth in unit scale, by each normalisation rule."""

import dataclasses

import numpy as np
import pytest
import small_runs

from tf_elepose.normalization import Normalizer
from tf_elepose.recipes.true_poses import unit_poses
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training.evaluator import clip_and_camera

HEAD = H36M_17.index("head")


@pytest.fixture(scope="module")
def recording():
    return small_runs.small_recording()


def _unit(recording, rule):
    groups = clip_and_camera(recording)
    normalizer = Normalizer.fit(recording.poses_2d, H36M_17, rule=rule, groups=groups)
    return unit_poses(normalizer, recording, groups)


@pytest.mark.parametrize("rule", ["dataset", "clip", "pose"])
def test_a_body_is_about_one_from_root_to_head_and_keeps_its_shape(recording, rule):
    pose = _unit(recording, rule)
    assert pose.dtype == np.float32 and np.all(pose[:, H36M_17.root_index] == 0)
    heads = np.linalg.norm(pose[:, HEAD], axis=-1)
    assert heads.mean() == pytest.approx(1.0, rel=0.01)
    centred = recording.poses_3d - recording.poses_3d[:, :1]
    ratio = np.linalg.norm(centred[:, HEAD], axis=-1) / heads  # mm a unit.
    np.testing.assert_allclose(pose * ratio[:, None, None], centred, atol=0.01)


def test_the_rules_differ_in_whose_size_is_one(recording):
    """One clip is filmed of a giant: by the rule "dataset" he stays one."""
    giant = recording.clip == recording.clip[0]
    scaled = dataclasses.replace(recording, poses_3d=np.where(giant[:, None, None], 2, 1) * recording.poses_3d)
    clip, pose = _unit(scaled, "clip"), _unit(scaled, "pose")
    heads = np.linalg.norm(clip[:, HEAD], axis=-1)
    for group in np.unique(groups := clip_and_camera(recording)):
        assert heads[groups == group].mean() == pytest.approx(1.0, rel=1e-5)
    spread = np.linalg.norm(pose, axis=-1).mean(axis=-1)
    np.testing.assert_allclose(spread, spread[0], rtol=1e-5)
    dataset, before = _unit(scaled, "dataset"), _unit(recording, "dataset")
    np.testing.assert_allclose(
        (dataset / np.where(before == 0, 1, before))[giant, HEAD].max(), 2 * _share(giant), rtol=0.1
    )


def _share(giant):
    """The factor on all sizes when the giant's rows, twice as large, enter the mean."""
    return 1.0 / (1.0 + giant.mean())


def test_a_recording_without_true_poses_is_refused(recording):
    blind = dataclasses.replace(recording, poses_3d=None)
    with pytest.raises(ValueError, match="synthetic: has no poses_3d; supervised learning needs a 3D pose"):
        _unit(blind, "dataset")
    with pytest.raises(ValueError, match="poses_3d: pose 0 has no extent"):
        _unit(dataclasses.replace(recording, poses_3d=np.ones_like(recording.poses_3d)), "pose")
