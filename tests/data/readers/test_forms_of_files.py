"""The same walker is read from all forms that users and versions of programs write: null, nested lists, other keys."""

import itertools
import json

import numpy as np
import pytest
import walker

from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.skeletons import H36M_17

POSES = walker.poses()[:4].round(2)
COCO, MEDIAPIPE = CONVENTIONS["coco_17"], CONVENTIONS["mediapipe_33"]
NAMES = [name.replace("l_", "left_").replace("r_", "right_") for name in COCO.joints]
RIGHT_FIRST = [0, *(place for left in range(1, 17, 2) for place in (left + 1, left))]
SIZE = {"image_size": [1920, 1080]}


def loaded(format_name, path, content, **options):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return load_source(f"{format_name}:{path}", H36M_17, check="off", **options)


def assert_is_the_walker(recording, frames=(0, 1, 2, 3), missing=()):
    assert recording.frame.tolist() == list(frames) and len(set(recording.clip.tolist())) == 1
    for joint in ("l_shoulder", "r_shoulder", "l_wrist", "r_hip", "l_knee", "r_ankle"):
        found = recording.poses_2d[:, H36M_17.index(joint)]
        if joint in missing:
            assert not recording.visible[:, H36M_17.index(joint)].any()
        else:
            np.testing.assert_allclose(found, POSES[:, COCO.index(joint)], atol=0.01, err_msg=joint)


def flat(lists):
    return list(itertools.chain.from_iterable(lists))


def points(pose, trust=0.9):
    return [[x, y, trust] for x, y in pose.tolist()]


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("format_name", ["coco", "alphapose"])
def test_lists_of_keypoints(tmp_path, format_name, nested):
    content = []
    for frame, pose in enumerate(POSES):
        keypoints = points(pose)
        keypoints[COCO.index("l_wrist")] = [None, None, None]
        keypoints = keypoints if nested else flat(keypoints)
        content.append({"image_id": f"walk_{frame}.jpg", "category_id": 1, "keypoints": keypoints, "idx": "3"})
    assert_is_the_walker(loaded(format_name, tmp_path / "r.json", content), missing=["l_wrist"])


def test_null_in_labels(tmp_path):
    keypoints = flat(points(POSES[0], 2))
    keypoints[27:30] = [None, None, None]
    content = {"images": [{"id": 4}], "annotations": [{"image_id": 4, "keypoints": keypoints}]}
    recording = loaded("coco", tmp_path / "r.json", content)
    assert not recording.visible[0, H36M_17.index("l_wrist")] and recording.visible[0].sum() == 16


def test_image_ids_that_are_fractions_as_text(tmp_path):
    content = [{"image_id": f"{t + 9}.0", "keypoints": flat(points(pose))} for t, pose in enumerate(POSES)]
    recording = loaded("coco", tmp_path / "walk.json", content)
    assert_is_the_walker(recording, frames=[9, 10, 11, 12])
    assert set(recording.clip.tolist()) == {"walk"}


def mmpose_frames(order):
    return [
        {"frame_id": frame, "instances": [{"keypoints": pose[order].tolist(), "keypoint_scores": [0.9] * 17}]}
        for frame, pose in enumerate(POSES)
    ]


@pytest.mark.parametrize(
    "meta",
    [
        {"keypoint_name2id": {NAMES[joint]: place for place, joint in enumerate(RIGHT_FIRST)}},
        {"keypoint_id2name": [NAMES[joint] for joint in RIGHT_FIRST]},
        {"keypoint_names": [NAMES[joint] for joint in RIGHT_FIRST]},
    ],
)
def test_names_in_meta_info(tmp_path, meta):
    content = {"meta_info": {"dataset_name": "coco"} | meta, "instance_info": mmpose_frames(RIGHT_FIRST)}
    assert_is_the_walker(loaded("mmpose", tmp_path / "r.json", content))


def test_mmpose_pictures_with_meta_info(tmp_path):
    names = {str(place): name for place, name in enumerate(NAMES)}
    for frame in mmpose_frames(range(17)):
        content = {"meta_info": {"keypoint_id2name": names}, "instance_info": frame["instances"]}
        (tmp_path / f"results_walk_{frame['frame_id']:03d}.json").write_text(json.dumps(content))
    (tmp_path / "results_walk_004.json").write_text(json.dumps({"meta_info": {}, "instance_info": []}))
    recording = load_source(f"mmpose:{tmp_path}", H36M_17, check="off")
    assert_is_the_walker(recording)
    assert set(recording.clip.tolist()) == {"results_walk"} and recording.dropped == {"frames without people": 1}


def test_openpifpaf_as_one_list(tmp_path):
    frames = [{"frame": t, "predictions": [{"keypoints": flat(points(pose))}]} for t, pose in enumerate(POSES)]
    assert_is_the_walker(loaded("openpifpaf", tmp_path / "walk.json", frames))


def landmarks(pose):
    """The walker as MediaPipe's 33 {"x", "y", "z", "visibility"}."""
    places = np.tile(pose[0], (33, 1))
    for joint in COCO.joints:
        places[MEDIAPIPE.index(joint)] = pose[COCO.index(joint)]
    return [{"x": x / 1920, "y": y / 1080, "z": 0.1, "visibility": 0.9} for x, y in places.tolist()]


def numbers(pose, count):
    return [list(point.values())[:count] + [0.9] * (count - 4) for point in landmarks(pose)]


def named(pose, spelled):
    return {spelled(name): point for name, point in zip(MEDIAPIPE.joints, landmarks(pose), strict=True)}


FRAMES = {
    "x, y": lambda t, pose: numbers(pose, 2),
    "x, y, z": lambda t, pose: [numbers(pose, 3)],
    "x, y, z, visibility": lambda t, pose: numbers(pose, 4),
    "with presence": lambda t, pose: {"landmarks": [numbers(pose, 5)]},
    "by names": lambda t, pose: named(pose, lambda name: name.replace("l_", "left_").upper()),
    "by MediaPipe's names": lambda t, pose: named(pose, lambda name: f"PoseLandmark.{name}"),
    "lists by names": lambda t, pose: dict(zip(MEDIAPIPE.joints, numbers(pose, 4), strict=True)),
    "numbered, in another order": lambda t, pose: [
        {"id": place} | point for place, point in enumerate(landmarks(pose))
    ][::-1],
    "people with ids": lambda t, pose: [{"id": 3, "landmarks": landmarks(pose)}],
}


@pytest.mark.parametrize("form", FRAMES.values(), ids=FRAMES)
def test_mediapipe(tmp_path, form):
    frames = [form(t, pose) for t, pose in enumerate(POSES)]
    assert_is_the_walker(loaded("mediapipe", tmp_path / "walk.json", frames, **SIZE))


@pytest.mark.parametrize("key", ["frame", "frame_index", "frameNumber"])
def test_mediapipe_with_numbers_of_frames_and_sizes(tmp_path, key):
    frames = [{key: 2 * t, "landmarks": landmarks(pose)} for t, pose in enumerate(POSES)]
    content = {"width": 1920, "height": 1080, "fps": 30, "frames": frames}
    assert_is_the_walker(loaded("mediapipe", tmp_path / "walk.json", content), frames=[0, 2, 4, 6])


@pytest.mark.parametrize("format_name", ["mediapipe", "tfjs"])
def test_null_in_landmarks(tmp_path, format_name):
    content = []
    for pose in POSES:
        people = landmarks(pose)
        people[MEDIAPIPE.index("l_wrist")] |= {"x": None, "y": None}
        scored = [{"name": name, "score": 0.9} | point for name, point in zip(MEDIAPIPE.joints, people, strict=True)]
        content.append([people] if format_name == "mediapipe" else [{"keypoints": scored}])
    assert_is_the_walker(loaded(format_name, tmp_path / "walk.json", content, **SIZE), missing=["l_wrist"])


def test_arrays_with_other_usual_names(tmp_path):
    order = RIGHT_FIRST
    both = np.concatenate([POSES[:, order], POSES[:, order] + 300])
    labels = {"frame_id": np.tile(np.arange(5, 9), 2), "track_id": np.repeat([3, 1], 4), "video": np.array(["v"] * 8)}
    names = np.array([NAMES[joint] for joint in order])
    np.savez(tmp_path / "walk.npz", keypoints=both, joint_names=names, **labels)
    recording = load_source(f"npz:{tmp_path / 'walk.npz'}", H36M_17, check="off")
    assert recording.person.tolist() == [3] * 4 + [1] * 4 and set(recording.clip.tolist()) == {"v"}
    assert_is_the_walker(recording.select(np.arange(4)), frames=[5, 6, 7, 8])
    with pytest.raises(ValueError, match="joint_names: joint 1 is 'right_eye' in the file and 'l_eye' in convention"):
        load_source(f"npz:{tmp_path / 'walk.npz'}", H36M_17, convention="coco_17")


def test_an_array_of_another_kind_is_no_label(tmp_path, caplog):
    np.savez(tmp_path / "walk.npz", keypoints=POSES, frames=np.zeros((4, 2, 2)), names=np.array(["a", "b"]))
    recording = load_source(f"npz:{tmp_path / 'walk.npz'}", H36M_17, check="off", convention="coco_17")
    assert_is_the_walker(recording)
    assert "not read: frames, names" in caplog.text
