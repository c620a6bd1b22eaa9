"""Lifted poses: checked shapes, tracks in the order of their frames, parts that stay apart when joined."""

import numpy as np
import pytest
from lifted_samples import lifted, posing, rotations

from tf_elepose.motion.lifted import concatenate, row_values


def several():
    return lifted(
        posing(8),
        clip=np.array(["b", "a"] * 4),
        subject=np.array(["S1"] * 8),
        camera=np.array([0, 0, 0, 0, 0, 0, 1, 1]),
        person=np.array([0, 0, 0, 1, 0, 0, 0, 0]),
        frame=np.array([5, 9, 3, 0, 4, 2, 0, 0]),
    )


def test_a_track_is_one_person_in_one_clip_of_one_camera_in_time():
    tracks = {name: rows.tolist() for name, rows in several().tracks()}
    assert tracks == {
        "S1-a-camera0-person0": [5, 1],
        "S1-a-camera0-person1": [3],
        "S1-a-camera1-person0": [7],
        "S1-b-camera0-person0": [2, 4, 0],
        "S1-b-camera1-person0": [6],
    }


def test_no_poses_have_no_tracks():
    assert list(several().select([]).tracks()) == []


def test_every_row_is_in_one_track():
    rng = np.random.default_rng(0)
    given = lifted(posing(200), **{name: rng.integers(0, 3, 200) for name in ("camera", "person", "frame")},
                   clip=rng.choice(["x", "y"], 200), subject=rng.choice(["", "s"], 200))  # fmt: skip
    rows = np.concatenate([rows for _, rows in given.tracks()])
    assert sorted(rows) == list(range(200))
    for _, rows in given.tracks():
        assert (np.diff(given.frame[rows]) >= 0).all()
        assert len({(given.clip[r], given.subject[r], given.camera[r], given.person[r]) for r in rows}) == 1


def test_select_picks_rows_of_every_field():
    picked = several().select([3, 1])
    assert len(picked) == 2 and picked.frame.tolist() == [0, 9] and picked.elevation is None
    assert set(row_values(picked)) == {"poses_3d", "poses_2d", "valid", "clip", "subject", "camera", "frame", "person"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "cm"}, "unknown unit 'cm'"),
        ({"axes": "world"}, "or axes 'world'"),
        ({"poses_2d": np.zeros((8, 17, 3))}, r"poses_2d: expected \[8, 17, 2\]; got \[8, 17, 3\]"),
        ({"poses_3d": np.zeros((8, 16, 3))}, r"poses_3d: expected \[8, 17, 3\]"),
        ({"rotation": np.zeros((8, 3))}, r"rotation: expected \[8, 3, 3\]; got \[8, 3\]"),
        ({"valid": np.ones(7, bool)}, r"valid: expected \[8\]; got \[7\]"),
        ({"percentile": np.ones((8, 1))}, r"percentile: expected \[8\]"),
    ],
)
def test_fields_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        lifted(posing(8), **changes)


def test_joined_parts_keep_their_clips_apart():
    one, two = several(), several().select([0, 1])
    three = lifted(posing(1), clip=np.array(["b_2"]), source="third")
    joined = concatenate([one, two, three, two])
    assert len(joined) == 13 and joined.source == "sample, sample, third, sample"
    # b_2 is taken by the second part when the third comes, and by then b_2_2 is free.
    assert joined.clip.tolist()[8:] == ["b_2", "a_2", "b_2_2", "b_3", "a_3"]
    assert sum(1 for _ in joined.tracks()) == sum(sum(1 for _ in part.tracks()) for part in (one, two, three, two))
    np.testing.assert_array_equal(joined.poses_3d[8:10], two.poses_3d)


def test_clips_of_other_people_may_have_equal_names():
    one, two = several(), lifted(posing(1), clip=np.array(["a"]), subject=np.array(["S2"]))
    assert concatenate([one, two]).clip.tolist()[-1] == "a"


def test_fields_that_only_some_parts_have_are_left_out_or_refused():
    one, two = several(), lifted(posing(1), frame_rate=25.0, source="other")
    with pytest.raises(ValueError, match=r"other: frame_rate: expected 30.0 as in sample; got 25.0"):
        concatenate([one, two])
    with pytest.raises(ValueError, match="expected at least one part"):
        concatenate([])


def test_canonical_poses_are_turned_back_and_follow_changes_of_the_poses():
    given = lifted(posing(5), rotation=rotations(5))
    np.testing.assert_allclose(np.einsum("nij,nkj->nki", given.rotation, given.canonical), given.poses_3d, atol=1e-9)
    np.testing.assert_array_equal(given.select([3]).canonical, given.canonical[3:4])
    twice = concatenate([given, given])
    np.testing.assert_array_equal(twice.canonical[5:], given.canonical)
    assert lifted(posing(2)).canonical is None
