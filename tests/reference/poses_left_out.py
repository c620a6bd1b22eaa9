"""Poses in which programs left joints out, poses about their root, and all kinds of damage: cases for the rule of what
is not seen, which NumPy, TensorFlow and JavaScript each have.
"""

import numpy as np

from tf_elepose.data.visibility import root_weights
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton

PLACES = ((0.0, 0.0), (-1.0, -1.0), (0.0, 5.0), (-1.0, 0.0), (np.nan, 3.0), (3.0, np.inf), (1e6, 2.0), (-0.0, 0.0))


def poses_left_out(convention: Convention | Skeleton, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Poses [N, K, 2] and confidences [N, K], float32, in eight kinds."""
    rng = np.random.default_rng(0)
    weights = root_weights(convention, H36M_17)
    joints = len(convention.joints)
    reach = 200.0 if weights is None else np.where(weights.any(axis=1, keepdims=True), 20.0, 200.0)
    poses = (rng.uniform(400, 600, (count, 1, 2)) + rng.uniform(-reach, reach, (count, joints, 2))).astype(np.float32)
    confidence = rng.uniform(0.3, 1.0, (count, joints)).astype(np.float32)
    kind = np.arange(count) % 8
    if weights is not None:
        about = np.isin(kind, (2, 3, 4, 5))
        poses[about] -= np.einsum("nka,ka->na", poses[about], weights)[:, np.newaxis].astype(np.float32)
        poses[kind == 4] = np.abs(poses[kind == 4])  # One-sided: not root-centred, alone.
        used = np.flatnonzero(weights.any(axis=1))
        poses[np.ix_(kind == 6, used)] = 0.0  # In the picture, the root's joints left out.
    for row in np.flatnonzero(np.isin(kind, (1, 3, 5, 6))):
        for joint in rng.choice(joints, 3, replace=False):
            poses[row, joint] = PLACES[rng.integers(len(PLACES))]
    wrong = np.array([0.0, np.nan, np.inf, -1.0, 0.2], np.float32)
    hidden = (rng.random(confidence.shape) < 0.1) & np.isin(kind, (5, 7))[:, np.newaxis]
    confidence[hidden] = rng.choice(wrong, hidden.sum())
    return poses, confidence
