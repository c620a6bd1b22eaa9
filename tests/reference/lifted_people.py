"""Lifted poses of a person who faces the camera and raises the left wrist frame by frame, for tests of drawings."""

import numpy as np

from tf_elepose.motion.lifted import Lifted
from tf_elepose.skeleton.skeletons import H36M_17

from stick_people import STANDING  # isort: skip

STANDING_POSE = np.array([STANDING[joint] for joint in H36M_17.joints], float)


def lifted(frames=6, clips=("walk",), **changes) -> Lifted:
    """`frames` poses of each of `clips`, mm, level, of a camera that looks down by 10 degrees."""
    rows = frames * len(clips)
    frame = np.tile(np.arange(frames), len(clips))
    poses = np.repeat(STANDING_POSE[np.newaxis], rows, axis=0)
    poses[:, H36M_17.index("l_wrist"), 1] -= 20.0 * frame
    fields = {
        "source": "poses.npz",
        "model": "a model",
        "skeleton": H36M_17,
        "poses_3d": poses,
        "unit": "mm",
        "axes": "level",
        "valid": np.ones(rows, bool),
        "poses_2d": 500.0 + 0.2 * poses[..., :2],
        "elevation": np.full(rows, 10.0),
        "percentile": np.linspace(1.0, 99.0, rows),
        "clip": np.repeat(np.array(clips), frames),
        "subject": np.full(rows, ""),
        "camera": np.zeros(rows, int),
        "frame": frame,
        "person": np.zeros(rows, int),
        "frame_rate": 25.0,
    }
    return Lifted(**(fields | changes))
