"""The two npz files of VideoPose3D's custom videos: a data set of two videos, and Detectron's detections in one."""

import pathlib

import numpy as np

SYMMETRY = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
FRAMES = 6


def poses(x: float, frames: int = FRAMES, joints: int = 17) -> np.ndarray:
    """[frames, joints, 2] px: joint i stands at (x + i + 10 t, 100 + 10 i) in frame t."""
    time, joint = np.mgrid[:frames, :joints]
    return np.stack([x + joint + 10.0 * time, 100.0 + 10.0 * joint], axis=-1)


def write_custom(file: pathlib.Path, videos: dict[str, np.ndarray], layout: str = "coco", **metadata) -> None:
    """Writes `file` as data/prepare_data_2d_custom.py does: {video: [T, 17, 2] px}."""
    described = {
        "layout_name": layout,
        "num_joints": 17,
        "keypoints_symmetry": SYMMETRY,
        "video_metadata": {video: {"w": 1920, "h": 1080} for video in videos},
    }
    positions = {video: {"custom": [array.astype("float32")]} for video, array in videos.items()}
    np.savez_compressed(file, positions_2d=positions, metadata=described | metadata)


def write_detections(file: pathlib.Path, frames: list[np.ndarray], scores: list[list[float]]) -> None:
    """Writes `file` as inference/infer_video_d2.py does: frames of keypoints [n, 17, 3] with probabilities."""
    boxes, keypoints = [], []
    for people, score in zip(frames, scores, strict=True):
        if not len(people):
            boxes.append([[], []])
            keypoints.append([[], []])
            continue
        logits = np.zeros((len(people), people.shape[1], 1), np.float32)
        rows = np.concatenate([people[..., :2], logits, people[..., 2:]], axis=2).transpose(0, 2, 1)
        corners = np.concatenate([people[..., :2].min(1), people[..., :2].max(1)], axis=1)
        boxes.append([[], np.column_stack([corners, score]).astype(np.float32)])
        keypoints.append([[], rows.astype(np.float32)])
    np.savez_compressed(
        file,
        boxes=as_objects(boxes),
        segments=np.array([None] * len(frames), dtype=object),
        keypoints=as_objects(keypoints),
        metadata={"w": 1920, "h": 1080},
    )


def as_objects(lists: list) -> np.ndarray:
    """[T] lists as NumPy saves them: objects [T, 2], because their lengths differ."""
    array = np.empty((len(lists), 2), dtype=object)
    for frame, classes in enumerate(lists):
        array[frame, 0], array[frame, 1] = classes
    return array


def detections(frames: int = FRAMES) -> tuple[list[np.ndarray], list[list[float]]]:
    """Two people, the second of which is not found in frame 1; nobody in frame 2."""
    people = np.stack([poses(200, frames), poses(700, frames)], axis=1)
    with_trust = np.concatenate([people, np.full((*people.shape[:-1], 1), 0.75)], axis=-1)
    found = [with_trust[t, : 1 if t == 1 else 2] for t in range(frames)]
    found[2] = np.zeros((0, 17, 3))
    return found, [[0.5, 0.25][: len(people)] for people in found]


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    videos = {"walk.mp4": poses(200), "run.mp4": poses(300, 4)}
    write_custom(folder / "data_2d_custom_sample.npz", videos)
    return f"videopose3d:{folder / 'data_2d_custom_sample.npz'}", {}


def write_video(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes the detections in a video, like `write`."""
    write_detections(folder / "walk.mp4.npz", *detections())
    return f"videopose3d:{folder / 'walk.mp4.npz'}", {}
