"""Metrics: worked out by hand, against a loop over poses, and by the properties that define them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_elepose.evaluation import alignment, metrics

TRUE = np.array([[0.0, 0, 0], [300, 0, 0], [0, 400, 0]])


def poses(seed: int, n: int, joints: int = 17, noise: float = 60.0) -> tuple[np.ndarray, np.ndarray]:
    """(predicted, true) [n, joints, 3], both centred on joint 0."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(n, joints, 3)) * 300.0
    predicted = true + rng.normal(size=true.shape) * noise
    return predicted - predicted[:, :1], true - true[:, :1]


def test_mpjpe_by_hand():
    predicted = TRUE + np.array([[0.0, 0, 0], [3, 4, 0], [0, 0, 10]])  # Errors 0, 5, 10.
    assert metrics.mpjpe(predicted, TRUE) == pytest.approx(5.0)
    np.testing.assert_allclose(metrics.joint_errors(predicted, TRUE), [0.0, 5.0, 10.0])


def test_n_mpjpe_by_hand():
    # Half the size, and the last joint to the other side.
    predicted = 0.5 * np.array([[0.0, 0, 0], [300, 0, 0], [0, -400, 0]])
    # Least squares: <p, t> = 150*300 - 200*400 = -35000, |p|^2 = 22500 + 40000; s = -0.56: joints at -84 and 112.
    assert metrics.n_mpjpe(predicted, TRUE) == pytest.approx((0 + 384 + 288) / 3)
    # Norm ratio: s = 2, the last joint is 800 away.
    assert metrics.n_mpjpe(predicted, TRUE, scale="norm_ratio") == pytest.approx(800 / 3)


def test_n_mpjpe_in_a_loop():
    predicted, true = poses(0, 20)
    for p, t, got, ratio in zip(
        predicted, true, metrics.n_mpjpe(predicted, true), metrics.n_mpjpe(predicted, true, "norm_ratio"), strict=True
    ):
        s = sum(float(a @ b) for a, b in zip(p, t, strict=True)) / sum(float(a @ a) for a in p)
        assert got == pytest.approx(np.mean([np.sqrt(np.sum((s * a - b) ** 2)) for a, b in zip(p, t, strict=True)]))
        s = (sum(float(b @ b) for b in t) / sum(float(a @ a) for a in p)) ** 0.5
        assert ratio == pytest.approx(np.mean([np.sqrt(np.sum((s * a - b) ** 2)) for a, b in zip(p, t, strict=True)]))


def test_an_unknown_scale_is_refused():
    with pytest.raises(ValueError, match="least_squares, norm_ratio; got 'median'"):
        metrics.n_mpjpe(TRUE, TRUE, scale="median")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100.0), st.floats(-3.0, 3.0), st.floats(-3.0, 3.0))
def test_pa_mpjpe_ignores_similarities_of_the_prediction(seed, size, first, second):
    predicted, true = poses(seed, 1)
    a, b = np.cos(first), np.sin(first)
    c, d = np.cos(second), np.sin(second)
    rotation = np.array([[a, -b, 0], [b, a, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -d], [0, d, c]])
    moved = size * predicted @ rotation.T + [5.0, -900.0, 40.0]
    np.testing.assert_allclose(metrics.pa_mpjpe(moved, true), metrics.pa_mpjpe(predicted, true), rtol=1e-8)


def test_a_depth_mirror_is_wrong_unless_reflections_are_allowed():
    _, true = poses(1, 30)
    mirrored = true * [1.0, 1.0, -1.0]
    assert np.all(metrics.pa_mpjpe(mirrored, true) > 50.0)
    np.testing.assert_allclose(metrics.pa_mpjpe(mirrored, true, reflection=True), 0.0, atol=1e-9)


def test_reflections_never_raise_the_error_that_alignment_minimises():
    predicted, true = poses(2, 200, noise=400.0)
    squared = [
        np.sum((alignment.procrustes(predicted, true, reflection=reflection) - true) ** 2, axis=(-2, -1))
        for reflection in (False, True)
    ]
    assert np.all(squared[1] <= squared[0] + 1e-6)
    assert metrics.pa_mpjpe(predicted, true, True).mean() <= metrics.pa_mpjpe(predicted, true).mean()


def test_pck_is_strict_and_counts_the_root():
    true = np.array([[0.0, 0, 0], [1000, 0, 0], [0, 1000, 0], [0, 0, 1000]])
    predicted = true + np.array([[0.0, 0, 0], [0, 150, 0], [0, 0, 100], [0, 0, 0]])
    factor = alignment.least_squares_scale(predicted, true)
    errors = np.linalg.norm(factor * predicted - true, axis=-1)
    assert metrics.pck(predicted, true, threshold_mm=errors[1]) == pytest.approx(75.0)  # Not the joint at the radius.
    assert metrics.pck(predicted, true, threshold_mm=errors[1] + 1e-6) == pytest.approx(100.0)
    assert metrics.pck(predicted, true, threshold_mm=1e-9) == pytest.approx(25.0)  # The root alone.


def test_pck_and_auc_fit_the_scale():
    np.testing.assert_allclose(metrics.pck(0.01 * TRUE, TRUE), 100.0)
    np.testing.assert_allclose(metrics.auc(0.01 * TRUE, TRUE), 100.0 * 30 / 31)


def test_auc_by_hand():
    # A zero prediction keeps scale 0, so the errors are the joints' distances 0, 72 and 1000.
    true = np.array([[0.0, 0, 0], [0, 72, 0], [1000, 0, 0]])
    # Root: thresholds 5..150, 30 of them. 72 mm: thresholds 75..150, 16 of them. 1000 mm: none.
    assert metrics.auc(np.zeros((3, 3)), true) == pytest.approx(100.0 * (30 + 16) / (3 * 31))
    assert metrics.auc(np.zeros((3, 3)), true) == pytest.approx(
        np.mean([metrics.pck(np.zeros((3, 3)), true, threshold) for threshold in range(0, 155, 5)])
    )


def test_cps_of_perfect_poses_is_300_in_any_frame_and_unit():
    _, true = poses(3, 10)
    np.testing.assert_allclose(metrics.cps(true, true), 300.0)
    np.testing.assert_allclose(metrics.cps(true[..., [1, 2, 0]] * 0.004, true), 300.0)


def test_cps_is_the_area_under_the_share_of_correct_poses():
    predicted, true = poses(4, 200, noise=90.0)
    aligned = alignment.procrustes(predicted, true)
    thresholds = (np.arange(30_000) + 0.5) * 0.01  # Midpoints of 0.01 mm.
    worst = np.sort([max(np.linalg.norm(a - t, axis=-1)) for a, t in zip(aligned, true, strict=True)])
    share = np.searchsorted(worst, thresholds) / len(worst)
    assert 0.05 < share.mean() < 0.95
    assert metrics.cps(predicted, true).mean() == pytest.approx(300.0 * share.mean(), abs=0.01)


def test_cps_of_a_hopeless_pose_is_zero():
    assert metrics.cps(np.zeros((3, 3)), 10.0 * TRUE) == 0.0


def test_cps_without_alignment_counts_whole_millimetres_of_centred_poses():
    """Poses of equal norm: joints at 1000 along two axes, predicted turned about the third by 0.1 and by 0.2 rad."""
    true = np.zeros((2, 3, 3))
    true[:, 1, 0] = true[:, 2, 1] = 1000.0
    predicted = np.zeros_like(true)
    for pose, angle in enumerate((0.1, 0.2)):
        predicted[pose, 1, :2] = 1000 * np.cos(angle), 1000 * np.sin(angle)
        predicted[pose, 2, :2] = -1000 * np.sin(angle), 1000 * np.cos(angle)
    # Both joints are 2000 sin(angle / 2) away: 99.96 and 199.67 mm, so thresholds 100 ... 300 and 200 ... 300 count.
    np.testing.assert_array_equal(metrics.cps_unaligned(0.01 * predicted, true), [201.0, 101.0])
    np.testing.assert_allclose(metrics.cps(0.01 * predicted, true), 300.0)
    np.testing.assert_array_equal(metrics.cps_unaligned(true, true), 301.0)
    on_it = true + np.array([[0.0, 0, 0], [0, 0, 300], [0, 0, -300]])
    factor = np.sqrt(2 * 1000**2 / (2 * (1000**2 + 300**2)))
    worst = np.hypot(1000 - factor * 1000, factor * 300)
    np.testing.assert_array_equal(metrics.cps_unaligned(on_it, true), 301 - np.ceil(worst))


def test_pck_and_auc_after_other_alignments_by_hand():
    errors = np.array([0.0, 72.0, 1000.0])
    assert metrics.pck_of_errors(errors) == pytest.approx(200 / 3)
    assert metrics.auc_of_errors(errors) == pytest.approx(100.0 * (30 + 16) / (3 * 31))


def test_depth_correlation_leaves_out_the_root():
    # Depths about the root: predicted 1, 2, 4; true 10, 20, 30. Pearson by hand: 30 / sqrt(14/3 * 200).
    predicted = np.array([[[0.0, 0, 7], [0, 0, 8], [0, 0, 9], [0, 0, 11]]])
    true = np.array([[[0.0, 0, 0], [0, 0, 10], [0, 0, 20], [0, 0, 30]]])
    assert metrics.depth_correlation(predicted, true, 0) == pytest.approx(30 / np.sqrt(14 / 3 * 200))


def test_depth_correlation_of_mirrored_depths_is_minus_one():
    _, true = poses(5, 10)
    assert metrics.depth_correlation(true * 0.01, true, 0) == pytest.approx(1.0)
    assert metrics.depth_correlation(true * [1, 1, -1], true, 0) == pytest.approx(-1.0)
    half = np.where(np.arange(10)[:, None, None] < 5, true, true * [1, 1, -1])
    assert abs(metrics.depth_correlation(half, true, 0)) < 0.3


def test_depth_correlation_of_flat_poses_is_undefined():
    _, true = poses(6, 10)
    assert metrics.depth_correlation(true * [1, 1, 0], true, 0) is None


def test_spearman_with_ties_by_hand():
    # Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5.
    assert metrics.spearman(np.array([1.0, 5, 5, 9]), np.array([-3.0, 0, 1, 100])) == pytest.approx(4.5 / np.sqrt(22.5))


def test_spearman_depends_on_the_order_alone():
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=100), rng.normal(size=100)
    b += a
    expected = 1 - 6 * np.sum((a.argsort().argsort() - b.argsort().argsort()) ** 2) / (100 * (100**2 - 1))
    assert metrics.spearman(a, b) == pytest.approx(expected)
    assert metrics.spearman(np.exp(a), b**3) == pytest.approx(expected)
    assert metrics.spearman(a, -np.exp(a)) == pytest.approx(-1.0)


@pytest.mark.parametrize("correlation", [metrics.pearson, metrics.spearman])
def test_correlations_of_constants_or_single_numbers_are_undefined(correlation):
    assert correlation(np.ones(5), np.arange(5.0)) is None
    assert correlation(np.ones(1), np.ones(1)) is None
    with pytest.raises(ValueError, match=r"\(3,\) and \(4,\)"):
        correlation(np.ones(3), np.ones(4))


@pytest.mark.parametrize(
    "metric",
    [metrics.mpjpe, metrics.pa_mpjpe, metrics.n_mpjpe, metrics.pck, metrics.auc, metrics.cps, metrics.cps_unaligned],
)
def test_every_metric_gives_one_finite_number_a_pose(metric):
    predicted, true = poses(8, 6)
    predicted[0] = 0.0  # No extent.
    predicted[1, :, 1:] = 0.0  # On a line.
    predicted[2, :, 2] = 0.0  # Flat.
    got = metric(predicted.reshape(2, 3, 17, 3), true.reshape(2, 3, 17, 3))
    assert got.shape == (2, 3)
    assert np.all(np.isfinite(got))
    np.testing.assert_allclose(got.ravel(), [float(metric(p, t)) for p, t in zip(predicted, true, strict=True)])
    with pytest.raises(ValueError, match="one shape"):
        metric(predicted, true[:3])


def test_the_poses_with_the_smallest_doubts_are_kept():
    doubt, error = np.array([5.0, 1.0, 4.0, 2.0, 3.0]), np.array([50.0, 10.0, 400.0, 20.0, 30.0])
    kept = [metrics.mean_of_kept(doubt, error, refused) for refused in (0.0, 0.2, 0.4, 0.5, 0.99)]
    assert kept == pytest.approx([102.0, 115.0, 20.0, 20.0, 10.0])  # 0.5 of 5 is 2: rounded down.
    assert metrics.mean_of_kept(np.arange(10.0), np.arange(10.0), 0.3) == 3.0  # Of 0 ... 6, though 0.3 * 10 < 3.


@pytest.mark.parametrize("refused", [-0.1, 1.0, float("nan")])
def test_refusing_every_pose_is_an_error(refused):
    with pytest.raises(ValueError, match="share from 0 to below 1"):
        metrics.mean_of_kept(np.ones(3), np.ones(3), refused)
    with pytest.raises(ValueError, match="at least one number"):
        metrics.mean_of_kept(np.ones(0), np.ones(0), 0.1)
