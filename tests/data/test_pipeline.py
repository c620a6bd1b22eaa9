"""Batches: permutations, flips, and the same poses on the device, from the host and on several replicas."""

import numpy as np
import pytest
import tensorflow as tf

from tf_elepose.data.pipeline import Batches
from tf_elepose.skeleton.skeletons import H36M_17


def poses(count):
    """Poses that can be recognised: pose i has i + 1 in every x coordinate except the root's."""
    image = np.random.default_rng(0).normal(size=(count, 17, 2)).astype(np.float32)
    image[:, :, 0] = np.arange(1, count + 1)[:, None]
    return image


def seen(count):
    return np.random.default_rng(1).random((count, 17)) > 0.3


def batches(count=24, batch_size=8, seed=3, flip=False, seen=None, **options):
    arrays = {"image": poses(count)} | ({} if seen is None else {"seen": seen})
    return Batches(arrays, H36M_17, batch_size=batch_size, seed=seed, flip=flip, **options)


def augmented(source, image, step, replica=0, replicas=1):
    return source.augment({"image": tf.constant(image)}, tf.constant(step), replica, replicas)["image"].numpy()


def rows(source, steps, replicas=1):
    """The rows of each step, one replica after the other."""
    return np.array([
        np.concatenate([source.rows(tf.constant(step), replica, replicas) for replica in range(replicas)])
        for step in range(steps)
    ])  # fmt: skip


def test_every_epoch_is_another_permutation():
    got = rows(batches(), 9).reshape(3, 24)
    for epoch in got:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(24))
    assert np.any(got[0] != got[1]) and np.any(got[1] != got[2]) and np.any(got[0] != np.arange(24))
    assert np.any(rows(batches(seed=4), 3).reshape(-1) != got[0])
    np.testing.assert_array_equal(rows(batches(), 9).reshape(3, 24), got)


def test_epochs_may_end_within_a_batch_and_drop_no_pose():
    got = rows(batches(count=21), 21).reshape(8, 21)  # 21 steps of 8 are 8 epochs of 21.
    for epoch in got:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(21))


def test_orders_of_epochs_are_independent():
    """The place of a pose in one epoch does not predict its place in the next."""
    got = rows(batches(count=400, batch_size=100), 8).reshape(2, 400)
    places = np.argsort(got, axis=1)
    assert abs(np.corrcoef(places)[0, 1]) < 0.2
    assert abs(np.corrcoef(got[0], np.arange(400))[0, 1]) < 0.2


@pytest.mark.parametrize("replicas", [2, 4])
def test_replicas_get_the_parts_of_one_batch(replicas):
    np.testing.assert_array_equal(rows(batches(), 5, replicas), rows(batches(), 5))
    source = batches(flip=True)
    image = source.arrays["image"]
    whole = augmented(source, image[:8], 4)
    local = 8 // replicas
    parts = [augmented(source, image[i * local : (i + 1) * local], 4, i, replicas) for i in range(replicas)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_half_the_poses_are_flipped_and_stay_poses():
    source = batches(count=1000, batch_size=1000, flip=True)
    image = source.arrays["image"]
    flipped = [augmented(source, image, step) for step in range(2)]
    coins = [one[:, 0, 0] < 0 for one in flipped]
    for coin in coins:
        assert abs(coin.mean() - 0.5) < 0.05
    assert 0.4 < (coins[0] == coins[1]).mean() < 0.6  # Every step draws new flips.
    other = augmented(batches(count=1000, batch_size=1000, flip=True, seed=4), image, 0)
    assert 0.4 < (coins[0] == (other[:, 0, 0] < 0)).mean() < 0.6
    kept, turned = flipped[0][~coins[0]], flipped[0][coins[0]]
    np.testing.assert_array_equal(kept, image[~coins[0]])
    np.testing.assert_array_equal(turned, image[coins[0]][:, list(H36M_17.mirror)] * np.float32([-1, 1]))


def test_without_flips_nothing_is_flipped():
    source = batches()
    np.testing.assert_array_equal(augmented(source, source.arrays["image"], 0), source.arrays["image"])


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_stream_equals_the_batches_on_the_device(replicas):
    source = batches(flip=True, seen=seen(24), resident_bytes=0)
    assert not source.resident and batches().resident
    stream = iter(source.stream(2, range(replicas), replicas))
    for step in range(2, 7):
        for replica in range(replicas):
            wanted = source.rows(tf.constant(step), replica, replicas)
            expected = source.augment(
                {name: tf.gather(array, wanted) for name, array in source.arrays.items()},
                tf.constant(step), replica, replicas,
            )  # fmt: skip
            got = next(stream)
            assert got["image"].shape == (8 // replicas, 17, 2) and got["seen"].shape == (8 // replicas, 17)
            for name, values in expected.items():
                np.testing.assert_array_equal(got[name], values)


def test_a_worker_streams_its_own_replicas():
    source = batches(resident_bytes=0)
    stream = iter(source.stream(0, range(2, 4), 4))
    for step in range(3):
        for replica in (2, 3):
            wanted = source.rows(tf.constant(step), replica, 4)
            np.testing.assert_array_equal(next(stream)["image"], source.arrays["image"][wanted.numpy()])


def test_place_holds_the_poses_untrained():
    placed = batches(seen=seen(24)).place()
    np.testing.assert_array_equal(placed["image"], poses(24))
    np.testing.assert_array_equal(placed["seen"], seen(24))
    assert not placed["image"].trainable and not placed["seen"].trainable


def test_the_mask_of_seen_joints_is_flipped_with_its_pose():
    """A hidden left wrist is a hidden right wrist in the mirror."""
    source = batches(count=1000, batch_size=1000, flip=True)
    hidden = np.ones((1000, 17), bool)
    hidden[:, H36M_17.index("l_wrist")] = False
    batch = {"image": tf.constant(source.arrays["image"]), "seen": tf.constant(hidden)}
    got = source.augment(batch, tf.constant(0), 0, 1)
    flipped = got["image"].numpy()[:, 0, 0] < 0
    assert flipped.any() and not flipped.all()
    np.testing.assert_array_equal(got["seen"].numpy()[:, H36M_17.index("r_wrist")], ~flipped)
    np.testing.assert_array_equal(got["seen"].numpy()[:, H36M_17.index("l_wrist")], flipped)


def test_steps_per_epoch():
    assert batches().steps_per_epoch == 3 and batches(count=28).steps_per_epoch == 4
    assert batches(count=9).steps_per_epoch == 1


def test_bad_batches_are_refused():
    with pytest.raises(ValueError, match="even and at least 2; got 7"):
        batches(batch_size=7)
    with pytest.raises(ValueError, match="even and at least 2; got 0"):
        batches(batch_size=0)
    with pytest.raises(ValueError, match="batch_size 26 is larger than the data: 24 poses"):
        batches(batch_size=26)


def test_all_views_of_a_moment_are_flipped_together():
    image, trust = poses(12).reshape(4, 3, 17, 2), np.random.default_rng(2).random((4, 3, 17)).astype(np.float32)
    arrays = {"image": image, "confidence": trust, "rig": np.arange(4, dtype=np.float32)}
    source = Batches(arrays, H36M_17, batch_size=4, seed=3, flip=True)
    mirror = list(H36M_17.mirror)
    seen = set()
    for step in range(6):
        batch = {name: tf.constant(array) for name, array in arrays.items()}
        got = source.augment(batch, tf.constant(step), 0, 1)
        flipped = source.flips(tf.constant(step), 0, 1).numpy()
        seen |= set(flipped.tolist())
        expected = np.where(flipped[:, None, None, None], image[:, :, mirror] * [-1, 1], image)
        np.testing.assert_allclose(got["image"], expected)
        np.testing.assert_array_equal(got["confidence"], np.where(flipped[:, None, None], trust[..., mirror], trust))
        np.testing.assert_array_equal(got["rig"], arrays["rig"])
    assert seen == {True, False}
