"""BVH files: a skeleton and the rotations that move it, for Blender and other animation programs."""

from __future__ import annotations

import os

import numpy as np
from absl import logging

from tf_elepose.motion.lifted import Lifted
from tf_elepose.motion.sampling import interpolate
from tf_elepose.outputs.joint_angles import (
    euler_zxy,
    from_euler_zxy,
    joint_children,
    parents_first,
    world_rotations,
)
from tf_elepose.outputs.motion import Motion, track_motion
from tf_elepose.outputs.rest_pose import rest_offsets
from tf_elepose.skeleton.skeletons import Skeleton
from tf_elepose.storage import files

_CM = 0.1  # Millimetres to the file's unit.
_DECIMALS = 5  # Of centimetres and of degrees; 1e-5 degrees are 2e-4 mm at a metre's distance.

_POSITION = "Xposition Yposition Zposition"
_ROTATION = "Zrotation Xrotation Yrotation"


def write_bvh(path: str | os.PathLike[str], lifted: Lifted, *, constant_bones: bool = False) -> None:
    """Writes the one track in `lifted` to `path` as a BVH file: cm, y up, rotations in the order Z, X, Y.

    The hierarchy is the skeleton's in a T pose (`rest_offsets`), the rotations are those of `world_rotations`. Lifted
    bones change their length a little from pose to pose, a BVH file's offsets cannot. So every joint also has position
    channels, which replace its offset, as in Blender: forward kinematics gives the lifted positions. Programs that only
    read rotations show the same motion with constant bones.

    Frames run from the first to the last valid pose. BVH has no missing frames: positions in between are interpolated
    on straight lines, and their number is logged. Where the body stands is not known: the root never moves.

    Args:
      path: of the file.
      lifted: one track in mm, with a frame rate.
      constant_bones: position channels for the top joint alone. The distance by which that moves joints is logged.

    Raises:
      ValueError: not one track, poses without a size (--height), no frame rate (--fps), no valid pose.
      OSError: the file cannot be written.
    """
    motion = track_motion(lifted, path)
    poses = _without_holes(motion, path) * _CM
    skeleton = lifted.skeleton
    offsets = np.round(rest_offsets(poses, skeleton), _DECIMALS)
    degrees, positions, missed = _channels(poses, offsets, skeleton, constant_bones)
    if constant_bones:
        logging.warning(
            "%s: with bones of constant length joints stand %.1f mm from where they were lifted, at most %.1f",
            os.fspath(path), missed.mean() / _CM, missed.max() / _CM,
        )  # fmt: skip
    order = parents_first(skeleton)
    columns = [
        degrees[:, joint] if constant_bones and skeleton.parents[joint] else
        np.concatenate([positions[:, joint], degrees[:, joint]], axis=-1)
        for joint in order
    ]  # fmt: skip
    values = np.concatenate(columns, axis=-1) + 0.0  # No "-0.00000".
    lines = ["HIERARCHY", *_hierarchy(skeleton, offsets, order[0], constant_bones)]
    lines += ["MOTION", f"Frames: {len(values)}", f"Frame Time: {1.0 / motion.rate:.8f}"]
    row = " ".join([f"%.{_DECIMALS}f"] * values.shape[1])
    files.write_text(path, "\n".join([*lines, *(row % tuple(frame) for frame in values)]) + "\n")


def _without_holes(motion: Motion, path: str | os.PathLike[str]) -> np.ndarray:
    """Poses [F, J, 3] mm from the first to the last known one; missing ones are interpolated."""
    known = np.flatnonzero(motion.known)
    wanted = np.arange(known[0], known[-1] + 1)
    if len(wanted) > len(known):
        logging.warning(
            "%s: %d of %d frames have no pose: interpolated", os.fspath(path), len(wanted) - len(known), len(wanted)
        )
    return interpolate(known, motion.positions[known], wanted)


def _channels(
    poses: np.ndarray, offsets: np.ndarray, skeleton: Skeleton, constant_bones: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rounded channels of `poses` [F, J, 3] cm: degrees (z, x, y) and positions [F, J, 3]; and the distances [F, J] cm
    between their forward kinematics and the poses.

    A joint's channels start from where the rounded channels of its ancestors place its parent: errors do not add up.
    """
    rotations = world_rotations(poses, offsets, skeleton)
    local = rotations.copy()
    for joint, parent in _bones(skeleton):
        local[:, joint] = np.swapaxes(rotations[:, parent], -1, -2) @ rotations[:, joint]
    degrees = np.round(euler_zxy(local), _DECIMALS)
    local, turned = from_euler_zxy(degrees), rotations
    positions, stands = np.zeros_like(poses), np.zeros_like(poses)
    top = parents_first(skeleton)[0]
    turned[:, top] = local[:, top]
    positions[:, top] = stands[:, top] = np.round(poses[:, top], _DECIMALS)
    for joint, parent in _bones(skeleton):
        if constant_bones:
            positions[:, joint] = offsets[joint]
        else:
            away = np.einsum("fji,fj->fi", turned[:, parent], poses[:, joint] - stands[:, parent])
            positions[:, joint] = np.round(away, _DECIMALS)
        stands[:, joint] = stands[:, parent] + np.einsum("fij,fj->fi", turned[:, parent], positions[:, joint])
        turned[:, joint] = turned[:, parent] @ local[:, joint]
    return degrees, positions, np.linalg.norm(stands - poses, axis=-1)


def _bones(skeleton: Skeleton) -> list[tuple[int, int]]:
    """(joint, parent) of all but the top joint, parents first."""
    order = parents_first(skeleton)[1:]
    return [(joint, skeleton.index(str(skeleton.parents[joint]))) for joint in order]


def _hierarchy(skeleton: Skeleton, offsets: np.ndarray, joint: int, constant_bones: bool, depth: int = 0) -> list[str]:
    """The file's lines for `joint` and all joints below it. The end site of a last joint has offset 0: poses show
    nothing beyond that joint.
    """
    indent, top = "\t" * depth, skeleton.parents[joint] is None
    channels = f"CHANNELS 3 {_ROTATION}" if constant_bones and not top else f"CHANNELS 6 {_POSITION} {_ROTATION}"
    children = joint_children(skeleton)[joint]
    lines = [
        f"{indent}{'ROOT' if top else 'JOINT'} {'_'.join(skeleton.joints[joint].split())}",
        f"{indent}{{",
        f"{indent}\tOFFSET {_numbers(offsets[joint])}",
        f"{indent}\t{channels}",
    ]
    for child in children:
        lines += _hierarchy(skeleton, offsets, child, constant_bones, depth + 1)
    if not children:
        lines += [
            f"{indent}\tEnd Site",
            f"{indent}\t{{",
            f"{indent}\t\tOFFSET {_numbers(np.zeros(3))}",
            f"{indent}\t}}",
        ]
    return [*lines, f"{indent}}}"]


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.{_DECIMALS}f}" for value in values + 0.0)
