import numpy as np
import pytest

from tf_elepose.data.readers.tables import read_csv
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.conventions import get_convention
from tf_elepose.skeleton.skeletons import H36M_17

COCO = get_convention("coco_17").joints


def written(folder, lines, end="\n"):
    (folder / "table.csv").write_bytes((end.join(lines) + end).encode())
    return folder / "table.csv"


def load_csv(path, convention="coco_17"):
    return load_source(f"csv:{path}", H36M_17, convention=convention)


def table(rows=2, delimiter=",", extra=(), values=(), joints=COCO, empty=()):
    """A table in which joint j of row r lies at (100 + 10 j + r, 500 + j), except for the cells in `empty`."""
    lines = [delimiter.join([*extra, *(f"{joint}_{axis}" for joint in joints for axis in "xy")])]
    for row in range(rows):
        cells = [f"{100 + 10 * COCO.index(j) + row if a == 'x' else 500 + COCO.index(j)}" for j in joints for a in "xy"]
        for place, text in dict(empty).items():
            cells[place] = text
        lines.append(delimiter.join([*(str(value[row]) for value in values), *cells]))
    return lines


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_joints_are_found_by_name_in_any_order(tmp_path, delimiter, end):
    recording = load_csv(written(tmp_path, table(delimiter=delimiter, joints=COCO[::-1]), end))
    for side in "lr":
        for joint in ("hip", "knee", "wrist"):
            place = COCO.index(f"{side}_{joint}")
            found = recording.poses_2d[:, H36M_17.index(f"{side}_{joint}")]
            np.testing.assert_array_equal(found, [[100 + 10 * place, 500 + place], [101 + 10 * place, 500 + place]])


def test_a_delimiter_at_the_end_of_the_rows_is_no_cell(tmp_path):
    header, *rows = table()
    assert len(load_csv(written(tmp_path, [header, *(f"{row}," for row in rows)]))) == 2


def test_numbered_columns_are_in_the_conventions_order(tmp_path):
    header = ",".join(f"{axis}{joint}" for joint in range(17) for axis in "xyc")
    row = ",".join(f"{joint},{joint + 50},{0.5 if joint else 0}" for joint in range(17))
    recording = load_csv(written(tmp_path, [header, row]))
    np.testing.assert_array_equal(recording.poses_2d[0, H36M_17.index("r_ankle")], [16, 66])
    assert not recording.visible[0, H36M_17.index("nose")]  # Confidence 0.
    assert recording.confidence[0, H36M_17.index("r_ankle")] == 0.5


@pytest.mark.parametrize("cells", [{0: ""}, {1: "nan"}, {0: "", 1: ""}, {0: "0", 1: "0.0"}])
def test_empty_cells_nan_and_the_origin_are_missing_joints(tmp_path, cells):
    recording = load_csv(written(tmp_path, table(empty=cells)))
    np.testing.assert_array_equal(recording.visible[0], [joint != "nose" for joint in H36M_17.joints])


@pytest.mark.parametrize("place", ["0,0", "-1,-1", "-1.0,-1"])
def test_joints_that_a_program_left_out_are_missing_whatever_their_confidence(tmp_path, place):
    header = ",".join(f"{joint}_{axis}" for joint in COCO for axis in ("x", "y", "confidence"))
    row = ",".join(
        f"{place},0.31" if joint in ("l_hip", "l_wrist") else f"{n + 5},{n},0.9" for n, joint in enumerate(COCO)
    )
    recording = load_csv(written(tmp_path, [header, row]))
    left_out = [joint in ("l_wrist", "l_hip", "root", "spine") for joint in H36M_17.joints]
    np.testing.assert_array_equal(~recording.visible[0], left_out)
    np.testing.assert_array_equal(recording.confidence[0] == 0, left_out)


def test_the_origin_is_a_place_in_tables_of_root_centred_poses(tmp_path):
    header = ",".join(f"{joint}_{axis}" for joint in H36M_17.joints for axis in "xy")
    poses = np.random.default_rng(0).uniform(-200, 200, (30, 17, 2)).round(3)
    poses[:, H36M_17.root_index] = 0.0
    poses[7, 3] = -1.0
    rows = [",".join(map(str, pose.ravel())) for pose in poses]
    recording = load_csv(written(tmp_path, [header, *rows]), convention="h36m_17")
    assert recording.visible is None


def test_other_columns_label_the_rows(tmp_path):
    names = ["frame", "person", "camera", "clip", "subject", "action", "split", "remark"]
    values = [[7, "3.0"], [1, 0], [2, 0], ["a", "Ü"], ["S1", "S2"], ["run", ""], ["test", "train"], ["x", "y"]]
    recording = load_csv(written(tmp_path, table(extra=names, values=values)))
    np.testing.assert_array_equal(recording.frame, [7, 3])
    np.testing.assert_array_equal(recording.person, [1, 0])
    np.testing.assert_array_equal(recording.camera, [2, 0])
    assert recording.clip.tolist() == ["a", "Ü"] and recording.action.tolist() == ["run", ""]
    assert recording.subject.tolist() == ["S1", "S2"] and recording.split.tolist() == ["test", "train"]


def test_without_labels_each_row_is_a_frame_of_one_clip(tmp_path):
    recording = load_csv(written(tmp_path, table(rows=3)))
    assert recording.frame.tolist() == [0, 1, 2]
    assert set(recording.clip) == set(recording.subject) == {"table"} and set(recording.split) == {"train"}


def test_frames_go_on_from_part_to_part(tmp_path):
    parts = list(read_csv(written(tmp_path, table(rows=5000)), convention="coco_17"))
    assert len(parts) == 2
    np.testing.assert_array_equal(np.concatenate([part.frame for part in parts]), np.arange(5000))
    assert parts[0].done < parts[1].done == 1.0


def test_blank_lines_a_byte_order_mark_and_quotes_are_ignored(tmp_path):
    lines = table()
    lines = ["\ufeff" + ",".join(f'"{name}"' for name in lines[0].split(",")), lines[1], "", lines[2], "  "]
    assert len(load_csv(written(tmp_path, lines))) == 2


@pytest.mark.parametrize("count", [17, 18])
def test_the_convention_has_to_be_named(tmp_path, count):
    header = ",".join(f"{axis}{joint}" for joint in range(count) for axis in "xy")
    path = written(tmp_path, [header, ",".join("1" * 2 * count)])
    name = {17: "coco_17", 18: "openpose_coco_18"}[count]
    with pytest.raises(ValueError, match=rf"{count} joints without names: name their convention, --option=.*{name}"):
        load_source(f"csv:{path}", H36M_17)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [lines[0], lines[1], lines[2] + ",1"], "line 3: expected 34 columns as in line 1; got 35"),
        (lambda lines: [lines[0], lines[1].replace("500", "x", 1)], "line 2, column 2: expected a number.*got 'x'"),
        (lambda lines: [lines[0], lines[1].replace("500", "2e6", 1)], r"expected numbers within 1e\+06 px; row 0"),
        (lambda lines: [lines[0], lines[1].replace("500", "1e300", 1)], "poses_2d"),
        (
            lambda lines: [lines[0].replace("nose_x", "nase_x"), lines[1]],
            "line 1: missing x of 'nose'",
        ),
        (lambda lines: [lines[0].replace("nose_x", "nose_y"), lines[1]], "line 1: nose_y: given twice"),
        (lambda lines: ["\r".join(lines)], "line 1: not a line of a table .lines end with a carriage return alone"),
        (lambda lines: lines[:1], "it holds no poses"),
        (lambda lines: ["a,b", "1,2"], "expected columns <joint>_x"),
        (lambda lines: [lines[0], '"' + lines[1]], "line 2: not a line of a table"),
        (lambda lines: [lines[0] + ",x" * 3000], "line 1: expected at most 2000 columns"),
        (lambda lines: [lines[0], "1" * 200_000], "line 2: expected at most 128000 bytes"),
    ],
)
def test_errors_name_the_line(tmp_path, change, message):
    with pytest.raises(ValueError, match=message) as error:
        load_csv(written(tmp_path, change(table())))
    assert "table.csv" in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("frame", "-1", "frame: expected an integer from 0; got '-1'"),
        ("frame", "1.5", "frame: expected an integer from 0"),
        ("camera", "1.5", "camera: expected an integer from 0; got '1.5'"),
        ("person", "1.5", "person: expected an integer from 0; got '1.5'"),
        ("frame", "1e300", "frame: expected an integer from 0"),
        ("split", "val", "split: expected train or test; got 'val'"),
        ("clip", "x" * 300, "clip: expected at most 256 characters"),
    ],
)
def test_wrong_values_are_named(tmp_path, name, value, message):
    with pytest.raises(ValueError, match="line 2: " + message):
        load_csv(written(tmp_path, table(rows=1, extra=[name], values=[[value]])))


def test_error_about_decimal_commas_explains_them(tmp_path):
    lines = table(delimiter=";", empty={0: "100,5"})
    with pytest.raises(ValueError, match="got '100,5'; decimals need a point"):
        load_csv(written(tmp_path, lines))


def test_files_without_text_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        load_csv(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(ValueError, match="expected a header"):
        load_csv(tmp_path / "empty.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00x")
    with pytest.raises(ValueError, match="line 1: expected text in UTF-8"):
        load_csv(tmp_path / "binary.csv")


def test_a_joints_column_of_another_name_is_refused(tmp_path):
    """If a score column were ignored, its confidences would be lost without a message."""
    joints = H36M_17.joints
    header = [f"{joint}_{axis}" for joint in joints for axis in "xyz"]
    row = ["5"] * len(header)
    (tmp_path / "t.csv").write_text(",".join([*header, "nose_score"]) + "\n" + ",".join([*row, "0"]) + "\n")
    with pytest.raises(ValueError, match="missing score of 'root'"):
        load_source(f"csv:{tmp_path}/t.csv", H36M_17, convention="h36m_17")
