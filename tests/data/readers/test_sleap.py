"""SLEAP's analysis tables are read, as sleap: and as csv:, by the names of their nodes."""

import numpy as np
import pytest
import walker
from reader_checks import joint, refusal
from samples import coco
from samples import sleap as sample
from samples.videopose3d import poses

from tf_elepose.data.readers.sleap import read_sleap
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17


def load(path, **options):
    return load_source(f"sleap:{path}", H36M_17, **{"check": "off", "people": "all", **options})


def problem(path, **options) -> str:
    return refusal(load, path, **options)


def trusted(array, score=0.75):
    return np.concatenate([array, np.full((*array.shape[:-1], 1), score)], axis=-1)


@pytest.mark.parametrize("format_name", ["sleap", "csv"])
def test_tracks_are_people(tmp_path, format_name):
    source, _ = sample.write(tmp_path)
    recording = load_source(f"{format_name}:{source.partition(':')[2]}", H36M_17, check="off", people="all")
    assert recording.frame.tolist() == [0, 1, 2, 2, 3, 3, 4, 5] and set(recording.clip) == {"walk"}
    assert recording.person.tolist() == [0, 0, 0, 1, 0, 1, 0, 0]
    # Joint i of COCO at (x + i + 10 t, 100 + 10 i): right hip 12.
    assert joint(recording, 0, "r_hip") == [212, 220] and joint(recording, 3, "r_hip") == [732, 220]
    assert not recording.visible[4, H36M_17.index("l_shoulder")] and recording.visible[5].all()
    (rows,) = read_sleap(source.partition(":")[2])
    assert rows.identity.tolist() == ["person"] * 8 and set(rows.score) == {0.9}


def test_without_tracks_people_have_the_places_of_their_lines(tmp_path):
    one, other = trusted(poses(200)), trusted(poses(700))
    rows = [
        (track, frame, who[frame]) for frame in range(3) for track, who in (("", one), ("lone", other), ("", other))
    ]
    sample.write_table(tmp_path / "a.csv", rows)
    (read,) = read_sleap(tmp_path / "a.csv")
    assert read.person.tolist() == [0, 0, 1] * 3
    assert read.identity.tolist() == ["place", "person", "place"] * 3


def test_a_track_is_at_one_place(tmp_path):
    one, other = trusted(poses(200)), trusted(poses(700))
    rows = [("a", 0, one[0]), ("a", 0, other[0]), ("a", 1, one[1]), ("b", 1, other[1])]
    sample.write_table(tmp_path / "a.csv", rows)
    recording = load(tmp_path / "a.csv")
    assert recording.frame.tolist() == [0, 1, 1] and joint(recording, 0, "nose") == [200, 100]
    assert recording.dropped == {"of a clip, frame and person that an earlier row has": 1}


def test_videos_are_clips(tmp_path):
    sample.write(tmp_path)
    file = tmp_path / "walk.analysis.csv"
    header, *lines = file.read_text().splitlines()
    videos = [r"C:\films\a.mp4", "films/b.mp4"] * 4
    file.write_text(
        "\n".join([f"video,{header}", *(f"{video},{line}" for video, line in zip(videos, lines, strict=True))])
    )
    assert load(file).clip.tolist() == ["a", "b"] * 4


def test_parts_of_a_long_table(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.sleap._PART", 3)
    source, _ = sample.write(tmp_path)
    parts = list(read_sleap(source.partition(":")[2]))
    assert [part.person.tolist() for part in parts] == [[0, 0, 0], [1, 0, 1], [0, 0]] and parts[-1].done == 1


def test_labels_by_hand_have_no_scores_and_are_sure(tmp_path):
    pose = trusted(poses(200), np.nan)
    pose[0, 9] = np.nan
    sample.write_table(tmp_path / "a.csv", [("", frame, pose[frame]) for frame in range(2)], score="")
    recording = load(tmp_path / "a.csv")
    assert recording.confidence[1].tolist() == [1.0] * 17
    assert recording.visible[0].tolist() == [name != "l_wrist" for name in H36M_17.joints]


def test_nodes_in_any_order(tmp_path):
    order = np.random.default_rng(3).permutation(17)
    names = [coco.NAMES[place].replace("left_", "L").replace("right_", "R") for place in order]
    sample.write_table(tmp_path / "a.csv", [("", 4, trusted(poses(200))[0, order])], names=names)
    recording = load(tmp_path / "a.csv")
    for place, name in ((0, "nose"), (9, "l_wrist"), (12, "r_hip"), (16, "r_ankle")):
        assert joint(recording, 0, name) == [200 + place, 100 + 10 * place]
    assert recording.frame.tolist() == [4]


def test_a_convention_that_the_names_contradict_is_refused(tmp_path):
    source, _ = sample.write(tmp_path)
    message = problem(source.partition(":")[2], convention="h36m_17")
    assert "line 1: joint 0 is 'nose' in the file and 'root' in convention 'h36m_17'" in message


def test_columns_that_are_not_read_are_named(tmp_path, caplog):
    sample.write(tmp_path)
    file = tmp_path / "walk.analysis.csv"
    header, *lines = file.read_text().splitlines()
    file.write_text("\n".join([f"{header},weight", *(f"{line},5" for line in lines)]))
    with caplog.at_level("WARNING"):
        load(file)
    assert "walk.analysis.csv: not read: weight" in caplog.text


DAMAGED = [
    (lambda lines: [], "line 1: expected track, frame_idx, NODE.x, NODE.y"),
    (lambda lines: [lines[0].replace("frame_idx", "frame"), *lines[1:]], "line 1: expected track, frame_idx, NODE.x"),
    (lambda lines: [lines[0].replace("nose.y", "nose.x"), *lines[1:]], "line 1: 'nose.x': given twice"),
    (lambda lines: [lines[0].replace("nose.y", "nose.z"), *lines[1:]], "line 1: y: missing for nose"),
    (lambda lines: [lines[0].replace("nose.score", "x.z"), *lines[1:]], "line 1: score: expected one for all joints"),
    (lambda lines: [*lines[:2], lines[2] + ",5"], "line 3: expected 54 columns as in line 1; got 55"),
    (lambda lines: [lines[0], lines[1].replace(",0,", ",0.5,", 1)], "line 2: frame_idx: expected an integer from 0"),
    (lambda lines: [lines[0], lines[1].replace(",0,", ",,", 1)], "line 2: frame_idx: expected an integer from 0"),
    (
        lambda lines: [lines[0], lines[1].replace("0.9", "high", 1)],
        "line 2: instance.score: expected a number or nothing",
    ),
    (
        lambda lines: [lines[0], lines[1].replace("100.0000", "2e6", 1)],
        "expected numbers within 1e+06 px; row 0 holds 2000000",
    ),
    (lambda lines: [lines[0], lines[1].replace("track_0", "t" * 300, 1)], "line 2: track: expected at most 256"),
    (lambda lines: lines[:1], "it holds no poses"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGED, ids=[message for _, message in DAMAGED])
def test_damaged_tables(tmp_path, damage, message):
    sample.write(tmp_path)
    file = tmp_path / "walk.analysis.csv"
    file.write_text("\n".join(damage(file.read_text().splitlines())))
    assert message in problem(file)


def test_walker(tmp_path):
    truth = walker.poses()
    sample.write_table(tmp_path / "a.csv", [("track_0", frame, pose) for frame, pose in enumerate(trusted(truth))])
    recording = load(tmp_path / "a.csv")
    for place, name in ((0, "nose"), (5, "l_shoulder"), (12, "r_hip"), (16, "r_ankle")):
        np.testing.assert_allclose(recording.poses_2d[:, H36M_17.index(name)], truth[:, place], atol=0.01)
