"""Joints that a program left out, at (0, 0) or (-1, -1), are missing in every reader, even with a confidence."""

import json

import numpy as np
import pytest
import walker
from samples import openpose

from tf_elepose.data.assembly import assemble, recordings
from tf_elepose.data.readers.views import write_views
from tf_elepose.data.rows import Rows
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.conventions import get_convention
from tf_elepose.skeleton.conversion import conversion
from tf_elepose.skeleton.skeletons import H36M_17

COCO = get_convention("coco_17")
LEFT_OUT = "l_wrist", "l_ankle"
AT = [COCO.index(joint) for joint in LEFT_OUT]


def numbers(place, confidence=0.31):
    """The walker [60, 17, 3], two joints at `place`."""
    held = np.concatenate([walker.poses(), np.full((60, 17, 1), 0.93)], axis=-1)
    held[:, AT] = [*place, confidence]
    return held


def write_npz(folder, held):
    np.savez(folder / "pose.npz", keypoints=held)
    return f"npz:{folder / 'pose.npz'}", {"convention": "coco_17"}


def write_coco(folder, held):
    results = [
        {"image_id": frame, "category_id": 1, "keypoints": pose.ravel().tolist(), "score": 0.9}
        for frame, pose in enumerate(held)
    ]
    (folder / "results.json").write_text(json.dumps(results))
    return f"coco:{folder / 'results.json'}", {}


def write_csv(folder, held):
    header = ",".join(f"{joint}_{axis}" for joint in COCO.joints for axis in ("x", "y", "confidence"))
    rows = [",".join(map(repr, pose.ravel().tolist())) for pose in held]
    (folder / "pose.csv").write_text("\n".join([header, *rows]))
    return f"csv:{folder / 'pose.csv'}", {"convention": "coco_17"}


@pytest.mark.parametrize("place", [(0.0, 0.0), (-1.0, -1.0), (np.nan, np.nan), (np.inf, 3.0), (3.0, -np.inf)], ids=str)
@pytest.mark.parametrize("write", [write_npz, write_coco, write_csv])
def test_the_walker_lacks_the_joints_that_were_left_out_and_no_other(tmp_path, write, place):
    source, options = write(tmp_path, numbers(place))
    recording = load_source(source, H36M_17, check="off", **options)
    expected = conversion(COCO, H36M_17).apply(walker.poses().astype(np.float32))
    for name, joint in ((name, H36M_17.index(name)) for name in H36M_17.joints):
        assert (recording.visible[:, joint] == (name not in LEFT_OUT)).all(), name
        assert ((recording.confidence[:, joint] == 0) == (name in LEFT_OUT)).all(), name
        if name not in LEFT_OUT:
            np.testing.assert_allclose(recording.poses_2d[:, joint], expected[:, joint], atol=1e-3)


def test_missing_joints_are_nan_in_a_converted_file(tmp_path):
    source, options = write_npz(tmp_path, numbers((0.0, 0.0)))
    write_views(tmp_path / "views.npz", load_source(source, H36M_17, check="off", **options))
    with np.load(tmp_path / "views.npz") as held:
        lacks = [name in LEFT_OUT for name in H36M_17.joints]
        np.testing.assert_array_equal(
            np.isnan(held["poses_2d"]), np.broadcast_to([[n] * 2 for n in lacks], (60, 17, 2))
        )
        np.testing.assert_array_equal(held["confidence"] == 0, np.broadcast_to(lacks, (60, 17)))


def test_missing_detections_are_nan_in_a_converted_file(tmp_path):
    poses, confidence = conversion(COCO, H36M_17).apply(walker.poses().astype(np.float32)), np.ones((60, 17))
    detected = poses.copy()
    detected[:, 3], confidence[:, 5] = -1.0, 0.0
    rows = Rows(H36M_17, poses, "s", "c", np.arange(60), poses_2d_detected=detected, confidence=confidence)
    write_views(tmp_path / "views.npz", assemble([rows], H36M_17, "both"))
    with np.load(tmp_path / "views.npz") as held:
        np.testing.assert_array_equal(held["poses_2d"], poses)
        assert np.unique(np.argwhere(np.isnan(held["poses_2d_det"]))[:, 1]).tolist() == [3, 5]


def test_a_joint_made_from_one_that_was_left_out_is_missing(tmp_path):
    held = numbers((0.0, 0.0))
    held[:, COCO.index("l_hip")] = [-1.0, -1.0, 0.8]
    source, options = write_npz(tmp_path, held)
    seen = load_source(source, H36M_17, check="off", **options).visible.all(axis=0)
    lacks = {name for name, there in zip(H36M_17.joints, seen, strict=True) if not there}
    assert lacks == {"l_hip", "root", "spine", *LEFT_OUT}


def test_hips_left_out_in_every_frame_are_no_root_at_the_origin(tmp_path):
    held = numbers((0.0, 0.0))
    hips = [COCO.index("l_hip"), COCO.index("r_hip")]
    held[:, hips] = [0.0, 0.0, 0.4]
    source, options = write_npz(tmp_path, held)
    visible = load_source(source, H36M_17, check="off", **options).visible
    assert not visible[:, [H36M_17.root_index, H36M_17.index("l_hip"), H36M_17.index("r_hip")]].any()


def test_shares_of_a_picture_are_judged_before_they_are_scaled(tmp_path):
    held = np.array(openpose.keypoints(200.0)).reshape(25, 3)
    held[:, :2] /= (639, 479)
    held[4, :2], held[7, :2] = -1.0, 0.0  # Right wrist, left wrist, with their confidences.
    path = openpose.write_frame(tmp_path, "shares", 0, [openpose.person(held.ravel().tolist())])
    recording = load_source(f"openpose:{path}", H36M_17, check="off", image_size=(640, 480))
    assert recording.visible[0].tolist() == [name not in ("l_wrist", "r_wrist") for name in H36M_17.joints]


def root_centred(rows=40):
    """The walker about the middle of the hips, in Human3.6M's joints: the root is at zero."""
    poses = conversion(COCO, H36M_17).apply(walker.poses()[:rows].astype(np.float32))
    return poses - poses[:, [H36M_17.root_index]]


def rows_of(poses, first=0):
    return Rows(H36M_17, poses, "s", "c", np.arange(first, first + len(poses)))


def test_in_root_centred_poses_zero_is_a_place():
    poses = root_centred()
    poses[5, H36M_17.index("l_wrist")] = -1.0
    recording = assemble([rows_of(poses)], H36M_17, "centred")
    assert recording.visible is None
    np.testing.assert_array_equal(recording.poses_2d, poses)
    poses[7, H36M_17.index("l_wrist")] = np.nan
    assert np.argwhere(~assemble([rows_of(poses)], H36M_17, "centred").visible).tolist() == [
        [7, H36M_17.index("l_wrist")]
    ]


def test_root_centred_poses_of_coco_keep_a_joint_at_the_origin():
    poses = walker.poses().astype(np.float32)
    hips = poses[:, [COCO.index("l_hip"), COCO.index("r_hip")]].mean(axis=1, keepdims=True)
    poses = poses - hips
    poses[3, COCO.index("l_wrist")] = 0.0
    assert assemble([Rows(COCO, poses, "s", "c", np.arange(60))], H36M_17, "centred").visible is None


def test_parts_of_a_source_are_judged_as_in_one_recording():
    poses = root_centred()
    poses[20] = np.abs(poses[20])  # One-sided: doubtful alone.
    parts = [poses[:20], poses[20:21], poses[21:]]

    def rows():
        return (rows_of(part, first) for part, first in zip(parts, (0, 20, 21), strict=True))

    assert assemble(rows(), H36M_17, "centred").visible is None
    assert all(part.visible is None or part.visible.all() for part in recordings(rows(), H36M_17, "centred"))
