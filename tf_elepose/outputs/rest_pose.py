"""The rest pose that joint angles are measured from: a T pose with the person's own proportions."""

from __future__ import annotations

import numpy as np

from tf_elepose.skeleton.skeletons import Skeleton

_DOWN = np.array([0.0, -1.0, 0.0])
_LEFT, _UP = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
_NO_LENGTH = 1e-9


def rest_offsets(poses: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Offsets [J, 3] from each joint's parent in the T pose: y up, facing +z, the left at +x; 0 for the top joint.

    A bone is as long as it is in the median pose. Legs hang straight down, arms stretch straight out, as retargeting
    programs expect. Hips, shoulders, trunk, head and all joints in no named limb keep the person's own shape: the
    bone's mean direction in the body's frame, which has y from root to head and x across the body.

    Args:
      poses: [F, J, 3] y up, any unit.
      skeleton: names the joints.
    """
    child, parent = (np.array(skeleton.indices(names)) for names in zip(*skeleton.bones, strict=True))
    bones = poses[:, child] - poses[:, parent]
    lengths = np.linalg.norm(bones, axis=-1)
    in_body = np.einsum("fki,fbi->fbk", _body_frames(poses, skeleton), bones)
    directions = _unit(_unit(in_body, _UP).mean(axis=0), _UP)
    at_rest = {joint: _DOWN for leg in skeleton.legs for joint in leg[1:]}
    for side, arm in zip((_LEFT, -_LEFT), skeleton.arms, strict=False):
        at_rest |= {joint: side for joint in arm[1:]}
    for bone, (joint, _) in enumerate(skeleton.bones):
        directions[bone] = at_rest.get(joint, directions[bone])
    offsets = np.zeros((skeleton.num_joints, 3))
    offsets[child] = np.median(lengths, axis=0)[:, np.newaxis] * directions
    return offsets


def _body_frames(poses: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """The body's axes [F, 3, 3] in each pose, as rows: x (to its left), y (from root to head) and z (ahead)."""
    up = _unit(poses[:, skeleton.index(skeleton.head)] - poses[:, skeleton.root_index], _UP)
    limbs = (skeleton.legs, skeleton.arms)
    pairs = [(left[0], right[0]) for left, right in (limb for limb in limbs if limb)]
    pairs = pairs or list(zip(skeleton.left, skeleton.right, strict=True))
    across = np.zeros_like(up)
    for left, right in pairs:
        across += poses[:, skeleton.index(left)] - poses[:, skeleton.index(right)]
    ahead = _unit(np.cross(across, up), np.cross(_any_across(up), up))
    return np.stack([np.cross(up, ahead), up, ahead], axis=1)


def _any_across(up: np.ndarray) -> np.ndarray:
    """An axis [F, 3] at a right angle to `up` [F, 3], x where up is y; for bodies whose skeleton names no sides."""
    axis = np.where(np.abs(up[:, :1]) < 0.9, _LEFT, _UP)
    return _unit(axis - np.sum(axis * up, axis=-1, keepdims=True) * up, _LEFT)


def _unit(vectors: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """`vectors` [..., 3] scaled to length 1; `otherwise` where their length is 0."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > _NO_LENGTH, vectors / np.maximum(length, _NO_LENGTH), otherwise)
