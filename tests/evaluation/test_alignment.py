"""Alignment against Horn's quaternion method and numbers worked out by hand, and of poses without extent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_elepose.evaluation import alignment


def random_poses(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(*shape, 3)) * 300.0


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


def horn(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Horn 1987: the best rotation is the unit quaternion of the largest eigenvalue of a 4x4 matrix. One pose."""
    p = predicted - predicted.mean(axis=0)
    t = target - target.mean(axis=0)
    (sxx, sxy, sxz), (syx, syy, syz), (szx, szy, szz) = p.T @ t
    n = np.array(
        [
            [sxx + syy + szz, syz - szy, szx - sxz, sxy - syx],
            [syz - szy, sxx - syy - szz, sxy + syx, szx + sxz],
            [szx - sxz, sxy + syx, -sxx + syy - szz, syz + szy],
            [sxy - syx, szx + sxz, syz + szy, -sxx - syy + szz],
        ]
    )
    values, vectors = np.linalg.eigh(n)
    w, x, y, z = vectors[:, -1]
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    scale = values[-1] / np.sum(p**2)
    return np.array([scale * rotation @ joint for joint in p]) + target.mean(axis=0)


@pytest.mark.parametrize("joints", [3, 4, 17])
def test_procrustes_is_horns_solution(joints):
    predicted, target = random_poses(0, 50, joints), random_poses(1, 50, joints)
    expected = np.stack([horn(p, t) for p, t in zip(predicted, target, strict=True)])
    np.testing.assert_allclose(alignment.procrustes(predicted, target), expected, atol=1e-7)


def test_procrustes_with_reflection_is_the_better_of_pose_and_mirror():
    predicted, target = random_poses(2, 50, 6), random_poses(3, 50, 6)
    got = alignment.procrustes(predicted, target, reflection=True)
    mirrored = 0
    for p, t, aligned in zip(predicted, target, got, strict=True):
        plain, turned = horn(p, t), horn(p * [1, 1, -1], t)
        mirrored += np.sum((turned - t) ** 2) < np.sum((plain - t) ** 2)
        best = min(plain, turned, key=lambda pose: np.sum((pose - t) ** 2))
        np.testing.assert_allclose(aligned, best, atol=1e-7)
    assert 10 < mirrored < 40  # Both branches have run.


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-6, 6))
def test_a_similarity_of_the_target_is_undone(seed, log_scale):
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(17, 3)) * 300.0
    predicted = 10.0**log_scale * target @ random_rotation(rng).T + rng.normal(size=3) * 10.0**log_scale
    np.testing.assert_allclose(alignment.procrustes(predicted, target), target, atol=1e-6)


def test_leading_axes_are_kept():
    predicted, target = random_poses(4, 2, 3, 5), random_poses(5, 2, 3, 5)
    got = alignment.procrustes(predicted, target)
    assert got.shape == (2, 3, 5, 3)
    np.testing.assert_allclose(got[1, 2], alignment.procrustes(predicted[1, 2], target[1, 2]), atol=1e-9)


def test_arguments_are_not_changed():
    predicted, target = random_poses(6, 4, 5), random_poses(7, 4, 5)
    before = predicted.copy(), target.copy()
    alignment.procrustes(predicted, target)
    np.testing.assert_array_equal(predicted, before[0])
    np.testing.assert_array_equal(target, before[1])


@pytest.mark.parametrize("reflection", [False, True])
@pytest.mark.parametrize(
    "predicted",
    [np.zeros((5, 3)), np.full((5, 3), 0.1), np.full((5, 3), 1e30)],
    ids=["zero", "one point", "one far point"],
)
def test_a_pose_without_extent_lands_on_the_targets_mean(predicted, reflection):
    target = random_poses(8, 5)
    got = alignment.procrustes(predicted, target, reflection=reflection)
    np.testing.assert_allclose(got, np.broadcast_to(target.mean(axis=0), (5, 3)), atol=1e-9)


@pytest.mark.parametrize("reflection", [False, True])
def test_a_collinear_pose_is_laid_along_the_targets_main_direction(reflection):
    # The target is a line along y of 0, 2, 4; the prediction the same line along x, of length 1 a step.
    target = np.array([[0.0, 0, 7], [0, 2, 7], [0, 4, 7]])
    predicted = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
    np.testing.assert_allclose(alignment.procrustes(predicted, target, reflection=reflection), target, atol=1e-9)


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1e30, 1e150])
def test_tiny_and_huge_units_do_not_matter(size):
    target = random_poses(9, 17)
    np.testing.assert_allclose(alignment.procrustes(target * size, target), target, atol=1e-6)


def test_scales_by_hand():
    predicted = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0]])
    target = np.array([[0.0, 0, 0], [3, 0, 0], [0, 1, 1]])
    # <p, t> = 3 + 2, |p|^2 = 5, |t|^2 = 11.
    assert alignment.least_squares_scale(predicted, target) == pytest.approx(1.0)
    assert alignment.norm_ratio_scale(predicted, target) == pytest.approx(np.sqrt(11 / 5))


def test_least_squares_scale_is_the_minimum():
    predicted, target = random_poses(10, 17), random_poses(11, 17)
    best = float(alignment.least_squares_scale(predicted, target))

    def loss(s):
        return np.sum((s * predicted - target) ** 2)

    assert loss(best) < min(loss(best - 1e-3), loss(best + 1e-3))


@pytest.mark.parametrize("scale", [alignment.least_squares_scale, alignment.norm_ratio_scale])
def test_a_zero_prediction_has_scale_zero(scale):
    np.testing.assert_array_equal(scale(np.zeros((2, 5, 3)), random_poses(12, 2, 5)), [0.0, 0.0])


def test_root_center_moves_the_root_to_the_origin():
    pose = random_poses(13, 4, 5)
    centred = alignment.root_center(pose, 2)
    np.testing.assert_array_equal(centred[:, 2], np.zeros((4, 3)))
    np.testing.assert_allclose(centred[:, 4] - centred[:, 0], pose[:, 4] - pose[:, 0], atol=1e-12)


def test_shapes_that_differ_are_named():
    with pytest.raises(ValueError, match=r"\(5, 3\) and \(6, 3\)"):
        alignment.procrustes(np.zeros((5, 3)), np.zeros((6, 3)))
    with pytest.raises(ValueError, match=r"\[\.\.\., J, 3\]"):
        alignment.least_squares_scale(np.zeros((5, 2)), np.zeros((5, 2)))


def test_joints_that_are_not_fitted_follow_the_others():
    """Only the chosen joints decide the fit; the other joints are moved by it too."""
    rng = np.random.default_rng(0)
    target, predicted = rng.normal(size=(4, 9, 3)), rng.normal(size=(4, 9, 3))
    chosen = [0, 2, 3, 5, 8]
    aligned = alignment.procrustes(predicted, target, fitted=chosen)
    np.testing.assert_allclose(
        aligned[:, chosen], alignment.procrustes(predicted[:, chosen], target[:, chosen]), atol=1e-12
    )
    # One similarity for all joints: distances keep their ratios.
    before = np.linalg.norm(predicted[:, :, None] - predicted[:, None], axis=-1)[:, *np.triu_indices(9, 1)]
    after = np.linalg.norm(aligned[:, :, None] - aligned[:, None], axis=-1)[:, *np.triu_indices(9, 1)]
    np.testing.assert_allclose(after / before, (after / before)[:, :1].repeat(36, axis=1), rtol=1e-9)
    every = alignment.procrustes(predicted, target, fitted=list(range(9)))
    np.testing.assert_allclose(every, alignment.procrustes(predicted, target), atol=1e-12)
