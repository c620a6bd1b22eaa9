import gzip

import numpy as np
import pytest
import walker
from reader_checks import joint, refusal
from samples import yolo as sample

from tf_elepose.data.readers.yolo import read_yolo
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

SIZE = [sample.WIDTH, sample.HEIGHT]


def load(path, **options):
    return load_source(f"yolo:{path}", H36M_17, **{"image_size": SIZE, **options})


def problem(path, **options) -> str:
    return refusal(load, path, **options)


def one_file(folder, *lines, name="video_1"):
    return sample.write_frames(folder / "labels", {name: list(lines)})


def test_confidence_and_track_of_each_box(tmp_path):
    source, options = sample.write(tmp_path)
    recording = load_source(source, H36M_17, **options)
    # Joint i of COCO stands at (x + i, 100 + 10 i): left hip 11, right hip 12.
    assert joint(recording, 0, "l_hip") == [211, 210] and joint(recording, 0, "r_hip") == [212, 220]
    assert joint(recording, 1, "nose") == [400, 100] and joint(recording, 2, "nose") == [410, 100]
    # The frame without people has no file; the others keep their numbers.
    assert recording.frame.tolist() == [1, 1, 3] and recording.clip.tolist() == ["video"] * 3
    assert recording.image_size.tolist() == SIZE
    np.testing.assert_allclose(recording.confidence, 0.5)
    (rows,) = read_yolo(source.removeprefix("yolo:"), **options)
    assert rows.person.tolist() == [3, 7, 7] and rows.identity.tolist() == ["person"] * 3
    assert rows.score.tolist() == [0.75, 0.25, 0.25]


# What follows the keypoints of two lines, and what it is: scores, people, and whether those are ids.
FOLLOWING = {
    "nothing": ([()], [()], None, [0, 0], ["place"] * 2),
    "box confidence": ([(0.9,)], [(0.25,)], [0.9, 0.25], [0, 0], ["place"] * 2),
    "box confidence of one": ([(1,)], [(0.25,)], [1, 0.25], [0, 0], ["place"] * 2),
    "track": ([(1,)], [(1,)], None, [1, 1], ["person"] * 2),
    "track, nobody known at first": ([()], [(4,)], None, [0, 4], ["place", "person"]),
    "confidence, nobody known at first": ([(0.5,)], [(0.25, 4)], [0.5, 0.25], [0, 4], ["place", "person"]),
}


@pytest.mark.parametrize("third", [0.5, 2, None], ids=["confidence", "visibility", "x and y alone"])
@pytest.mark.parametrize("case", FOLLOWING)
def test_line_lengths_tell_what_the_numbers_are(tmp_path, third, case):
    (first,), (second,), scores, people, identity = FOLLOWING[case]
    frames = {
        "a_1": [sample.line(sample.pose(200), third, *first)],
        "a_2": [sample.line(sample.pose(300), third, *second)],
    }
    (rows,) = read_yolo(sample.write_frames(tmp_path / "labels", frames), image_size=SIZE)
    np.testing.assert_allclose(rows.poses_2d[1], sample.pose(300), atol=0.01)
    assert (rows.confidence is None) == (third != 0.5)
    assert (None if rows.score is None else rows.score.tolist()) == scores
    assert rows.person.tolist() == people and rows.identity.tolist() == identity


def test_a_number_that_two_boxes_of_a_frame_have_is_no_track(tmp_path):
    folder = one_file(tmp_path, sample.line(sample.pose(200), 0.5, 1), sample.line(sample.pose(300), 0.5, 1))
    (rows,) = read_yolo(folder, image_size=SIZE)
    assert rows.score.tolist() == [1, 1] and rows.identity.tolist() == ["place"] * 2


def test_a_last_number_that_may_be_either_is_asked_for(tmp_path):
    folder = one_file(tmp_path, sample.line(sample.pose(200), 0.5, 0.5), sample.line(sample.pose(300), 0.5, 7))
    message = problem(folder)
    assert "the number after the keypoints may be the box's confidence or a track id" in message
    assert "--option=last=confidence or --option=last=track" in message
    assert load(folder, last="confidence").person.tolist() == [0, 1]
    assert "'video_1.txt': line 1: track id: expected an integer from 0" in problem(folder, last="track")


def test_zero_zero_is_not_seen_whatever_its_confidence(tmp_path):
    points = sample.pose(200)
    points[9] = 0, 0
    recording = load(one_file(tmp_path, sample.line(points, 0.31)))
    assert recording.visible[0].tolist() == [name != "l_wrist" for name in H36M_17.joints]
    points[9] = -sample.WIDTH, -sample.HEIGHT  # The shares -1, -1.
    recording = load(one_file(tmp_path, sample.line(points, 0.31)))
    assert recording.visible[0].tolist() == [name != "l_wrist" for name in H36M_17.joints]


def test_labels_hide_joints_by_their_visibility(tmp_path):
    cells = sample.line(sample.pose(200), 2).split()
    cells[5 + 3 * 9 + 2], cells[5 + 3 * 10 + 2] = "0", "1"
    recording = load(one_file(tmp_path, " ".join(cells)))
    assert recording.visible[0].tolist() == [name != "l_wrist" for name in H36M_17.joints]
    assert recording.confidence is None


def test_other_classes_are_left_out_and_counted(tmp_path):
    box = "3 0.5 0.5 0.1 0.1"  # Another model's line, without keypoints.
    folder = one_file(tmp_path, sample.line(sample.pose(200), label=1), sample.line(sample.pose(300)), box)
    recording = load(folder)
    assert recording.dropped == {"of other classes than 0": 2} and joint(recording, 0, "nose") == [300, 100]
    assert joint(load(folder, person_class=1), 0, "nose") == [200, 100]


def test_other_keypoints_by_their_convention(tmp_path):
    folder = one_file(tmp_path, sample.line(sample.pose(200, 25), 0.5, 0.9))
    message = problem(folder)
    assert "expected 39 to 41 numbers, or 56 to 58 with confidences, for 17 keypoints; got 81" in message
    assert joint(load(folder, convention="body_25"), 0, "root") == [208, 180]


@pytest.mark.parametrize(
    ("count", "root"), [(26, [219, 290]), (133, [211.5, 215]), (135, [208, 180]), (136, [219, 290])]
)
def test_other_keypoints_by_their_number(tmp_path, count, root):
    recording = load(one_file(tmp_path, sample.line(sample.pose(200, count), 0.5, 0.9)))
    np.testing.assert_allclose(joint(recording, 0, "root"), root, atol=0.01)


def test_one_track_for_two_boxes_is_no_track(tmp_path, caplog):
    lines = [sample.line(sample.pose(x), 0.5, 0.9, 1) for x in (200, 400)]
    assert load(one_file(tmp_path, *lines)).person.tolist() == [0, 1]
    assert "two people of one frame have the same number" in caplog.text


def test_names_tell_clip_and_frame(tmp_path):
    line = sample.line(sample.pose(200))
    names = ["a_2", "a_10", "b_1", "000007", "street_jpg.rf.0a1b2c"]
    folder = sample.write_frames(tmp_path / "labels", {name: [line] for name in names})
    sample.write_frames(folder / "train", {"a_2": [line]})
    (folder / "classes.txt").write_text("person\n")
    recording = load(folder)
    assert list(zip(recording.clip.tolist(), recording.frame.tolist(), strict=True)) == [
        ("a", 2), ("a", 10), ("b", 1), ("labels", 7), ("street", 0), ("train/a", 2),
    ]  # fmt: skip
    assert recording.subject.tolist() == ["labels"] * 6


def test_files_without_numbers_are_clips_of_one_frame(tmp_path):
    line = sample.line(sample.pose(200))
    recording = load(sample.write_frames(tmp_path / "labels", {"ann": [line], "bob": [line]}))
    assert recording.clip.tolist() == ["ann", "bob"] and recording.frame.tolist() == [0, 0]
    assert load(tmp_path / "labels" / "ann.txt").clip.tolist() == ["ann"]


def test_an_empty_file_is_a_frame_without_people(tmp_path):
    folder = sample.write_frames(tmp_path / "labels", {"a_1": [], "a_2": [sample.line(sample.pose(200)), "", "  "]})
    recording = load(folder)
    assert recording.dropped == {"frames without people": 1} and recording.frame.tolist() == [2]


def test_files_packed_with_gzip(tmp_path):
    folder = one_file(tmp_path, sample.line(sample.pose(200)), name="walk_7")
    (folder / "walk_7.txt.gz").write_bytes(gzip.compress((folder / "walk_7.txt").read_bytes()))
    (folder / "walk_7.txt").unlink()
    recording = load(folder)
    assert recording.clip.tolist() == ["walk"] and recording.frame.tolist() == [7]


def test_lines_that_a_second_run_appended_are_left_out(tmp_path):
    two = [sample.line(sample.pose(200), 0.5, 0.75, 1), sample.line(sample.pose(400), 0.5, 0.75, 2)]
    recording = load(one_file(tmp_path, *two, *two))
    assert len(recording) == 2 and recording.dropped == {"given twice": 2}
    one = sample.line(sample.pose(200), 0.5, 1)
    (rows,) = read_yolo(one_file(tmp_path, one, one), image_size=SIZE)
    assert rows.person.tolist() == [1] and rows.identity.tolist() == ["person"]


def test_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.keypoint_lists.PART", 2)
    source, options = sample.write(tmp_path)
    parts = list(read_yolo(source.removeprefix("yolo:"), **options))
    assert [part.frame.tolist() for part in parts] == [[1, 1], [3]] and [part.done for part in parts] == [0.5, 1.0]


def test_the_picture_size_is_needed(tmp_path):
    source, _ = sample.write(tmp_path)
    message = problem(source.removeprefix("yolo:"), image_size=None)
    assert "shares of the picture's width and height" in message and "--option=image_size=[width,height]" in message


def test_a_folder_of_something_else_says_what_it_holds(tmp_path):
    for name in ("a.json", "b.json", "c.jpg"):
        (tmp_path / name).write_text("")
    assert "expected files that end with .txt, in this format; it holds 2 .json, 1 .jpg (pictures: " in problem(
        tmp_path
    )


GOOD = sample.line(sample.pose(200))
DAMAGED = [
    ("0 0.5 0.5 0.1 0.1", "line 1: expected a box and keypoints; got 5 numbers, a box alone"),
    ("0 0.5 0.5 0.1", "line 1: expected 39 to 41 numbers, or 56 to 58"),
    (f"{GOOD} 0.5 1 2", "line 1: expected 39 to 41 numbers, or 56 to 58"),
    (GOOD.replace("0.5", "half"), "line 1: expected numbers; got 'half'"),
    (f"{GOOD}\n0.5 {GOOD}", "line 2: class: expected an integer; got '0.5'"),
    (f"nan {GOOD}", "line 1: class: expected an integer; got 'nan'"),
    (
        f"{GOOD}\n{sample.line(sample.pose(200), None)}",
        "expected the files of one run; got keypoints with and without confidence",
    ),
    (f"{GOOD}\n{GOOD} 0.5", "line 2: the number after the keypoints may be"),
    (f"{GOOD}\n{GOOD} 0.5 1", "expected the files of one run; got boxes with and without confidence"),
    (f"{GOOD} inf", "the number after the keypoints may be"),
    (sample.line(sample.pose(20000)), "expected shares of the picture's width and height, within 2; got 20"),
]


@pytest.mark.parametrize(("text", "expected"), DAMAGED, ids=[expected for _, expected in DAMAGED])
def test_damaged_files(tmp_path, text, expected):
    assert expected in problem(one_file(tmp_path, *text.split("\n")))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"image_size": [1920]}, "image_size: expected width and height in pixels; got 1920"),
        ({"last": "id"}, "last: expected confidence or track; got 'id'"),
        ({"person_class": "person"}, "person_class: expected an integer; got 'person'"),
    ],
)
def test_wrong_options(tmp_path, options, expected):
    source, _ = sample.write(tmp_path)
    assert expected in problem(source.removeprefix("yolo:"), **options)


def test_walker(tmp_path):
    poses, frames = walker.poses(), {}
    scale = np.array([sample.WIDTH / walker.WIDTH, sample.HEIGHT / walker.HEIGHT])
    for frame in range(1, 8):
        points = poses[frame] * scale
        points[9] *= frame % 3 > 0
        frames[f"walk_{frame}"] = [sample.line(points, 0.93)]
    folder = sample.write_frames(tmp_path / "labels", frames)
    recording = load(folder, image_size=[walker.WIDTH, walker.HEIGHT])
    assert recording.clip.tolist() == ["walk"] * 7 and recording.frame.tolist() == list(range(1, 8))
    for row, frame in enumerate(recording.frame):
        for coco, name in ((0, "nose"), (5, "l_shoulder"), (12, "r_hip"), (16, "r_ankle")):
            np.testing.assert_allclose(joint(recording, row, name), poses[frame, coco], atol=0.01)
        assert recording.visible[row, H36M_17.index("l_wrist")] == (frame % 3 > 0)
