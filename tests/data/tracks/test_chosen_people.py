"""Claims: the people that are asked for are kept; if this is not possible, the error says why."""

import moving_people as moving
import numpy as np
import pytest

from tf_elepose.data.assembly import assemble, recordings
from tf_elepose.data.identities import PERSON, PLACE, TRACK
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton.skeletons import H36M_17


def rows(*tracks, clip="a", present=None, **changes) -> Rows:
    """Writes tracks [T, J, 2] like a detector, which lists people in reversed order in every second frame."""
    listed = [
        (frame, place, tracks[who][frame], who)
        for frame in range(len(tracks[0]))
        for place, who in enumerate(range(len(tracks))[:: (-1) ** frame])
        if present is None or present[frame, who]
    ]
    frame, place, poses, who = (np.array(column) for column in zip(*listed, strict=True))
    fields = {"frame": frame, "person": place, "identity": PLACE, "poses_2d": poses, "subject": "S1", "clip": clip}
    return Rows(H36M_17, **(fields | {"action": np.array([f"{one}" for one in who])} | changes))  # Who it truly is.


def small_and_large(frames=30, **changes):
    """Track 0 is small and in all frames; 1 is large and in two thirds of them; 2 is larger and in three frames."""
    present = np.ones((frames, 3), bool)
    present[20:, 1] = False
    present[3:, 2] = False
    tracks = [moving.walking(frames, (150 + 400 * n, 400), 2, size) for n, size in enumerate((0.8, 1.5, 2.0))]
    return rows(*tracks, present=present, **changes)


def made(*parts, **options):
    return assemble(iter(parts), H36M_17, "some place", **options)


def test_places_become_people():
    recording = made(small_and_large())
    assert recording.identity == TRACK
    assert [np.unique(recording.person[recording.action == who]).tolist() for who in "012"] == [[0], [1], [2]]
    assert recording.frame.tolist() == small_and_large().frame.tolist()  # Rows stay where they are.


@pytest.mark.parametrize(("wish", "who"), [("longest", "0"), ("largest", "1"), (2, "2"), ("2", "2"), (0, "0")])
def test_one_person_is_kept(wish, who):
    recording = made(small_and_large(), people=wish)
    assert set(recording.action.tolist()) == {who}
    assert recording.dropped == {"other people in the image": 53 - len(recording)}


def test_each_clip_and_camera_has_a_person_of_its_own():
    one, other = small_and_large(), small_and_large(clip="b", camera=1)
    recording = made(one, other, people="largest")
    assert set(zip(recording.clip.tolist(), recording.action.tolist(), strict=True)) == {("a", "1"), ("b", "1")}


def test_of_equal_scores_the_best_is_one_person_and_not_the_first_of_each_list():
    recording = made(small_and_large(score=np.full(53, 0.5)), people="best")
    assert recording.action.tolist() == ["0"] * 30 and not recording.person.any()


def test_the_best_row_of_an_image_keeps_the_number_of_whom_it_shows():
    # The score is that of track 1, but for frames 10 and 11; its place in the list changes from frame to frame.
    part = small_and_large()
    who, frame = part.action.astype(int), part.frame
    score = np.where((who == 1) ^ np.isin(frame, (10, 11)), 1.0, 0.5)
    recording = made(small_and_large(score=score, poses_2d=part.poses_2d), people="best")
    assert recording.action.tolist() == recording.person.astype(str).tolist()
    assert np.flatnonzero(np.diff(recording.person[:20])).tolist() == [9, 11]


def test_a_number_that_nobody_has_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"^some place: people=7: nobody has this number; there are 0, 1, 2$"):
        made(small_and_large(), people=7)


def pictures(images=20):
    rng = np.random.default_rng(0)
    return rows(*(rng.uniform(0, 3000, (2, images, 1, 2)) + moving.walking(1, (0, 0), 0)))


def test_of_pictures_the_largest_is_that_of_each_and_nobody_is_the_longest():
    recording = made(pictures(), people="largest")
    assert recording.identity == PLACE and recording.frame.tolist() == list(range(20))
    for wish in ("longest", 0):
        with pytest.raises(
            ValueError, match=rf"people={wish}: clip 'a' has no ids of people, and nobody .*=people=largest"
        ):
            made(pictures(), people=wish)


def test_numbers_given_twice_in_a_frame_are_no_ids(caplog):
    part = small_and_large(identity=PERSON, person=0)
    recording = made(part, small_and_large(identity=PERSON, person=np.arange(53), clip="b"))
    first = recording.clip == "a"
    assert [np.unique(recording.person[first & (recording.action == who)]).tolist() for who in "012"] == [[0], [1], [2]]
    assert recording.person[~first].tolist() == list(range(53))  # What is an id stays.
    assert recording.identity == TRACK
    assert "some place: clip 'a': two people of one frame have the same number" in caplog.text


def test_rows_without_numbers_are_people_where_a_frame_has_several():
    assert made(rows(moving.walking(5, (100, 300), 2), person=None)).person is None
    recording = made(small_and_large(person=None))
    assert [np.unique(recording.person[recording.action == who]).tolist() for who in "012"] == [[0], [1], [2]]


def test_parts_are_linked_too():
    whole = small_and_large()
    per_row = ("poses_2d", "frame", "person", "action")
    parts = [
        small_and_large(**{name: getattr(whole, name)[first : first + 9] for name in per_row})
        for first in range(0, 53, 9)
    ]
    found = np.concatenate([part.person for part in recordings(iter(parts), H36M_17, "some place")])
    assert found.tolist() == made(whole).person.tolist()


def test_a_clip_of_one_image_needs_nobody_to_be_followed():
    still = rows(*(moving.walking(1, (x, 300), 0) for x in (100, 400)), clip="photo")
    recording = made(small_and_large(), still)
    assert recording.identity == TRACK and recording.person[-2:].tolist() == [0, 1]


def test_of_pictures_each_image_is_a_track_of_its_own():
    assert len(np.unique(made(pictures()).tracks)) == 40
    assert len(np.unique(made(small_and_large()).tracks)) == 3
