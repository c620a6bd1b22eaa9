"""A small set of shards: three of "train" and three of "test"."""

import pathlib

import numpy as np

from tf_elepose.data.recording import Recording
from tf_elepose.data.shards.shards import write_shards
from tf_elepose.skeleton.skeletons import H36M_17


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    rng = np.random.default_rng(0)
    rows = 20
    visible = rng.random((rows, 17)) < 0.9
    recording = Recording(
        source="sample",
        skeleton=H36M_17,
        poses_2d=rng.normal(500, 100, (rows, 17, 2)) * visible[..., np.newaxis],
        visible=visible,
        poses_2d_detected=rng.normal(500, 100, (rows, 17, 2)),
        confidence=rng.uniform(0.1, 1, (rows, 17)),
        poses_3d=rng.normal(0, 500, (rows, 17, 3)),
        elevation=np.arange(rows),
        subject=np.array(["S1"] * 12 + ["S11"] * 8),
        action=np.array(["walk", "Überholen"] * 10),
        clip=np.array([f"clip {row // 4}" for row in range(rows)]),
        camera=np.arange(rows) % 2,
        frame=np.arange(rows) // 2,
        person=np.zeros(rows, np.int32),
        split=np.array(["train"] * 12 + ["test"] * 8),
        image_size=np.array([[1000, 1002], [1000, 1000]]),
    )
    write_shards([recording], folder / "sample", shards=3)
    return f"shards:{folder / 'sample'}", {}
