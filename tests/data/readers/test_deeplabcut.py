"""DeepLabCut's tables are read, as deeplabcut: and as csv:, by the names of their body parts."""

import documented_joints
import numpy as np
import pytest
import walker
from reader_checks import joint, refusal
from samples import coco
from samples import deeplabcut as sample
from samples.videopose3d import poses

from tf_elepose.data.readers.deeplabcut import read_deeplabcut
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17


def load(path, **options):
    return load_source(f"deeplabcut:{path}", H36M_17, **{"check": "off", "people": "all", **options})


def problem(path, **options) -> str:
    return refusal(load, path, **options)


@pytest.mark.parametrize("format_name", ["deeplabcut", "csv"])
def test_one_individual(tmp_path, format_name):
    file = tmp_path / f"walk{sample.NETWORK}.csv"
    sample.write_table(file, {"": sample.trusted(poses(200))})
    recording = load_source(f"{format_name}:{file}", H36M_17, check="off")
    # Joint i of COCO at (x + i + 10 t, 100 + 10 i): left shoulder 5, right ankle 16.
    assert joint(recording, 0, "l_shoulder") == [205, 150] and joint(recording, 2, "r_ankle") == [236, 260]
    assert recording.frame.tolist() == [*range(6)] and set(recording.clip) == {"walk"}
    np.testing.assert_allclose(recording.confidence, 0.75)


@pytest.mark.parametrize("format_name", ["deeplabcut", "csv"])
def test_several_individuals_are_people(tmp_path, format_name):
    source, _ = sample.write(tmp_path)
    recording = load_source(f"{format_name}:{source.partition(':')[2]}", H36M_17, check="off", people="all")
    assert recording.frame.tolist() == [0, 0, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert recording.person.tolist() == [0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1]
    assert joint(recording, 0, "r_hip") == [212, 220] and joint(recording, 4, "r_hip") == [732, 220]
    assert recording.dropped == {"of individuals who are not found": 1} and set(recording.clip) == {"walk"}
    (rows,) = read_deeplabcut(source.partition(":")[2])
    assert rows.identity == "person"


def test_a_frame_that_comes_twice_is_left_out(tmp_path):
    index = ["0", "1", "1", "2", "3", "4"]
    sample.write_table(tmp_path / "a.csv", {"ann": poses(200), "bob": poses(700)}, index=index)
    recording = load(tmp_path / "a.csv")
    assert recording.frame.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4] and joint(recording, 4, "nose") == [230, 100]
    assert recording.dropped == {"of a clip, frame and person that an earlier row has": 2}


def test_parts_of_a_long_table(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.deeplabcut._PART_CELLS", 250)
    source, _ = sample.write(tmp_path)
    parts = list(read_deeplabcut(source.partition(":")[2]))
    assert [part.frame.tolist() for part in parts] == [[0, 0, 1], [2, 2, 3, 3], [4, 4, 5, 5]] and parts[-1].done == 1


def test_body_parts_in_any_order_and_with_others_among_them(tmp_path):
    order = np.random.default_rng(3).permutation(17)
    names = ["racket", *(coco.NAMES[place].replace("_", " ").title() for place in order)]
    array = np.concatenate([np.full((6, 1, 2), 5.0), poses(200)[:, order]], axis=1)
    sample.write_table(tmp_path / "a.csv", {"": sample.trusted(array)}, names=names)
    recording = load(tmp_path / "a.csv")
    for place, name in ((0, "nose"), (9, "l_wrist"), (12, "r_hip"), (16, "r_ankle")):
        assert joint(recording, 0, name) == [200 + place, 100 + 10 * place]


def test_a_convention_that_the_names_contradict_is_refused(tmp_path):
    sample.write_table(tmp_path / "a.csv", {"": poses(200)})
    message = problem(tmp_path / "a.csv", convention="h36m_17")
    assert "bodyparts: joint 0 is 'nose' in the file and 'root' in convention 'h36m_17'" in message
    assert joint(load(tmp_path / "a.csv", convention="coco_17"), 0, "nose") == [200, 100]


def test_names_that_nobody_knows_are_described_in_a_file(tmp_path):
    """Joints are matched by name, in any order, if the convention file has the file's own names."""
    names = [f"marker{'ABCDEFGHIJKLMNOPQ'[place]}" for place in range(17)]
    sample.write_table(tmp_path / "a.csv", {"": poses(200)}, names=names)
    message = problem(tmp_path / "a.csv")
    assert "expected names of the joints of a body" in message and "--option=convention=FILE.yaml" in message
    made = {name: f"marker{'ABCDEFGHIJKLMNOPQ'[place]}" for place, name in enumerate(documented_joints.COCO.split())}
    lines = [f"  {ours}: [{theirs}]" for ours, theirs in made.items()]
    (tmp_path / "mine.yaml").write_text(f"name: mine\njoints: [{', '.join(names[::-1])}]\nmade:\n" + "\n".join(lines))
    recording = load(tmp_path / "a.csv", convention=str(tmp_path / "mine.yaml"))
    assert joint(recording, 0, "l_wrist") == [209, 190] and joint(recording, 0, "r_ankle") == [216, 260]
    by_order = load(tmp_path / "a.csv", convention="coco_17")  # No name says that it is another.
    assert joint(by_order, 0, "l_wrist") == [209, 190]


@pytest.mark.parametrize("columns", [1, 3])
def test_labels_have_the_clips_and_frames_of_their_pictures(tmp_path, columns):
    index = [f"labeled-data,walk,img{frame:04d}.png" for frame in (7, 3, 20, 21, 22, 23)]
    array = poses(200)
    array[1, 9] = np.nan
    file = tmp_path / "CollectedData_ann.csv"
    sample.write_table(file, {"": array}, index=index if columns == 3 else [name.replace(",", "/") for name in index])
    recording = load(file)
    assert recording.frame.tolist() == [7, 3, 20, 21, 22, 23] and set(recording.clip) == {"labeled-data/walk/img"}
    assert recording.confidence is None and not recording.visible[1, H36M_17.index("l_wrist")]
    assert recording.visible.sum() == 6 * 17 - 1


def test_the_parts_of_nobody_are_left_out(tmp_path, caplog):
    file = tmp_path / "a.csv"
    sample.write_table(file, {"ann": poses(200), "bob": poses(700)})
    lines = [line.split(",") for line in file.read_text().splitlines()]
    added = [sample.NETWORK] * 2, ["single"] * 2, ["corner"] * 2, ["x", "y"]
    for number, line in enumerate(lines):
        line += added[number] if number < 4 else ["5", "6"]
    file.write_text("\n".join(map(",".join, lines)))
    with caplog.at_level("WARNING"):
        recording = load(file)
    assert recording.person.tolist() == [0, 1] * 6
    assert "left out: the body parts of 'single', which belong to no individual" in caplog.text


def test_the_clip_is_the_videos_name(tmp_path):
    for name, clip in ((f"run{sample.NETWORK}_filtered", "run"), ("other", "other"), (sample.NETWORK, sample.NETWORK)):
        sample.write_table(tmp_path / f"{name}.csv", {"": poses(200)})
        assert set(load(tmp_path / f"{name}.csv").clip) == {clip}


DAMAGED = [
    (lambda lines: lines[1:], "expected the lines scorer, bodyparts, coords"),
    (lambda lines: lines[:2], "expected the lines scorer, bodyparts, coords; the file ends after 2"),
    (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "expected the lines scorer, bodyparts, coords"),
    (lambda lines: [*lines[:2], f"{lines[2]},x", *lines[3:]], "in each line of the header; got 52"),
    (
        lambda lines: [*lines[:2], lines[2].replace("likelihood", "z", 1), *lines[3:]],
        "coords: expected x, y, likelihood",
    ),
    (lambda lines: [*lines[:2], lines[2].replace("x,y", "x,x", 1), *lines[3:]], "column 3: x of nose: given twice"),
    (lambda lines: [*lines[:4], f"{lines[4]},5", *lines[5:]], "line 5: expected 52 columns as in line 1; got 53"),
    (
        lambda lines: [*lines[:4], lines[4].replace("100.0000", "up", 1)],
        "line 5, column 3: expected a number or nothing",
    ),
    (lambda lines: [*lines[:4], lines[4].replace("100.0000", "2e6", 1)], "expected numbers within 1e+06 px"),
    (lambda lines: [*lines[:4], f"-1{lines[4][1:]}"], "line 5: frame: expected an integer from 0; got '-1'"),
    (lambda lines: [*lines[:4], f"one{lines[4][1:]}"], "line 5: frame: expected a number or nothing; got 'one'"),
    (lambda lines: lines[:3], "it holds no poses"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGED, ids=[message for _, message in DAMAGED])
def test_damaged_tables(tmp_path, damage, message):
    file = tmp_path / "a.csv"
    sample.write_table(file, {"": sample.trusted(poses(200))})
    file.write_text("\n".join(damage(file.read_text().splitlines())))
    assert message in problem(file)


def test_individuals_with_and_without_likelihoods_are_refused(tmp_path):
    file = tmp_path / "a.csv"
    sample.write_table(file, {"ann": sample.trusted(poses(200)), "bob": sample.trusted(poses(700))})
    lines = [line.split(",") for line in file.read_text().splitlines()]
    keep = [at for at in range(103) if at < 52 or lines[3][at] != "likelihood"]
    file.write_text("\n".join(",".join(line[at] for at in keep) for line in lines))
    assert "coords: expected the same of ann and bob" in problem(file)


def test_individuals_of_different_body_parts_are_refused(tmp_path):
    file = tmp_path / "a.csv"
    sample.write_table(file, {"ann": poses(200), "bob": poses(700)})
    lines = file.read_text().splitlines()
    lines[2] = lines[2][::-1].replace("right_ankle"[::-1], "tail"[::-1], 2)[::-1]
    file.write_text("\n".join(lines))
    assert "expected the same body parts of ann and bob; they differ in right_ankle, tail" in problem(file)


def test_walker(tmp_path):
    truth = walker.poses()
    sample.write_table(tmp_path / f"walk{sample.NETWORK}.csv", {"": sample.trusted(truth)})
    recording = load(tmp_path / f"walk{sample.NETWORK}.csv")
    for place, name in ((0, "nose"), (5, "l_shoulder"), (12, "r_hip"), (16, "r_ankle")):
        np.testing.assert_allclose(recording.poses_2d[:, H36M_17.index(name)], truth[:, place], atol=0.01)
