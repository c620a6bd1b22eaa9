"""Shards: what is written is read again, by this project and by TensorFlow; what is not whole is refused."""

import gc
import io
import json
import pathlib
import subprocess
import sys
import weakref

import keras
import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.data import tfrecords
from tf_elepose.data.readers.shards import read_shards
from tf_elepose.data.recording import Recording, row_fields
from tf_elepose.data.rows import assemble
from tf_elepose.data.shard_batches import ShardBatches
from tf_elepose.data.shards import Shards, write_shards
from tf_elepose.data.sources import load_source
from tf_elepose.methods.prior import PriorFitting
from tf_elepose.normalization import Normalizer
from tf_elepose.skeletons import H36M_17, H36M_17_ELEPOSE
from tf_elepose.training.loop import Loop


def recording(rows=60, *, first=0, test=20, missing=True, skeleton=H36M_17, **others):
    """Row i has frame first + i and, in every x of poses_2d but the root's, 1000 + first + i."""
    rng = np.random.default_rng(first)
    poses = rng.normal(500, 100, (rows, 17, 2)).astype(np.float32)
    poses[:, 1:, 0] = 1000 + first + np.arange(rows)[:, None]
    poses[:, 0, 0] = 0
    visible = np.ones((rows, 17), bool)
    if missing:
        visible[:, 3] = np.arange(rows) % 3 > 0
        poses[~visible] = 0
    values = {
        "source": "made up", "skeleton": skeleton, "poses_2d": poses, "visible": visible if missing else None,
        "poses_3d": rng.normal(0, 500, (rows, 17, 3)), "elevation": np.arange(rows),
        "poses_2d_detected": rng.normal(500, 100, (rows, 17, 2)), "confidence": rng.uniform(0.1, 1, (rows, 17)),
        "subject": np.array(["S1"] * rows), "action": np.array(["walk", "Ü 走"] * (rows // 2)),
        "clip": np.array([f"clip {i // 10}" for i in range(rows)]), "camera": np.arange(rows) % 4,
        "frame": first + np.arange(rows), "person": np.arange(rows) % 2,
        "split": np.array(["train"] * (rows - test) + ["test"] * test), "image_size": np.array([1000, 1002]),
    }  # fmt: skip
    return Recording(**values | others)


@pytest.fixture
def written(tmp_path):
    write_shards([recording()], tmp_path / "set", shards=4, seed=1)
    return tmp_path / "set"


def read(folder):
    return assemble(read_shards(folder), H36M_17, "read")


def by_frame(one):
    return one.select(np.argsort(one.frame, kind="stable"))


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def test_what_is_written_is_read_again(written):
    got, expected = by_frame(load_source(f"shards:{written}", H36M_17, check="off")), recording()
    for field in [*row_fields(17), "image_size"]:
        np.testing.assert_array_equal(getattr(got, field), getattr(expected, field), err_msg=field)


def test_fields_that_are_absent_stay_so(tmp_path):
    bare = {"poses_3d": None, "elevation": None, "poses_2d_detected": None, "confidence": None, "image_size": None}
    write_shards([recording(missing=False, **bare)], tmp_path / "set", shards=2)
    got = read(tmp_path / "set")
    assert all(getattr(got, field) is None for field in (*bare, "visible"))


def test_sizes_by_camera_and_what_was_dropped_are_kept(tmp_path):
    sizes = np.array([[10, 10], [20, 10], [30, 10], [40, 10]])
    parts = [
        recording(image_size=sizes, dropped={"small": 2}),
        recording(first=60, image_size=sizes, dropped={"small": 1}),
    ]
    write_shards(parts, tmp_path / "set", shards=2)
    got = read(tmp_path / "set")
    np.testing.assert_array_equal(got.image_size, sizes)
    assert got.dropped == {"small": 3}
    write_shards([recording(), recording(first=60, image_size=None)], tmp_path / "other", shards=2)
    assert read(tmp_path / "other").image_size is None


def test_reading_needs_no_tensorflow(written):
    code = (
        "import sys; from tf_elepose.data.sources import load_source; from tf_elepose.skeletons import H36M_17;"
        "import tf_elepose.data.shards;"
        f"load_source('shards:{written}', H36M_17); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=pathlib.Path(__file__).parents[2])


def test_tensorflow_writes_the_same_bytes(tmp_path):
    records = [b"", b"a", b"12345678", bytes(999), b"123456789" * 7]
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    theirs = (tmp_path / "theirs").read_bytes()
    assert tfrecords.frame(records)[0] == theirs
    parts = list(tfrecords.read_records(io.BytesIO(theirs), "theirs", 1000))
    assert [record for part, _ in parts for record in part] == records


def test_checksums_are_those_of_rfc_3720():
    masked = tfrecords.masked_crc32c([bytes(32), b"\xff" * 32, bytes(range(32)), b"123456789"])
    plain = (masked - np.uint32(0xA282EAD8)).astype(np.uint32)
    plain = (plain >> 17) | (plain << 15)
    assert [hex(value) for value in plain] == ["0x8a9136aa", "0x62a8ab43", "0x46dd794e", "0xe3069283"]


def test_every_shard_is_a_fair_sample(tmp_path):
    """Four cameras in turn and four shards: rows dealt out in turn would give each shard a camera of its own."""
    write_shards([recording(400, test=0)], tmp_path / "set", shards=4)
    assert [shard["rows"] for shard in manifest_of(tmp_path / "set")["splits"]["train"]] == [100] * 4
    for shard in np.split(read(tmp_path / "set").select(slice(None)).camera, 4):
        assert np.bincount(shard, minlength=4).min() > 10
    for shard in np.split(read(tmp_path / "set").frame, 4):
        assert np.bincount(shard // 100, minlength=4).tolist() == [25] * 4


def test_parts_or_the_whole_give_the_same_shards(tmp_path):
    whole = recording()
    write_shards([whole], tmp_path / "one", shards=4, seed=3)
    train, test = whole.of_split("train"), whole.of_split("test")
    parts = [train.select(slice(0, 7)), train.select(slice(7, 40)), test]
    write_shards(parts, tmp_path / "other", shards=4, seed=3)
    write_shards([whole], tmp_path / "seed", shards=4, seed=4)
    files = {
        name: [path.read_bytes() for path in sorted((tmp_path / name).glob("*.tfrecord"))]
        for name in ("one", "other", "seed")
    }
    assert files["one"] == files["other"] != files["seed"]


def test_no_more_than_a_part_is_held(tmp_path):
    alive = []

    def parts():
        for number in range(4):
            gc.collect()
            assert sum(ref() is not None for ref in alive) <= 1
            part = recording(first=60 * number)
            alive.append(weakref.ref(part))
            yield part

    write_shards(parts(), tmp_path / "set", shards=2)
    assert len(read(tmp_path / "set")) == 240


def test_a_failed_writing_leaves_no_set(tmp_path):
    def parts():
        yield recording()
        raise OSError("source.npz: cannot be read")

    with pytest.raises(OSError, match=r"^source\.npz: cannot be read$"):
        write_shards(parts(), tmp_path / "set", shards=2)
    assert list((tmp_path / "set").iterdir()) == []
    with pytest.raises(ValueError, match="has no manifest"):
        read(tmp_path / "set")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "expected at least one recording"),
        ([recording(), recording(poses_3d=None)], "poses_3d: the rows before have it"),
        ([recording(poses_3d=None), recording()], "poses_3d: these rows have it"),
        ([recording(), recording(skeleton=H36M_17_ELEPOSE)], "expected skeleton 'h36m_17'; got 'h36m_17_elepose'"),
        ([recording(clip=np.array(["x" * 2000] * 60))], "clip: expected at most 1024 bytes of text; row 0 holds 2000"),
    ],
)
def test_recordings_that_do_not_fit_are_refused(tmp_path, parts, message):
    with pytest.raises(ValueError, match=message):
        write_shards(parts, tmp_path / "set", shards=2)
    assert list((tmp_path / "set").iterdir()) == []


def test_nothing_is_overwritten(written):
    with pytest.raises(ValueError, match="expected a new or empty folder; it holds manifest"):
        write_shards([recording()], written, shards=2)
    with pytest.raises(ValueError, match="shards: expected 1 to 512; got 0"):
        write_shards([recording()], written / "other", shards=0)


SHARD = "train-00001-of-00004.tfrecord"


def damage(folder, change):
    data = bytearray((folder / SHARD).read_bytes())
    change(data)
    (folder / SHARD).write_bytes(data)


def test_damage_is_told_with_file_and_record(written):
    size = int.from_bytes((written / SHARD).read_bytes()[:8], "little") + 16
    damage(written, lambda data: data.__setitem__(size + 100, data[size + 100] ^ 1))
    with pytest.raises(ValueError, match=f"{SHARD}: record 1: damaged; its checksum does not match"):
        read(written)


def test_a_set_that_is_not_whole_is_refused(written):
    with pytest.raises(ValueError, match="no such folder"):
        Shards.open(written / "nowhere")
    damage(written, lambda data: data.pop())
    with pytest.raises(ValueError, match=f"{SHARD}: expected [0-9]+ bytes; got"):
        Shards.open(written)
    (written / SHARD).unlink()
    with pytest.raises(ValueError, match=f"{SHARD} is missing"):
        Shards.open(written)


def test_shards_of_another_set_are_refused(written, tmp_path):
    write_shards([recording(elevation=np.arange(60) + 1)], tmp_path / "other", shards=4, seed=1)
    (written / SHARD).write_bytes((tmp_path / "other" / SHARD).read_bytes())
    with pytest.raises(ValueError, match=f"{SHARD}: expected the 10 rows of this set"):
        read(written)


def test_a_sample_is_evenly_spread_and_always_the_same(written):
    shards = Shards.open(written)
    got = shards.sample(10, "train")  # As many as one shard has: of every four rows it has one.
    assert (got.frame // 4).tolist() == list(range(10)) and set(got.split) == {"train"}
    assert (shards.sample(5, "train").frame // 8).tolist() == list(range(5))
    np.testing.assert_array_equal(shards.sample(10, "train").frame, got.frame)
    assert len(set(shards.sample(13, "train").frame)) == 13
    np.testing.assert_array_equal(np.sort(shards.sample(999, "test").frame), np.arange(40, 60))
    with pytest.raises(ValueError, match="no rows of split 'validation'; splits here are train, test"):
        shards.sample(3, "validation")


def test_a_dataset_has_every_row_once_with_all_fields(written):
    shards, expected = Shards.open(written), recording()
    rows = list(shards.dataset("train", seed=0, epoch=0).as_numpy_iterator())
    assert sorted(row["frame"] for row in rows) == list(range(40))
    for row in rows:
        for field in row_fields(17).keys() - {"split"}:
            truth, got = getattr(expected, field)[row["frame"]], row[field]
            np.testing.assert_array_equal(got.decode() if isinstance(got, bytes) else got, truth, err_msg=field)


def test_a_dataset_is_a_function_of_seed_and_epoch(written):
    shards = Shards.open(written)

    def frames(**options):
        return [int(row["frame"]) for row in shards.dataset("train", **options)]

    assert frames(seed=0, epoch=0) == frames(seed=0, epoch=0)
    assert frames(seed=0, epoch=0) != frames(seed=0, epoch=1) != frames(seed=1, epoch=0)
    shared = [frames(seed=0, epoch=0, worker=worker, workers=3) for worker in range(3)]
    assert sorted(frame for part in shared for frame in part) == list(range(40))
    with pytest.raises(ValueError, match="worker 0 of 5 cannot share 4 shards"):
        frames(seed=0, epoch=0, workers=5)


# Batches. A pose knows its row: its x coordinates, normalised, are (1000 + row) over the size.


@pytest.fixture
def shards(tmp_path):
    write_shards([recording(42, test=0, missing=False)], tmp_path / "set", shards=4)
    return Shards.open(tmp_path / "set")


def normalizer(one):
    return Normalizer.fit(one.poses_2d, H36M_17)


def batches(shards, **options):
    settings = {"poses_2d": "gt", "batch_size": 8, "seed": 3, "flip": False, "group_rows": 25}
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


def test_a_resumed_stream_is_what_an_uninterrupted_one_is(shards):
    whole = taken(batches(shards, flip=True), 12)
    for first in (1, 5, 11):
        resumed = taken(batches(shards, flip=True), 12 - first, first)
        for got, expected in zip(resumed, whole[first:], strict=True):
            np.testing.assert_array_equal(got["image"], expected["image"])


@pytest.mark.parametrize("replicas", [2, 4])
def test_replicas_share_the_batch_of_one(shards, replicas):
    whole = taken(batches(shards, flip=True), 6)
    parts = taken(batches(shards, flip=True), 6, replica_range=range(replicas), replicas=replicas)
    for step, expected in enumerate(whole):
        got = np.concatenate([part["image"] for part in parts[step * replicas : (step + 1) * replicas]])
        np.testing.assert_array_equal(got, expected["image"])
    own = taken(batches(shards, flip=True), 6, replica_range=range(1, 2), replicas=replicas)
    for got, expected in zip(own, parts[1::replicas], strict=True):
        np.testing.assert_array_equal(got["image"], expected["image"])


def test_poses_are_those_of_the_normalizer_and_flips_are_flips(shards):
    one = recording(42, test=0, missing=False)
    expected, _ = normalizer(one).apply(one.poses_2d)
    source = batches(shards, flip=True)
    parts = taken(source, 50)
    image, rows = np.concatenate([part["image"] for part in parts]), rows_of(source, parts)
    flipped = image[:, 5, 0] * expected[rows][:, 5, 0] < 0
    assert 0.4 < flipped.mean() < 0.6
    np.testing.assert_array_equal(image[~flipped], expected[rows[~flipped]])
    np.testing.assert_array_equal(image[flipped], geometry.flip(tf.constant(expected), H36M_17).numpy()[rows[flipped]])


@pytest.mark.parametrize("poses_2d", ["gt", "detected"])
def test_missing_joints_are_told(tmp_path, poses_2d):
    one = recording(42, test=0)
    confidence = np.array(one.confidence)
    confidence[::2, 4] = 0
    one = recording(42, test=0, confidence=confidence)
    write_shards([one], tmp_path / "set", shards=4)
    seen, poses = one.seen(poses_2d), one.keypoints(poses_2d)
    fitted = Normalizer.fit(poses, H36M_17, seen=seen)
    expected, _ = fitted.apply(poses, None, seen)
    source = ShardBatches(Shards.open(tmp_path / "set"), fitted, poses_2d=poses_2d, batch_size=14, seed=0, flip=False)
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
        ({"poses_2d": "best"}, "2D poses are 'gt' or 'detected'; got 'best'"),
        ({"split": "test"}, "no rows of split 'test'"),
    ):
        with pytest.raises(ValueError, match=message):
            batches(shards, **options)
    one = recording(42, test=0, missing=False)
    by_clip = Normalizer.fit(one.poses_2d, H36M_17, rule="clip", groups=one.clip)
    with pytest.raises(ValueError, match="rule 'clip' needs whole clips"):
        ShardBatches(shards, by_clip, poses_2d="gt", batch_size=8, seed=0, flip=False)


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


def test_damage_met_while_training_is_told(shards):
    damaged = batches(shards)
    path = shards.folder / SHARD
    data = bytearray(path.read_bytes())
    data[50] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="corrupted record"):
        for group in range(4):
            damaged.load(0, group)
