"""Lifted poses made without a model: a standing person whose left and right sides differ."""

import numpy as np
from stick_people import STANDING

from tf_elepose.motion.lifted import Lifted
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton

# mm as in STANDING, the left arm raised and bent forwards, the left foot lifted behind.
LEFT_ARM_UP = STANDING | {
    "l_elbow": (380, -600, -20), "l_wrist": (420, -820, -120), "l_knee": (150, 400, -180), "l_ankle": (150, 700, 120),
}  # fmt: skip


def lifted(poses: np.ndarray, skeleton: Skeleton = H36M_17, **changes) -> Lifted:
    """The poses [N, J, 3] as mm of one person at 30 frames a second, all valid; fields as in `Lifted`."""
    rows = len(poses)
    fields = {
        "source": "sample", "model": "none", "skeleton": skeleton, "poses_3d": poses, "unit": "mm", "axes": "camera",
        "valid": np.ones(rows, bool), "poses_2d": np.zeros((rows, skeleton.num_joints, 2)), "elevation": None,
        "percentile": None, "clip": np.full(rows, "clip"), "subject": np.full(rows, "S1"),
        "camera": np.zeros(rows, int), "frame": np.arange(rows), "person": np.zeros(rows, int), "frame_rate": 30.0,
    }  # fmt: skip
    return Lifted(**(fields | changes))


def posing(rows: int = 20, noise: float = 0.0, turn: float = 90.0, seed: int = 0) -> np.ndarray:
    """[rows, J, 3] mm: from standing to `LEFT_ARM_UP`, turning by `turn` degrees about the vertical; root at 0."""
    start, end = (np.array([pose[joint] for joint in H36M_17.joints], float) for pose in (STANDING, LEFT_ARM_UP))
    share = np.linspace(0.0, 1.0, rows)[:, np.newaxis, np.newaxis]
    poses = (1.0 - share) * start + share * end
    angle = np.radians(turn * share[..., 0])
    x, z = poses[..., 0].copy(), poses[..., 2].copy()
    poses[..., 0], poses[..., 2] = np.cos(angle) * x + np.sin(angle) * z, np.cos(angle) * z - np.sin(angle) * x
    poses += np.random.default_rng(seed).normal(0.0, noise, poses.shape)
    return poses - poses[:, H36M_17.root_index, np.newaxis]


def rotations(rows: int, seed: int = 0) -> np.ndarray:
    """[rows, 3, 3] proper rotations."""
    found, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(rows, 3, 3)))
    return found * np.sign(np.linalg.det(found))[:, np.newaxis, np.newaxis]
