"""Recordings of made-up numbers, in which every row can be recognised."""

from __future__ import annotations

import numpy as np

from tf_elepose.data.recording import Recording
from tf_elepose.skeleton.skeletons import H36M_17


def recording(rows=60, *, first=0, test=20, missing=True, skeleton=H36M_17, **others):
    """Row i has frame first + i and, in every x of poses_2d but the root's, 1000 + first + i."""
    rng = np.random.default_rng(first)
    poses = rng.normal(500, 100, (rows, 17, 2)).astype(np.float32)
    poses[:, 1:, 0] = 1000 + first + np.arange(rows)[:, None]
    poses[:, 0, 0] = 0
    visible = np.ones((rows, 17), bool)
    if missing:
        visible[:, 3] = np.arange(rows) % 3 > 0
        poses[~visible] = 0
    values = {
        "source": "made up", "skeleton": skeleton, "poses_2d": poses, "visible": visible if missing else None,
        "poses_3d": rng.normal(0, 500, (rows, 17, 3)), "elevation": np.arange(rows),
        "poses_2d_detected": rng.normal(500, 100, (rows, 17, 2)), "confidence": rng.uniform(0.1, 1, (rows, 17)),
        "subject": np.array(["S1"] * rows), "action": np.array(["walk", "Ü 走"] * (rows // 2)),
        "clip": np.array([f"clip {i // 10}" for i in range(rows)]), "camera": np.arange(rows) % 4,
        "frame": first + np.arange(rows), "person": np.arange(rows) % 2,
        "split": np.array(["train"] * (rows - test) + ["test"] * test), "image_size": np.array([1000, 1002]),
    }  # fmt: skip
    return Recording(**values | others)
