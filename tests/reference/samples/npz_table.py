"""A small npz of COCO keypoints with confidences."""

import pathlib

import numpy as np


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    rng = np.random.default_rng(0)
    np.savez(
        folder / "sample.npz",
        keypoints=rng.uniform([100, 100, 0.2], [900, 900, 1], (6, 17, 3)).astype(np.float32),
        frame=np.arange(6) // 2,
        camera=np.arange(6) % 2,
        clip=np.array(["walk"] * 6),
        split=np.array(["train"] * 6),
    )
    return f"npz:{folder / 'sample.npz'}", {"convention": "coco_17"}
