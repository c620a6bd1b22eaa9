import json

import numpy as np
import pytest
from json_cases import JsonCases, joint
from samples import coco as sample

from tf_elepose.data.readers.coco import read_coco
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

CASES = JsonCases("coco", "file.json")
saved, load, problem = CASES.saved, CASES.load, CASES.problem


def test_annotations(tmp_path):
    source, options = sample.write(tmp_path)
    recording = load_source(source, H36M_17, **options)
    # Joint i of COCO stands at (x + i, 100 + 10 i): left hip 11, right hip 12, left wrist 9, right ankle 16.
    assert joint(recording, 0, "l_hip") == [211, 210] and joint(recording, 0, "r_hip") == [212, 220]
    assert joint(recording, 0, "root") == [211.5, 215]
    assert joint(recording, 0, "l_wrist") == [209, 190] and joint(recording, 0, "r_ankle") == [216, 260]
    assert joint(recording, 1, "nose") == [300, 100] and joint(recording, 2, "nose") == [400, 100]
    assert recording.clip.tolist() == ["clip"] * 3 and recording.subject.tolist() == ["person_keypoints"] * 3
    assert recording.frame.tolist() == [12, 13, 12]
    assert recording.person.tolist() == [0, 0, 1]
    assert recording.image_size.tolist() == [640, 480]
    assert recording.confidence is None and recording.visible is None
    assert recording.dropped == {"without keypoints": 1, "crowds": 1}


def test_results(tmp_path):
    source, options = sample.write_results(tmp_path)
    recording = load_source(source, H36M_17, **options)
    assert joint(recording, 0, "l_hip") == [211, 210] and joint(recording, 1, "r_wrist") == [410, 200]
    assert recording.clip.tolist() == ["results"] * 3
    assert recording.frame.tolist() == [785, 785, 139]
    assert recording.person.tolist() == [0, 1, 0]
    np.testing.assert_allclose(recording.confidence[:, 0], [0.5, 0.9, 1])
    best = load_source(source, H36M_17, people="best")
    assert best.person.tolist() == [1, 0]


def test_the_best_result_is_the_one_with_the_highest_score(tmp_path):
    results = sample.results()
    results[0]["score"] = 0.8  # Though its keypoints have lower confidences.
    assert load(saved(tmp_path, results), people="best").person.tolist() == [0, 0]


def test_an_annotation_file_names_the_images_of_results(tmp_path):
    images = saved(tmp_path, sample.annotations(), "images.json")
    recording = load(saved(tmp_path, sample.results()), images=images)
    assert recording.clip.tolist() == ["clip"] * 3 and recording.frame.tolist() == [12, 12, 13]
    content = sample.annotations()
    content["categories"][0]["keypoints"] = sample.NAMES[::-1]  # Results have no names of their own.
    recording = load(saved(tmp_path, sample.results()), images=saved(tmp_path, content, "turned.json"))
    assert joint(recording, 0, "r_ankle") == [200, 100] and joint(recording, 0, "nose") == [216, 260]
    with pytest.raises(ValueError, match="joint 0 is 'right_ankle' in the file and 'nose' in convention 'coco_17'"):
        load(saved(tmp_path, sample.results()), images=str(tmp_path / "turned.json"), convention="coco_17")
    strange = [sample.results()[0] | {"image_id": 4}]
    assert "element 0: image_id: expected the id of one of the images; got 4" in problem(
        tmp_path, strange, images=images
    )
    with pytest.raises(ValueError, match=r"COCO file of images .*none\.json: expected an annotation file with images"):
        load(saved(tmp_path, sample.results()), images=saved(tmp_path, [], "none.json"))
    assert "images is for results files" in problem(tmp_path, sample.annotations(), images=images)


def test_sections_may_come_in_any_order(tmp_path):
    content = sample.annotations()
    turned = dict(reversed(content.items()))
    assert list(turned) == ["categories", "annotations", "images", "licenses", "info"]
    one, other = load(saved(tmp_path, content)), load(saved(tmp_path, turned))
    np.testing.assert_array_equal(one.poses_2d, other.poses_2d)
    assert one.frame.tolist() == other.frame.tolist()


def test_joints_that_are_not_labelled_or_not_numbers_are_missing(tmp_path):
    content = sample.annotations()
    content["annotations"] = content["annotations"][:1]
    keypoints = content["annotations"][0]["keypoints"]
    keypoints[9 * 3 : 9 * 3 + 3] = [0, 0, 0]  # Left wrist, not labelled.
    keypoints[10 * 3 : 10 * 3 + 3] = [5, 6, 1]  # Right wrist, hidden.
    keypoints[13 * 3] = float("nan")  # Left knee.
    recording = load(saved(tmp_path, content))
    hidden = {H36M_17.joints[i] for i in np.flatnonzero(~recording.visible[0])}
    assert hidden == {"l_wrist", "l_knee"}
    assert joint(recording, 0, "r_wrist") == [5, 6]
    results = sample.results()[:1]
    results[0]["keypoints"][9 * 3 + 2] = 0
    assert load(saved(tmp_path, results)).visible[0].tolist() == [name != "l_wrist" for name in H36M_17.joints]


def test_an_unlabelled_hip_leaves_no_root(tmp_path):
    content = sample.annotations()
    content["annotations"] = content["annotations"][:1]
    content["annotations"][0]["keypoints"][11 * 3 + 2] = 0
    hidden = ~load(saved(tmp_path, content)).visible[0]
    assert {H36M_17.joints[i] for i in np.flatnonzero(hidden)} == {"l_hip", "root", "spine"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a/img_0004.jpg", "b/img_0004.png"], [("a/img", 4), ("b/img", 4)]),
        (["x/y/7.jpg", "8.jpg"], [("x/y", 7), ("file", 8)]),
        (["video1_000003_rgb.jpg", "12.5.jpg"], [("video1", 3), ("12", 5)]),
        (["a/one.jpg", "a/2.jpg"], [("a/one", 0), ("a", 2)]),
        (["a/one.jpg", "a/two.jpg"], [("file", 785), ("file", 139)]),  # No digits.
        (["a/x_1.jpg", "a/y_01.jpg"], [("a/x", 1), ("a/y", 1)]),
        (["a/1.jpg", "a/01.jpg"], [("a", 1), ("a", 0)]),  # The same number twice.
        (["99999999999.jpg", "88888888888.jpg"], [("file", 1), ("file", 0)]),  # Times.
        (["3.jpg", None], [("file", 785), ("file", 139)]),
    ],
)
def test_file_names_give_clip_and_frame_where_these_differ_for_all_images(tmp_path, names, expected):
    content = sample.annotations()
    for image, name in zip(content["images"], names, strict=True):
        image["file_name"] = name
    content["annotations"] = content["annotations"][:2]
    recording = load(saved(tmp_path, content))
    assert list(zip(recording.clip.tolist(), recording.frame.tolist(), strict=True)) == expected


def test_images_of_several_sizes_have_no_common_one(tmp_path):
    content = sample.annotations()
    content["images"][1]["width"] = 641
    assert load(saved(tmp_path, content)).image_size is None


def test_the_convention_is_that_of_the_named_keypoints(tmp_path):
    content = sample.annotations()
    crowdpose = [f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
                 for side in ("left", "right")]  # fmt: skip
    content["categories"][0]["keypoints"] = [*crowdpose, "top_head", "neck"]
    for annotation in content["annotations"]:
        del annotation["keypoints"][14 * 3 :]
    recording = load(saved(tmp_path, content))
    assert joint(recording, 0, "l_hip") == [206, 160] and joint(recording, 0, "r_elbow") == [203, 130]


def test_no_convention_is_guessed(tmp_path):
    results = sample.results()
    for result in results:
        result["keypoints"] = result["keypoints"][: 16 * 3]
    message = problem(tmp_path, results)
    assert "keypoints: 16 of them; state their convention with --option=convention=NAME, one of" in message
    assert "mpii_16" in problem(tmp_path, results)
    assert joint(load(saved(tmp_path, results), convention="mpii_16"), 0, "r_ankle") == [200, 100]
    assert "convention 'coco_17' has 17 joints; got 16" in problem(tmp_path, results, convention="coco_17")
    assert "unknown convention 'coc'" in _option_problem(tmp_path, convention="coc")
    content = sample.annotations()
    del content["categories"]  # Seventeen keypoints without names are COCO's.
    assert joint(load(saved(tmp_path, content)), 0, "l_hip") == [211, 210]


def test_keypoints_are_read_by_their_names(tmp_path):
    content = sample.annotations()
    content["categories"][0]["keypoints"] = content["categories"][0]["keypoints"][::-1]
    recording = load(saved(tmp_path, content))
    assert joint(recording, 0, "l_hip") == [205, 150] and joint(recording, 0, "nose") == [216, 260]
    message = problem(tmp_path, content, convention="coco_17")
    assert "names of keypoints: joint 0 is 'right_ankle' in the file and 'nose' in convention 'coco_17'" in message
    content["categories"][0]["keypoints"] = [f"kp_{number}" for number in range(17)]  # No names.
    assert joint(load(saved(tmp_path, content)), 0, "l_hip") == [211, 210]
    content["categories"][0]["keypoints"] = ["snout", "tail", *(f"paw {number} tip" for number in range(15))]
    assert "names of keypoints: expected names of the joints of a body" in problem(tmp_path, content)
    content["categories"][0]["keypoints"] = sample.NAMES[:16]
    assert "keypoints: expected 16, as many as the file names; got 17" in problem(tmp_path, content)


def _option_problem(tmp_path, **options) -> str:
    with pytest.raises(ValueError) as caught:
        load(saved(tmp_path, sample.results()), **options)
    return str(caught.value)


def test_categories_with_different_keypoints_need_a_convention(tmp_path):
    content = sample.annotations()
    content["categories"].append({"id": 2, "name": "horse", "keypoints": ["nose"]})
    assert "expected the same keypoints in all" in problem(tmp_path, content)


def test_parts_of_a_large_file_are_read_in_turn(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.keypoint_lists.PART", 10)
    results = [sample.results()[0] | {"image_id": i} for i in range(95)]
    parts = list(read_coco(saved(tmp_path, results)))
    assert [len(part.poses_2d) for part in parts] == [10] * 9 + [5]
    assert np.concatenate([part.frame for part in parts]).tolist() == list(range(95))
    assert parts[-1].done == 1
    assert parts[0].poses_2d.shape == (10, 17, 2) and parts[0].poses_2d.dtype == np.float32


def changed(where: str, value) -> list:
    results = sample.results()
    results[1][where] = value
    return results


def keypoint(at: int, value) -> list:
    results = sample.results()
    results[1]["keypoints"][at] = value
    return results


DAMAGED_RESULTS = [
    ([], "it holds no poses"),
    ([3], "element 0: expected an object; got 3"),
    ([{}], "element 0: image_id: expected an integer or text; got null"),
    (changed("image_id", "a"), "element 1: image_id: expected 0 to 2147483647, or --option=images=FILE with its frame"),
    (changed("image_id", True), "element 1: image_id: expected an integer or text; got True"),
    (changed("image_id", -1), "element 1: image_id: expected 0 to 2147483647"),
    (changed("image_id", 10**30), "element 1: image_id: expected an integer or text; got an integer of more than 20"),
    (changed("keypoints", 3), "element 1: keypoints: expected a list; got 3"),
    (changed("keypoints", [1.0] * 48), "element 1: keypoints: expected 51 numbers as before; got 48"),
    (changed("score", None), "element 1: score: expected one for all poses or none"),
    (changed("score", "1"), "element 1: score: expected a number; got '1'"),
    (keypoint(4, "1"), "element 1: keypoints: expected numbers; got '1' at 4"),
    (keypoint(4, [1]), "element 1: keypoints: expected numbers; got a list of 1 at 4"),
    (keypoint(4, 10**400), "element 1: keypoints: expected numbers; got an integer of more than 20 digits at 4"),
    (keypoint(4, 2e6), "element 1: keypoints: expected numbers within 1e+06 px; got 2e+06 for l_eye"),
    (keypoint(4, -1e300), "element 1: keypoints: expected numbers within 1e+06 px; got -1e+300 for l_eye"),
    (keypoint(5, float("inf")), "element 1: keypoints: expected a finite confidence; got inf for l_eye"),
    ([{"image_id": 1, "keypoints": []}], "no pose to use: 1 without keypoints"),
    ([{"image_id": 1, "keypoints": [1] * 50}], "expected x, y and confidence of each; got 50 numbers"),
]


@pytest.mark.parametrize(
    ("content", "expected"), DAMAGED_RESULTS, ids=[expected[:40] for _, expected in DAMAGED_RESULTS]
)
def test_damaged_results(tmp_path, content, expected):
    assert expected in problem(tmp_path, content)


def annotated(section: str, index: int, **fields) -> dict:
    content = sample.annotations()
    content[section][index] |= fields
    return content


DAMAGED_ANNOTATIONS = [
    ({}, "expected an annotation file with images"),
    ({"a": 1}, "expected an annotation file with images, or a list of results; holds neither"),
    (annotated("images", 1, id=785), "images 1: id: expected a different one for each image; got 785"),
    (annotated("images", 1, id=[1]), "images 1: id: expected an integer or text; got a list of 1"),
    (annotated("images", 0, width=-5), "images 0: width, height: expected width and height in pixels; got -5, 480"),
    (annotated("images", 0, file_name="a" * 300), "images 0: file_name: expected at most 256 characters; got 300"),
    (annotated("images", 0, file_name="\ud800/1.jpg"), "images 0: file_name: expected Unicode text"),
    (annotated("images", 0, file_name=5), "images 0: file_name: expected text; got 5"),
    (annotated("annotations", 1, image_id=5), "annotations 1: image_id: expected the id of one of the images; got 5"),
    (
        annotated("annotations", 1, keypoints=[1, 2, 0.5] * 17),
        "annotations 1: keypoints: expected visibility 0, 1 or 2",
    ),
    (annotated("categories", 0, keypoints="nose"), "categories 0: keypoints: expected a list of names; got 'nose'"),
    (annotated("images", 1, frame_id="x"), "images 1: frame_id: expected a number from 0; got 'x'"),
    (annotated("images", 1, frame_id=-1), "images 1: frame_id: expected a number from 0; got -1"),
    (annotated("images", 1, video_id=[1]), "images 1: video_id: expected text; got a list of 1"),
    (sample.annotations() | {"images": []}, "expected an annotation file with images"),
    (sample.annotations() | {"annotations": [None]}, "annotations 0: expected an object; got null"),
]


@pytest.mark.parametrize(
    ("content", "expected"), DAMAGED_ANNOTATIONS, ids=[expected[:40] for _, expected in DAMAGED_ANNOTATIONS]
)
def test_damaged_annotations(tmp_path, content, expected):
    assert expected in problem(tmp_path, content)


def test_files_without_any_keypoints_say_so(tmp_path):
    content = sample.annotations()
    for annotation in content["annotations"]:
        annotation.pop("keypoints")
    assert "no pose to use: 4 without keypoints; 1 crowds" in problem(tmp_path, content)


def test_a_missing_and_a_truncated_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"none\.json: no such file"):
        load(tmp_path / "none.json")
    path = tmp_path / "cut.json"
    path.write_text(json.dumps(sample.results())[:900])
    with pytest.raises(ValueError, match=r"COCO file .*cut\.json: byte 900: ends too early"):
        load(path)


@pytest.mark.parametrize("own", [{"track_id": 7}, {"attributes": {"track_id": 7}}, {"instance_id": 7}])
def test_ids_of_annotations_are_people(tmp_path, own):
    document = sample.annotations()
    document["annotations"][0] |= own
    path = tmp_path / "file.json"
    path.write_text(json.dumps(document))
    recording = load_source(f"coco:{path}", H36M_17, check="off")
    assert 7 in recording.person.tolist()


def test_track_ids_say_who_is_who_whatever_the_order(tmp_path):
    frames = [[(7, 500.0), (9, 900.0)], [(9, 902.0), (7, 502.0)], [(7, 504.0), (9, 904.0)]]
    document = sample.annotations() | {
        "images": [{"id": t, "file_name": f"clip/{t:06}.jpg", "width": 1920, "height": 1080} for t in range(3)],
        "annotations": [sample.person(t, x, track_id=own) for t in range(3) for own, x in frames[t]],
    }
    path = tmp_path / "tracks.json"
    path.write_text(json.dumps(document))
    recording = load_source(f"coco:{path}", H36M_17, check="off")
    assert recording.person.tolist() == [7, 9, 9, 7, 7, 9] and recording.identity == "person"
    nose = recording.poses_2d[:, H36M_17.index("nose"), 0]
    assert nose[recording.person == 7].tolist() == [500, 502, 504]
    one = load_source(f"coco:{path}", H36M_17, check="off", people=9)
    assert one.poses_2d[:, H36M_17.index("nose"), 0].tolist() == [900, 902, 904]
