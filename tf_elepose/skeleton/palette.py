"""The colours of every picture: dark blue for left limbs, orange for right ones, charcoal for the trunk.

The blue and the orange differ in lightness, and right limbs are also dashed: left and right can be distinguished in
grey and by colour-blind readers.
"""

from __future__ import annotations

from tf_elepose.skeleton.skeletons import Skeleton

LEFT, RIGHT, TRUNK = "#1F4E8C", "#E08A1E", "#3A3F47"
TRUTH = "#C3C9D2"
INK, MUTED, GRID = "#22262C", "#68707C", "#E4E7EC"

SIDES = {"left": LEFT, "right": RIGHT, "trunk": TRUNK}
"""{side: colour of a bone}; the side of a bone is that of its child joint, as `side_of` names it."""

DASHED = "right"
"""The side whose bones are dashed."""


def side_of(joint: str, skeleton: Skeleton) -> str:
    """The side of the body that `joint` is on: "left", "right" or "trunk"."""
    if joint in skeleton.left:
        return "left"
    return "right" if joint in skeleton.right else "trunk"
