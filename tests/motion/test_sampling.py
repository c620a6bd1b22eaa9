"""The even grid under frame numbers, and straight lines between places on it."""

import numpy as np
import pytest
from lifted_samples import lifted, posing

from tf_elepose.motion.sampling import interpolate, sampling


def test_every_fifth_frame_of_thirty_a_second_are_six_a_second():
    assert sampling(lifted(posing(4), frame=np.array([10, 15, 30, 20]))) == (5, 6.0)


def test_one_frame_off_the_grid_narrows_it_for_every_track():
    poses = lifted(posing(5), frame=np.array([0, 10, 20, 0, 15]), person=np.array([0, 0, 0, 1, 1]))
    assert sampling(poses) == (5, 6.0)


def test_tracks_of_one_pose_have_the_frame_rate():
    assert sampling(lifted(posing(3), frame=np.array([7, 7, 9]), person=np.arange(3))) == (1, 30.0)


@pytest.mark.parametrize("rate", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_without_a_frame_rate_the_flag_is_named(rate):
    with pytest.raises(ValueError, match=r"sample: expected .* frame rate.*--fps"):
        sampling(lifted(posing(3), frame_rate=rate))


def test_two_poses_of_a_person_in_a_frame_are_refused():
    with pytest.raises(ValueError, match="S1-clip-camera0-person0: frame 4: expected one pose; got more"):
        sampling(lifted(posing(3), frame=np.array([4, 3, 4])))


def test_interpolation_is_linear():
    values = np.array([[0.0, 1.0], [6.0, -2.0], [7.0, 0.0]])
    got = interpolate(np.array([2, 5, 6]), values, np.arange(1, 8))
    want = [[0, 1], [0, 1], [2, 0], [4, -1], [6, -2], [7, 0], [7, 0]]
    np.testing.assert_allclose(got, want, atol=1e-12)
    assert np.array_equal(interpolate(np.array([3]), values[:1], np.array([3, 4])), values[[0, 0]])
