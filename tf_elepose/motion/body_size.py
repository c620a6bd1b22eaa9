"""Lifted poses in millimetres, from the height of the person.

A person's size has two names. `height_mm` is the stature, from the ground to the top of the head: the keyword of
`Lifter`, --height of the commands. `root_head_mm` is the distance from root to head: the input of exported models,
which size a pose by that distance alone. The function `root_head_mm` says how the second follows from the first.

Heights of joints as shares of the stature H: R. Drillis and R. Contini, "Body Segment Parameters" (1966), as given in
D. Winter, "Biomechanics and Motor Control of Human Movement", figure 4.1: ankle 0.039, knee 0.285, hip 0.530; the top
of the head is at 1.

A pose's own size is the length of its chain of bones: thigh and shank, mean of both legs, and the bones from root to
head. Bones keep their length in every posture; the distance from root to head does not.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from tf_elepose.motion.lifted import Lifted
from tf_elepose.skeleton.skeletons import Skeleton

ANKLE, HIP, HEAD = 0.039, 0.530, 1.0
"""Heights above the ground, shares of the stature. The knee, between ankle and hip, does not change the length."""

SHORTEST_MM, TALLEST_MM = 300.0, 2600.0
"""Range of people's heights, from newborns to the tallest; a number outside it is in another unit."""


def require_height(height_mm: float) -> None:
    """Raises a ValueError unless `height_mm` is the height of a person in mm."""
    if not (isinstance(height_mm, (int, float)) and math.isfinite(height_mm)):
        raise ValueError(f"height: expected a number of mm; got {height_mm!r}")
    if not SHORTEST_MM <= height_mm <= TALLEST_MM:
        unit = "m" if SHORTEST_MM <= 1000 * height_mm <= TALLEST_MM else "cm"
        factor = {"m": 1000, "cm": 10}[unit]
        fits = SHORTEST_MM <= factor * height_mm <= TALLEST_MM
        hint = f"; in mm, {height_mm:g} {unit} are {factor * height_mm:g}" if fits else ""
        raise ValueError(
            f"height: expected {SHORTEST_MM:g} to {TALLEST_MM:g} mm (not cm, not m); got {height_mm:g}{hint}"
        )


def root_head_mm(height_mm: float) -> float:
    """The distance from root to head, mm, of a person of that height who stands upright: 47 % of it.

    Exported models take it as their input `root_head_mm`. In a pose that bends, the distance is less: poses sized by
    `with_height` and by an exported model are equal for upright bodies only.

    Raises:
      ValueError: not a height in mm.
    """
    require_height(height_mm)
    return (HEAD - HIP) * height_mm


def chain_length(poses: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Length [...] of leg (hip to ankle, mean of both) and trunk (root to head) of `poses` [..., J, 3], their unit.

    Raises:
      ValueError: the skeleton names no legs.
    """
    if not skeleton.legs:
        raise ValueError(f"skeleton {skeleton.name!r} names no legs; a size from a height needs them")
    legs = [_length(poses, skeleton, leg) for leg in skeleton.legs]
    return np.mean(legs, axis=0) + _length(poses, skeleton, _trunk(skeleton))


def with_height(lifted: Lifted, height_mm: float) -> Lifted:
    """Brings `lifted` to mm: every pose gets the size of a body of `height_mm`.

    Raises:
      ValueError: not a height in mm, poses that are in mm already, or a skeleton without legs.
    """
    require_height(height_mm)
    if lifted.unit != "unit":
        raise ValueError(f"{lifted.source}: expected poses in unit scale; these are in {lifted.unit}")
    length = chain_length(lifted.poses_3d.astype(np.float64), lifted.skeleton)
    target = (HIP - ANKLE + HEAD - HIP) * height_mm
    scale = np.divide(target, length, out=np.zeros_like(length), where=lifted.valid & (length > 0))
    poses = (lifted.poses_3d * scale[:, np.newaxis, np.newaxis]).astype(np.float32)
    return dataclasses.replace(lifted, poses_3d=poses, unit="mm")


def _trunk(skeleton: Skeleton) -> tuple[str, ...]:
    """Joints from the head to the root along the bones; only these two where the root is no ancestor of the head."""
    path = [skeleton.head]
    while path[-1] != skeleton.root:
        parent = skeleton.parents[skeleton.index(path[-1])]
        if parent is None:
            return (skeleton.head, skeleton.root)
        path.append(parent)
    return tuple(path)


def _length(poses: np.ndarray, skeleton: Skeleton, joints: tuple[str, ...]) -> np.ndarray:
    """Length [...] of the line through `joints`."""
    points = poses[..., list(skeleton.indices(joints)), :]
    return np.linalg.norm(np.diff(points, axis=-2), axis=-1).sum(axis=-1)
