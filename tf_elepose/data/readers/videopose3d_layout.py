"""Finds the joints of VideoPose3D's 2D poses in the metadata of a data_2d_*.npz.

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
    """Finds the convention of the layout that `metadata` names, or that has its number of joints and its symmetry.

    Raises:
      ValueError: no layout has this name, or this number of joints and symmetry; the message begins with `what`.
    """
    sides = _symmetry(metadata, what)
    found = (_indices([metadata.get("num_joints")]), *sides)
    layouts = {name: conventions.get_convention(convention) for name, convention in _LAYOUTS.items()}
    if (name := metadata.get("layout_name")) is not None:
        layouts = {key: layout for key, layout in layouts.items() if key == name}
        if not layouts:
            raise ValueError(
                f"{what}: layout_name: expected {', '.join(_LAYOUTS)}; got {str(name)[:40]!r}; name the "
                "joints' convention, --option=convention=NAME"
            )
    for layout in layouts.values():
        if found == ({layout.num_joints}, *_sides(layout)):
            return layout
    raise ValueError(
        f"{what}: {described(metadata.get('num_joints'))} joints, left {str(sides[0])[:80]}, right "
        f"{str(sides[1])[:80]}: not the joints of {', '.join(layouts)}"
    )


def require_layout(metadata: Any, held: Convention, what: str) -> None:
    """Raises a ValueError if left and right joints of `held`, the stated convention, are not those of the metadata."""
    sides = _symmetry(metadata, what)
    if sides != _sides(held):
        raise ValueError(
            f"{what}: keypoints_symmetry: left {str(sides[0])[:80]}, right {str(sides[1])[:80]}: not the joints of "
            f"convention {held.name!r}"
        )


def _symmetry(metadata: Any, what: str) -> list[set[int]]:
    """Returns the indices of the left and of the right joints."""
    symmetry = metadata.get("keypoints_symmetry") if isinstance(metadata, dict) else None
    if not isinstance(symmetry, (list, tuple, np.ndarray)) or len(symmetry) != 2:
        raise ValueError(f"{what}: expected num_joints and keypoints_symmetry; got {described(metadata)}")
    return [_indices(side) for side in symmetry]


def _sides(layout: Convention) -> list[set[int]]:
    return [{i for i, joint in enumerate(layout.joints) if joint.startswith(side)} for side in ("l_", "r_")]


def _indices(values: Any) -> set[int]:
    """Returns the integers in a list; for anything else, a set that equals that of no layout."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        values = values.ravel()[:100].tolist()
    if not isinstance(values, (list, tuple)):
        return set()
    return {value for value in values if isinstance(value, int)} if len(values) <= 100 else set()
