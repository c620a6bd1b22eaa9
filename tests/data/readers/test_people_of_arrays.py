"""The people of arrays: as many as each frame has, and rows of one frame."""

import numpy as np
import pytest
import walker

from tf_elepose.data.readers.arrays import read_npz
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.conversion import conversion
from tf_elepose.skeleton.skeletons import H36M_17

# Two people of the truth, the second 400 px to the right and 7 frames later: [2, 40, 17, 2] px in h36m_17.
TRUTH = conversion(CONVENTIONS["coco_17"], H36M_17).apply(walker.poses())
PEOPLE = np.stack([TRUTH[:40], TRUTH[7:47] + np.array([400, 20])])


def ragged(entries):
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array


@pytest.mark.parametrize("ending", ["npz", "npy"])
def test_as_many_people_as_each_frame_has(tmp_path, ending):
    """Objects [T]: frames of [people, 17, 3], of one pose, of a list of poses, and of nobody."""
    array = np.concatenate([PEOPLE, np.full((2, 40, 17, 1), 0.9)], axis=-1)
    entries = [array[:, 0], array[1, 1], [], [array[0, 3], array[1, 3]], None, np.zeros((0, 17, 3)), array[:1, 6]]
    if ending == "npz":
        np.savez(tmp_path / "p.npz", keypoints=ragged(entries))
    else:
        np.save(tmp_path / "p.npy", ragged(entries), allow_pickle=True)
    (rows,) = read_npz(tmp_path / f"p.{ending}", convention="h36m_17")
    assert rows.frame.tolist() == [0, 0, 1, 3, 3, 6] and rows.person.tolist() == [0, 1, 0, 0, 1, 0]
    expected = [PEOPLE[0, 0], PEOPLE[1, 0], PEOPLE[1, 1], PEOPLE[0, 3], PEOPLE[1, 3], PEOPLE[0, 6]]
    np.testing.assert_allclose(rows.poses_2d, expected, rtol=1e-6)
    assert rows.identity == "place" and rows.dropped == {"frames without people": 3}
    np.testing.assert_allclose(rows.confidence, 0.9)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([PEOPLE[:, 0], PEOPLE[:, 1, :16]], r"frame 1: expected numbers \[people, 17, 2\] as before; got float32"),
        ([PEOPLE[:, 0], "nobody"], r"frame 1: expected numbers \[people, K, 2 or 3\]; got str"),
        ([PEOPLE[:, 0], {"a": 1}], r"frame 1: expected numbers \[people, K, 2 or 3\]; got dict"),
        ([PEOPLE[:, 0], [[1], [2, 3]]], r"frame 1: expected numbers \[people, K, 2 or 3\]; got list"),
        ([[], None], "expected keypoints of people; none of the 2 frames has any"),
        ([print], "file contains code object builtins.print; refusing"),
    ],
)
def test_other_entries_are_refused(tmp_path, entries, message):
    with pytest.raises(ValueError, match=f"p.npz: keypoints: {message}"):
        np.savez(tmp_path / "p.npz", keypoints=ragged(entries))
        list(read_npz(tmp_path / "p.npz", convention="h36m_17"))


@pytest.mark.parametrize("part", [4, 7, 1000])
def test_rows_of_one_frame_are_people_and_none_is_at_two_places(tmp_path, monkeypatch, part):
    """Rows are sorted by person or by frame, and people have numbers or not."""
    monkeypatch.setattr("tf_elepose.data.readers.arrays._PART_ROWS", part)
    options, array = {"convention": "h36m_17"}, PEOPLE[:, :5].reshape(10, 17, 2)

    def of(**arrays):
        np.savez(tmp_path / "people.npz", poses_2d=array, **arrays)
        parts = list(read_npz(tmp_path / "people.npz", **options))
        joined = [np.concatenate([np.broadcast_to(getattr(p, n), len(p.frame)) for p in parts]) for n in FIELDS]
        return [values.tolist() for values in joined], sum(sum(p.dropped.values()) for p in parts)

    frames = np.arange(10) % 5
    assert of(frame=frames) == ([frames.tolist(), [0] * 5 + [1] * 5, ["place"] * 10], 0)
    assert of(frame=np.arange(10) // 2) == ([(np.arange(10) // 2).tolist(), [0, 1] * 5, ["place"] * 10], 0)
    assert of(frame=np.arange(10)) == ([[*range(10)], [0] * 10, ["place"] * 10], 0)
    assert of(frame=frames, camera=np.arange(10) // 5)[0][1] == [0] * 10
    assert of(frame=frames, person=np.arange(10) // 5 + 3)[0] == [frames.tolist(), [3] * 5 + [4] * 5, ["person"] * 10]
    assert of(frame=frames, person=np.full(10, 3)) == ([[*range(5)], [3] * 5, ["person"] * 5], 5)


FIELDS = ("frame", "person", "identity")
