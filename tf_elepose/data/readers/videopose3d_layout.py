"""The joints of VideoPose3D's 2D poses, by the metadata of a data_2d_*.npz.

metadata is {num_joints, keypoints_symmetry: [left, right]}; where the generic scripts made the file, it has a
layout_name too (VideoPose3D data/data_utils.py and data/prepare_data_2d_custom.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tf_elepose.data.parsers.pickled_npz import described
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention

_LAYOUTS = {"h36m": "h36m_17", "coco": "coco_17", "mpii": "mpii_16"}


def layout_of(metadata: Any, what: str) -> Convention:
    """The convention of the layout that `metadata` names, or of the one with its joint number and symmetry.

    Raises:
      ValueError: no layout has that name, or that number of joints and symmetry; the message begins with `what`.
    """
    sides = _symmetry(metadata, what)
    found = (_indices([metadata.get("num_joints")]), *sides)
    layouts = {name: conventions.get_convention(convention) for name, convention in _LAYOUTS.items()}
    if (name := metadata.get("layout_name")) is not None:
        layouts = {key: layout for key, layout in layouts.items() if key == name}
        if not layouts:
            raise ValueError(f"{what}: layout_name: expected {', '.join(_LAYOUTS)}; got {str(name)[:40]!r}")
    for layout in layouts.values():
        if found == ({layout.num_joints}, *_sides(layout)):
            return layout
    raise ValueError(
        f"{what}: {described(metadata.get('num_joints'))} joints, left {str(sides[0])[:80]}, right "
        f"{str(sides[1])[:80]}: not the joints of {', '.join(layouts)}"
    )


def require_layout(metadata: Any, held: Convention, what: str) -> None:
    """Raises a ValueError where the left and right joints of `held`, which the user states, are not the metadata's."""
    sides = _symmetry(metadata, what)
    if sides != _sides(held):
        raise ValueError(
            f"{what}: keypoints_symmetry: left {str(sides[0])[:80]}, right {str(sides[1])[:80]}: not the joints of "
            f"convention {held.name!r}"
        )


def _symmetry(metadata: Any, what: str) -> list[set[int]]:
    """The indices of the left and of the right joints."""
    symmetry = metadata.get("keypoints_symmetry") if isinstance(metadata, dict) else None
    if not isinstance(symmetry, (list, tuple, np.ndarray)) or len(symmetry) != 2:
        raise ValueError(f"{what}: expected num_joints and keypoints_symmetry; got {described(metadata)}")
    return [_indices(side) for side in symmetry]


def _sides(layout: Convention) -> list[set[int]]:
    return [{i for i, joint in enumerate(layout.joints) if joint.startswith(side)} for side in ("l_", "r_")]


def _indices(values: Any) -> set[int]:
    """The integers in a list, to compare them with a layout; anything else gives a set that equals no layout's."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        values = values.ravel()[:100].tolist()
    if not isinstance(values, (list, tuple)):
        return set()
    return {value for value in values if isinstance(value, int)} if len(values) <= 100 else set()
