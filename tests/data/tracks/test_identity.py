"""Claims: people are found again by place and size, whatever the order of lists; single pictures are not linked."""

import moving_people as moving
import numpy as np
import pytest

from tf_elepose.data.tracks.identity import Linker
from tf_elepose.data.tracks.people import ClipName, People
from tf_elepose.skeleton.skeletons import H36M_17

CLIP = ClipName("S1", "a", 0)


def picture(*tracks, seed=0, present=None, ids=None):
    """Rows of `tracks` [T, J, 2], shuffled in each frame, and the track of each row; NaN where a joint is not seen.

    `present` [T, tracks] says who is there; `ids` {(frame, track): id} are the file's.
    """
    rng, rows = np.random.default_rng(seed), []
    for frame in range(len(tracks[0])):
        there = [who for who in rng.permutation(len(tracks)).tolist() if present is None or present[frame, who]]
        rows += [(frame, place, who, tracks[who][frame]) for place, who in enumerate(there)]
    frame, place, truth, poses = (np.array(column) for column in zip(*rows, strict=True))
    own = [None if ids is None else ids.get((t, who)) for t, _, who, _ in rows]
    person = np.array([place_ if one is None else one for place_, one in zip(place.tolist(), own, strict=True)])
    seen = np.isfinite(poses).all(axis=-1)
    return People(
        clip=np.zeros(len(frame), int),
        names=[CLIP],
        mirror=np.array(H36M_17.mirror),
        frame=frame,
        person=person,
        has_id=np.array([one is not None for one in own]),
        pixels=np.where(seen[..., np.newaxis], poses, 0.0),
        seen=seen,
    ), truth


def numbers_of(found, truth):
    """Returns the different numbers that each true person has got."""
    return [np.unique(found[truth == who]).tolist() for who in range(int(truth.max()) + 1)]


def hidden(frames, who, first, last):
    present = np.ones((frames, 2), bool)
    present[first:last, who] = False
    return present


@pytest.mark.parametrize("seed", range(5))
def test_people_side_by_side_keep_their_numbers_whatever_the_order(seed):
    rows, truth = picture(moving.walking(40, (100, 300), 2), moving.walking(40, (400, 300), 2), seed=seed)
    found, linked = Linker("here")(rows)
    assert linked.all()
    first = [int(truth[rows.frame == 0][place]) for place in (0, 1)]  # Numbers are in the order of appearance.
    assert [numbers_of(found, truth)[who] for who in first] == [[0], [1]]


@pytest.mark.parametrize("seed", range(5))
def test_people_who_cross_keep_their_numbers(seed):
    tracks = moving.walking(60, (200, 300), 5), moving.walking(60, (500, 305), -5, size=1.1, phase=2.0)
    rows, truth = picture(*tracks, seed=seed)
    assert sorted(numbers_of(Linker("here")(rows)[0], truth)) == [[0], [1]]


def test_who_is_hidden_behind_somebody_comes_back_as_the_same():
    tracks = moving.walking(60, (200, 300), 5), moving.walking(60, (500, 305), -5, phase=2.0)
    rows, truth = picture(*tracks, present=hidden(60, 1, 24, 38))
    assert sorted(numbers_of(Linker("here")(rows)[0], truth)) == [[0], [1]]


def test_gaps_are_counted_in_seconds():
    tracks = moving.walking(100, (200, 300), 0), moving.walking(100, (500, 300), 0)
    rows, truth = picture(*tracks, present=hidden(100, 1, 20, 90))
    assert len(numbers_of(Linker("here", 30.0)(rows)[0], truth)[1]) == 2  # Away for 2.3 s.
    assert len(numbers_of(Linker("here", 60.0)(rows)[0], truth)[1]) == 1


def test_only_joints_that_are_seen_in_both_rows_are_compared():
    tracks = [moving.walking(40, (100 + 300 * who, 300), 2) for who in range(2)]
    rng = np.random.default_rng(3)
    for track in tracks:
        track[rng.random(track.shape[:2]) < 0.3] = np.nan
    rows, truth = picture(*tracks)
    assert sorted(numbers_of(Linker("here")(rows)[0], truth)) == [[0], [1]]


def test_the_bodys_size_tells_apart_who_stands_at_one_place():
    tracks = moving.walking(40, (300, 300), 0), moving.walking(40, (300, 300), 0, size=1.6)
    rows, truth = picture(*tracks, present=hidden(40, 0, 15, 20))
    assert sorted(numbers_of(Linker("here")(rows)[0], truth)) == [[0], [1]]


def test_swapped_sides_are_the_same_person():
    one, other = moving.walking(40, (300, 300), 1), moving.walking(40, (330, 300), -1, phase=1.0)
    one[[10, 11, 12, 25]] = one[[10, 11, 12, 25]][:, list(H36M_17.mirror)]
    rows, truth = picture(one, other)
    assert sorted(numbers_of(Linker("here")(rows)[0], truth)) == [[0], [1]]


def test_somebody_new_gets_the_next_number():
    tracks = [moving.walking(40, (x, 300), 1) for x in (100, 400, 700)]
    present = np.ones((40, 3), bool)
    present[:20, 1] = False
    present[10:, 0] = False
    rows, truth = picture(*tracks, present=present)
    found = numbers_of(Linker("here")(rows)[0], truth)
    assert sorted([found[0], found[2]]) == [[0], [1]] and found[1] == [2]


def test_a_body_that_was_found_twice_keeps_its_number_and_the_second_one_has_one_of_its_own():
    walker = moving.walking(40, (300, 300), 3)
    twin, missing = walker + 2.0, moving.walking(40, (380, 300), 3)
    present = np.ones((40, 3), bool)
    present[:, 1] = np.isin(np.arange(40), (8, 9, 20, 33))
    present[18:24, 2] = False  # The twin must not be taken for who is missing here.
    rows, truth = picture(walker, twin, missing, present=present)
    found = Linker("here")(rows)[0]
    assert len(numbers_of(found, truth)[2]) == 1
    twice = np.isin(rows.frame, (8, 9, 20, 33))
    assert len(np.unique(found[(truth == 0) & ~twice])) == 1
    assert len(np.unique(found)) == 3


@pytest.mark.parametrize("seed", range(4))
def test_bodies_that_are_found_twice_at_times_do_not_change_who_is_who(seed):
    rng = np.random.default_rng(seed)
    one, other = moving.walking(60, (100, 300), 8), moving.walking(60, (500, 300), -1)
    again = [track + rng.normal(0, 2, track.shape) for track in (one, other)]
    tracks = [np.where(rng.random((60, 17, 1)) < 0.25, np.nan, track) for track in (one, other, *again)]
    present = np.stack([np.ones(60), np.ones(60), *(rng.random((2, 60)) < 0.3)], axis=1).astype(bool)
    present[20:26, 0] = present[20:26, 2] = False
    rows, truth = picture(*tracks, seed=seed, present=present)
    found, _ = Linker("here")(rows)
    for who in (0, 1):  # Where there are two rows on a body, either of them may be the person.
        sole = (truth == who) & ~np.isin(rows.frame, np.flatnonzero(present[:, who + 2]))
        assert len(np.unique(found[sole])) == 1


def test_a_body_found_where_nobody_is_does_not_take_the_place_of_somebody_who_is_missing():
    one, other = moving.walking(40, (100, 300), 2), moving.walking(40, (900, 300), 2)
    present = np.ones((40, 3), bool)
    present[10:22, 0], present[:, 2] = False, np.arange(40) == 14
    rows, truth = picture(one, other, one + np.array([150.0, -60.0]), present=present)
    found, _ = Linker("here")(rows)
    assert [len(each) for each in numbers_of(found, truth)[:2]] == [1, 1]
    linker = Linker("here", parts=True)
    parts = [np.flatnonzero(rows.frame // 5 == part) for part in range(8)]
    np.testing.assert_array_equal(np.concatenate([linker(rows.select(part))[0] for part in parts]), found)


def test_frames_may_come_in_any_order():
    rows, truth = picture(moving.walking(40, (100, 300), 2), moving.walking(40, (400, 300), 2))
    order = np.random.default_rng(1).permutation(len(truth))
    expected, _ = Linker("here")(rows)
    found, _ = Linker("here")(rows.select(order))
    assert sorted(numbers_of(found, truth[order])) == sorted(numbers_of(expected, truth)) == [[0], [1]]


def test_pictures_are_not_linked():
    rng = np.random.default_rng(0)
    poses = rng.uniform(0, 1000, (2, 50, 1, 2)) + moving.walking(1, (0, 0), 0)
    rows, _ = picture(*poses)
    found, linked = Linker("here")(rows)
    assert not linked.any() and found.tolist() == rows.person.tolist()


def test_frames_far_apart_are_pictures_too():
    rows, _ = picture(moving.walking(5, (100, 300), 2), moving.walking(5, (400, 300), 2))
    far = People(**{**vars(rows), "frame": rows.frame * 1000})
    assert not Linker("here")(far)[1].any()


def test_few_frames_a_second_are_linked_with_wider_steps():
    # 5 of 30 frames a second, numbered without gaps: steps as long as a body's size.
    rows, truth = picture(moving.walking(40, (100, 300), 45), moving.walking(40, (100, 900), 45))
    assert sorted(numbers_of(Linker("here")(rows)[0], truth)) == [[0], [1]]


# ---- ids of the file -------------------------------------------------------------------------------------------------


def test_who_has_no_id_for_a_while_keeps_the_one_before():
    tracks = moving.walking(40, (100, 300), 2), moving.walking(40, (400, 300), 2)
    ids = {(t, who): (7, 9)[who] for t in range(40) for who in (0, 1) if not (10 <= t < 14 and who == 1) and t != 20}
    rows, truth = picture(*tracks, ids=ids)
    found, linked = Linker("here")(rows)
    assert numbers_of(found, truth) == [[7], [9]]
    assert linked.tolist() == (~rows.has_id).tolist()


def test_who_gets_an_id_later_has_it_from_the_start():
    tracks = moving.walking(20, (100, 300), 2), moving.walking(20, (400, 300), 2)
    ids = {(t, who): (0, 1)[who] for t in range(20) for who in (0, 1) if t >= (0, 5)[who]}
    rows, truth = picture(*tracks, ids=ids)
    assert numbers_of(Linker("here")(rows)[0], truth) == [[0], [1]]


def test_ids_are_never_changed_and_others_are_counted_apart_from_them():
    tracks = [moving.walking(20, (x, 300), 2) for x in (100, 400, 700)]
    ids = {(t, who): (3, 5)[(t >= 10) ^ who] for t in range(20) for who in (0, 1)}  # The file exchanges them.
    rows, truth = picture(*tracks, ids=ids)
    found, _ = Linker("here")(rows)
    assert found[rows.has_id].tolist() == rows.person[rows.has_id].tolist()
    assert numbers_of(found, truth)[2] == [1_000_000]


# ---- a part at a time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows_of_a_part", [7, 20, 33])
def test_parts_are_linked_as_the_whole_is(rows_of_a_part):
    tracks = moving.walking(60, (200, 300), 5), moving.walking(60, (500, 305), -5, size=1.1, phase=2.0)
    rows, _ = picture(*tracks, present=hidden(60, 1, 40, 50))
    link, found = Linker("here", parts=True), []
    for first in range(0, len(rows.frame), rows_of_a_part):
        found += link(rows.select(np.arange(len(rows.frame))[first : first + rows_of_a_part]))[0].tolist()
    assert found == Linker("here")(rows)[0].tolist()


def test_a_part_that_goes_back_in_time_is_refused():
    rows, _ = picture(moving.walking(40, (100, 300), 2), moving.walking(40, (400, 300), 2))
    link = Linker("here", parts=True)
    link(rows.select(np.flatnonzero(rows.frame >= 20)))
    with pytest.raises(ValueError, match=r"^here: clip 'a': frame 0 comes after frame 39: .*=FILE\.npz$"):
        link(rows.select(np.flatnonzero(rows.frame < 20)))


def test_pictures_stay_pictures_in_later_parts():
    rng = np.random.default_rng(0)
    rows, _ = picture(*(rng.uniform(0, 1000, (2, 50, 1, 2)) + moving.walking(1, (0, 0), 0)))
    link = Linker("here", parts=True)
    parts = [rows.select(np.flatnonzero((rows.frame < 25) == early)) for early in (True, False)]
    assert [link(part)[0].tolist() for part in parts] == [part.person.tolist() for part in parts]


def test_an_id_that_somebody_has_got_already_is_refused():
    rows, _ = picture(*[moving.walking(20, (x, 300), 2) for x in (100, 400)])
    later, _ = picture(moving.walking(20, (900, 300), 2), ids={(t, 0): 1 for t in range(20)})
    link = Linker("here", parts=True)
    link(rows)
    with pytest.raises(ValueError, match=r"^here: clip 'a': id 1 comes after people without ids"):
        link(People(**{**vars(later), "frame": later.frame + 20}))
