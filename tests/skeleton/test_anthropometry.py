"""Relative bone lengths: stated by a skeleton, and estimated from 2D poses of bodies whose lengths are known."""

import json

import numpy as np
import pytest
import small_models

from tf_elepose.skeleton import anthropometry
from tf_elepose.skeleton.anthropometry import BonePrior, estimate_bone_prior, stated_bone_prior
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton

STICK = Skeleton(
    "stick", ("hip", "top", "hand_l", "hand_r"), (None, "hip", "top", "top"), ("hand_l",), ("hand_r",),
    root="hip", head="top",
)  # fmt: skip


def flat_poses(lengths, count=1):
    """2D poses of STICK with the bones lying in the image."""
    top, left, right = lengths
    return np.tile(np.array([[[0, 0], [0, -top], [left, -top], [-right, -top]]], np.float32), (count, 1, 1))


ONE_CLIP = np.array(["a"])


def test_stated_lengths_have_mean_one_and_one_deviation():
    prior = stated_bone_prior(H36M_17)
    np.testing.assert_allclose(prior.lengths, np.array(H36M_17.bone_prior) / np.mean(H36M_17.bone_prior), rtol=1e-6)
    np.testing.assert_array_equal(prior.deviations, np.ones(16))
    with pytest.raises(ValueError, match="skeleton 'stick' states no bone lengths"):
        stated_bone_prior(STICK)


def test_estimates_average_both_sides_and_have_mean_one():
    prior = estimate_bone_prior(flat_poses([2.0, 1.2, 0.8]), ONE_CLIP, STICK)
    np.testing.assert_allclose(prior.lengths, [1.5, 0.75, 0.75], rtol=1e-6)
    np.testing.assert_allclose(prior.deviations, [1.0, 1.0, 1.0], rtol=1e-6)


def test_percentile_agrees_with_hand_calculation():
    poses = flat_poses([1.0, 1.0, 1.0], 11)
    poses[:, 1:, 1] = -np.arange(11, dtype=np.float32)[:, None]  # Trunk lengths 0 to 10; hands stay 1.
    prior = estimate_bone_prior(poses, np.repeat(ONE_CLIP, 11), STICK, percentile=70.0)
    np.testing.assert_allclose(prior.lengths, np.array([7.0, 1.0, 1.0]) / 3.0, rtol=1e-6)


def test_weighted_mean_and_deviation_over_clips_agree_with_hand_calculation(monkeypatch):
    monkeypatch.setattr(anthropometry, "_FEWEST_POSES", 1)
    # Relative lengths (1, 1, 1) three times, (1.5, 0.75, 0.75) once; their sizes do not matter.
    poses = np.concatenate([flat_poses([5.0, 5.0, 5.0], 3), flat_poses([2.0, 1.0, 1.0])])
    prior = estimate_bone_prior(poses, np.array(["b", "b", "b", "a"]), STICK)
    np.testing.assert_allclose(prior.lengths, [1.125, 0.9375, 0.9375], rtol=1e-6)
    # Variances 3/4 * 1/4 * 0.5^2 and 3/4 * 1/4 * 0.25^2, each plus 0.03^2; then the mean of 1 / s^2 becomes 1.
    variance = np.array([0.046875 + 0.0009, 0.01171875 + 0.0009, 0.01171875 + 0.0009])
    np.testing.assert_allclose(prior.deviations**2, variance * np.mean(1 / variance), rtol=1e-5)
    assert np.mean(1 / prior.deviations**2) == pytest.approx(1.0, rel=1e-6)


def test_lengths_of_a_body_seen_from_many_sides_are_found():
    rng = np.random.default_rng(0)
    stated, poses = np.asarray(H36M_17.bone_prior), np.zeros((4000, 17, 3))
    for row in np.argsort([_depth(child) for child, _ in H36M_17.bones]):  # Parents first.
        child, parent = H36M_17.bones[row]
        direction = rng.normal(size=(4000, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        poses[:, H36M_17.index(child)] = poses[:, H36M_17.index(parent)] + stated[row] * direction
    clips = np.arange(4000) // 2000
    prior = estimate_bone_prior(poses[..., :2], clips, H36M_17)
    np.testing.assert_allclose(prior.lengths, stated / stated.mean(), rtol=0.02)
    assert prior.lengths.dtype == prior.deviations.dtype == np.float32
    for values in (prior.lengths, prior.deviations):
        np.testing.assert_array_equal(values, values[list(H36M_17.bone_mirror)])
    np.testing.assert_allclose(
        estimate_bone_prior(5 * poses[..., :2], clips, H36M_17).lengths, prior.lengths, rtol=1e-5
    )


def _depth(joint):
    parent = H36M_17.parents[H36M_17.index(joint)]
    return 0 if parent is None else 1 + _depth(parent)


def test_round_trip_through_json():
    prior = BonePrior(np.float32([1.1, 0.9]), np.float32([0.7, 3.0]))
    again = BonePrior.from_dict(json.loads(json.dumps(prior.to_dict())))
    np.testing.assert_array_equal(again.lengths, prior.lengths, strict=True)
    np.testing.assert_array_equal(again.deviations, prior.deviations, strict=True)


def test_error_names_a_bone_without_length():
    with pytest.raises(ValueError, match="clip 'a': the bone from 'top' to 'hand_l' has no length"):
        estimate_bone_prior(flat_poses([1.0, 0.0, 0.0]), ONE_CLIP, STICK)


def test_bones_are_measured_where_both_ends_are_seen():
    poses = small_models.poses_2d(200)
    clips, seen = np.arange(200) // 50, np.random.default_rng(0).random((200, 17)) > 0.2
    unseen_changed = np.where(seen[..., None], poses, np.float32(9e3))
    one, other = (estimate_bone_prior(p, clips, H36M_17, seen=seen) for p in (poses, unseen_changed))
    np.testing.assert_array_equal(one.lengths, other.lengths)
    whole = estimate_bone_prior(poses, clips, H36M_17)
    np.testing.assert_allclose(one.lengths, whole.lengths, rtol=0.1)
    np.testing.assert_array_equal(
        estimate_bone_prior(poses, clips, H36M_17, seen=np.ones_like(seen)).lengths, whole.lengths
    )


def test_a_bone_seen_on_one_side_is_enough_and_on_neither_is_an_error():
    poses, clips, seen = small_models.poses_2d(100), np.arange(100) // 50, np.ones((100, 17), bool)
    seen[:50, H36M_17.index("l_wrist")] = False
    estimate_bone_prior(poses, clips, H36M_17, seen=seen)  # The right wrist is seen.
    seen[:, [H36M_17.index("l_wrist"), H36M_17.index("r_wrist")]] = False
    with pytest.raises(ValueError, match="no clip shows every bone"):
        estimate_bone_prior(poses, clips, H36M_17, seen=seen)


def test_single_pictures_are_treated_as_one_clip():
    """In one picture most bones are foreshortened; many pictures are as good as a clip."""
    poses = small_models.poses_2d(300)
    whole = estimate_bone_prior(poses, np.zeros(300), H36M_17)
    np.testing.assert_allclose(estimate_bone_prior(poses, np.arange(300), H36M_17).lengths, whole.lengths)
    mixed = np.where(np.arange(300) < 150, -1, np.arange(300))
    both = estimate_bone_prior(poses, np.where(np.arange(300) < 150, -1, 7), H36M_17)
    np.testing.assert_allclose(estimate_bone_prior(poses, mixed, H36M_17).lengths, both.lengths)
