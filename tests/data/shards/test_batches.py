"""Batches from shards: permutations of the whole set, the same wherever a run is interrupted.

A pose shows its row: its normalised x coordinates are (1000 + row) divided by the size.
"""

import keras
import numpy as np
import pytest
import small_models
import tensorflow as tf
from made_up_rows import recording

from tf_elepose import geometry
from tf_elepose.data.shards.batches import ShardBatches
from tf_elepose.data.shards.shards import Shards, write_shards
from tf_elepose.methods.prior import PriorFitting
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.training.loop import Loop


@pytest.fixture
def shards(tmp_path):
    write_shards([recording(42, test=0, missing=False)], tmp_path / "set", shards=4)
    return Shards.open(tmp_path / "set")


def normalizer(one):
    return Normalizer.fit(one.poses_2d, H36M_17)


def batches(shards, **options):
    settings = {"kind": "gt", "batch_size": 8, "seed": 3, "flip": False, "group_rows": 25}
    return ShardBatches(shards, normalizer(recording(42, test=0, missing=False)), **settings | options)


def taken(source, steps, first=0, replica_range=range(1), replicas=1):
    stream = source.stream(first, replica_range, replicas).as_numpy_iterator()
    return [next(stream) for _ in range(steps * len(replica_range))]


def rows_of(source, parts):
    scale = source._normalizer.head_px * source._normalizer.distance
    return np.concatenate([np.abs(part["image"][:, 5, 0]) * scale - 1000 for part in parts]).round().astype(int)


def test_every_epoch_is_another_permutation_and_no_pose_is_dropped(shards):
    source = batches(shards)
    assert source.steps_per_epoch == 5 and not source.resident
    epochs = rows_of(source, taken(source, 21)).reshape(4, 42)  # 21 steps of 8 are 4 epochs of 42.
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(42))
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert np.any(rows_of(source, taken(batches(shards, seed=4), 5)) != epochs[0][:40])


def test_a_resumed_stream_equals_an_uninterrupted_one(shards):
    whole = taken(batches(shards, flip=True), 12)
    for first in (1, 5, 11):
        resumed = taken(batches(shards, flip=True), 12 - first, first)
        for got, expected in zip(resumed, whole[first:], strict=True):
            np.testing.assert_array_equal(got["image"], expected["image"])


@pytest.mark.parametrize("replicas", [2, 4])
def test_replicas_get_the_parts_of_one_batch(shards, replicas):
    whole = taken(batches(shards, flip=True), 6)
    parts = taken(batches(shards, flip=True), 6, replica_range=range(replicas), replicas=replicas)
    for step, expected in enumerate(whole):
        got = np.concatenate([part["image"] for part in parts[step * replicas : (step + 1) * replicas]])
        np.testing.assert_array_equal(got, expected["image"])
    own = taken(batches(shards, flip=True), 6, replica_range=range(1, 2), replicas=replicas)
    for got, expected in zip(own, parts[1::replicas], strict=True):
        np.testing.assert_array_equal(got["image"], expected["image"])


def test_poses_are_normalised_and_flips_are_mirror_images(shards):
    one = recording(42, test=0, missing=False)
    expected, _ = normalizer(one).apply(one.poses_2d)
    source = batches(shards, flip=True)
    parts = taken(source, 50)
    image, rows = np.concatenate([part["image"] for part in parts]), rows_of(source, parts)
    flipped = image[:, 5, 0] * expected[rows][:, 5, 0] < 0
    assert 0.4 < flipped.mean() < 0.6
    np.testing.assert_array_equal(image[~flipped], expected[rows[~flipped]])
    np.testing.assert_array_equal(image[flipped], geometry.flip(tf.constant(expected), H36M_17).numpy()[rows[flipped]])


@pytest.mark.parametrize("kind", ["gt", "detected"])
def test_missing_joints_are_marked(tmp_path, kind):
    one = recording(42, test=0)
    confidence = np.array(one.confidence)
    confidence[::2, 4] = 0
    one = recording(42, test=0, confidence=confidence)
    write_shards([one], tmp_path / "set", shards=4)
    view = one.view(kind)
    seen, poses = view.seen, view.pixels
    fitted = Normalizer.fit(poses, H36M_17, seen=seen)
    expected, _ = fitted.apply(poses, None, seen)
    source = ShardBatches(Shards.open(tmp_path / "set"), fitted, kind=kind, batch_size=14, seed=0, flip=False)
    parts = taken(source, 3)
    image, known = (np.concatenate([part[name] for part in parts]) for name in ("image", "seen"))
    order, expected_order = (np.argsort(values[:, 6, 1]) for values in (image, expected))
    np.testing.assert_array_equal(image[order], expected[expected_order])
    np.testing.assert_array_equal(known[order], seen[expected_order])
    assert not known.all()


def test_batches_that_the_set_cannot_give_are_refused(shards, tmp_path):
    for options, message in (
        ({"batch_size": 7}, "even and at least 2; got 7"),
        ({"batch_size": 44}, "batch_size 44 is larger than the data: 42 poses"),
        ({"kind": "best"}, "2D poses are 'gt' or 'detected'; got 'best'"),
        ({"split": "test"}, "no rows of split 'test'"),
    ):
        with pytest.raises(ValueError, match=message):
            batches(shards, **options)
    one = recording(42, test=0, missing=False)
    by_clip = Normalizer.fit(one.poses_2d, H36M_17, rule="clip", groups=one.clip)
    with pytest.raises(ValueError, match="rule 'clip' needs whole clips"):
        ShardBatches(shards, by_clip, kind="gt", batch_size=8, seed=0, flip=False)


def test_a_loop_trains_on_shards_however_the_run_is_cut(shards):
    ends = []
    for cuts in ([4], [1, 3]):
        image, _ = small_models.normalized()
        fit, step = PriorFitting(small_models.small_prior(image)), 0
        for count in cuts:  # Another loop each time, as after a restart.
            optimizers = {name: keras.optimizers.SGD(1e-3) for name in fit.networks}
            loop = Loop(fit, optimizers, batches(shards, flip=True), tf.distribute.get_strategy(), seed=2)
            assert np.isfinite(loop.run(step, count)["loss"])
            step += count
        ends.append([np.asarray(variable) for variable in fit.variables])
    for a, b in zip(*ends, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-7)


def test_damage_found_during_training_is_reported(shards):
    damaged = batches(shards)
    path = shards.folder / "train-00001-of-00004.tfrecord"
    data = bytearray(path.read_bytes())
    data[50] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="corrupted record"):
        for group in range(4):
            damaged.load(0, group)
