"""People who move over a picture, for tests of who is who: a body whose limbs swing, on a straight way."""

import numpy as np

from tf_elepose.skeleton.skeletons import H36M_17

_BODY = np.array(
    [
        (0, 0), (-12, 0), (-12, 45), (-12, 90), (12, 0), (12, 45), (12, 90), (0, -25), (0, -50), (4, -65), (0, -80),
        (20, -50), (28, -20), (30, 5), (-20, -50), (-28, -20), (-30, 5),
    ],
    np.float64,
)  # fmt: skip
"""[J, 2] px of H36M_17: 170 px tall, the root at the origin."""

_SWING = np.where(np.isin(H36M_17.joints, ("r_ankle", "l_elbow", "l_wrist")), 15.0, 0.0)
_SWING -= np.where(np.isin(H36M_17.joints, ("l_ankle", "r_elbow", "r_wrist")), 15.0, 0.0)


def walking(frames: int, start: tuple[float, float], step: float, size: float = 1.0, phase: float = 0.0) -> np.ndarray:
    """[frames, J, 2] px of a person who moves `step` px to the right in every frame."""
    time = np.arange(frames)
    poses = size * np.repeat(_BODY[np.newaxis], frames, axis=0)
    poses[..., 0] += size * _SWING * np.sin(0.4 * time + phase)[:, np.newaxis]
    return poses + np.array(start) + np.stack([step * time, np.zeros(frames)], axis=1)[:, np.newaxis]
