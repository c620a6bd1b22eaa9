"""Files become blocks: each record once, and the same blocks every time."""

import numpy as np
import pytest
from lifted_samples import posing

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'tf_elepose[beam]'")

from benchmarks.speed.batch_archive import recording
from tf_elepose.batch import reading
from tf_elepose.batch.block import Unit
from tf_elepose.batch.reading import ReadSettings, input_files
from tf_elepose.data.readers import views
from tf_elepose.data.readers.views import write_views
from tf_elepose.data.shards.shards import write_shards
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.storage import files

POSES = (500 + 0.2 * posing(100, noise=40.0)[..., :2]).astype(np.float32)


def settings(rows=1000, poses="gt"):
    return ReadSettings(None, poses, rows)


@pytest.mark.parametrize("rows", [1, 30, 100, 1000])
def test_blocks_have_the_given_size_and_cover_the_file(tmp_path, rows):
    write_views(tmp_path / "a.npz", recording(POSES, H36M_17))
    blocks = list(reading.blocks(Unit(str(tmp_path / "a.npz"), 4), settings(rows)))
    assert [len(block) for block in blocks] == [min(rows, 100 - first) for first in range(0, 100, rows)]
    assert len({block.name for block in blocks}) == len(blocks) and blocks[0].name == "part-000004-00000-00000"
    frames = [frame for block in blocks for frame in block.stretch.ids["frame"].to_pylist()]
    assert frames == list(range(100))
    met = np.concatenate([block.stretch.keypoints[0].poses_2d for block in blocks])
    np.testing.assert_array_equal(met, POSES)
    assert all(block.stretch.keypoints[0].rows.tolist() == list(range(len(block))) for block in blocks)


def test_a_damaged_views_file_gives_only_a_dead_letter(tmp_path, monkeypatch):
    monkeypatch.setattr(views, "_PART_ROWS", 30)
    write_views(tmp_path / "a.npz", recording(POSES, H36M_17))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[data.index(POSES[90].tobytes())] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    (block,) = reading.blocks(Unit(str(tmp_path / "a.npz"), 0), settings())
    assert not len(block) and "poses_2d: damaged" in block.stretch.letters[0].reason


def test_records_from_a_wrong_row_on_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(views, "_PART_ROWS", 30)
    write_views(tmp_path / "a.npz", recording(POSES, H36M_17))
    arrays = files.read_npz(tmp_path / "a.npz")
    arrays["split"] = np.where(np.arange(100) == 70, "elsewhere", arrays["split"])
    files.write_npz(tmp_path / "a.npz", arrays)
    (block,) = reading.blocks(Unit(str(tmp_path / "a.npz"), 0), settings())
    (letter,) = block.stretch.letters
    assert len(block) == 60 and (letter.row, letter.records) == (60, 40) and "row 70" in letter.reason


def test_a_folder_of_shards_is_all_that_its_manifest_names(tmp_path):
    manifest = write_shards([recording(POSES, H36M_17)], tmp_path / "s", shards=3)
    names = [str(tmp_path / "s" / shard.file) for shard in manifest.splits["train"]]
    assert input_files([str(tmp_path / "s")]) == input_files([str(tmp_path / "s" / "manifest.json")]) == names
    (tmp_path / "s" / manifest.splits["train"][1].file).unlink()
    found = input_files([str(tmp_path / "s")])
    assert found == names  # Missing files are not left out silently.
    (block,) = reading.blocks(Unit(names[1], 1), settings())
    assert not len(block) and "no such file" in block.stretch.letters[0].reason


def test_a_truncated_shard_gives_its_sound_records_and_counts_the_rest(tmp_path):
    manifest = write_shards([recording(POSES, H36M_17)], tmp_path / "s", shards=1)
    (shard,) = manifest.splits["train"]
    path = tmp_path / "s" / shard.file
    path.write_bytes(path.read_bytes()[: shard.bytes * 2 // 5 + 10])
    (block,) = reading.blocks(Unit(str(path), 0), settings())
    assert 30 < len(block) < 45
    cut, rest = block.stretch.letters
    assert cut.row == len(block) and "cut short" in cut.reason
    assert rest.row == len(block) + 1 and len(block) + 1 + rest.records == 100
    whole = POSES[block.stretch.ids["frame"].to_numpy()]
    np.testing.assert_array_equal(block.stretch.keypoints[0].poses_2d, whole)


def test_detections_and_their_confidence_can_be_chosen(tmp_path):
    rows = recording(POSES, H36M_17)
    trust = np.random.default_rng(0).uniform(0.1, 1.0, POSES.shape[:2]).astype(np.float32)
    changed = {"poses_2d_detected": POSES + 1, "confidence": trust}
    both = type(rows)(**{**vars(rows), **changed})
    write_shards([both], tmp_path / "s", shards=1)
    (path,) = input_files([str(tmp_path / "s")])
    for kind, poses, sure in (("gt", POSES, None), ("detected", POSES + 1, trust)):
        (block,) = reading.blocks(Unit(path, 0), settings(poses=kind))
        order = block.stretch.ids["frame"].to_numpy()
        np.testing.assert_array_equal(block.stretch.keypoints[0].poses_2d, poses[order])
        met = block.stretch.keypoints[0].confidence
        assert (met is None) == (sure is None) and (met is None or (met == sure[order]).all())


def test_an_unreadable_file_is_one_dead_letter(tmp_path):
    for name in ("a.npz", "a.parquet", "a.tfrecord"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        (unit,) = reading.units(0, str(tmp_path / name))
        (block,) = reading.blocks(unit, settings())
        (letter,) = block.stretch.letters
        assert letter.row == -1 and letter.records is None and "\n" not in letter.reason
        assert letter.reason.startswith("the file cannot be read: ")
