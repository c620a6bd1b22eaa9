"""Smoothing against SciPy and the paper's algorithm written out, and with gaps and invalid poses."""

import math

import numpy as np
import pytest
from lifted_samples import lifted, posing
from scipy import signal as scipy_signal

from tf_elepose.motion.smoothing import FILTERS, MAX_GAP, smooth
from tf_elepose.motion.smoothing.butterworth import butterworth, second_order
from tf_elepose.motion.smoothing.one_euro import one_euro, smoothing_factor
from tf_elepose.skeleton.skeletons import H36M_17

METHODS = sorted(FILTERS)
J = H36M_17.num_joints


def noisy(rows: int, seed: int = 0) -> np.ndarray:
    return posing(rows, noise=30.0, seed=seed)


def test_every_method_is_tested():
    assert METHODS == ["butterworth", "one_euro"]


# Butterworth.


@pytest.mark.parametrize(("cutoff", "rate"), [(6.0, 60.0), (6.0, 25.0), (1.0, 240.0), (12.4, 25.0)])
def test_coefficients_are_scipys(cutoff, rate):
    for ours, theirs in zip(second_order(cutoff, rate), scipy_signal.butter(2, cutoff, fs=rate), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)


@pytest.mark.parametrize("rows", [10, 11, 50, 400])
@pytest.mark.parametrize(("cutoff", "rate"), [(6.0, 60.0), (6.0, 25.0), (1.0, 100.0)])
def test_butterworth_is_scipys_filtfilt(rows, cutoff, rate):
    values = np.random.default_rng(rows).normal(size=(rows, 3, 2)) * 500.0
    b, a = scipy_signal.butter(2, cutoff, fs=rate)
    want = scipy_signal.filtfilt(b, a, values, axis=0)
    np.testing.assert_allclose(butterworth(values, rate=rate, cutoff=cutoff), want, rtol=0, atol=1e-8)


@pytest.mark.parametrize("rows", range(2, 10))
def test_short_signals_are_continued_as_far_as_they_are_long(rows):
    values = np.random.default_rng(rows).normal(size=(rows, 4))
    b, a = scipy_signal.butter(2, 6.0, fs=30.0)
    want = scipy_signal.filtfilt(b, a, values, axis=0, padlen=rows - 1)
    np.testing.assert_allclose(butterworth(values, rate=30.0, cutoff=6.0), want, rtol=0, atol=1e-8)


def test_butterworth_halves_a_wave_at_the_cutoff_and_shifts_none():
    # |H|^2 of one run is 1 / (1 + (tan(pi f / fs) / tan(pi fc / fs))^4); two runs leave |H|^2 of a wave's height.
    rate, cutoff, times = 100.0, 6.0, np.arange(2000) / 100.0
    for frequency in (1.0, 3.0, 6.0, 12.0):
        wave = np.exp(2j * np.pi * frequency * times)
        smoothed = butterworth(wave.real, rate=rate, cutoff=cutoff)
        response = 2.0 * np.mean(smoothed[500:1500] * wave[500:1500].conj())
        height = 1.0 / (1.0 + (math.tan(math.pi * frequency / rate) / math.tan(math.pi * cutoff / rate)) ** 4)
        assert abs(response) == pytest.approx(height, abs=1e-6)
        assert abs(np.angle(response)) < 1e-6
    assert height < 0.06


def test_a_straight_line_stays_straight_to_its_ends():
    line = np.linspace(0.0, 900.0, 30)[:, np.newaxis]
    np.testing.assert_allclose(butterworth(line, rate=30.0, cutoff=12.0), line, atol=0.5)


# 1 Euro.


def literal_one_euro(values, times, min_cutoff, beta, d_cutoff):
    """Algorithm 1 of the paper, line by line, for one number at a time."""

    def alpha(cutoff, rate):
        tau = 1.0 / (2.0 * math.pi * cutoff)
        return 1.0 / (1.0 + tau * rate)

    filtered, x_hat, dx_hat, last = [], None, None, None
    for x, time in zip(values, times, strict=True):
        if x_hat is None:
            x_hat, dx_hat = x, 0.0
        else:
            rate = 1.0 / (time - last)
            dx = (x - x_hat) * rate
            dx_hat = alpha(d_cutoff, rate) * dx + (1.0 - alpha(d_cutoff, rate)) * dx_hat
            cutoff = min_cutoff + beta * abs(dx_hat)
            x_hat = alpha(cutoff, rate) * x + (1.0 - alpha(cutoff, rate)) * x_hat
        last = time
        filtered.append(x_hat)
    return filtered


@pytest.mark.parametrize("beta", [0.0, 0.3, 5.0])
def test_one_euro_is_the_papers_algorithm(beta):
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.uniform(0.01, 0.1, 60))
    values = rng.normal(size=(60, 2, 1))
    got = one_euro(values, times, min_cutoff=1.5, beta=beta, d_cutoff=0.7)
    for place in range(2):
        want = literal_one_euro(values[:, place, 0], times, 1.5, beta, 0.7)
        np.testing.assert_allclose(got[:, place, 0], want, rtol=0, atol=1e-12)


def test_without_beta_a_step_is_approached_by_alpha_a_frame():
    # A first-order low pass: after n frames (1 - alpha)^n of the step is left; 1 - alpha = 1 / (1 + 2 pi fc Te).
    rate, cutoff = 50.0, 2.0
    step = np.r_[0.0, np.ones(40)][:, np.newaxis]
    got = one_euro(step, np.arange(41) / rate, min_cutoff=cutoff, beta=0.0, d_cutoff=1.0)[:, 0]
    kept = 1.0 / (1.0 + 2.0 * math.pi * cutoff / rate)
    np.testing.assert_allclose(1.0 - got, kept ** np.arange(41), rtol=1e-12)
    assert smoothing_factor(cutoff, 1.0 / rate) == pytest.approx(1.0 - kept)


def test_beta_lets_fast_motion_through():
    times = np.arange(60) / 30.0
    moving = (2.0 * times)[:, np.newaxis]
    lag = [
        float(np.abs(one_euro(moving, times, min_cutoff=1.0, beta=beta, d_cutoff=1.0) - moving)[-1, 0])
        for beta in (0.0, 1.0, 1000.0)
    ]
    assert lag[0] > 2.0 * lag[1] > 0 and lag[2] < 0.001


def test_one_euro_does_not_depend_on_later_poses():
    poses = noisy(30)
    whole, half = (smooth(lifted(poses[:rows]), "one_euro").poses_3d for rows in (30, 15))
    assert np.array_equal(whole[:15], half)


# Both, on lifted poses.


@pytest.mark.parametrize("method", METHODS)
def test_smoothing_commutes_with_turning_the_axes(method):
    poses = noisy(40)
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    turned = smooth(lifted(poses @ turn.T), method).poses_3d
    np.testing.assert_allclose(turned, smooth(lifted(poses), method).poses_3d @ turn.T, atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_smoothing_does_not_depend_on_the_unit_beyond_a_metre(method):
    poses = noisy(40)
    in_units = smooth(lifted(poses / 1000.0, unit="unit"), method).poses_3d
    np.testing.assert_allclose(1000.0 * in_units, smooth(lifted(poses), method).poses_3d, atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_a_person_who_stands_still_stays_unchanged(method):
    still = np.repeat(posing(2)[1:], 25, axis=0)
    np.testing.assert_allclose(smooth(lifted(still), method).poses_3d, still, atol=1e-9)


@pytest.mark.parametrize(("method", "share"), [("butterworth", 0.2), ("one_euro", 0.5)])
def test_jitter_falls_and_the_motion_stays(method, share):
    times = np.arange(300) / 60.0
    clean = np.zeros((300, J, 3))
    clean[:, 1:] = 200.0 * np.sin(2 * np.pi * times)[:, np.newaxis, np.newaxis]
    rough = clean + np.random.default_rng(0).normal(0.0, 10.0, clean.shape)
    got = smooth(lifted(rough, frame_rate=60.0), method).poses_3d
    assert np.std(np.diff(got, 2, axis=0)) < share * np.std(np.diff(rough, 2, axis=0))
    assert np.corrcoef(got[:, 1, 0], clean[:, 1, 0])[0, 1] > 0.98
    if method == "butterworth":
        assert np.std(got - clean) < 0.6 * np.std(rough - clean)
        lags = [np.mean(got[5:-5, 1:] * np.roll(clean, lag, axis=0)[5:-5, 1:]) for lag in range(-3, 4)]
        assert np.argmax(lags) == 3  # Lag 0 fits best.


@pytest.mark.parametrize("method", METHODS)
def test_a_long_gap_splits_a_track_in_two(method):
    poses, frame = noisy(40), np.r_[0:20, 20 + MAX_GAP + 1 : 40 + MAX_GAP + 1]
    whole = smooth(lifted(poses, frame=frame), method).poses_3d
    parts = [smooth(lifted(poses[part]), method).poses_3d for part in (slice(20), slice(20, None))]
    assert np.array_equal(whole, np.concatenate(parts))


def test_a_short_gap_is_bridged_by_a_straight_line_for_butterworth():
    poses = noisy(40)
    kept = np.r_[0:20, 20 + MAX_GAP : 40]
    filled = poses.copy()
    for row in range(20, 20 + MAX_GAP):
        share = (row - 19) / (MAX_GAP + 1)
        filled[row] = (1 - share) * poses[19] + share * poses[20 + MAX_GAP]
    got = smooth(lifted(poses[kept], frame=kept), "butterworth").poses_3d
    np.testing.assert_allclose(got, smooth(lifted(filled), "butterworth").poses_3d[kept], atol=1e-9)


def test_a_short_gap_is_a_longer_time_for_one_euro():
    poses, frame = noisy(12), np.array([0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14])
    got = smooth(lifted(poses, frame=frame), "one_euro", beta=0.0).poses_3d
    want = literal_one_euro(poses[:, 3, 1], frame / 30.0, FILTERS["one_euro"]["min_cutoff"], 0.0, 1.0)
    np.testing.assert_allclose(got[:, 3, 1], want, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("run", [1, MAX_GAP, MAX_GAP + 3])
def test_invalid_poses_count_as_missing_and_stay_unchanged(method, run):
    poses, valid = noisy(40), np.ones(40, bool)
    valid[15 : 15 + run] = False
    poses[~valid] = 1e6
    got = smooth(lifted(poses, valid=valid), method)
    assert np.array_equal(got.poses_3d[~valid], poses[~valid])
    without = smooth(lifted(poses[valid], frame=np.flatnonzero(valid)), method)
    assert np.array_equal(got.poses_3d[valid], without.poses_3d)
    assert np.abs(got.poses_3d[valid]).max() < 2000.0


@pytest.mark.parametrize("method", METHODS)
def test_tracks_are_independent_and_the_order_of_rows_does_not_matter(method):
    poses = np.concatenate([noisy(25, seed=1), noisy(25, seed=2)])
    both = lifted(poses, frame=np.tile(np.arange(25), 2), person=np.repeat([0, 1], 25))
    want = np.concatenate([smooth(lifted(part), method).poses_3d for part in np.split(poses, 2)])
    order = np.random.default_rng(0).permutation(50)
    assert np.array_equal(smooth(both, method).poses_3d, want)
    assert np.array_equal(smooth(both.select(order), method).poses_3d, want[order])


@pytest.mark.parametrize("method", METHODS)
def test_every_second_frame_is_filtered_at_half_the_rate(method):
    poses = noisy(30)
    sparse = smooth(lifted(poses, frame=2 * np.arange(30), frame_rate=60.0), method).poses_3d
    assert np.array_equal(sparse, smooth(lifted(poses), method).poses_3d)


@pytest.mark.parametrize("method", METHODS)
def test_single_poses_and_none_stay(method):
    poses = noisy(3)
    alone = lifted(poses, frame=np.array([0, 100, 201]))
    assert np.array_equal(smooth(alone, method).poses_3d, poses)
    assert np.array_equal(smooth(lifted(poses, valid=np.zeros(3, bool)), method).poses_3d, poses)


@pytest.mark.parametrize("method", METHODS)
def test_other_fields_and_the_argument_stay_unchanged(method):
    poses = noisy(20).astype(np.float32)
    before = lifted(poses.copy())
    after = smooth(before, method)
    assert np.array_equal(before.poses_3d, poses) and not np.array_equal(after.poses_3d, poses)
    assert after.poses_3d.dtype == np.float32
    assert after.poses_2d is before.poses_2d and after.frame is before.frame and after.unit == "mm"
    assert np.abs(after.poses_3d[:, H36M_17.root_index]).max() == 0.0


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("kalman", {}, "expected one_euro or butterworth; got 'kalman'"),
        ("butterworth", {"beta": 1.0}, "butterworth has no beta; its options are cutoff"),
        (
            "butterworth",
            {"cutoff": 15.0},
            "cutoff: expected Hz above 0 and below 15, half the 30 poses a second; got 15",
        ),
        ("butterworth", {"cutoff": 0.0}, "cutoff: expected Hz above 0"),
        ("butterworth", {"cutoff": float("nan")}, "cutoff: expected a number"),
        ("one_euro", {"min_cutoff": 15.0}, "min_cutoff: expected Hz above 0 and below 15"),
        ("one_euro", {"d_cutoff": 16.0}, "d_cutoff: expected Hz above 0 and below 15"),
        ("one_euro", {"beta": -1.0}, "beta: expected a number from 0; got -1"),
        ("one_euro", {"max_gap": -1}, "max_gap: expected an integer from 0; got -1"),
    ],
)
def test_wrong_settings_are_refused(method, options, message):
    with pytest.raises(ValueError, match=message):
        smooth(lifted(posing(5)), method, **options)


@pytest.mark.parametrize("method", METHODS)
def test_smoothing_needs_a_frame_rate(method):
    with pytest.raises(ValueError, match="--fps"):
        smooth(lifted(posing(5), frame_rate=None), method)
