"""Level axes are a turn about x by the track's mean elevation, and nothing else."""

import numpy as np
import pytest
import tensorflow as tf
from lifted_samples import lifted, posing, rotations

from tf_elepose import geometry
from tf_elepose.motion.levelling import levelled, turned_about_x


def seen_from(poses, degrees):
    """Level poses in the frame of a camera that looks `degrees` down: their vertical leans away from the camera."""
    return turned_about_x(np.asarray(poses, np.float64), np.deg2rad(degrees))


def test_a_camera_looking_down_sees_the_ground_far_below_in_front():
    down = np.array([[0.0, 1.0, 0.0]])
    np.testing.assert_allclose(seen_from(down, 30.0), [[0.0, np.cos(np.pi / 6), np.sin(np.pi / 6)]], atol=1e-12)


def test_levelling_restores_the_vertical():
    poses = posing(10)
    given = lifted(seen_from(poses, 12.0), elevation=np.full(10, 12.0, np.float32))
    level = levelled(given)
    np.testing.assert_allclose(level.poses_3d, poses, atol=1e-3)
    assert level.axes == "level" and given.axes == "camera"


def test_a_track_is_turned_by_its_mean():
    poses = posing(6)
    elevation = np.array([10.0, 14.0, 12.0, -5.0, -5.0, 90.0], np.float32)
    clip, valid = np.array(["a", "a", "a", "b", "b", "b"]), np.array([True] * 5 + [False])
    given = lifted(np.concatenate([seen_from(poses[:3], 12.0), seen_from(poses[3:], -5.0)]),
                   elevation=elevation, clip=clip, valid=valid)  # fmt: skip
    level = levelled(given)
    np.testing.assert_allclose(level.poses_3d[:5], poses[:5], atol=1e-3)
    np.testing.assert_array_equal(level.poses_3d[5], given.poses_3d[5])
    assert level.elevation is elevation


def test_the_turn_equals_geometrys():
    poses = posing(3).astype(np.float32)
    expected = geometry.rotate(geometry.rotation_x(tf.constant(0.3)), tf.constant(poses))
    np.testing.assert_allclose(turned_about_x(poses, 0.3), expected, atol=1e-3)


def test_poses_without_elevation_or_level_already_are_refused():
    with pytest.raises(ValueError, match="predicts no elevation"):
        levelled(lifted(posing(2)))
    with pytest.raises(ValueError, match="axes are 'level'"):
        levelled(lifted(posing(2), axes="level", elevation=np.zeros(2)))


def test_levelling_leaves_canonical_poses_unchanged():
    given = lifted(posing(4), elevation=np.array([10.0, 20.0, 15.0, 15.0], np.float32), rotation=rotations(4))
    level = levelled(given)
    np.testing.assert_allclose(level.canonical, given.canonical, atol=1e-3)
    assert np.abs(level.rotation - given.rotation).max() > 0.1
