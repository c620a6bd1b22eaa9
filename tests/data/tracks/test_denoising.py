"""Denoising over time is as strong as the noise requires, and never smooths across a cut."""

import numpy as np
import pytest

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.tracks import denoising, random_walk
from tf_elepose.data.tracks.denoising import denoise
from tf_elepose.data.tracks.stretches import JUMP, MAX_GAP

NOISE = 3.0  # px


def ways(tracks=12, length=150, joints=5, seed=0):
    """People [N, J, 2] px whose joints swing about, some fast and some slowly; their tracks and frames."""
    rng = np.random.default_rng(seed)
    t = np.arange(length)[:, None, None] / 25.0
    rest = 100.0 * np.stack([np.cos(np.arange(joints)), np.sin(np.arange(joints))], axis=-1)
    people = []
    for track in range(tracks):
        hertz, phase = rng.uniform(0.2, 0.8, (joints, 2)) * (1 + track % 2), rng.uniform(0, 6, (joints, 2))
        people.append(rest + 500 + 60 * t + 25 * np.sin(2 * np.pi * hertz * t + phase))
    return np.concatenate(people), np.repeat(np.arange(tracks), length), np.tile(np.arange(length), tracks)


def spoilt(true, seed=1):
    return true + NOISE * np.random.default_rng(seed).normal(size=true.shape)


def all_seen(poses, confidence=None):
    return Keypoints(poses, np.ones(poses.shape[:2], bool), confidence)


def rms(poses, true):
    return np.sqrt(((poses - true) ** 2).mean())


def size(poses):
    return np.linalg.norm(poses - poses.mean(axis=1, keepdims=True), axis=-1).mean()


def test_noise_is_estimated_and_mostly_removed():
    true, tracks, frames = ways()
    found = denoise(all_seen(spoilt(true)), tracks, frames)
    np.testing.assert_allclose(found.noise * size(true), NOISE, rtol=0.15)
    assert rms(found.pixels, true) < 0.6 * NOISE and found.in_tracks == 1.0


def test_poses_without_noise_stay():
    true, tracks, frames = ways()
    found = denoise(all_seen(true), tracks, frames)
    assert np.abs(found.pixels - true).max() < 0.2 and (found.noise * size(true)).max() < 0.1


def test_a_smoothed_path_is_the_posterior_mean_of_a_gaussian_process():
    """Written out: an integrated Wiener process of intensity q from anywhere has the covariance
    q (m^3 / 3 + |s - t| m^2 / 2) + A (1 + s t), m = min(s, t); its mean given y is K (K + R)^-1 y.
    """
    rng = np.random.default_rng(2)
    t = np.array([0.0, 1.0, 2.0, 4.0, 5.0, 6.5, 7.5])
    places, seen = rng.normal(size=(1, 7, 2, 2)), np.ones((1, 7, 2), bool)
    seen[0, 3, 1] = False
    bins, weight = rng.integers(0, 2, (1, 7, 2)), rng.uniform(0.3, 1.0, (1, 7, 2))
    block = denoising._Block(
        np.arange(7)[None], np.where(seen[..., None], places, 0.0), seen, bins, np.diff(t, prepend=0.0)[None],
        np.ones((1, 1, 1, 1)), np.zeros((1, 1, 1, 2)),
    )  # fmt: skip
    model = denoising._Model(np.array([0.4, 0.1]), np.array([0.3, 0.02]), np.array([0.8, 1.5]))
    got = denoising._smooth(block, model, np.full((1, 1), 2.0), weight)
    first, second = np.minimum(t[:, None], t), np.abs(t[:, None] - t)
    for joint in range(2):
        R = model.error[joint] * model.of_bin[bins[0, :, joint]] / weight[0, :, joint]
        anywhere = random_walk.ANYWHERE * model.error[joint] * (1 + np.outer(t, t))
        K = 2.0 * model.change[joint] * (first**3 / 3 + second * first**2 / 2) + anywhere
        known = np.flatnonzero(seen[0, :, joint])
        inverse = np.linalg.inv(K[np.ix_(known, known)] + np.diag(R[known]))
        mean = K[:, known] @ inverse @ places[0, known, joint]
        np.testing.assert_allclose(got.places[0, :, joint], mean, atol=1e-4)
        left = R[known] * np.diag(inverse) * R[known]  # R minus the posterior variance.
        expected = ((places[0, known, joint] - mean[known]) ** 2).sum(axis=-1) / 2 / left
        np.testing.assert_allclose(got.surprise[0, known, joint], expected, rtol=1e-3)


def test_a_gross_error_is_corrected_and_does_not_change_its_neighbours():
    true, tracks, frames = ways()
    given = spoilt(true)
    clean = denoise(all_seen(given), tracks, frames).pixels
    given[75, 2] += 80.0
    found = denoise(all_seen(given), tracks, frames).pixels
    assert np.linalg.norm(found[75, 2] - true[75, 2]) < 15.0
    assert np.linalg.norm(found[70:75, 2] - clean[70:75, 2], axis=-1).max() < 2.0


def test_detections_of_low_confidence_weigh_less():
    true, tracks, frames = ways(seed=3)
    rng = np.random.default_rng(4)
    confidence = rng.uniform(0.1, 1.0, true.shape[:2])
    given = true + NOISE / confidence[..., None] * rng.normal(size=true.shape)
    blind = denoise(all_seen(given), tracks, frames)
    told = denoise(all_seen(given, confidence), tracks, frames)
    assert rms(told.pixels, true) < 0.85 * rms(blind.pixels, true)
    one_value = denoise(all_seen(given, np.ones(true.shape[:2])), tracks, frames)
    np.testing.assert_array_equal(one_value.pixels, blind.pixels)


def test_units_frame_rates_and_the_order_of_rows_do_not_matter():
    true, tracks, frames = ways(tracks=4, length=60)
    given = spoilt(true)
    expected = denoise(all_seen(given), tracks, frames)
    other = denoise(all_seen(7.0 * given), tracks + 5, 3 * frames + 11)
    np.testing.assert_allclose(other.pixels / 7.0, expected.pixels, atol=1e-6)
    np.testing.assert_allclose(other.noise, expected.noise, rtol=1e-9)
    order = np.random.default_rng(0).permutation(len(given))
    mixed = denoise(all_seen(given[order]), tracks[order], frames[order])
    np.testing.assert_allclose(mixed.pixels, expected.pixels[order], atol=1e-9)


def test_joints_not_seen_stay_and_are_not_used():
    true, tracks, frames = ways(tracks=4, length=60)
    given, seen = spoilt(true), np.random.default_rng(0).random(true.shape[:2]) > 0.2
    found = denoise(Keypoints(np.where(seen[..., None], given, np.nan), seen), tracks, frames).pixels
    assert np.isnan(found[~seen]).all() and np.isfinite(found[seen]).all()
    np.testing.assert_array_equal(
        found[seen], denoise(Keypoints(np.where(seen[..., None], given, 9e9), seen), tracks, frames).pixels[seen]
    )
    assert rms(found[seen], true[seen]) < 0.75 * NOISE


def test_nothing_is_smoothed_across_a_cut_and_single_pictures_stay():
    true, _, frames = ways(tracks=1, length=80)
    later = np.concatenate([true, true + 300.0])
    frames = np.concatenate([frames, frames + frames[-1] + MAX_GAP + 2])
    found = denoise(all_seen(spoilt(later)), np.zeros(160, int), frames).pixels
    assert np.abs(found - later).max() < 5 * NOISE  # One path would be far off beside the cut.
    alone = denoise(all_seen(spoilt(true)), np.arange(80), frames[:80])
    np.testing.assert_array_equal(alone.pixels, spoilt(true))
    assert alone.in_tracks == 0.0 and not alone.noise.any()


def test_float32_comes_back_as_float32_and_the_input_is_left_alone():
    true, tracks, frames = ways(tracks=2, length=30)
    given = spoilt(true).astype(np.float32)
    before = given.copy()
    assert denoise(all_seen(given), tracks, frames).pixels.dtype == np.float32
    np.testing.assert_array_equal(given, before)


def posterior(t, places, error, change, usual):
    """Mean [n, 2] and variance [n] of an integrated Wiener process at times `t` [n], where `places` [n, 2] are seen
    with `error` [n]; all by matrices, see `test_a_smoothed_path_is_the_posterior_mean_of_a_gaussian_process`.
    """
    t = t - t[0]
    first, second = np.minimum(t[:, None], t), np.abs(t[:, None] - t)
    prior = change * (first**3 / 3 + second * first**2 / 2) + random_walk.ANYWHERE * usual * (1 + np.outer(t, t))
    inverse = np.linalg.inv(prior + np.diag(error))
    return prior @ inverse @ places, error - error * np.diag(inverse) * error


@pytest.mark.parametrize("ratio", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("late", [0, 1, 3, 400])
def test_a_joint_that_is_seen_late_or_seldom_has_the_posterior_of_what_is_seen(ratio, late):
    """Places that are not seen have enormous values and errors, which must not change the result."""
    rng = np.random.default_rng(late)
    length, t = late + 12, np.cumsum(rng.integers(1, 4, late + 12)).astype(float)
    seen = rng.random((1, length, 3)) < [0.9, 0.5, 0.2]
    seen[0, :late], seen[0, late], seen[0, -1] = False, True, True
    places = np.where(seen[..., None], np.cumsum(rng.normal(size=(1, length, 3, 2)), axis=1), 1e12)
    error = np.where(seen, rng.uniform(0.5, 50.0, seen.shape), 1e30)
    usual, change = np.array([1.0, 2.0, 3.0]), ratio * np.ones((1, 3))
    steps = np.diff(t, prepend=0.0)[None]
    mean, variance = random_walk.smoothed(places, seen, steps, error, change, usual)
    for joint in range(3):
        known = np.flatnonzero(seen[0, :, joint])
        expected = posterior(t[known], places[0, known, joint], error[0, known, joint], ratio, usual[joint])
        np.testing.assert_allclose(mean[0, known, joint], expected[0], atol=1e-4)
        np.testing.assert_allclose(variance[0, known, joint], expected[1], rtol=1e-3)


@pytest.mark.parametrize("share", [0.05, 0.2])
@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_missing_joints_with_confidences_cost_little(share, value):
    """A detector gives a joint that it does not find the confidence 0 (or none) and the origin (or none)."""
    true, tracks, frames = ways(length=60)
    rng = np.random.default_rng(5)
    confidence = rng.uniform(0.3, 1.0, true.shape[:2])
    given = true + NOISE / confidence[..., None] * rng.normal(size=true.shape)
    whole = denoise(all_seen(given, confidence), tracks, frames)
    seen = rng.random(true.shape[:2]) > share
    part = Keypoints(np.where(seen[..., None], given, value), seen, np.where(seen, confidence, value))
    with np.errstate(all="raise", under="ignore"):
        found = denoise(part, tracks, frames)
    assert rms(found.pixels[seen], true[seen]) < 1.15 * rms(whole.pixels[seen], true[seen])
    np.testing.assert_allclose(found.noise, whole.noise, rtol=0.2)
    np.testing.assert_array_equal(found.pixels[~seen], part.pixels[~seen])


def test_where_people_are_mixed_a_track_is_cut_or_left_as_it_is():
    true, tracks, frames = ways(tracks=3, length=60)
    far = 1.5 * JUMP * size(true)
    true[20:45] += [far, 0.0]  # The first track follows another person for a while.
    true[60:120] += far * np.random.default_rng(0).integers(0, 2, (60, 1, 1))  # The second mixes two people.
    found = denoise(all_seen(spoilt(true)), tracks, frames)
    assert found.lone.tolist() == [False] * 60 + [True] * 60 + [False] * 60
    np.testing.assert_array_equal(found.pixels[60:120], spoilt(true)[60:120])
    assert rms(found.pixels[:60], true[:60]) < 0.75 * NOISE
    assert np.abs(found.pixels - true)[[19, 20, 44, 45]].max() < 3 * NOISE
    np.testing.assert_allclose(found.noise * size(true), NOISE, rtol=0.3)


def test_a_fast_walk_is_no_jump():
    true, tracks, frames = ways(tracks=2, length=60)
    true += 3 * JUMP * size(true) * frames[:, None, None]  # Three bodies a frame, in every frame.
    assert not denoise(all_seen(spoilt(true)), tracks, frames).lone.any()


def test_a_picture_that_comes_again_is_no_second_measurement():
    true, tracks, frames = ways(tracks=4, length=60)
    given = spoilt(true)
    once = denoise(all_seen(given), tracks, frames)
    twice = denoise(all_seen(given.repeat(2, 0)), tracks.repeat(2), np.stack([2 * frames, 2 * frames + 1], 1).ravel())
    np.testing.assert_allclose(twice.pixels, once.pixels.repeat(2, 0), atol=1e-9)
    np.testing.assert_allclose(twice.noise, once.noise, rtol=1e-9)
    same_number = denoise(all_seen(given.repeat(2, 0)), tracks.repeat(2), frames.repeat(2))
    np.testing.assert_allclose(same_number.pixels, once.pixels.repeat(2, 0), atol=1e-9)


def test_what_never_moves_has_no_noise():
    """Joints without noise: the root of root-centred poses, a joint that is never seen, a person who does not move."""
    true, tracks, frames = ways(tracks=4, length=40)
    given = spoilt(true)
    given[:, 0] = 0.0
    given[:40] = given[0]
    seen = np.ones(given.shape[:2], bool)
    seen[:, 1] = False
    with np.errstate(all="raise", under="ignore"):
        found = denoise(Keypoints(given, seen, np.where(seen, 0.7, 0.0)), tracks, frames)
    assert found.noise[0] == found.noise[1] == 0.0 and found.noise[2:].min() > 0.0
    np.testing.assert_array_equal(found.pixels[:, :2], given[:, :2])
    assert found.lone[:40].all() and not found.lone[40:].any()
    assert rms(found.pixels[40:, 2:], true[40:, 2:]) < 0.8 * NOISE


@pytest.mark.parametrize("length", [1, 2])
def test_of_one_or_two_frames_nothing_can_be_told(length):
    true, tracks, frames = ways(tracks=3, length=length)
    given = spoilt(true)
    found = denoise(all_seen(given, np.full(given.shape[:2], 0.5)), tracks, frames)
    np.testing.assert_array_equal(found.pixels, given)
    assert found.lone.all() and not found.noise.any()


@pytest.mark.parametrize("name", ["tracks", "frames"])
def test_arrays_that_do_not_fit_are_named(name):
    true, tracks, frames = ways(tracks=1, length=10)
    given = {"tracks": tracks, "frames": frames}
    with pytest.raises(ValueError, match=rf"denoise: {name}: expected \[10\]; got \[9\]"):
        denoise(all_seen(true), **{**given, name: given[name][:9]})
