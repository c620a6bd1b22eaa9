"""A small folder of Ultralytics' save_txt with save_conf and tracking: two people, nobody (no file), one of them."""

import pathlib

import numpy as np

WIDTH, HEIGHT = 1000, 500


def pose(x: float, joints: int = 17) -> np.ndarray:
    """[joints, 2] px: joint i stands at (x + i, 100 + 10 i)."""
    return np.array([(x + i, 100.0 + 10 * i) for i in range(joints)])


def line(points: np.ndarray, third: float | None = 0.5, *following: float, label: int = 0) -> str:
    """A person: class, box, the points as shares, each with `third` unless None, and what follows, all by "%g"."""
    shares = points / (WIDTH, HEIGHT)
    low, high = shares.min(axis=0), shares.max(axis=0)
    keypoints = shares if third is None else np.column_stack([shares, np.full(len(shares), third)])
    numbers = (label, *((low + high) / 2), *(high - low), *keypoints.ravel(), *following)
    return " ".join(f"{number:g}" for number in numbers)


def write_frames(folder: pathlib.Path, frames: dict[str, list[str]]) -> pathlib.Path:
    """Writes a file with the lines of each name."""
    folder.mkdir(exist_ok=True)
    for name, lines in frames.items():
        (folder / f"{name}.txt").write_text("".join(f"{one}\n" for one in lines))
    return folder


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    frames = {
        "video_1": [line(pose(200), 0.5, 0.75, 3), line(pose(400), 0.5, 0.25, 7)],
        "video_3": [line(pose(410), 0.5, 0.25, 7)],
    }
    return f"yolo:{write_frames(folder / 'labels', frames)}", {"image_size": [WIDTH, HEIGHT]}
