"""Joints of face and hands, which follow the body's in the lists of whole-body detectors.

No skeleton needs them: they are here so that a list of 133, 135 or 136 keypoints has a convention of its length.
Sources: COCO-WholeBody and Halpe-FullBody (MMPose configs/_base_/datasets/coco_wholebody.py, halpe.py), OpenPose
src/openpose/pose/poseParameters.cpp (BODY_135).
"""

from __future__ import annotations

_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
_POINTS_OF_A_FINGER = 4


def face(points: int) -> tuple[str, ...]:
    """The landmarks of a face in the usual order of 68 (contour, brows, nose, eyes, mouth); 70 end with the pupils."""
    return tuple(f"face_{point}" for point in range(points))


def hand(side: str, root: bool) -> tuple[str, ...]:
    """The joints of the hand of `side` ("l" or "r"), from the thumb to the little finger, each finger from its base.

    Args:
      side: of the body.
      root: whether the list begins with a wrist of the hand; the body's list has a wrist of the arm, too.
    """
    points = [f"{finger}_{point}" for finger in _FINGERS for point in range(1, _POINTS_OF_A_FINGER + 1)]
    return tuple(f"{side}_{point}" for point in ["hand_root"] * root + points)


def hands(root: bool) -> tuple[str, ...]:
    """The joints of the left and then the right hand."""
    return hand("l", root) + hand("r", root)
