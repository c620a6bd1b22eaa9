"""Keypoints in npz and npy files: which array, which axis is time, what the third number is."""

import gzip

import numpy as np
import pytest
import walker

from tf_elepose.data.readers.array_axes import time_axis
from tf_elepose.data.readers.arrays import read_npz
from tf_elepose.data.readers.third_number import ThirdNumbers
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.conversion import conversion
from tf_elepose.skeleton.skeletons import H36M_17


def save_npz(folder, **arrays):
    np.savez(folder / "table.npz", **arrays)
    return f"npz:{folder / 'table.npz'}"


def load_npz(folder, **arrays):
    return load_source(save_npz(folder, **arrays), H36M_17, convention="coco_17")


def poses(rows=2, numbers=2):
    return np.random.default_rng(0).uniform(1, 900, (rows, 17, numbers))


def test_an_npz_of_poses(tmp_path):
    array = poses()
    array[0, 0] = 0
    array[1, 16, 0] = np.nan
    recording = load_npz(tmp_path, poses_2d=array, frame=np.array([5, 9]), clip=np.array(["a", "b"]))
    np.testing.assert_allclose(recording.poses_2d[:, H36M_17.index("l_wrist")], array[:, 9], rtol=1e-6)
    assert not recording.visible[0, H36M_17.index("nose")] and not recording.visible[1, H36M_17.index("r_ankle")]
    assert recording.visible.sum() == 2 * 17 - 2
    assert recording.frame.tolist() == [5, 9] and recording.clip.tolist() == ["a", "b"]


def test_the_third_number_is_the_confidence(tmp_path):
    array = poses(numbers=3)
    array[..., 2] = np.linspace(0, 1, 17)
    recording = load_npz(tmp_path, keypoints=array)
    assert recording.confidence[0, H36M_17.index("r_ankle")] == 1.0
    assert not recording.visible[0, H36M_17.index("nose")]
    other = load_npz(tmp_path, keypoints=array[..., :2], confidence=array[..., 2])
    np.testing.assert_array_equal(other.confidence, recording.confidence)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "expected one array of poses_2d, keypoints, .*; the file holds remark; name it as --option=array=NAME"),
        ({"poses_2d": poses(), "keypoints": poses()}, "expected one array of poses_2d, keypoints, "),
        ({"poses_2d": poses()[0]}, r"poses_2d: expected numbers \[N, K, 2 or 3\], .*; got float64 \[17, 2\]"),
        ({"poses_2d": poses().astype(str)}, "poses_2d: expected numbers"),
        ({"poses_2d": poses()[:, :16]}, "16 joints; convention 'coco_17' has 17; expected one of .*mpii_16"),
        ({"poses_2d": poses(), "frame": np.arange(3)}, r"frame: expected shape \[2\]; got \[3\]"),
        (
            {"poses_2d": poses(), "split": np.array(["train", "dev"])},
            "split: expected train or test; got 'dev' in row 1",
        ),
        ({"poses_2d": np.array([None], dtype=object)}, "expected keypoints of people; none of the 1 frames has any"),
        ({"poses_2d": poses() * 1e300}, "expected numbers within"),
    ],
)
def test_other_npz_files_are_refused(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        load_npz(tmp_path, **arrays or {"remark": np.zeros(3)})


# Two people of the truth, the second 400 px to the right and 7 frames later: [2, 40, 17, 2] px in h36m_17.
TRUTH = conversion(CONVENTIONS["coco_17"], H36M_17).apply(walker.poses())
PEOPLE = np.stack([TRUTH[:40], TRUTH[7:47] + np.array([400, 20])])


def read(folder, options, **arrays):
    np.savez(folder / "people.npz", **arrays)
    return list(read_npz(folder / "people.npz", **options))


def with_trust(array, trust=0.9):
    return np.concatenate([array, np.full((*array.shape[:-1], 1), trust)], axis=-1)


@pytest.mark.parametrize("name", ["reconstruction", "kpts"])
@pytest.mark.parametrize("people", [1, 2])
@pytest.mark.parametrize("third", [False, True])
def test_people_first_as_mhformer_has_them(tmp_path, name, people, third):
    array = with_trust(PEOPLE[:people]) if third else PEOPLE[:people]
    np.savez_compressed(tmp_path / "keypoints.npz", **{name: array})
    recording = load_source(f"npz:{tmp_path}/keypoints.npz", H36M_17, check="off", people="all")
    assert recording.frame.tolist() == [*range(40)] * people
    np.testing.assert_allclose(recording.poses_2d, PEOPLE[:people].reshape(-1, 17, 2), rtol=1e-6)
    assert (recording.confidence is not None) == third
    if people == 2:
        assert recording.person.tolist() == [0] * 40 + [1] * 40


def test_poses_of_one_person_under_mhformers_name(tmp_path):
    (rows,) = read(tmp_path, {}, reconstruction=PEOPLE[0])
    assert rows.convention.name == "h36m_17" and rows.frame.tolist() == [*range(40)] and rows.person is None


@pytest.mark.parametrize("convention", ["coco_17", "h36m_17_elepose"])
def test_the_user_may_know_better(tmp_path, convention):
    (rows,) = read(tmp_path, {"convention": convention}, kpts=PEOPLE)
    assert rows.convention.name == convention


def test_another_order_under_mhformers_name_is_told(tmp_path):
    with pytest.raises(
        ValueError, match=r"kpts: expected the joints of h36m_17, .*: say which they are, --option=conv"
    ):
        read(tmp_path, {}, kpts=walker.poses()[np.newaxis])
    (rows,) = read(tmp_path, {"convention": "coco_17"}, kpts=walker.poses()[np.newaxis])
    np.testing.assert_allclose(rows.poses_2d, walker.poses())


def test_mhformers_3d_poses_are_no_keypoints(tmp_path):
    lifted = np.random.default_rng(0).normal(0, 0.5, (40, 17, 3))
    with pytest.raises(ValueError, match=r"reconstruction: expected keypoints in pixels; .*; give the file of the 2D"):
        read(tmp_path, {}, reconstruction=lifted)


CASES = {
    "people first": (PEOPLE, "people"),
    "time first": (PEOPLE.swapaxes(0, 1), "place"),
    "one person first": (PEOPLE[:1], None),
    "time of one person first": (PEOPLE[:1].swapaxes(0, 1), None),
    "more people than frames": (np.stack([TRUTH[:3] + np.array([90 * i, 0]) for i in range(8)]), "people"),
}


@pytest.mark.parametrize("case", CASES)
def test_motion_shows_which_axis_is_time(tmp_path, case):
    array, first = CASES[case]
    (rows,) = read(tmp_path, {"convention": "h36m_17"}, keypoints=array)
    time = 1 if first == "people" or array.shape[0] == 1 else 0
    assert rows.frame.max() == array.shape[time] - 1
    frames, people = rows.frame, np.zeros(len(rows.frame), int) if rows.person is None else rows.person
    at = (people, frames) if time == 1 else (frames, people)
    np.testing.assert_allclose(rows.poses_2d, array[at], rtol=1e-6)
    assert (rows.person is None) == (first is None)
    if first is not None:
        assert rows.identity == ("person" if first == "people" else "place")


def test_what_motion_shows_is_told(tmp_path, caplog):
    with caplog.at_level("WARNING"):
        read(tmp_path, {"convention": "h36m_17"}, keypoints=PEOPLE, boxes=np.zeros((2, 40, 4)))
    told = [record.getMessage() for record in caplog.records]
    assert any(
        "keypoints: [2, 40, 17, 2]: read as 40 frames of 2 people, as the bodies move; if that is wrong: "
        "--option=axes=frames_people" in message for message in told
    )  # fmt: skip
    assert any("people.npz: not read: boxes" in message for message in told)


def test_axes_that_nothing_shows_are_asked_for(tmp_path):
    scattered = np.random.default_rng(0).uniform(0, 900, (5, 40, 17, 2)) + 500
    scattered += np.random.default_rng(1).uniform(0, 9000, (5, 40, 1, 1))
    expected = "which axis is time, and which the people. Say it as --option=axes=people_frames or --option=axes=frames"
    with pytest.raises(ValueError, match=expected):
        read(tmp_path, {"convention": "h36m_17"}, keypoints=scattered)
    for axes, frames in (("people_frames", 40), ("frames_people", 5)):
        (rows,) = read(tmp_path, {"convention": "h36m_17", "axes": axes}, keypoints=scattered)
        assert len(set(rows.frame)) == frames and len(set(rows.person)) == 200 // frames


def test_motion_may_contradict_mhformers_order(tmp_path):
    with pytest.raises(
        ValueError, match=r"reconstruction: expected \[people, T, ...\]; the bodies of \[40, 2, 17, 2\]"
    ):
        read(tmp_path, {}, reconstruction=PEOPLE.swapaxes(0, 1))
    (rows,) = read(tmp_path, {"axes": "frames_people"}, reconstruction=PEOPLE.swapaxes(0, 1))
    assert rows.frame.max() == 39


def test_missing_people_and_joints_do_not_hide_the_motion():
    holes = PEOPLE.copy()
    holes[1, :20] = 0
    holes[0, ::3, :9] = np.nan
    assert time_axis(holes) == 1 and time_axis(holes.swapaxes(0, 1)) == 0
    assert time_axis(np.zeros((2, 40, 17, 2))) is None


def test_copies_and_bodies_that_stand_still():
    copies = np.stack([TRUTH[:40], TRUTH[:40]])
    assert time_axis(copies) is None
    still = np.broadcast_to(PEOPLE[:, :1], PEOPLE.shape)
    assert time_axis(still) == 1 and time_axis(still.swapaxes(0, 1)) == 0
    beside = np.stack([TRUTH[:40], TRUTH[:40] + np.array([50, 0])])  # Two people shoulder to shoulder.
    assert time_axis(beside) == 1 and time_axis(beside.swapaxes(0, 1)) == 0


def test_frames_and_people_have_numbers_of_their_own(tmp_path):
    options = {"convention": "h36m_17", "axes": "people_frames"}
    (rows,) = read(tmp_path, options, keypoints=PEOPLE, frame=np.arange(40) * 2 + 5, person=np.array([7, 3]))
    assert rows.frame.tolist() == [*range(5, 85, 2)] * 2 and rows.person.tolist() == [7] * 40 + [3] * 40
    with pytest.raises(ValueError, match=r"frame: expected shape \[40\]; got \[2\]"):
        read(tmp_path, options, keypoints=PEOPLE, frame=np.arange(2))


@pytest.mark.parametrize("name", ["confidence", "scores", "keypoint_scores"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_people_in_parts_and_confidences_apart(tmp_path, monkeypatch, name, order):
    monkeypatch.setattr("tf_elepose.data.readers.arrays._PART_ROWS", 7)
    trust = np.linspace(0.1, 1, PEOPLE[..., 0].size).reshape(PEOPLE.shape[:-1])
    arrays = {"keypoints": np.asarray(PEOPLE, order=order), name: trust}
    parts = read(tmp_path, {"convention": "h36m_17", "axes": "people_frames"}, **arrays)
    assert [len(part.poses_2d) for part in parts] == [7] * 11 + [3] and parts[-1].done == 1
    joined = {field: np.concatenate([getattr(part, field) for part in parts]) for field in ("frame", "person")}
    assert joined == {"frame": pytest.approx([*range(40)] * 2), "person": pytest.approx([0] * 40 + [1] * 40)}
    np.testing.assert_allclose(np.concatenate([part.poses_2d for part in parts]), PEOPLE.reshape(-1, 17, 2), rtol=1e-6)
    np.testing.assert_allclose(np.concatenate([part.confidence for part in parts]), trust.reshape(-1, 17), rtol=1e-6)


@pytest.mark.parametrize("ending", [".npy", ".npy.gz"])
def test_an_npy_file(tmp_path, ending):
    np.save(tmp_path / "poses.npy", walker.poses())
    if ending.endswith(".gz"):
        (tmp_path / "poses.npy.gz").write_bytes(gzip.compress((tmp_path / "poses.npy").read_bytes()))
    recording = load_source(f"npz:{tmp_path}/poses{ending}", H36M_17, check="off", convention="coco_17")
    np.testing.assert_array_equal(recording.poses_2d[:, H36M_17.index("r_knee")], walker.poses()[:, 14])
    assert set(recording.clip) == {"poses"}


def test_other_npy_files_are_refused(tmp_path):
    file = tmp_path / "poses.npy"
    np.save(file, walker.poses())
    whole = file.read_bytes()
    for content, message in [
        (whole[:-5], "array: its header declares 8288 bytes, the archive holds 8283"),
        (whole[:40], "array: not a readable .npy array"),
        (b"\x93NUMPY\x07\x00" + whole[8:], "array: not a readable .npy array"),
    ]:
        file.write_bytes(content)
        with pytest.raises(ValueError, match=f"npz file .*poses.npy: {message}"):
            list(read_npz(file, convention="coco_17"))
    np.save(file, np.array({"a": 1}, dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="array: expected an entry a frame; got object"):
        list(read_npz(file, convention="coco_17"))


def test_an_array_of_any_name_is_named(tmp_path):
    (rows,) = read(tmp_path, {"convention": "h36m_17", "array": "mine"}, mine=TRUTH, poses_2d=np.zeros((3, 17, 2)))
    np.testing.assert_allclose(rows.poses_2d, TRUTH, rtol=1e-6)
    with pytest.raises(ValueError, match="array 'yours': missing; the file holds mine"):
        read(tmp_path, {"convention": "h36m_17", "array": "yours"}, mine=TRUTH)


@pytest.mark.parametrize(("convention", "joints"), [("coco_17", 133), ("coco_wholebody_133", 133), ("body_25", 135)])
def test_whole_bodies_are_cut_to_the_body(tmp_path, convention, joints):
    whole = np.random.default_rng(0).uniform(1, 900, (4, joints, 3)) * [1, 1, 1 / 900]
    (rows,) = read(tmp_path, {"convention": convention}, keypoints=whole)
    count = rows.convention.num_joints
    assert rows.poses_2d.shape == (4, count, 2) and rows.confidence.shape == (4, count)
    np.testing.assert_allclose(rows.poses_2d, whole[:, :count, :2], rtol=1e-6)


def test_a_body_is_not_cut_to_another(tmp_path):
    """25 joints may be BODY_25 or BODY_25B. BODY_25B begins with COCO's 17, so a wrong convention would look right."""
    with pytest.raises(ValueError, match="25 joints; convention 'coco_17' has 17; expected one of body_25, body_25b"):
        read(tmp_path, {"convention": "coco_17"}, keypoints=np.ones((3, 25, 2)))


def thirds(values, stated=None):
    keypoints = np.concatenate([np.full((len(values), 1, 2), 5.0), np.reshape(values, (-1, 1, 1))], axis=-1)
    places, confidence = ThirdNumbers(stated, "some file").split(keypoints)
    return np.isfinite(places[:, 0, 0]).tolist(), None if confidence is None else confidence[:, 0].tolist()


def test_what_third_numbers_are():
    assert thirds([0, 0.5, 1.02]) == ([True] * 3, [0, 0.5, 1.02])
    assert thirds([0, 1, 1]) == ([True] * 3, [0, 1, 1])
    assert thirds([0, 1, 2]) == ([False, True, True], None)  # COCO's labels.
    assert thirds([0.5] * 200 + [99]) == ([True] * 201, [0.5] * 200 + [99])  # A damaged number.
    assert thirds([-0.3, 0.1, 0.2], "z") == ([True] * 3, None)
    assert thirds([30, 90], "confidence") == ([True] * 2, [30, 90])
    assert thirds([0.3, 0], "visibility") == ([True, False], None)
    for values in ([-0.3, 0.1, 0.2], [30, 90], [2.5, 3, 3.5]):
        with pytest.raises(ValueError, match=r"some file: the third numbers are .* to .*; say what they are"):
            thirds(values)
    with pytest.raises(ValueError, match="some file: third: expected confidence, visibility, z; got 'depth'"):
        thirds([1], "depth")


def test_wrong_options(tmp_path):
    with pytest.raises(ValueError, match="axes: expected people_frames or frames_people; got 'tm'"):
        read(tmp_path, {"axes": "tm"}, keypoints=PEOPLE)
    with pytest.raises(ValueError, match=r"keypoints: axes: there is no axis of people in \[60, 17, 2\]"):
        read(tmp_path, {"axes": "people_frames", "convention": "h36m_17"}, keypoints=TRUTH)
