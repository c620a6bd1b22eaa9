"""Finds arrays of 17 keypoints in another order than stated: COCO's, Human3.6M's or MPI-INF-3DHP's.

In the right order, the bones of arms, legs and flanks have the shortest total length, because they join neighbours.
This was so in all windows of 250 poses of CMU's motions. Poses in COCO's order have at least twice this length if they
are read as Human3.6M's or MPI-INF-3DHP's; poses in those orders have at least 1.63 times this length if read as COCO's.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from absl import logging

from tf_elepose.data.checks.plausibility import FEWEST_ROWS
from tf_elepose.data.rows import Rows
from tf_elepose.data.visibility import seen as seen_joints
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


_LOOKED_AT = 1000


def tell_order(parts: Iterator[Rows], where: str, check: str) -> Iterator[Rows]:
    """Yields `parts`, and reports where the first poses lie in another order than their convention's.

    Args:
      parts: the rows of a source.
      where: the name of the source in messages.
      check: "warn" logs a warning, "strict" raises an error, "off" does not look.

    Raises:
      ValueError: the order looks wrong and `check` is "strict".
    """
    if check == "off":
        yield from parts
        return
    looked = False
    for rows in parts:
        poses, convention = rows.poses_2d[:_LOOKED_AT], rows.convention
        if not looked and len(poses) and isinstance(convention, Convention):
            looked = True
            fits = poses.ndim == 3 and poses.shape[1:] == (convention.num_joints, 2) and poses.dtype.kind in "fiu"
            trust = rows.confidence[:_LOOKED_AT] if rows.confidence is not None else None
            fits = fits and (trust is None or (trust.shape == poses.shape[:2] and trust.dtype.kind in "bfiu"))
            other = likelier_order(poses, seen_joints(poses, trust), convention) if fits else None
            if other is not None:
                message = (
                    f"{where}: the joints seem to be in the order of {other}, not of {convention.name}: if so, "
                    f"--option=convention={other} (where the format takes one)"
                )
                if check == "strict":
                    raise ValueError(message)
                logging.warning("%s", message)
        yield rows


def likelier_order(poses: np.ndarray, seen: np.ndarray, convention: Convention) -> str | None:
    """Finds the convention whose order fits the poses better than that of `convention`; None if no other does.

    Args:
      poses: [n, K, 2] px in the joints of `convention`.
      seen: [n, K].
      convention: the stated convention.
    """
    rows = seen.all(axis=1)
    known = {joint for bone in _BONES for joint in bone} <= set(convention.joints)
    if len(convention.joints) != _KEYPOINTS or not known or rows.sum() < FEWEST_ROWS:
        return None
    poses = poses[rows].astype(np.float64)
    poses -= poses.mean(axis=1, keepdims=True)
    # Bodies are higher than wide: x and y should weigh the same.
    poses /= np.maximum(np.abs(poses).mean(axis=(0, 1)), 1e-9)
    lengths = {name: _length(poses, conventions.CONVENTIONS[name]) for name in _ORDERS}
    likelier = min(lengths, key=lambda name: lengths[name])
    return likelier if _length(poses, convention) > _LONGER * lengths[likelier] > 0 else None


def _length(poses: np.ndarray, convention: Convention) -> float:
    """The sum of the median lengths of the bones of poses [n, K, 2]."""
    one, other = ([convention.index(bone[end]) for bone in _BONES] for end in (0, 1))
    return float(np.median(np.linalg.norm(poses[:, one] - poses[:, other], axis=-1), axis=0).sum())
