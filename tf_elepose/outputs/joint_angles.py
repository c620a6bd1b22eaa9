"""Joint rotations from joint positions: how each joint turns its bones from the rest pose.

Joint positions do not show how far a limb is turned about its own axis. Of all rotations that give a bone its
direction, a joint gets the smallest one, counted from its parent's rotation; so limbs have no twist of their own.
"""

from __future__ import annotations

import numpy as np

from tf_elepose.data.mocap.virtual_cameras import axis_rotation
from tf_elepose.skeleton.skeletons import Skeleton

_NO_LENGTH = 1e-9
_OPPOSITE = 1e-10  # 1 + cosine below which a bone points straight back: rounding would decide its axis.
_LEAN = 1e-9  # Weight of the parent's rotation beside the bones': it decides where the bones allow several.
_GIMBAL = 1e-8  # Cosine of the middle angle below which only the sum of the other two counts (gimbal lock).


def world_rotations(poses: np.ndarray, offsets: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Rotations [F, J, 3, 3] by which each joint of `poses` [F, J, 3] turns its child bones from `offsets` [J, 3].

    A joint with one child bone gets the parent's rotation, then the smallest rotation that gives the bone its direction
    (`swing`). A joint with several gets the rotation that brings all of them nearest to their directions (least
    squares: Kabsch 1976); where several rotations do, the one nearest to the parent's. A joint without child bones gets
    its parent's rotation.
    """
    children = joint_children(skeleton)
    rotations = np.tile(np.eye(3), (len(poses), skeleton.num_joints, 1, 1))
    for joint in parents_first(skeleton):
        parent = skeleton.parents[joint]
        carried = np.tile(np.eye(3), (len(poses), 1, 1)) if parent is None else rotations[:, skeleton.index(parent)]
        rest = offsets[children[joint]]
        posed = poses[:, children[joint]] - poses[:, joint, np.newaxis]
        if len(rest) == 0:
            rotations[:, joint] = carried
        elif len(rest) == 1:
            rotations[:, joint] = swing(carried @ rest[0], posed[:, 0]) @ carried
        else:
            lean = _LEAN * np.square(rest).sum() * carried
            rotations[:, joint] = nearest_rotation(np.einsum("fbi,bk->fik", posed, rest) + lean)
    return rotations


def swing(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The smallest rotation [..., 3, 3] that turns `start` [..., 3] to the direction of `end` [..., 3].

    With c the cross and d the dot product of the unit vectors, I + [c] + [c]^2 / (1 + d) (Rodrigues). The identity
    where one vector has no length; half a turn about some axis at a right angle where they are opposite.
    """
    a, b = (vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), _NO_LENGTH) for vector in (start, end))
    cross, dot = np.cross(a, b), np.sum(a * b, axis=-1)
    matrix = np.zeros((*dot.shape, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        matrix[..., j, i], matrix[..., i, j] = cross[..., k], -cross[..., k]
    opposite = 1.0 + dot < _OPPOSITE
    turned = np.eye(3) + matrix + matrix @ matrix / np.where(opposite, 1.0, 1.0 + dot)[..., np.newaxis, np.newaxis]
    axis = np.cross(a, np.where(np.abs(a[..., :1]) < 0.9, np.eye(3)[0], np.eye(3)[1]))
    axis /= np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), _NO_LENGTH)
    half = 2.0 * axis[..., :, np.newaxis] * axis[..., np.newaxis, :] - np.eye(3)
    return np.where(opposite[..., np.newaxis, np.newaxis], half, turned)


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """The rotation R [..., 3, 3] with the largest tr(R^T matrix); never a reflection."""
    u, _, vt = np.linalg.svd(matrix)
    u[..., :, -1] *= np.sign(np.linalg.det(u @ vt))[..., np.newaxis]
    return u @ vt


def euler_zxy(rotations: np.ndarray) -> np.ndarray:
    """Degrees (z, x, y) [F, J, 3] with Rz Rx Ry = `rotations` [F, J, 3, 3], without jumps from frame to frame.

    Angles that differ by whole turns, and (z + 180, 180 - x, y + 180), are the same rotation: each frame gets the
    angles nearest to those of the frame before. Where x is 90 degrees only z + y or z - y counts, and y stays.
    """
    r = rotations
    x = np.arctan2(r[..., 2, 1], np.hypot(r[..., 2, 0], r[..., 2, 2]))
    z, y = np.arctan2(-r[..., 0, 1], r[..., 1, 1]), np.arctan2(-r[..., 2, 0], r[..., 2, 2])
    locked = np.cos(x) < _GIMBAL
    together = np.arctan2(r[..., 1, 0], r[..., 0, 0])  # z + y, or z - y where x is -90 degrees.
    angles = np.degrees(np.stack([z, x, y], axis=-1))
    before = np.zeros(angles.shape[1:])
    for frame, now in enumerate(angles):
        kept = np.degrees(together[frame]) - np.sign(x[frame]) * before[:, 2]
        now[:, 0] = np.where(locked[frame], kept, now[:, 0])
        now[:, 2] = np.where(locked[frame], before[:, 2], now[:, 2])
        other = np.stack([now[:, 0] + 180.0, 180.0 - now[:, 1], now[:, 2] + 180.0], axis=-1)
        now, other = (one - 360.0 * np.round((one - before) / 360.0) for one in (now, other))
        if frame:
            nearer = np.abs(other - before).sum(axis=-1) < np.abs(now - before).sum(axis=-1)
            now = np.where(nearer[:, np.newaxis], other, now)
        angles[frame] = before = now
    return angles


def from_euler_zxy(degrees: np.ndarray) -> np.ndarray:
    """The rotations Rz Rx Ry [..., 3, 3] for (z, x, y) `degrees` [..., 3]."""
    z, x, y = (axis_rotation(axis, degrees[..., place]) for place, axis in enumerate("zxy"))
    return z @ x @ y


def joint_children(skeleton: Skeleton) -> list[list[int]]:
    """For every joint, the places of its children on the joint axis."""
    return [[place for place, parent in enumerate(skeleton.parents) if parent == joint] for joint in skeleton.joints]


def parents_first(skeleton: Skeleton) -> list[int]:
    """Places of the joints, depth first: the top joint, its first child, that child's children, ..."""
    children, order = joint_children(skeleton), []
    waiting = [skeleton.parents.index(None)]
    while waiting:
        order.append(waiting.pop())
        waiting += reversed(children[order[-1]])
    return order
