"""Tells OpenPose's BODY_25B from BODY_25: both have 25 keypoints in different orders, and files do not say which.

In BODY_25 the middle of the hips and the neck are keypoints of their own, between the hips and between the shoulders
(OpenPose doc/02_output.md); BODY_25B begins with COCO's keypoints; its upper neck is above the middle of the shoulders,
its nose below the eyes (CMU-Perceptual-Computing-Lab/openpose_train experimental_models).
"""

from __future__ import annotations

import numpy as np

from tf_elepose.data.visibility import seen
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention

_BETWEEN = {
    "body_25": {"root": ("l_hip", "r_hip"), "neck": ("l_shoulder", "r_shoulder")},
    "body_25b": {"upper_neck": ("l_shoulder", "r_shoulder"), "nose": ("l_eye", "r_eye")},
}
"""{convention: {joint: the two joints whose middle it is near to}}."""


def looks_like_body_25b(poses: np.ndarray, confidence: np.ndarray) -> bool:
    """Whether keypoints [n, 25, 2] with confidence [n, 25] fit BODY_25B better than BODY_25.

    The median over the poses decides. Only seen joints count; without any, the result is False.
    """
    poses = np.where(seen(poses, confidence)[..., np.newaxis], poses, np.nan).astype(np.float64)
    apart = {name: _apart(poses, conventions.CONVENTIONS[name], joints) for name, joints in _BETWEEN.items()}
    known = np.isfinite(apart["body_25"]) & np.isfinite(apart["body_25b"])
    return bool(known.any()) and bool(np.median(apart["body_25"][known]) > np.median(apart["body_25b"][known]))


def _apart(poses: np.ndarray, convention: Convention, joints: dict[str, tuple[str, str]]) -> np.ndarray:
    """How far [n] the joints are from the middles that they should be near to, on average; NaN where one is missing."""
    at = {name: poses[:, place] for place, name in enumerate(convention.joints)}
    distances = [np.linalg.norm(at[name] - (at[a] + at[b]) / 2, axis=-1) for name, (a, b) in joints.items()]
    return np.mean(distances, axis=0)
