"""Corrects mistakes of a file: a y axis that points up, limbs whose sides are swapped; and sets the split."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.recording import Recording
from tf_elepose.skeleton.skeletons import Skeleton

SIDES = ("none", "arms", "legs", "both")


def flip_y(recording: Recording) -> Recording:
    """Flips the y axis of the 2D poses (detections too) of `recording`, for pixels counted from the bottom.

    y becomes height - y where the height of the camera's images is known, otherwise -y. All rows of a camera are
    changed in the same way, so that movements keep their form. 3D poses stay as they are.
    """
    if recording.image_size is None:
        height = np.zeros((len(recording), 1), np.float32)
    else:
        of_camera = np.atleast_2d(recording.image_size)[:, 1]
        height = of_camera[recording.camera if len(of_camera) > 1 else np.zeros(len(recording), int), np.newaxis]
    changed = {"poses_2d": _turned(recording.view("gt"), height)}
    if recording.poses_2d_detected is not None:
        changed["poses_2d_detected"] = _turned(recording.view("detected"), height)
    return dataclasses.replace(recording, **changed)


def swap_sides(recording: Recording, sides: str) -> Recording:
    """Swaps left and right of `sides` in all poses of `recording`: 2D, detections and 3D.

    Args:
      recording: all its poses are swapped, because a file lists the joints of all poses in one order.
      sides: "arms" or "legs" (with hands and feet, where the skeleton has them), "both": every joint with a side, or
        "none".

    Raises:
      ValueError: `sides` is another word, or the skeleton does not name its arms or legs.
    """
    if sides not in SIDES:
        raise ValueError(f"{recording.source}: swap_sides: expected {', '.join(SIDES)}; got {sides!r}")
    if sides == "none":
        return recording
    order = list(side_order(recording.skeleton, sides, recording.source))
    per_joint = ("poses_2d", "visible", "poses_2d_detected", "confidence", "poses_3d")
    given = {name: getattr(recording, name) for name in per_joint}
    return dataclasses.replace(recording, **{name: a[:, order] for name, a in given.items() if a is not None})


def side_order(skeleton: Skeleton, sides: str, source: str) -> tuple[int, ...]:
    """Permutation of the joint axis that swaps left and right of `sides`."""
    if sides == "both":
        return skeleton.mirror
    if not (skeleton.arms if sides == "arms" else skeleton.legs):
        raise ValueError(f"{source}: swap_sides: skeleton {skeleton.name!r} does not say what its {sides} are")
    names = (("arms", skeleton.arms), ("legs", skeleton.legs))
    limb_of = {joint: name for name, limbs in names for limb in limbs for joint in limb}

    def limb(joint: str | None) -> str | None:
        """The limb that `joint` belongs to; a hand belongs to its arm."""
        while joint is not None and joint not in limb_of:
            joint = skeleton.parents[skeleton.index(joint)]
        return None if joint is None else limb_of[joint]

    return tuple(skeleton.mirror[i] if limb(joint) == sides else i for i, joint in enumerate(skeleton.joints))


def _turned(keypoints: Keypoints, height: np.ndarray) -> np.ndarray:
    turned = keypoints.pixels.copy()
    turned[..., 1] = height - turned[..., 1]
    turned[~keypoints.seen] = 0.0
    return turned


def split_at(recording: Recording, frame: int) -> Recording:
    """Puts all frames from `frame` on into the split "test" and those before it into "train"."""
    return dataclasses.replace(recording, split=np.where(recording.frame >= frame, "test", "train"))


def leave_out(recording: Recording, subjects: Sequence[str]) -> Recording:
    """Puts all poses of `subjects` into the split "test" and those of everybody else into "train"."""
    return dataclasses.replace(recording, split=np.where(np.isin(recording.subject, subjects), "test", "train"))
