"""Columns of a Parquet file become poses, for every kind of list; bad rows become dead letters."""

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'tf_elepose[beam]'")

import pyarrow as pa
import pyarrow.parquet as pq

from tf_elepose.batch import parquet
from tf_elepose.skeleton.conventions import get_convention

H36M = get_convention("h36m_17")
POSES = np.random.default_rng(0).normal(500, 100, (6, 17, 2)).astype(np.float32)


def write(tmp_path, columns, **options):
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", **options)
    return str(tmp_path / "a.parquet")


def read(path, convention=H36M):
    return [list(parquet.read_group(unit, convention)) for unit in parquet.groups(0, path)]


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.list_(pa.float64())),
        pa.list_(pa.list_(pa.float32(), 2), 17),
        pa.large_list(pa.list_(pa.float32())),
    ],
)
def test_lists_of_pairs_and_flat_lists_are_the_same_poses(tmp_path, kind):
    pairs = write(tmp_path, {"poses_2d": pa.array(POSES.tolist(), kind)})
    ((stretch,),) = read(pairs)
    np.testing.assert_array_equal(stretch.keypoints[0].poses_2d, POSES)
    flat = write(tmp_path, {"poses_2d": pa.array(POSES.reshape(6, -1).tolist(), pa.list_(pa.float32()))})
    ((again,),) = read(flat)
    np.testing.assert_array_equal(again.keypoints[0].poses_2d, POSES)


def test_row_groups_are_units_and_rows_are_numbered_through_the_file(tmp_path):
    path = write(tmp_path, {"poses_2d": POSES.tolist(), "id": list("abcdef")}, row_group_size=4)
    units = list(parquet.groups(3, path))
    assert [(u.file, u.group, u.first_row) for u in units] == [(3, 0, 0), (3, 1, 4)]
    ids = [stretch.ids["row"].to_pylist() for group in read(path) for stretch in group]
    assert ids == [[0, 1, 2, 3], [4, 5]]


def test_bad_rows_are_dead_letters_and_the_others_stay_in_order(tmp_path):
    poses = POSES.tolist()
    poses[1] = poses[1][:-1]
    poses[2] = None
    poses[3][0] = [1.0, 2.0, 3.0]
    poses[3][1] = [1.0]  # The total count of numbers is still right.
    columns = {"poses_2d": poses, "id": list("abcdef"), "convention": [None] * 4 + ["martian", "coco_17"]}
    ((stretch,),) = read(write(tmp_path, columns))
    assert stretch.ids["id"].to_pylist() == ["a", "f"]
    by_id = {letter.id: letter.reason for letter in stretch.letters}
    assert by_id["b"].endswith("got 32 numbers") and by_id["c"].endswith("no poses_2d")
    assert by_id["d"].endswith("got 34 numbers not in pairs") and by_id["e"] == "unknown convention 'martian'"
    rows = {part.convention.name: part.rows.tolist() for part in stretch.keypoints}
    assert rows == {"h36m_17": [0], "coco_17": [1]}
    np.testing.assert_array_equal([p.poses_2d[0] for p in stretch.keypoints], POSES[[0, 5]])


def test_null_and_nan_are_missing_joints_and_confidences_are_read(tmp_path):
    poses = POSES.tolist()
    poses[0][2], poses[1][3] = [None, None], [float("nan"), 1.0]
    trust = [[0.5] * 17] * 4 + [None, [0.1] * 16]
    ((stretch,),) = read(write(tmp_path, {"poses_2d": poses, "confidence": trust}))
    sure, doubtful = sorted(stretch.keypoints, key=lambda part: part.confidence is not None)
    assert sure.rows.tolist() == [4] and doubtful.rows.tolist() == [0, 1, 2, 3]
    assert np.isnan(doubtful.poses_2d[0, 2]).all() and np.isnan(doubtful.poses_2d[1, 3, 0])
    assert np.isnan(doubtful.poses_2d).sum() == 3 and (doubtful.confidence == 0.5).all()
    assert "confidence: expected [17]" in stretch.letters[0].reason


def test_the_files_own_convention_overrides_the_commands(tmp_path):
    table = pa.table({"poses_2d": POSES.tolist()}).replace_schema_metadata({"convention": "coco_17"})
    pq.write_table(table, tmp_path / "a.parquet")
    ((stretch,),) = read(str(tmp_path / "a.parquet"))
    assert stretch.keypoints[0].convention.name == "coco_17"


def test_a_damaged_row_group_is_a_dead_letter_for_its_rows(tmp_path):
    path = write(tmp_path, {"poses_2d": POSES.tolist()}, row_group_size=3, compression="zstd")
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[10:60] = bytes(50)
    (tmp_path / "a.parquet").write_bytes(data)
    first, second = read(path)
    assert (first[-1].letters[0].row, first[-1].letters[0].records) == (0, 3)
    assert len(second[0]) == 3
    with pytest.raises(ValueError, match="expected a column poses_2d"):
        read(write(tmp_path, {"keypoints": [1, 2]}))
