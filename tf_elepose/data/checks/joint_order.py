"""Tells arrays of 17 keypoints that lie in another order than they are said to: COCO's, Human3.6M's, MPI-INF-3DHP's.

In the right order, the bones of arms, legs and flanks are together shorter: neighbours of the body are joined. On CMU's
motions, in windows of 250 poses, poses in COCO's order are at least twice as long if they are called Human3.6M's or
MPI-INF-3DHP's, and theirs at least 1.63 times if they are called COCO's; the right order is always the shortest.
"""

from __future__ import annotations

import numpy as np

from tf_elepose.data.checks.plausibility import FEWEST_ROWS
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention

_ORDERS = ("coco_17", "h36m_17", "mpi3dhp_17")
_KEYPOINTS = 17
_LONGER = 1.4

_BONES = [
    (f"{side}_{one}", f"{side}_{other}")
    for side in "lr"
    for one, other in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("shoulder", "hip"),
    )
]  # fmt: skip


def likelier_order(poses: np.ndarray, seen: np.ndarray, convention: Convention) -> str | None:
    """The convention in whose order the poses rather lie; None where they lie as `convention` says.

    Args:
      poses: [n, K, 2] px in the joints of `convention`.
      seen: [n, K].
      convention: what they are called.
    """
    rows = seen.all(axis=1)
    known = {joint for bone in _BONES for joint in bone} <= set(convention.joints)
    if len(convention.joints) != _KEYPOINTS or not known or rows.sum() < FEWEST_ROWS:
        return None
    poses = poses[rows].astype(np.float64)
    poses -= poses.mean(axis=1, keepdims=True)
    poses /= np.maximum(np.abs(poses).mean(axis=(0, 1)), 1e-9)  # Bodies are higher than wide: x says as much as y.
    lengths = {name: _length(poses, conventions.CONVENTIONS[name]) for name in _ORDERS}
    likelier = min(lengths, key=lambda name: lengths[name])
    return likelier if _length(poses, convention) > _LONGER * lengths[likelier] > 0 else None


def _length(poses: np.ndarray, convention: Convention) -> float:
    """The sum of the median lengths of the bones of poses [n, K, 2]."""
    one, other = ([convention.index(bone[end]) for bone in _BONES] for end in (0, 1))
    return float(np.median(np.linalg.norm(poses[:, one] - poses[:, other], axis=-1), axis=0).sum())
