"""One walker in files that name pictures, videos and joints in the ways of many programs."""

import json

import numpy as np
import pytest
import walker
from samples.coco import NAMES

from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.skeletons import H36M_17

POSES = walker.poses()[:4].round(2)
COCO = CONVENTIONS["coco_17"]


def flat(pose, trust=0.9) -> list[float]:
    return np.column_stack([pose, np.full(len(pose), trust)]).ravel().tolist()


def loaded(format_name, path, content, **options):
    path.write_text(json.dumps(content))
    return load_source(f"{format_name}:{path}", H36M_17, check="off", **options)


def assert_is_the_walker(recording, joints=("l_shoulder", "r_shoulder", "l_wrist", "r_hip", "l_knee", "r_ankle")):
    """Row t is frame t of the walker."""
    for joint in joints:
        found = recording.poses_2d[:, H36M_17.index(joint)]
        np.testing.assert_allclose(found, POSES[: len(found), COCO.index(joint)], atol=1e-3, err_msg=joint)


def places(recording) -> list[tuple[str, int]]:
    return list(zip(recording.clip.tolist(), recording.frame.tolist(), strict=True))


WALK = [("walk", frame) for frame in range(4)]

IMAGE_IDS = {
    "stems": ([f"walk_{t:06d}" for t in range(4)], WALK),  # Ultralytics.
    "names": ([f"walk_{t:06d}.jpg" for t in range(4)], WALK),
    "paths": ([f"/home/me/walk_{t}.jpg" for t in range(4)], [("home/me/walk", t) for t in range(4)]),
    "digits as text": (["000120", "000121", "000123", "000124"], [("r", t) for t in (120, 121, 123, 124)]),
    "whole numbers with a point": ([5.0, 6.0, 7.0, 9.0], [("r", t) for t in (5, 6, 7, 9)]),
    "two videos": (["a_1", "a_2", "b_1", "b_2"], [("a", 1), ("a", 2), ("b", 1), ("b", 2)]),
    "numbers, then text": ([3, 4, "walk_000001", "walk_000002"], [("r", 3), ("r", 4), ("walk", 1), ("walk", 2)]),
    "no digits": (["one", "two", "three", "four"], [("r", t) for t in range(4)]),
    "milliseconds": ([1700000000000 + 40 * t for t in range(4)], [("r", t) for t in range(4)]),
    "Roboflow": ([f"walk_mp4-{t:04d}_jpg.rf.{7 * t:x}c0ffee{t}.jpg" for t in range(4)],
                 [("walk_mp4", t) for t in range(4)]),
}  # fmt: skip


@pytest.mark.parametrize(("ids", "expected"), IMAGE_IDS.values(), ids=IMAGE_IDS)
def test_image_ids_of_results(tmp_path, ids, expected):
    results = [
        {"image_id": image, "category_id": 1, "keypoints": flat(pose), "score": 0.9}
        for image, pose in zip(ids, POSES, strict=True)
    ]
    recording = loaded("coco", tmp_path / "r.json", results)
    assert places(recording) == expected
    assert_is_the_walker(recording)
    annotations = {
        "images": [{"id": image} for image in ids],
        "annotations": [result | {"keypoints": flat(pose, 2)} for result, pose in zip(results, POSES, strict=True)],
    }
    recording = loaded("coco", tmp_path / "r.json", annotations)
    assert places(recording) == expected
    assert_is_the_walker(recording)


def test_results_with_fields(tmp_path):
    results = [{"image_id": 7 + t, "category_id": 1, "keypoints": flat(pose)} for t, pose in enumerate(POSES)]
    named = [result | {"file_name": f"walk_{t:06d}.jpg"} for t, result in enumerate(results)]
    assert places(loaded("coco", tmp_path / "r.json", named)) == WALK
    fields = [result | {"video_id": 1 + t // 2, "frame_id": t % 2} for t, result in enumerate(results)]
    assert places(loaded("coco", tmp_path / "r.json", fields)) == [("1", 0), ("1", 1), ("2", 0), ("2", 1)]


IMAGES = {
    "two videos in a folder": ([{"file_name": f"vid{name}_{t:06d}.jpg"} for name in "AB" for t in (1, 2)],
                               [("vidA", 1), ("vidA", 2), ("vidB", 1), ("vidB", 2)]),
    "CocoVID": ([{"file_name": f"frame{t % 2:06d}.png", "video_id": 1 + t // 2, "frame_id": t % 2} for t in range(4)],
                [("vidA", 0), ("vidA", 1), ("vidB", 0), ("vidB", 1)]),
    "PoseTrack": ([{"file_name": f"images/val/01_mpii/{t:06d}.jpg", "vid_id": "01", "frame_id": 1000010000 * 100 + t}
                   for t in range(4)], [("01", t) for t in range(4)]),
    "Roboflow": ([{"file_name": f"walk_{t:04d}_jpg.rf.{11 ** (t + 5):x}.jpg"} for t in range(4)], WALK),
    "frame_index": ([{"file_name": "walk.mp4", "frame_index": t} for t in range(4)], WALK),
    "seconds": ([{"frame_id": t / 25, "video_id": "walk"} for t in range(4)], WALK),
}  # fmt: skip


@pytest.mark.parametrize(("images", "expected"), IMAGES.values(), ids=IMAGES)
def test_images_of_annotations(tmp_path, images, expected):
    content = {
        "videos": [{"id": 1, "name": "vidA"}, {"id": 2, "name": "vidB"}],
        "images": [{"id": 50 - t} | image for t, image in enumerate(images)],
        "annotations": [{"image_id": 50 - t, "keypoints": flat(pose, 2)} for t, pose in enumerate(POSES)],
    }
    recording = loaded("coco", tmp_path / "person.json", content)
    assert places(recording) == expected
    assert_is_the_walker(recording)


FILES = {
    "OpenPose": ("walk_{:012d}_keypoints.json", "walk"),
    "OpenPose on pictures": ("walk{:04d}_keypoints.json", "walk"),
    "Pose2Sim": ("walk_{:06d}.json", "walk"),
    "dots": ("cam01.{:04d}.json", "cam01"),
    "hyphen": ("walk-{:04d}.json", "walk"),
    "copies": ("walk ({}).json", "walk"),
    "below": ("day 2/walk_{:06d}.json", "day 2/walk"),
    "numbers": ("{:06d}.json", "json_folder"),
    "time": ("walk_20240115_12304{}.json", "walk"),
    "packed name": ("walk_{:04d}.png.json", "walk"),
}


@pytest.mark.parametrize(("name", "clip"), FILES.values(), ids=FILES)
def test_openpose_layout_under_any_name(tmp_path, name, clip, caplog):
    folder = tmp_path / "json_folder"
    halpe = CONVENTIONS["halpe_26"].joints
    for t, pose in enumerate(POSES):
        body = np.concatenate([pose, np.full((len(halpe) - 17, 2), 5.0)])
        body[halpe.index("root")] = pose[11:13].mean(axis=0)
        content = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": flat(body)}]}
        file = folder / name.format(t)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    recording = load_source(f"openpose:{folder}", H36M_17, check="off")
    assert places(recording) == [(clip, t) for t in range(4)]
    assert_is_the_walker(recording, ("l_shoulder", "r_hip", "l_wrist", "r_ankle"))
    assert not caplog.text
    (folder / "Config.json").write_text('{"fps": 25}')
    assert len(load_source(f"openpose:{folder}", H36M_17, check="off")) == 4
    assert "1 other .json files are left out ('Config.json')" in caplog.text


def test_pictures_that_are_clips_of_their_own_are_told(tmp_path, caplog):
    for t, pose in enumerate(POSES):
        people = [{"pose_keypoints_2d": flat(np.concatenate([pose, np.ones((1, 2))]))}]
        (tmp_path / f"walk_{t}_rgb1.json").write_text(json.dumps({"people": people}))
    assert len(set(load_source(f"openpose:{tmp_path}", H36M_17, check="off").clip)) == 4
    assert "each of its 4 clips has one frame (walk_0_rgb, walk_1_rgb, walk_2_rgb, ...); if this is one" in caplog.text


def mirrored(name: str) -> str:
    return name.replace("left", "@").replace("right", "left").replace("@", "right")


def camel(name: str) -> str:
    side, _, part = name.partition("_")
    return f"{side[0].upper()}{part.capitalize()}" if part else name.capitalize()


RIGHT_FIRST = [mirrored(name) for name in NAMES]
SIDES = ("left", "right")
JOINT_LISTS = {
    "coco": NAMES, "right first": RIGHT_FIRST, "from the feet up": NAMES[::-1],
    "camel": [camel(name) for name in NAMES], "words": [name.replace("_", " ").title() for name in NAMES],
    "short": [name.replace("left_", "l").replace("right_", "r") for name in NAMES],
    "body12": NAMES[5:], "with a neck": [*NAMES, "neck"], "neck first": ["neck", *RIGHT_FIRST],
    "posetrack18": ["nose", "head_bottom", "head_top", *NAMES[3:]], "with strangers": ["bag", *NAMES, "ball"],
    "whole body": [*NAMES, *(f"{side}_{part}" for side in SIDES for part in ("big_toe", "small_toe", "heel")),
                   *(f"face-{n}" for n in range(68)), *(f"{side}_hand_{n}" for side in SIDES for n in range(21))],
}  # fmt: skip


def spot(name: str, pose: np.ndarray) -> np.ndarray:
    """The places of the walker's joint that a list calls `name`."""
    plain = {camel(n): n for n in NAMES} | {n.replace("_", " ").title(): n for n in NAMES}
    plain |= {n.replace("left_", "l").replace("right_", "r"): n for n in NAMES}
    name = plain.get(name, name)
    if name in NAMES:
        return pose[NAMES.index(name)]
    shoulders = pose[5:7].mean(axis=0)
    return {"neck": shoulders, "head_bottom": shoulders - (0, 10), "head_top": pose[0] - (0, 30)}.get(name, np.ones(2))


@pytest.mark.parametrize("names", JOINT_LISTS.values(), ids=JOINT_LISTS)
def test_joints_are_read_by_name(tmp_path, names):
    poses = [np.array([spot(name, pose) for name in names]) for pose in POSES]
    annotations = {
        "images": [{"id": t, "file_name": f"walk_{t}.jpg"} for t in range(4)],
        "annotations": [{"image_id": t, "category_id": 1, "keypoints": flat(pose, 2)} for t, pose in enumerate(poses)],
        "categories": [{"id": 1, "name": "person", "keypoints": names}],
    }
    frames = [
        {"frame_id": t, "instances": [{"keypoints": pose.tolist(), "keypoint_scores": [0.9] * len(names)}]}
        for t, pose in enumerate(poses)
    ]
    meta = {"dataset_name": "mine", "keypoint_id2name": {str(i): name for i, name in enumerate(names)}}
    for recording in (
        loaded("coco", tmp_path / "a.json", annotations),
        loaded("mmpose", tmp_path / "walk.json", {"meta_info": meta, "instance_info": frames}),
    ):
        assert places(recording) == WALK
        assert_is_the_walker(recording)
        head = recording.poses_2d[:, H36M_17.index("head")]
        if "head_top" in names:
            np.testing.assert_allclose(head, POSES[:, 0] - (0, 30), atol=1e-3)
        elif len(names) == 12:
            assert not recording.visible[:, H36M_17.index("head")].any()
        else:
            np.testing.assert_allclose(head, POSES[:, 1:3].mean(axis=1), atol=1e-2)


@pytest.mark.parametrize("names", [RIGHT_FIRST, JOINT_LISTS["posetrack18"], JOINT_LISTS["body12"]])
def test_a_convention_that_the_names_contradict_is_refused_and_never_offered(tmp_path, names):
    content = {
        "images": [{"id": 0}],
        "annotations": [{"image_id": 0, "keypoints": [1] * 3 * len(names)}],
        "categories": [{"keypoints": names}],
    }
    with pytest.raises(ValueError, match="'coco_17'") as caught:
        loaded("coco", tmp_path / "a.json", content, convention="coco_17")
    assert "candidates" not in str(caught.value) and "one of" not in str(caught.value)


def nearest(joint: str) -> str:
    """COCO's joint nearest to a `joint` of feet or head."""
    return joint if joint in COCO.joints else "nose" if joint == "head" else f"{joint[:2]}ankle"


@pytest.mark.parametrize(("length", "name"), [(133, "coco_17"), (136, "halpe_26"), (135, "body_25")])
@pytest.mark.parametrize("stated", [False, True])
def test_whole_bodies_are_cut_to_the_body(tmp_path, length, name, stated):
    joints, options = CONVENTIONS[name].joints, {"convention": name} if stated else {}
    poses = np.full((4, length, 2), 7.0)
    middles = {"neck": POSES[:, 5:7].mean(axis=1), "root": POSES[:, 11:13].mean(axis=1)}
    for place, joint in enumerate(joints):
        poses[:, place] = middles[joint] if joint in middles else POSES[:, COCO.index(nearest(joint))]
    results = [{"image_id": f"walk_{t}.jpg", "keypoints": flat(pose), "score": 1.0} for t, pose in enumerate(poses)]
    assert_is_the_walker(loaded("coco", tmp_path / "r.json", results, **options))
    assert_is_the_walker(loaded("alphapose", tmp_path / "r.json", results, **options))
    frames = [
        {"frame_id": t, "instances": [{"keypoints": pose.tolist(), "keypoint_scores": [0.9] * length}]}
        for t, pose in enumerate(poses)
    ]
    assert_is_the_walker(loaded("mmpose", tmp_path / "r.json", frames, **options))
    for t, pose in enumerate(poses):
        people = {"people": [{"pose_keypoints_2d": flat(pose)}]}
        (tmp_path / "walk").mkdir(exist_ok=True)
        (tmp_path / "walk" / f"walk_{t}_keypoints.json").write_text(json.dumps(people))
    assert_is_the_walker(load_source(f"openpose:{tmp_path / 'walk'}", H36M_17, check="off", **options))


def test_people_without_keypoints_are_counted_in_every_format(tmp_path):
    pose, nobody = flat(POSES[0]), [[], None]
    results = [{"image_id": 1, "keypoints": keypoints} for keypoints in (pose, *nobody)]
    annotations = {
        "images": [{"id": 1}],
        "annotations": [r | {"keypoints": k} for r, k in zip(results, (flat(POSES[0], 2), *nobody), strict=True)],
    }
    people = {
        "version": 1.3,
        "people": [{"pose_keypoints_2d": keypoints} for keypoints in (*nobody, pose + [0.0] * 24)],
    }
    instances = [
        {"keypoints": POSES[0].tolist(), "keypoint_scores": [1] * 17},
        *({"keypoints": k, "keypoint_scores": k} for k in nobody),
    ]
    for format_name, content, options in (
        ("coco", results, {}), ("coco", annotations, {}), ("alphapose", results, {}), ("openpose", people, {}),
        ("mmpose", [{"frame_id": 1, "instances": instances}], {"convention": "coco_17"}),
    ):  # fmt: skip
        recording = loaded(format_name, tmp_path / "a_1.json", content, **options)
        assert len(recording) == 1 and recording.dropped == {"without keypoints": 2}, format_name
