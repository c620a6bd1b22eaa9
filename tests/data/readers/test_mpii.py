import json

import numpy as np
import pytest
import scipy.io
from samples import mpii as sample

from tf_elepose.data.readers.mpii import read_mpii
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.skeletons import H36M_17

MPII = CONVENTIONS["mpii_16"]


@pytest.fixture(params=["mat", "json"])
def source(request, tmp_path) -> str:
    return (sample.write if request.param == "mat" else sample.write_json)(tmp_path)[0]


def parts(source: str, **options) -> list:
    return list(read_mpii(source.partition(":")[2], **options))


def test_joints_are_found_by_their_ids_and_pixels_count_from_0(source):
    (rows,) = parts(source)
    for person, (x, y) in enumerate([(300, 400), (400, 400)]):
        for joint, place in {
            "root": (x, y), "l_shoulder": (x + 40, y - 112.5), "r_shoulder": (x - 40, y - 112.5),
            "r_ankle": (x - 37.5, y + 225), "l_wrist": (x + 57.5, y + 20), "head": (x, y - 175),
        }.items():  # fmt: skip
            np.testing.assert_array_equal(rows.poses_2d[person, MPII.index(joint)], place)


def test_joints_without_a_point_are_missing_and_occluded_ones_are_not(source):
    recording = load_source(source, H36M_17)
    missing = [joint for joint, seen in zip(H36M_17.joints, recording.visible[2], strict=True) if not seen]
    assert missing == ["r_knee", "r_ankle"]
    assert recording.visible[:2].all()
    assert recording.confidence is None


def test_labels_of_each_row(source):
    (rows,) = parts(source)
    assert rows.clip.tolist() == ["015601864", "015601864", "015599452"]
    assert rows.frame.tolist() == [0, 0, 1]
    assert rows.split.tolist() == ["train"] * 3
    assert rows.done == 1.0


def test_people_keep_their_numbers_and_what_is_left_out_is_counted(tmp_path):
    (rows,) = parts(sample.write(tmp_path)[0])
    assert rows.person.tolist() == [0, 1, 1]
    assert rows.dropped == {"people without keypoints": 1, "images without keypoints": 2}


def test_the_option_gives_the_split_of_a_json_list(tmp_path):
    source, _ = sample.write_json(tmp_path)
    assert set(load_source(source, H36M_17, split="test").split.tolist()) == {"test"}
    with pytest.raises(ValueError, match="split: expected train or test; got 'val'"):
        parts(source, split="val")


def test_images_come_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.mpii._CHUNK", 1)
    for write in (sample.write, sample.write_json):
        found = parts(write(tmp_path)[0])
        assert len(found) > 2
        assert [row for rows in found for row in rows.frame.tolist()] == [0, 0, 1]
        done = [rows.done for rows in found]
        assert done == sorted(done) and done[-1] == 1.0


def release(points: object, img_train: object = (1,)) -> dict:
    rect = {"annopoints": {"point": points}}
    annolist = sample.structs([{"image": {"name": "a.jpg"}, "annorect": sample.structs([rect])}])
    return {"RELEASE": {"annolist": annolist, "img_train": np.array([img_train])}}


def test_points_may_be_few_and_lack_is_visible(tmp_path):
    points = sample.structs([{"x": 10.0, "y": 20, "id": 6}])
    scipy.io.savemat(tmp_path / "a.mat", release(points))
    (rows,) = read_mpii(tmp_path / "a.mat")
    np.testing.assert_array_equal(rows.poses_2d[0, MPII.index("root")], [9, 19])
    assert np.isnan(rows.poses_2d[0]).all(axis=1).sum() == 15


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"other": 1}, "missing RELEASE; it holds other"),
        ({"RELEASE": 1}, r"RELEASE: expected a struct; got int64 \[1, 1\]"),
        ({"RELEASE": {"annolist": 1}}, "RELEASE: missing img_train; it holds annolist"),
        (release(sample.structs([{"x": 1, "y": 2, "id": 16}])), r"image 1, person 1: id: expected 0 to 15; got 16"),
        (release(sample.structs([{"x": 1, "y": 2, "id": 0.5}])), r"image 1, person 1: id: expected 0 to 15; got 0\.5"),
        (
            release(sample.structs([{"x": [1, 2], "y": 2, "id": 1}])),
            r"point\(1\)\.x: expected one number; got \[1, 2\]",
        ),
        (release(sample.structs([{"x": "a", "y": 2, "id": 1}])), r"point\.x: expected real numbers; got text"),
        (release(1, (1, 0)), r"RELEASE\.img_train: expected 1 numbers; got 2"),
    ],
)
def test_wrong_structs_are_named(tmp_path, variables, message):
    scipy.io.savemat(tmp_path / "a.mat", variables)
    with pytest.raises(ValueError, match=rf"^mpii file .*a\.mat: .*{message}"):
        list(read_mpii(tmp_path / "a.mat"))


PERSON = {"image": "a.jpg", "joints": [[5, 6]] * 16, "joints_vis": [1] * 16}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([PERSON, {}], "element 1: expected an object with the name of its image; got an object of 0"),
        ([[1]], "element 0: expected an object with the name of its image; got a list of 1"),
        ([PERSON | {"image": "a" * 300}], "element 0: expected an object with the name of its image"),
        ([PERSON | {"joints": [[1, 2]] * 15}], r"element 0: joints: expected numbers \[16, 2\]; got int64 \[15, 2\]"),
        ([PERSON | {"joints": [[1, 2]] * 15 + [[1]]}], "joints: expected numbers .*; got lists of unequal lengths"),
        ([PERSON | {"joints": [["1", "2"]] * 16}], "joints: expected numbers .*; got <U1"),
        ([PERSON | {"joints": [[10**400, 2]] * 16}], "joints: expected numbers .*; got object"),
        ([PERSON | {"joints_vis": [[1]] * 16}], r"joints_vis: expected numbers \[16\]; got int64 \[16, 1\]"),
        ({"images": [PERSON]}, "images 0: expected a list of people; got an object"),
    ],
)
def test_wrong_entries_are_named(tmp_path, content, message):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"^mpii file .*a\.json: .*{message}"):
        list(read_mpii(tmp_path / "a.json"))


def test_entries_of_test_lists_have_no_joints(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([PERSON, {"image": "b.jpg", "scale": 1.0}]))
    (rows,) = read_mpii(tmp_path / "a.json")
    assert rows.dropped == {"people without keypoints": 1}
    assert len(rows.poses_2d) == 1


def test_a_missing_file(tmp_path):
    for name in ("a.mat", "a.json"):
        with pytest.raises(ValueError, match=rf"{name}: no such file"):
            list(read_mpii(tmp_path / name))
