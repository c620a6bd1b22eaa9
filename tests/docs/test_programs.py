"""Every line of data.md's table "I have ... from ..." is tried: its files are written, and its SOURCE is read."""

import gzip
import json
import pathlib
import re
import shlex
from collections.abc import Callable

import numpy as np
import pytest
import walker
from samples import (
    alphapose,
    coco,
    deeplabcut,
    mmpose,
    movenet,
    openpifpaf,
    openpose,
    sleap,
    tfjs,
    videopose3d,
    vitpose,
    yolo,
)

from tf_elepose.cli.source_flags import parse_options
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.conversion import conversion
from tf_elepose.skeleton.skeletons import H36M_17

DATA = pathlib.Path(__file__).resolve().parents[2] / "docs" / "data.md"

POSES = walker.poses()[1:6]
"""The poses that every writer below writes: five frames of one person."""


def lines() -> list[tuple[str, str]]:
    """Returns (file, SOURCE with its options) of each line of the table."""
    section = DATA.read_text("utf-8").split("## I have ... from ...")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in row.strip("|").split(" | ")] for row in section.splitlines() if row.startswith("|")
    ]
    return [(row[0].strip("| "), re.findall(r"`([^`]*)`", row[-1])[0]) for row in rows[2:]]


def yolo_labels(folder: pathlib.Path) -> None:
    shares = POSES / (walker.WIDTH, walker.HEIGHT) * (yolo.WIDTH, yolo.HEIGHT)
    yolo.write_frames(folder / "labels", {f"walk_{t + 1}": [yolo.line(pose)] for t, pose in enumerate(shares)})


def ultralytics_results(folder: pathlib.Path) -> None:
    (folder / "results").mkdir()
    for t, pose in enumerate(POSES):
        keypoints = {"x": pose[:, 0].tolist(), "y": pose[:, 1].tolist(), "visible": [0.9] * 17}
        person = {"name": "person", "class": 0, "confidence": 0.9, "box": {}, "keypoints": keypoints}
        (folder / "results" / f"walk_{t + 1}.json").write_text(json.dumps([person]))


def openpifpaf_people(pose: np.ndarray) -> list[dict]:
    return [openpifpaf.person(0.0, keypoints=np.column_stack([pose, np.full(17, 0.9)]).ravel().tolist())]


def openpifpaf_pictures(folder: pathlib.Path) -> None:
    pictures = {f"walk_{t + 1:04d}.jpg": openpifpaf_people(pose) for t, pose in enumerate(POSES)}
    openpifpaf.write_pictures(folder / "out", pictures)


def openpifpaf_video(folder: pathlib.Path) -> None:
    frames = {t + 1: openpifpaf_people(pose) for t, pose in enumerate(POSES)}
    openpifpaf.write_video(folder / "walk.mp4.openpifpaf.json", frames)


def vitpose_file(folder: pathlib.Path) -> None:
    frames = [{"0": [[y, x, 0.9] for x, y in pose.tolist()]} for pose in POSES]
    (folder / "walk_result.json").write_text(json.dumps(vitpose.content(frames)))


def tfjs_file(folder: pathlib.Path) -> None:
    (folder / "poses.json").write_text(json.dumps([[tfjs.pose(pose)] for pose in POSES]))


def in_h36m_17(poses: np.ndarray) -> np.ndarray:
    return conversion(CONVENTIONS["coco_17"], H36M_17).apply(poses)


def custom_videos(folder: pathlib.Path) -> None:
    videopose3d.write_custom(folder / "data_2d_custom_myvideos.npz", {"walk.mp4": POSES})


def detections_of_a_video(folder: pathlib.Path) -> None:
    trusted = np.concatenate([POSES, np.full((len(POSES), 17, 1), 0.9)], axis=-1)[:, np.newaxis]
    videopose3d.write_detections(folder / "walk.mp4.npz", list(trusted), [[0.9]] * len(POSES))


def mmpose_pictures(folder: pathlib.Path) -> None:
    (folder / "predictions").mkdir()
    for t, pose in enumerate(POSES):
        people = [mmpose.instance(0.0) | {"keypoints": pose.tolist()}]
        (folder / "predictions" / f"{t:06d}.json").write_text(json.dumps(people))


def movenet_arrays(folder: pathlib.Path) -> None:
    np.savez(folder / "walk.npz", keypoints=movenet.output(POSES, (walker.WIDTH, walker.HEIGHT)))


def deeplabcut_table(folder: pathlib.Path) -> None:
    file = folder / f"walk{deeplabcut.NETWORK}.csv"
    deeplabcut.write_table(file, {"": deeplabcut.trusted(POSES)})


def sleap_table(folder: pathlib.Path) -> None:
    rows = [("track_0", frame, pose) for frame, pose in enumerate(deeplabcut.trusted(POSES))]
    sleap.write_table(folder / "walk.analysis.csv", rows)


def table_of_names(folder: pathlib.Path) -> None:
    header = [f"{name}_{axis}" for name in coco.NAMES for axis in ("x", "y", "score")]
    rows = [map(str, pose.ravel().tolist()) for pose in deeplabcut.trusted(POSES)]
    (folder / "poses.csv").write_text("\n".join(",".join(cells) for cells in (header, *rows)))


def coco_results() -> list[dict]:
    flat = deeplabcut.trusted(POSES).reshape(len(POSES), -1).tolist()
    return [{"image_id": t, "category_id": 1, "keypoints": pose, "score": 0.9} for t, pose in enumerate(flat)]


def json_lines(folder: pathlib.Path) -> None:
    (folder / "results.jsonl").write_text("".join(json.dumps(result) + "\n" for result in coco_results()))


def packed_results(folder: pathlib.Path) -> None:
    (folder / "results.json.gz").write_bytes(gzip.compress(json.dumps(coco_results()).encode()))


def pose2sim_folder(folder: pathlib.Path) -> None:
    (folder / "cam01_json").mkdir()
    for t, pose in enumerate(POSES):
        points = np.concatenate([pose, pose[[0, 0, 0]], pose[[15, 16] * 3]])  # Halpe's 26 begin with COCO's.
        person = openpose.person(np.column_stack([points, np.full(26, 0.9)]).ravel().tolist())
        (folder / "cam01_json" / f"cam01_{t:06d}.json").write_text(json.dumps({"version": 1.3, "people": [person]}))


def in_flat_lists(poses: np.ndarray) -> list[list[float]]:
    """Returns one list for each pose: x, y, confidence of each joint."""
    return np.concatenate([poses, np.full((*poses.shape[:2], 1), 0.9)], axis=-1).reshape(len(poses), -1).tolist()


def ultralytics_predictions(folder: pathlib.Path) -> None:
    results = [
        {
            "image_id": f"walk_{t:06d}",
            "file_name": f"walk_{t:06d}.jpg",
            "category_id": 1,
            "keypoints": pose,
            "score": 0.9,
        }
        for t, pose in enumerate(in_flat_lists(POSES))
    ]
    (folder / "predictions.json").write_text(json.dumps(results))


def coco_results_of_a_model(folder: pathlib.Path) -> None:
    (folder / "coco_results.json").write_text(json.dumps(coco_results()))


def coco_annotations(folder: pathlib.Path) -> None:
    content = coco.annotations()
    labelled = np.concatenate([POSES, np.full((len(POSES), 17, 1), 2)], axis=-1).reshape(len(POSES), -1).tolist()
    content["images"] = [{"id": 7 * t, "file_name": f"walk_{t}.jpg", "width": 1920, "height": 1080} for t in range(5)]
    content["annotations"] = [coco.person(7 * t, 0.0, keypoints=pose) for t, pose in enumerate(labelled)]
    (folder / "annotations.json").write_text(json.dumps(content))


def openpose_folder(folder: pathlib.Path) -> None:
    (folder / "json").mkdir()
    body_25 = CONVENTIONS["body_25"].joints
    coco_17 = CONVENTIONS["coco_17"].joints
    made = {"neck": POSES[:, 5:7].mean(axis=1), "root": POSES[:, 11:13].mean(axis=1)}
    places = [POSES[:, coco_17.index(name)] if name in coco_17 else made.get(name, POSES[:, 15]) for name in body_25]
    for t, numbers in enumerate(in_flat_lists(np.stack(places, axis=1))):
        openpose.write_frame(folder / "json", "walk", t, [openpose.person(numbers)])


def alphapose_file(folder: pathlib.Path) -> None:
    people = [alphapose.person(f"{t}.jpg", 0.0, keypoints=pose) for t, pose in enumerate(in_flat_lists(POSES))]
    (folder / "alphapose-results.json").write_text(json.dumps(people))


def mmpose_video(folder: pathlib.Path) -> None:
    people = [mmpose.instance(0.0) | {"keypoints": pose.tolist()} for pose in POSES]
    frames = [{"frame_id": t, "instances": [person]} for t, person in enumerate(people)]
    content = {"meta_info": mmpose.meta_info(), "instance_info": frames}
    (folder / "results_walk.json").write_text(json.dumps(content))


def mediapipe_landmarks(folder: pathlib.Path) -> None:
    joints = CONVENTIONS["mediapipe_33"].joints
    coco_17 = CONVENTIONS["coco_17"].joints
    shares = POSES / (walker.WIDTH, walker.HEIGHT)
    frames = []
    for pose in shares:
        places = [pose[coco_17.index(name)] if name in coco_17 else pose[0] for name in joints]
        frames.append([{"x": x, "y": y, "z": 0.1, "visibility": 0.9} for x, y in np.array(places).tolist()])
    (folder / "landmarks.json").write_text(json.dumps(frames))


WRITERS: dict[str, Callable[[pathlib.Path], None]] = {
    "yolo:labels": yolo_labels,
    "yolo:results": ultralytics_results,
    "coco:predictions.json": ultralytics_predictions,
    "coco:coco_results.json": coco_results_of_a_model,
    "coco:annotations.json": coco_annotations,
    "openpose:json": openpose_folder,
    "alphapose:alphapose-results.json": alphapose_file,
    "mmpose:results_walk.json": mmpose_video,
    "mediapipe:landmarks.json": mediapipe_landmarks,
    "openpose:cam01_json": pose2sim_folder,
    "movenet:walk.npz": movenet_arrays,
    "mmpose:predictions": mmpose_pictures,
    "tfjs:poses.json": tfjs_file,
    "vitpose:walk_result.json": vitpose_file,
    "openpifpaf:out": openpifpaf_pictures,
    "openpifpaf:walk.mp4.openpifpaf.json": openpifpaf_video,
    "videopose3d:data_2d_custom_myvideos.npz": custom_videos,
    "videopose3d:walk.mp4.npz": detections_of_a_video,
    f"deeplabcut:walk{deeplabcut.NETWORK}.csv": deeplabcut_table,
    "csv:poses.csv": table_of_names,
    "sleap:walk.analysis.csv": sleap_table,
    "coco:results.jsonl": json_lines,
    "coco:results.json.gz": packed_results,
    "npz:keypoints.npz": lambda folder: np.savez(
        folder / "keypoints.npz", reconstruction=in_h36m_17(POSES)[np.newaxis]
    ),
    "npz:people.npz": lambda folder: np.savez(folder / "people.npz", keypoints=POSES[:, np.newaxis]),
    "npz:poses.npy": lambda folder: np.save(folder / "poses.npy", POSES),
}
"""{SOURCE of a line: the function that writes its files}."""


@pytest.mark.parametrize(("have", "command"), lines())
def test_the_line_is_right(have, command, tmp_path, monkeypatch):
    source, *arguments = shlex.split(command)
    assert all(argument.startswith("--option=") for argument in arguments)
    WRITERS[source](tmp_path)
    monkeypatch.chdir(tmp_path)
    named = re.findall(r"`([^`]*)`", have)[0]
    assert (tmp_path / named).exists(), f"{named}: the line's first file"
    options = parse_options([argument.removeprefix("--option=") for argument in arguments])
    recording = load_source(source, H36M_17, check="off", **options)
    for place, name in ((5, "l_shoulder"), (6, "r_shoulder"), (13, "l_knee"), (16, "r_ankle")):
        np.testing.assert_allclose(recording.poses_2d[:, H36M_17.index(name)], POSES[:, place], atol=0.02, err_msg=name)
