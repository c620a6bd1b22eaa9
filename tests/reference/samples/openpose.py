"""A small folder of OpenPose's files: two people, nobody, one person."""

import json
import pathlib


def keypoints(x: float, joints: int = 25) -> list[float]:
    """Joint i stands at (x + i, 100 + 10 i)."""
    return [number for i in range(joints) for number in (x + i, 100.0 + 10 * i, 0.5)]


def person(numbers: list[float], person_id: int = -1) -> dict:
    others = ("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d", "pose_keypoints_3d")
    return {"person_id": [person_id], "pose_keypoints_2d": numbers} | {name: [] for name in others}


def write_frame(folder: pathlib.Path, clip: str, frame: int, people: list[dict]) -> pathlib.Path:
    path = folder / f"{clip}_{frame:012d}_keypoints.json"
    path.write_text(json.dumps({"version": 1.3, "people": people}))
    return path


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    files = folder / "json"
    files.mkdir()
    write_frame(files, "video", 0, [person(keypoints(200.0)), person(keypoints(400.0))])
    write_frame(files, "video", 1, [])
    write_frame(files, "video", 2, [person(keypoints(210.0))])
    return f"openpose:{files}", {}
