"""A small file of what TensorFlow.js' estimatePoses returns, with tracking: two people, nobody, one of them."""

import json
import pathlib

import numpy as np

from samples.coco import NAMES

# TensorFlow.js' names of BlazePose's keypoints.
_FACE = [f"{side}_eye{part}" for side in ("left", "right") for part in ("_inner", "", "_outer")]
_BODY = ["shoulder", "elbow", "wrist", "pinky", "index", "thumb", "hip", "knee", "ankle", "heel", "foot_index"]
BLAZEPOSE = [
    "nose", *_FACE, "left_ear", "right_ear", "mouth_left", "mouth_right",
    *(f"{side}_{part}" for part in _BODY for side in ("left", "right")),
]  # fmt: skip


def points(x: float, joints: int = 17) -> np.ndarray:
    """[joints, 2] px: joint i stands at (x + i, 100 + 10 i)."""
    return np.array([(x + i, 100.0 + 10 * i) for i in range(joints)])


def pose(points: np.ndarray, names: list[str] | None = NAMES, score: float | None = 0.5, **fields) -> dict:
    """A pose with these points."""
    keypoints = [{"x": x, "y": y} for x, y in points.tolist()]
    for place, keypoint in enumerate(keypoints):
        keypoint |= {} if score is None else {"score": score}
        keypoint |= {} if names is None else {"name": names[place]}
    return {"keypoints": keypoints} | fields


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    two = [pose(points(200), score=0.5, id=4), pose(points(400), id=2)]
    frames = [two, [], [pose(points(410), id=2)]]
    (folder / "poses.json").write_text(json.dumps(frames))
    return f"tfjs:{folder / 'poses.json'}", {}
