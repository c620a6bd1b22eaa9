"""Claims: names of pictures and files give clip and frame, and no two pictures get the same frame."""

import pytest

from tf_elepose.data.frame_names import LARGEST_FRAME, Picture, frame_name, frame_places, in_order, picture_places


@pytest.mark.parametrize(
    ("name", "clip", "frame"),
    [
        ("walk_000000", "walk", 0),
        ("vidA_000001.jpg", "vidA", 1),
        ("VIDEO_000000000012_keypoints.json", "VIDEO", 12),
        ("cam01.0030.json", "cam01", 30),
        ("frame0001_keypoints.json", "frame", 1),
        ("walk-0001", "walk", 1),
        ("walk (1).JPG", "walk", 1),
        ("a/b/x_007.jpg", "a/b/x", 7),
        ("c\\000001.jpg", "c", 1),
        ("000123", "", 123),
        ("walk_0001_jpg.rf.0a1b2c3d4e.jpg", "walk", 1),
        ("my_video_mp4-0012_jpg.rf.8f3e9.jpg", "my_video_mp4", 12),
        ("0001.jpg.predictions.json", "", 1),
        ("2024-01-15_0007.jpg", "2024-01-15", 7),
        ("VID_20240115_123045_0001.jpg", "VID_20240115_123045", 1),
        ("cover.jpg", "cover", None),
        ("walk.mp4", "walk", None),
        ("²٣.jpg", "²٣", None),  # Digits of other kinds are not frame numbers.
    ],
)
def test_the_last_digits_are_the_frame_and_the_text_before_them_the_clip(name, clip, frame):
    assert frame_name(name)[:2] == (clip, frame)


def test_times_are_frames_in_order():
    names = ["1305031102.211214.png", "1305031102.175304.png", "1305031103.011304.png"]
    assert frame_places(names, "rgb", "here") == [("rgb", 1), ("rgb", 0), ("rgb", 2)]
    names = ["PXL_20240115_123046000.jpg", "PXL_20240115_123045123.jpg", "other_7.jpg"]
    assert frame_places(names, "x", "here") == [("PXL", 1), ("PXL", 0), ("other", 7)]
    assert in_order([("a", 0.5), ("a", 0.0), ("b", 3)]) == [("a", 1), ("a", 0), ("b", 3)]


@pytest.mark.parametrize("clip", ["", "walk_", "a/walk-", "a/"])
def test_seconds_are_times(clip):
    times = [f"{clip}{t / 30:.3f}.jpg" for t in range(100)]
    name = clip.rstrip("_-/") or "rgb"
    assert frame_places(times, "rgb", "here") == [(name, t) for t in range(100)]
    assert frame_places(times[::-1], "rgb", "here") == [(name, t) for t in range(99, -1, -1)]
    assert frame_places([f"{clip}00-00-{t / 25:06.3f}.png" for t in range(100)], "rgb", "here") == [
        (name, t) for t in range(100)
    ]


def test_numbers_of_videos_are_no_seconds():
    for video in ("{}.{:04d}", "cam_{}.{:03d}", "cam_{}.{:02d}"):
        names = [video.format(v, t) for v in (1, 2) for t in range(0, 60)]
        assert {place[0][-1] for place in frame_places(names, "x", "here")} == {"1", "2"}
        assert [frame for _, frame in frame_places(names, "x", "here")] == [*range(60), *range(60)]
    sparse = [f"cam_{v}.{t:04d}" for v in (1, 2) for t in range(0, 600, 30)]
    assert [frame for _, frame in frame_places(sparse, "x", "here")] == [*range(0, 600, 30)] * 2


def test_places_of_many_names():
    assert frame_places(["a/b/x_007.jpg", "8.png", "cover.jpg"], "clip", "here") == [
        ("a/b/x", 7),
        ("clip", 8),
        ("cover", 0),
    ]
    assert frame_places([f"{LARGEST_FRAME:012d}.jpg"], "clip", "here") == [("clip", LARGEST_FRAME)]
    assert frame_places(["7_left.jpg", "7_right.jpg"], "clip", "here") == [("left", 7), ("right", 7)]
    assert frame_places(["one.jpg", "two.jpg"], "clip", "here") is None
    assert frame_places(["9" * 5000], "clip", "here") == [("clip", 0)]


def test_names_that_say_one_frame_are_told_and_counted(caplog):
    places = frame_places(["a/2.jpg", "a/1.jpg", "a/01.jpg", "b/5.jpg"], "clip", "here")
    assert places == [("a", 2), ("a", 1), ("a", 0), ("b", 5)]
    assert "here: a/1.jpg and a/01.jpg are both frame 1 of clip a" in caplog.text


def test_fields_come_before_names(caplog):
    def places(*pictures):
        return picture_places([Picture(*picture) for picture in pictures], "clip", "here")

    assert places(("f0.png", "1", 0), ("f1.png", "1", 1), ("f0.jpg", "2", 0)) == [("1", 0), ("1", 1), ("2", 0)]
    assert places(("f3.png", "1"), ("f4.png", "1")) == [("1", 3), ("1", 4)]
    assert places(("f3.png", None, 7), ("f4.png", None, 9)) == [("f", 7), ("f", 9)]
    assert places((None, None, 0.04), (None, None, 0.0)) == [("clip", 1), ("clip", 0)]
    assert places(("v/000000.jpg", "v", 10000010000), ("v/000004.jpg", "v", 10000010004)) == [("v", 0), ("v", 4)]
    assert places((None,), ("f4.png",)) is None and places(("one.png",), ("two.png",)) is None
    assert not caplog.text
    assert places(("f3.png", "1", 5), ("f4.png", "1", 5)) == [("f", 3), ("f", 4)]
    assert "two pictures have the same fields of clip and frame" in caplog.text


def test_clips_of_one_frame_are_told(caplog):
    assert picture_places([Picture("walk_1_a1"), Picture("walk_2_a1")], "clip", "here") == [
        ("walk_1_a", 1),
        ("walk_2_a", 1),
    ]
    assert "here: each of its 2 clips has one frame (walk_1_a, walk_2_a, ...); if" in caplog.text
    caplog.clear()
    picture_places([Picture("walk_1"), Picture("walk_2"), Picture("cover")], "clip", "here")
    assert not caplog.text
