"""Random views: bodies, cameras and errors are distributed as the settings say."""

import dataclasses

import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.methods.virtual_views import ViewSettings, random_view
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import H36M_17

SEED = tf.constant([3, 4])
PLAIN = ViewSettings(
    elevation_deg=0.0, elevation_spread_deg=0.0, roll_deg=0.0, nearest=10.0, farthest=10.0, bones=0.0, joints=0.0,
    face=0.0, noise=0.0, outliers=0.0, outlier_distance=0.0, swaps=0.0, hidden=0.0, most_hidden=0.0,
)  # fmt: skip
NORMALIZER = Normalizer.fit(small_models.poses_2d(64), H36M_17, rule="pose")


def levelled(count):
    """[count, J, 3] standing people: x right, y down, z forward, facing the camera."""
    body = small_models.standing() * [1, -1, -1]
    return tf.constant(np.repeat(body[None], count, axis=0), tf.float32)


def view(count=256, poses=None, seed=SEED, **changes):
    poses = levelled(count) if poses is None else poses
    return random_view(poses, NORMALIZER, dataclasses.replace(PLAIN, **changes), seed)


def test_a_plain_view_is_the_projection_of_the_turned_pose():
    found = view()
    assert found.seen.numpy().all() and not found.elevation.numpy().any()
    projected = found.pose[..., :2] / (found.pose[..., 2:] + 10.0)
    size = np.linalg.norm(projected, axis=-1).mean(axis=-1)
    wanted = projected.numpy() / (size * NORMALIZER.head_to_spread * NORMALIZER.distance)[:, None, None]
    np.testing.assert_allclose(found.image, wanted, atol=1e-6)
    # Turned about the vertical only, by all angles: heights stay, and the mean of the horizontal coordinates is 0.
    np.testing.assert_allclose(found.pose[..., 1], levelled(256)[..., 1], atol=1e-5)
    shoulder = found.pose.numpy()[:, H36M_17.index("l_shoulder")]
    assert np.abs(shoulder[:, [0, 2]].mean(axis=0)).max() < 0.06
    np.testing.assert_allclose(np.linalg.norm(shoulder[:, [0, 2]], axis=-1), 0.25, atol=1e-5)


def test_a_camera_that_looks_down_sees_the_head_nearer_than_the_root():
    found = view(elevation_deg=30.0)
    head = found.pose.numpy()[:, H36M_17.index("head")]
    np.testing.assert_allclose(head, np.tile([0.0, -np.cos(np.pi / 6), -0.5], (256, 1)), atol=1e-5)
    np.testing.assert_allclose(found.elevation, np.full(256, np.pi / 6), atol=1e-6)


def test_roll_turns_the_picture_and_nothing_else():
    flat, rolled = view(), view(roll_deg=20.0)
    angle = np.arctan2(rolled.pose[:, H36M_17.index("head"), 0], -rolled.pose[:, H36M_17.index("head"), 1])
    assert 15 < np.rad2deg(angle.std()) < 25
    np.testing.assert_allclose(rolled.pose[..., 2], flat.pose[..., 2], atol=1e-5)


def test_other_bodies_have_other_bones_alike_on_both_sides():
    lengths = geometry.bone_lengths(view(bones=0.2).pose, H36M_17).numpy()
    usual = geometry.bone_lengths(levelled(1), H36M_17).numpy()
    ratio = np.log(lengths / usual)
    np.testing.assert_allclose(ratio.std(axis=0), 0.2, rtol=0.25)
    children = [child for child, _ in H36M_17.bones]
    for child in ("knee", "ankle", "elbow", "wrist"):
        np.testing.assert_allclose(
            ratio[:, children.index(f"l_{child}")], ratio[:, children.index(f"r_{child}")], atol=1e-4
        )


def test_the_face_is_in_front():
    poses = levelled(256)
    moved = view(face=0.3).pose - view().pose
    forwards = moved.numpy()[:, H36M_17.index("head")]
    far = np.linalg.norm(forwards, axis=-1)
    assert far.max() < 0.3 and 0.4 < (far == 0).mean() < 0.6
    front = view(poses=poses + tf.constant([0.0, 0.0, -0.2]) * tf.one_hot(H36M_17.index("head"), 17)[:, None]).pose
    direction = (front - view().pose).numpy()[:, H36M_17.index("head")]
    assert np.all(np.sum(direction * forwards, axis=-1)[far > 0] > 0.19 * far[far > 0])
    still = [H36M_17.index(joint) for joint in ("root", "thorax", "l_knee", "r_wrist")]
    assert not moved.numpy()[:, still].any()


@pytest.mark.parametrize("group", ["legs", "arms"])
def test_swapped_limbs_are_each_others(group):
    found, plain = view(512, swaps=0.5), view(512)
    joints = [H36M_17.index(joint) for limb in getattr(H36M_17, group) for joint in limb]
    partners = [H36M_17.mirror[joint] for joint in joints]
    is_plain = np.isclose(found.image.numpy()[:, joints], plain.image.numpy()[:, joints], atol=1e-6).all(axis=(1, 2))
    swapped = np.isclose(found.image.numpy()[:, joints], plain.image.numpy()[:, partners], atol=1e-6).all(axis=(1, 2))
    assert np.all(is_plain | swapped) and 0.4 < swapped.mean() < 0.6
    np.testing.assert_array_equal(found.pose, plain.pose)  # The truth stays.


def test_hidden_joints_are_zero_in_the_wanted_share():
    found = view(1024, hidden=0.5, most_hidden=0.5)
    mask = found.seen.numpy()
    assert not found.image.numpy()[~mask].any()
    assert 0.45 < mask.all(axis=1).mean() < 0.6
    assert mask.sum(axis=1).min() >= 6
    assert view(64).seen.numpy().all()


def test_noise_grows_towards_the_ends_of_limbs():
    difference = (view(2048, noise=0.05).image - view(2048).image).numpy()
    spread = difference.std(axis=(0, 2))
    assert spread[H36M_17.index("l_wrist")] > 1.4 * spread[H36M_17.index("thorax")] > 0
    far = (view(2048, outliers=0.05, outlier_distance=2.0).image - view(2048).image).numpy()
    assert 0.03 < (np.linalg.norm(far, axis=-1) > 0.06).mean() < 0.2


def test_the_same_seed_gives_the_same_view_and_another_another():
    everything = {"bones": 0.1, "noise": 0.02, "roll_deg": 5.0, "hidden": 0.5, "most_hidden": 0.4, "farthest": 20.0}
    one, again, other = view(**everything), view(**everything), view(seed=SEED + 1, **everything)
    np.testing.assert_array_equal(one.image, again.image)
    assert np.abs(one.image - other.image).max() > 0.01
