"""A small views file."""

import pathlib

import numpy as np


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    rng = np.random.default_rng(0)
    rows = 6
    np.savez(
        folder / "sample.npz",
        poses_2d=rng.normal(500, 100, (rows, 17, 2)).astype(np.float32),
        poses_2d_det=rng.normal(500, 100, (rows, 17, 2)).astype(np.float32),
        confidence=rng.uniform(0.1, 1, (rows, 17)).astype(np.float32),
        poses_3d=rng.normal(0, 500, (rows, 17, 3)).astype(np.float32),
        elevation=np.arange(rows, dtype=np.float32),
        subject=np.array(["S1"] * rows),
        action=np.array(["walk"] * rows),
        clip=np.array(["a"] * rows),
        camera=np.arange(rows) % 2,
        frame=np.arange(rows) // 2,
        split=np.array(["train"] * rows),
        image_size=np.array([1000, 1002]),
        keypoints=np.array("h36m_17"),
    )
    return f"views:{folder / 'sample.npz'}", {}
