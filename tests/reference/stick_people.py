"""A recording of a person who turns on the spot, without TensorFlow: for tests of what looks wrong in data."""

import numpy as np

from tf_elepose.data.recording import Recording
from tf_elepose.skeleton.skeletons import H36M_17

# mm, x to the person's left, y down, z to the person's back; a knee and an elbow are a little bent, as in life.
STANDING = {
    "root": (0, 0, 0), "r_hip": (-130, 0, 0), "r_knee": (-135, 430, -60), "r_ankle": (-135, 860, 0),
    "l_hip": (130, 0, 0), "l_knee": (135, 430, -40), "l_ankle": (135, 860, 0),
    "spine": (0, -230, 10), "thorax": (0, -480, 0), "nose": (0, -590, -40), "head": (0, -700, 0),
    "l_shoulder": (145, -470, 0), "l_elbow": (200, -210, 30), "l_wrist": (190, 20, -60),
    "r_shoulder": (-145, -470, 0), "r_elbow": (-200, -210, 30), "r_wrist": (-190, 20, -60),
}  # fmt: skip


def turning(rows=200, cameras=1, noise=2.0, turn=360.0, first=0.0, seed=0, **changes) -> Recording:
    """`rows` frames by each of `cameras` around the person, which turns by `turn` degrees, starting at `first` degrees.

    0 degrees faces the camera. 2D poses are 0.2 px a mm about the middle of an image of 1000 x 1000.
    """
    rng = np.random.default_rng(seed)
    body = np.array([STANDING[joint] for joint in H36M_17.joints], float)
    frame, camera = np.tile(np.arange(rows), cameras), np.repeat(np.arange(cameras), rows)
    angle = np.radians(first + turn * frame / rows + 360.0 * camera / cameras)[:, np.newaxis]
    x = np.cos(angle) * body[:, 0] + np.sin(angle) * body[:, 2]
    z = -np.sin(angle) * body[:, 0] + np.cos(angle) * body[:, 2]
    poses = np.stack([x, np.broadcast_to(body[:, 1], x.shape), z], axis=-1) + rng.normal(0, noise, (*x.shape, 3))
    fields = {
        "source": "stick",
        "skeleton": H36M_17,
        "poses_2d": 500 + 0.2 * poses[..., :2],
        "poses_3d": poses + np.array([0, 0, 5000]),
        "subject": np.full(len(frame), "S1"),
        "action": np.full(len(frame), "turn"),
        "clip": np.full(len(frame), "a"),
        "camera": camera,
        "frame": frame,
        "split": np.full(len(frame), "train"),
        "image_size": np.array([1000, 1000]),
    }
    return Recording(**(fields | changes))
