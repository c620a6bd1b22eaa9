"""SLEAP's analysis csv: instances with tracks and without."""

import pathlib

import numpy as np

from samples.coco import NAMES
from samples.videopose3d import poses


def write_table(file: pathlib.Path, rows: list[tuple[str, int, np.ndarray]], names=NAMES, score: str = "0.9") -> None:
    """Writes `file` of (track, frame, [K, 3] x, y and score), as sleap-io does; NaN gives empty cells."""
    axes = ("x", "y", "score")
    lines = [",".join(["track", "frame_idx", "instance.score", *(f"{name}.{axis}" for name in names for axis in axes)])]
    for track, frame, pose in rows:
        cells = ["" if np.isnan(value) else f"{value:.4f}" for value in pose.ravel()]
        lines.append(",".join([track, str(frame), score, *cells]))
    file.write_text("\n".join(lines) + "\n")


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    one, other = (np.concatenate([poses(x), np.full((6, 17, 1), 0.75)], axis=-1) for x in (200, 700))
    one[3, 5] = np.nan
    rows = [("track_0", frame, one[frame]) for frame in range(6)] + [
        ("track_1", frame, other[frame]) for frame in (2, 3)
    ]
    write_table(folder / "walk.analysis.csv", sorted(rows, key=lambda row: row[1]))
    return f"sleap:{folder / 'walk.analysis.csv'}", {}
