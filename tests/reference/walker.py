"""One walking person in the middle of a picture of 1920 x 1080 px, which tests write in the layouts of programs."""

import pathlib

import numpy as np

WIDTH, HEIGHT = 1920, 1080

_FILE = pathlib.Path(__file__).resolve().parents[1] / "data" / "cases" / "walker.npz"


def poses() -> np.ndarray:
    """[60, 17, 2] px: COCO's joints of 60 frames."""
    with np.load(_FILE) as arrays:
        return arrays["poses_2d"]
