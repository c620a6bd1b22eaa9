"""Shards: written rows are read again, by this project and by TensorFlow; incomplete sets are refused."""

import gc
import json
import pathlib
import subprocess
import sys
import weakref

import numpy as np
import pytest
from made_up_rows import recording

from tf_elepose.data.assembly import assemble
from tf_elepose.data.readers.shards import read_shards
from tf_elepose.data.recording import row_fields
from tf_elepose.data.shards.shards import Shards, write_shards
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17, H36M_17_ELEPOSE


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


def test_reading_returns_the_written_rows(written):
    got, expected = by_frame(load_source(f"shards:{written}", H36M_17, check="off")), recording()
    for field in [*row_fields(17), "image_size"]:
        np.testing.assert_array_equal(getattr(got, field), getattr(expected, field), err_msg=field)


def test_absent_fields_stay_absent(tmp_path):
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
        "import sys; from tf_elepose.data.sources import load_source;"
        "from tf_elepose.skeleton.skeletons import H36M_17;"
        "import tf_elepose.data.shards.shards;"
        f"load_source('shards:{written}', H36M_17); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=pathlib.Path(__file__).parents[3])


def test_every_shard_is_a_fair_sample(tmp_path):
    """With four cameras and four shards, distributing the rows in turn would give each shard only one camera."""
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


def test_only_one_part_is_in_memory(tmp_path):
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


def test_error_about_damage_names_file_and_record(written):
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
