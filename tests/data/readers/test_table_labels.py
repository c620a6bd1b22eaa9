"""Claims: columns say clip, frame and person under the names that programs use, and no unknown column is dropped."""

import numpy as np
import pytest
import walker

from tf_elepose.data.identities import PERSON, PLACE
from tf_elepose.data.readers.tables import read_csv

ROWS = 6


def read(folder, labels, rows=None, shift=None):
    """Rows of a table of the walker, moved `shift` [n] px to the right; `labels` {column: cells} come first."""
    rows = np.arange(ROWS) if rows is None else np.asarray(rows)
    shift = np.zeros(len(rows)) if shift is None else np.array(shift)
    poses = walker.poses()[rows] + shift[:, np.newaxis, np.newaxis] * [1, 0]
    lines = [",".join([*labels, *(f"{axis}{joint}" for joint in range(17) for axis in "xyc")])]
    for row, pose in enumerate(poses):
        cells = [str(cells[row]) for cells in labels.values()]
        lines.append(",".join([*cells, *(f"{x:.2f},{y:.2f},0.9" for x, y in pose)]))
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    parts = list(read_csv(folder / "t.csv", convention="coco_17"))
    assert len(parts) == 1
    return parts[0]


@pytest.mark.parametrize(
    "names",
    [
        ("video", "frame_no", "person_id"), ("Clip", "Frame", "Person"), ("sequence", "frame_index", "track_id"),
        ("video name", "frame id", "track id"), ("Video_ID", "Frame Number", "ID"), ("seq", "frameIdx", "trackID"),
        ("recording", "frame#", "player"), ("videoName", "frame_nr", "instance_id"),
    ],
)  # fmt: skip
def test_the_usual_names_of_clip_frame_and_person_are_known(tmp_path, names, caplog):
    cells = ("aabbbb", (3, 4, 0, 0, 1, 1), (5, 5, 2, 7, 2, 7))
    rows = read(tmp_path, dict(zip(names, cells, strict=True)))
    assert rows.clip.tolist() == list("aabbbb")
    assert rows.frame.tolist() == [3, 4, 0, 0, 1, 1]
    assert rows.person.tolist() == [5, 5, 2, 7, 2, 7] and set(rows.identity) == {PERSON}
    np.testing.assert_allclose(rows.poses_2d, walker.poses()[:ROWS], atol=0.006)
    assert not caplog.text


def test_other_labels_have_usual_names_too(tmp_path):
    rows = read(tmp_path, {"participant": "aabbcc", "cam": "010101", "activity": ["run"] * 6})
    assert rows.subject.tolist() == list("aabbcc") and rows.camera.tolist() == [0, 1] * 3
    assert set(rows.action) == {"run"}


def test_exact_names_and_ids_of_trackers_come_first(tmp_path, caplog):
    rows = read(tmp_path, {"person_id": [9] * 6, "track": range(6), "frame_id": [7] * 6, "frame": range(6)})
    assert rows.person.tolist() == rows.frame.tolist() == list(range(6))
    assert "columns that are not read: person_id, frame_id" in caplog.text


def test_columns_that_nobody_knows_are_named(tmp_path, caplog):
    rows = read(
        tmp_path, {"": range(6), "frame": range(6), "Mood": "abcdef", "bbox_x1": [1] * 6, "track_score": [1] * 6}
    )
    assert rows.frame.tolist() == list(range(6)) and rows.person.tolist() == [0] * 6
    assert "t.csv: columns that are not read: Mood, bbox_x1, track_score, column 1 without a name" in caplog.text


@pytest.mark.parametrize(
    ("column", "label"),
    [("frame shown", "frame"), ("which_person", "person"), ("myVideo", "clip"), ("source_clip", "clip")],
)
def test_columns_that_may_be_a_label_are_refused(tmp_path, column, label):
    with pytest.raises(ValueError, match=rf"t.csv: line 1: column '{column}' may be the {label}: if it is"):
        read(tmp_path, {column: range(6)})
    assert len(read(tmp_path, {column: range(6), label: range(6)}).frame) == 6


def test_two_people_without_ids_are_places_in_a_frame(tmp_path):
    rows = read(tmp_path, {"frame": (0, 0, 1, 1, 2, 3)}, rows=[0, 0, 1, 1, 2, 3], shift=[0, 500, 0, 500, 0, 0])
    assert rows.person.tolist() == [0, 1, 0, 1, 0, 0] and set(rows.identity) == {PLACE}
    np.testing.assert_allclose(rows.poses_2d[3], walker.poses()[1] + [500, 0], atol=0.006)


def test_people_one_after_the_other_are_places_in_a_frame_too(tmp_path):
    rows = read(tmp_path, {"frame": (0, 1, 2, 0, 1, 2)})
    assert rows.person.tolist() == [0, 0, 0, 1, 1, 1] and rows.frame.tolist() == [0, 1, 2] * 2


def test_ids_may_be_text(tmp_path, caplog):
    rows = read(tmp_path, {"frame": (0, 0, 1, 1, 2, 2), "person": (*"BABAA", "NA"), "camera": ["left"] * 6})
    assert rows.person.tolist() == [1, 0, 1, 0, 0, 0]
    assert rows.identity.tolist() == [PERSON] * 5 + [PLACE] and rows.camera.tolist() == [0] * 6
    assert "person: 'A' is 0, 'B' is 1" in caplog.text and "camera: 'left' is 0" in caplog.text


@pytest.mark.parametrize("lost", ["-1", "", "NA", "nan", "None", "-1.0"])
def test_who_has_no_id_is_a_place_in_the_frame(tmp_path, lost):
    rows = read(tmp_path, {"frame": (0, 0, 0, 1, 1, 1), "track_id": (4, lost, lost, 4, "5.0", lost)})
    assert rows.person.tolist() == [4, 0, 1, 4, 5, 0]
    assert rows.identity.tolist() == [PERSON, PLACE, PLACE, PERSON, PERSON, PLACE]


def test_an_id_that_counts_the_rows_is_nobody(tmp_path, caplog):
    rows = read(tmp_path, {"id": range(6), "frame": (0, 0, 1, 1, 2, 2)})
    assert rows.person.tolist() == [0, 1] * 3 and "column id: not taken for the person" in caplog.text
    assert read(tmp_path, {"id": (8, 9) * 3, "frame": (0, 0, 1, 1, 2, 2)}).person.tolist() == [8, 9] * 3


def test_rows_that_repeat_clip_frame_and_person_are_left_out_and_told(tmp_path, caplog):
    rows = read(tmp_path, {"frame": (0, 0, 1, 1, 2, 2), "person": [0] * 6})
    assert rows.frame.tolist() == [0, 1, 2] and sum(rows.dropped.values()) == 3
    np.testing.assert_allclose(rows.poses_2d, walker.poses()[:ROWS:2], atol=0.006)
    assert "3 rows are left out" in caplog.text and "the first is line 3: clip 't', frame 0, person 0" in caplog.text
    assert not read(tmp_path, {"frame": (0, 0, 1, 1, 2, 2), "person": [0] * 6, "camera": [0, 1] * 3}).dropped


def test_pictures_say_clip_and_frame(tmp_path):
    names = ["b/run_02.jpg", "b/run_10.jpg", "a.png_3.jpg", "b/run_02.jpg", "b/run_03.jpg", "b/run_04.jpg"]
    for column in ("image", "file_name", "frame"):
        rows = read(tmp_path, {column: names})
        assert rows.frame.tolist()[:2] == [2, 10] and rows.clip.tolist()[:2] == ["b/run"] * 2
        assert rows.person.tolist() == [0, 0, 0, 1, 0, 0]
    rows = read(tmp_path, {"image_id": range(20, 26)})
    assert rows.frame.tolist() == list(range(20, 26)) and set(rows.clip) == {"t"}


def test_a_column_of_frames_comes_before_names_and_these_still_say_the_clip(tmp_path):
    rows = read(tmp_path, {"image": [f"run_{i + 5}.jpg" for i in range(6)], "frame": range(6)})
    assert rows.frame.tolist() == list(range(6)) and set(rows.clip) == {"run"}
    rows = read(tmp_path, {"file": ["cam1.mp4"] * 3 + ["cam2.mp4"] * 3, "frame": [0, 1, 2] * 2})
    assert rows.clip.tolist() == ["cam1.mp4"] * 3 + ["cam2.mp4"] * 3
    rows = read(tmp_path, {"file": ["trial_03"] * 6, "frame": range(6)})
    assert set(rows.clip) == {"trial_03"} and rows.frame.tolist() == list(range(6))


@pytest.mark.parametrize(
    "times",
    [
        (0.5, 0.0, 0.033),
        (500, 1, 33),
        ("00:00:10.5", "0:09", "10"),
        ("2024-05-01T10:00:01.5", "2024-05-01 10:00:00", "2024-05-01T10:00:01"),
    ],
)
def test_times_are_frames_in_order(tmp_path, times):
    rows = read(tmp_path, {"timestamp": [times[i] for i in (0, 1, 2, 1, 2, 0)], "clip": "aaabbb"})
    assert rows.frame.tolist() == [2, 0, 1, 0, 1, 2]


def test_without_frames_the_rows_of_a_clip_and_person_are_its_frames(tmp_path):
    rows = read(tmp_path, {"clip": "aaabbb", "person": (0, 1, 0, 0, 0, 1)})
    assert rows.frame.tolist() == [0, 0, 1, 0, 1, 0] and set(rows.identity) == {PERSON}


@pytest.mark.parametrize("missing", ["NA", "N/A", "NaN", "null", "None", "", " ", "-"])
def test_what_programs_write_for_no_value_is_a_missing_joint(tmp_path, missing):
    read(tmp_path, {"frame": range(6)})
    lines = (tmp_path / "t.csv").read_text().splitlines()
    cells = lines[1].split(",")
    cells[4:7] = [missing] * 3
    (tmp_path / "t.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    (rows,) = read_csv(tmp_path / "t.csv", convention="coco_17")
    assert np.argwhere(np.isnan(rows.poses_2d).any(axis=-1)).tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"frame": ["left"] * 6}, "line 2: frame: expected an integer from 0; got 'left'"),
        ({"frame": range(6), "person": [1.5] * 6}, "line 2: person: expected an integer from 0; got '1.5'"),
        ({"time": ["soon"] * 6}, "line 2: time: expected seconds, 00:00:00.0 or a date with the time; got 'soon'"),
        ({"camera": [-2] * 6}, "line 2: camera: expected an integer from 0; got '-2'"),
    ],
)
def test_wrong_labels_are_named_with_their_line(tmp_path, labels, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, labels)


def test_a_comma_table_with_decimal_commas_gets_a_hint(tmp_path):
    header = ",".join(f"{axis}{joint}" for joint in range(17) for axis in "xy")
    (tmp_path / "t.csv").write_text(header + "\n" + ",".join(["1,5"] * 34) + "\n")
    with pytest.raises(ValueError, match="line 2: expected 34 columns as in line 1; got 68; decimals need a point"):
        list(read_csv(tmp_path / "t.csv", convention="coco_17"))
