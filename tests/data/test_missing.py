"""Joints are hidden on purpose, at random or by halves of the body."""

import numpy as np
import pytest
import small_runs

from tf_elepose.data.missing import hide_half, hide_joints


@pytest.fixture(scope="module")
def recording():
    return small_runs.small_recording()


def test_a_share_hides_that_share_of_2d_joints_and_no_3d_joint(recording):
    hidden = hide_joints(recording, 0.2, seed=1)
    assert 1 - hidden.visible.mean() == pytest.approx(0.2, abs=0.01)
    for kind in ("gt", "detected"):
        after, before = hidden.view(kind), recording.view(kind)
        np.testing.assert_array_equal(after.seen, hidden.visible)
        np.testing.assert_array_equal(after.pixels[after.seen], before.pixels[after.seen])
        assert np.all(after.pixels[~after.seen] == 0)
    np.testing.assert_array_equal(hidden.poses_3d, recording.poses_3d)
    np.testing.assert_array_equal(hide_joints(recording, 0.2, seed=1).visible, hidden.visible)
    assert np.any(hide_joints(recording, 0.2, seed=2).visible != hidden.visible)


def test_a_number_hides_this_many_joints_of_every_pose(recording):
    hidden = hide_joints(recording, 3, seed=1)
    np.testing.assert_array_equal((~hidden.visible).sum(axis=1), 3)
    assert np.ptp(hidden.visible.mean(axis=0)) < 0.25  # Any joint may be hidden.
    assert (~hide_joints(hidden, 3, seed=2).visible).sum(axis=1).max() > 3  # Joints hidden before stay hidden.


def test_hiding_nothing_returns_the_recording_itself(recording):
    assert hide_joints(recording, 0, seed=1) is recording


@pytest.mark.parametrize(("half", "joint", "other"), [("legs", "l_knee", "nose"), ("torso", "nose", "l_knee")])
def test_a_half_is_hidden_except_the_root(recording, half, joint, other):
    hidden, skeleton = hide_half(recording, half), recording.skeleton
    np.testing.assert_array_equal(hidden.view("detected").seen, hidden.visible)
    np.testing.assert_array_equal((~hidden.visible).sum(axis=1), len(skeleton.halves[half]))
    assert not hidden.visible[:, skeleton.index(joint)].any()
    assert hidden.visible[:, [skeleton.index(other), skeleton.root_index]].all()
    with pytest.raises(ValueError, match="expected legs or torso; got 'arms'"):
        hide_half(recording, "arms")


@pytest.mark.parametrize("share", [-0.1, 1.5, 12])
def test_shares_and_numbers_out_of_range_are_refused(recording, share):
    with pytest.raises(ValueError, match=r"expected a share below 1 or a number of joints up to 11; got"):
        hide_joints(recording, share, seed=0)
