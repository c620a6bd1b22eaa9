"""A small table of COCO keypoints with confidences, people of two cameras, a joint that was not found."""

import pathlib

import numpy as np

from tf_elepose.skeleton.conventions import get_convention


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    rng = np.random.default_rng(0)
    joints = get_convention("coco_17").joints
    header = ["frame", "camera", "clip", "split", *(f"{j}_{a}" for j in joints for a in ("x", "y", "confidence"))]
    lines = [",".join(header)]
    for row in range(6):
        cells = [f"{x:.2f},{y:.2f},{c:.3f}" for x, y, c in rng.uniform([100, 100, 0.2], [900, 900, 1], (17, 3))]
        cells[4] = ",," if row == 1 else cells[4]
        lines.append(f"{row // 2},{row % 2},walk,{'test' if row > 3 else 'train'}," + ",".join(cells))
    (folder / "sample.csv").write_text("\n".join(lines) + "\n")
    return f"csv:{folder / 'sample.csv'}", {"convention": "coco_17"}
