"""Tracks to draw: poses, rates, ground, and errors when there is nothing to draw."""

import numpy as np
import pytest
from lifted_people import STANDING_POSE, lifted

from tf_elepose.render import camera
from tf_elepose.render.sheet import evenly_spaced
from tf_elepose.render.track import LIKELIHOOD_WORDS, choose_track, find_tracks, likelihood_word
from tf_elepose.skeleton.skeletons import H36M_17


def test_a_tilted_pose_is_levelled_and_stands_on_its_lowest_joint():
    tilted = camera.view(STANDING_POSE, 0.0, 10.0)
    (track,) = find_tracks(lifted(frames=1, axes="camera", poses_3d=tilted[np.newaxis]))
    np.testing.assert_allclose(track.level[0], STANDING_POSE, atol=1e-9)
    grounded = track.grounded()[0]
    for ankle in ("l_ankle", "r_ankle"):
        assert grounded[H36M_17.index(ankle), 1] == pytest.approx(0.0)
    assert grounded[H36M_17.index("head"), 1] == pytest.approx(-1560.0)  # 700 mm above the root, ankles 860 below.


def test_a_level_pose_seen_from_the_cameras_elevation_is_the_pose_again():
    poses = np.random.default_rng(0).normal(size=(3, H36M_17.num_joints, 3))
    (track,) = find_tracks(lifted(frames=3, axes="camera", poses_3d=poses, elevation=np.array([10.0, 20.0, 30.0])))
    assert track.tilt == pytest.approx(20.0)  # One camera, one angle: the mean.
    np.testing.assert_allclose(camera.view(track.level, 0.0, track.tilt), poses, atol=1e-9)


def test_without_an_elevation_the_pose_is_unchanged_and_not_level():
    (track,) = find_tracks(lifted(frames=1, axes="camera", elevation=None))
    np.testing.assert_array_equal(track.level[0], STANDING_POSE)
    assert not track.levelled
    assert find_tracks(lifted(frames=1, elevation=None))[0].levelled


def test_every_fourth_frame_of_a_clip_plays_at_a_fourth_of_its_rate():
    (track,) = find_tracks(lifted(frames=5, frame=np.array([0, 4, 8, 12, 20]), frame_rate=100.0))
    assert track.rate == 25.0


def test_the_track_with_most_poses_is_chosen_and_any_by_name():
    valid = np.array([True, True, False, True, True, True])
    tracks = find_tracks(lifted(frames=3, clips=("a", "b"), valid=valid))
    assert [track.name for track in tracks] == ["a-camera0-person0", "b-camera0-person0"]
    assert choose_track(tracks, None, "x").name == "b-camera0-person0"
    assert choose_track(tracks, "a-camera0-person0", "x").name == "a-camera0-person0"


def test_an_unknown_track_is_refused_with_the_known_names():
    tracks = find_tracks(lifted(frames=1, clips=tuple("abcdefghijk")))
    with pytest.raises(ValueError, match=r"poses.npz: no track 'z'; there are 'a-camera0-person0', .* and 3 more"):
        choose_track(tracks, "z", "poses.npz")


def test_nothing_to_draw_is_an_error():
    with pytest.raises(ValueError, match=r"poses.npz: nothing to draw, there are no poses"):
        find_tracks(lifted().select(slice(0, 0)))
    with pytest.raises(ValueError, match="none of the 6 poses could be lifted"):
        find_tracks(lifted(valid=np.zeros(6, bool)))
    tracks = find_tracks(lifted(frames=2, clips=("a", "b"), valid=np.array([True, True, False, False])))
    with pytest.raises(ValueError, match="track 'b-camera0-person0': none of its 2 poses"):
        choose_track(tracks, "b-camera0-person0", "x")


def test_a_pose_that_is_not_finite_is_no_pose():
    poses = lifted(frames=2).poses_3d.copy()
    poses[1, 3, 0] = np.nan
    (track,) = find_tracks(lifted(frames=2, poses_3d=poses))
    assert track.valid.tolist() == [True, False] and np.isfinite(track.level).all()


def test_evenly_spaced_poses_are_valid_ones_with_both_ends():
    valid = np.ones(10, bool)
    valid[[0, 5]] = False
    (track,) = find_tracks(lifted(frames=10, valid=valid))
    assert evenly_spaced(track, 3).tolist() == [1, 6, 9]  # Of 1 2 3 4 6 7 8 9 the places 0, 3.5 (to even: 4), 7.
    assert evenly_spaced(track, 50).tolist() == np.flatnonzero(valid).tolist()


@pytest.mark.parametrize(
    ("percentile", "word"),
    [(0.0, "unlike the training poses"), (4.99, "unlike the training poses"), (5.0, "unusual"), (25.0, "usual"),
     (100.0, "usual"), (np.nan, "")],
)  # fmt: skip
def test_words_for_percentiles(percentile, word):
    assert likelihood_word(percentile) == word
    assert LIKELIHOOD_WORDS[-1][0] == 100.0
