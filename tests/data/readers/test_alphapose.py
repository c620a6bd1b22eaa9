import numpy as np
import pytest
from json_cases import JsonCases, joint
from samples import alphapose as sample

from tf_elepose.data.readers.alphapose import read_alphapose
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

CASES = JsonCases("alphapose", "alphapose-results.json")
saved, load, problem = CASES.saved, CASES.load, CASES.problem


def test_halpe_26(tmp_path):
    source, options = sample.write(tmp_path)
    recording = load_source(source, H36M_17, **options)
    # Joint i stands at (x + i, 100 + 10 i): left first; head 17, neck 18, hip 19.
    assert joint(recording, 0, "root") == [219, 290] and joint(recording, 0, "thorax") == [218, 280]
    assert joint(recording, 0, "head") == [217, 270] and joint(recording, 0, "spine") == [218.5, 285]
    assert joint(recording, 0, "l_hip") == [211, 210] and joint(recording, 0, "r_hip") == [212, 220]
    assert joint(recording, 1, "nose") == [400, 100] and joint(recording, 2, "nose") == [410, 100]
    # Nobody in frame 1, which is not in the file.
    assert recording.frame.tolist() == [0, 0, 2]
    assert recording.person.tolist() == [4, 2, 2]
    assert recording.clip.tolist() == ["alphapose-results"] * 3
    np.testing.assert_allclose(recording.confidence, 0.5)


@pytest.mark.parametrize(("joints", "root"), [(17, [211.5, 215]), (26, [219, 290]), (136, [219, 290])])
def test_the_number_of_keypoints_decides_the_convention(tmp_path, joints, root):
    recording = load(saved(tmp_path, [sample.person("1.jpg", 200.0, joints)]))
    assert joint(recording, 0, "root") == root and joint(recording, 0, "l_hip") == [211, 210]
    if joints == 136:
        stated = load(saved(tmp_path, [sample.person("1.jpg", 200.0, joints)]), convention="halpe_26")
        np.testing.assert_array_equal(stated.poses_2d, recording.poses_2d)


def test_other_numbers_of_keypoints_need_a_convention(tmp_path):
    people = [sample.person("1.jpg", 200.0, 16)]
    assert "keypoints: 16 of them; state their convention with --option=convention=NAME, one of" in problem(
        tmp_path, people
    )
    assert joint(load(saved(tmp_path, people), convention="mpii_16"), 0, "root") == [206, 160]
    assert "convention 'coco_17' has 17 joints; got 16" in problem(tmp_path, people, convention="coco_17")


@pytest.mark.parametrize(("group", "joints"), [("bodies", "joints"), ("people", "pose_keypoints_2d")])
def test_the_forms_of_cmu_and_openpose(tmp_path, group, joints):
    def image(*xs):
        return {"version": "AlphaPose v0.3", group: [{joints: sample.keypoints(x, 18)} for x in xs]}

    recording = load(saved(tmp_path, {"3.jpg": image(200.0, 300.0), "5.jpg": image(), "12.jpg": image(210.0)}))
    # OpenPose's COCO order: right first.
    assert joint(recording, 0, "r_hip") == [208, 180] and joint(recording, 0, "l_hip") == [211, 210]
    assert recording.frame.tolist() == [3, 3, 12] and recording.person.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("images", "clips", "frames"),
    [
        (["frame_000007.png", "frame_000005.png"], ["frame"] * 2, [7, 5]),
        (["vidA_000001.jpg", "vidB_000001.jpg"], ["vidA", "vidB"], [1, 1]),
        (["000007.png", "000005.png"], ["alphapose-results"] * 2, [7, 5]),
        (["1700000000.250000.png", "1700000000.125000.png"], ["alphapose-results"] * 2, [1, 0]),  # Times.
        (["a/1.jpg", "b\\1.jpg"], ["a", "b"], [1, 1]),
        ([12, 14], ["alphapose-results"] * 2, [12, 14]),
        (["kitchen.jpg", "garden.jpg"], ["alphapose-results"] * 2, [0, 1]),  # In the order of appearance.
        (["kitchen.jpg", "4.jpg"], ["kitchen", "alphapose-results"], [0, 4]),
        (["x1.jpg", "y1.jpg"], ["x", "y"], [1, 1]),
    ],
)
def test_image_names_give_the_frames(tmp_path, images, clips, frames):
    recording = load(saved(tmp_path, [sample.person(image, 200.0) for image in images]))
    assert recording.clip.tolist() == clips and recording.frame.tolist() == frames


def test_idx_without_tracking_is_not_used_as_person(tmp_path):
    # Without tracking, some versions write idx 0 for everybody, others none.
    same = [sample.person("1.jpg", 200.0, idx=0), sample.person("1.jpg", 300.0, idx=0)]
    assert load(saved(tmp_path, same)).person.tolist() == [0, 1]
    some = [sample.person("1.jpg", 200.0, idx=5), sample.person("2.jpg", 3000.0)]
    assert load(saved(tmp_path, some)).person.tolist() == [5, 1_000_000]
    assert load(saved(tmp_path, [sample.person("1.jpg", 200.0, idx=[])])).person.tolist() == [0]


def test_confidences_above_one_are_kept_and_joints_with_0_are_missing(tmp_path):
    person = sample.person("1.jpg", 200.0)
    person["keypoints"][2::3] = [6.0] * 26
    person["keypoints"][9 * 3 + 2] = 0.0
    recording = load(saved(tmp_path, [person]))
    assert recording.visible[0].tolist() == [name != "l_wrist" for name in H36M_17.joints]
    assert recording.confidence.max() == 6


def test_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.keypoint_lists.PART", 2)
    path = saved(tmp_path, [sample.person(f"{i}.jpg", 200.0) for i in range(5)])
    assert [part.frame.tolist() for part in read_alphapose(path)] == [[0, 1], [2, 3], [4]]


DAMAGED = [
    ([], "it holds no poses"),
    ([3], "element 0: expected an object; got 3"),
    ([{}], "element 0: image_id: expected text; got null"),
    ([{"image_id": "1.jpg"}], "no pose to use: 1 without keypoints"),
    ([sample.person(-3, 1.0)], "element 0: image_id: expected an integer from 0"),
    ([sample.person("1.jpg", 1.0, idx="a")], "element 0: idx: expected an integer from 0 to 2147483647; got 'a'"),
    ([sample.person("1.jpg", 1.0, idx=[[0.5]])], "element 0: idx: expected an integer from 0"),
    ([sample.person("1.jpg", 1.0, score=[1])], "element 0: score: expected a number; got a list of 1"),
    ([sample.person("1.jpg", 1.0), sample.person("1.jpg", 1.0, 17)], "element 1: keypoints: expected 78 numbers"),
    (
        [sample.person("1.jpg", 2e6)],
        "element 0: keypoints: expected numbers within 1e+06 px; got 2e+06 for nose",
    ),
    ({"1.jpg": 3}, "1.jpg: expected an object; got 3"),
    ({"1.jpg": {}}, "1.jpg: expected a list of bodies or people; got an object of 0"),
    ({"1.jpg": {"people": [3]}}, "1.jpg: people: expected objects; got 3"),
    ({"1.jpg": {"people": [{"joints": []}]}}, "no pose to use: 1 without keypoints"),
    ({"": {"people": [{"pose_keypoints_2d": []}]}}, "image: expected text; got ''"),
]


@pytest.mark.parametrize(("content", "expected"), DAMAGED, ids=[expected for _, expected in DAMAGED])
def test_damaged_files(tmp_path, content, expected):
    assert expected in problem(tmp_path, content)
