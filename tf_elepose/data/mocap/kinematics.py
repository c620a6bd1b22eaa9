"""A jointed human body: segment lengths, ranges of joint motion and forward kinematics.

The body's frame moves with the person: x to the person's right, y down, z ahead. All angles are in degrees, 0 when
standing upright with hanging arms.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.skeleton.skeletons import H36M_17

JOINTS = H36M_17.joints
"""The joints of a body, by name; poses can be made for any skeleton that has exactly these joints."""

Angles = dict[str, np.ndarray]
"""{degree of freedom: [C, T] degrees}, with the names of `JOINT_LIMITS`; limbs' names have a side: r_hip_flexion."""

# Offset of each joint from its parent, standing upright, as fractions of the stature; the left side mirrors the right.
# Limbs: Drillis and Contini 1966, as in Winter, Biomechanics and Motor Control of Human Movement, fig. 4.1.
# Trunk, head and half widths: the tables have no such joints, so these are Human3.6M's relative bone lengths
# (skeletons.py), scaled so that the shank is 0.246: 1 there is 0.143 here. How far the nose is ahead is an estimate.
_FROM_PARENT = {
    "r_hip": (0.074, 0.0, 0.0),
    "r_knee": (0.0, 0.245, 0.0),
    "r_ankle": (0.0, 0.246, 0.0),
    "spine": (0.0, -0.131, 0.0),
    "thorax": (0.0, -0.141, 0.0),
    "nose": (0.0, -0.055, 0.033),
    "head": (0.0, -0.061, -0.016),
    "r_shoulder": (0.081, 0.012, 0.0),
    "r_elbow": (0.0, 0.186, 0.0),
    "r_wrist": (0.0, 0.146, 0.0),
}
ANKLE_HEIGHT = 0.039
"""Height of a standing person's ankles above the floor, as a fraction of the stature; from the same figure 4.1."""

_STATURE_MM = {"mean": 1690.0, "std": 95.0, "low": 1500.0, "high": 1900.0}
_SEGMENT_STD = 0.03  # Relative spread of one segment between people of the same stature.

# Degrees, from the American Academy of Orthopaedic Surgeons, Joint Motion: Method of Measuring and Recording, 1965.
# The trunk's motion is spread evenly over the joints at root and spine, the neck's over thorax and nose. Two angles
# describe flexion, extension and abduction of the shoulder together: how far the arm is raised (negative: backwards),
# and the plane in which it is raised (0: straight ahead, 90: sideways). The pelvis has no joint limits; its ranges are
# those that stepping, sitting and stooping need.
_CENTRAL_LIMITS = {
    "pelvis_tilt": (-20.0, 60.0),  # forwards
    "pelvis_list": (-10.0, 10.0),  # right side down
    "trunk_flexion": (-25.0, 80.0),
    "trunk_bend": (-35.0, 35.0),  # to the right
    "trunk_twist": (-45.0, 45.0),  # to the right
    "neck_flexion": (-45.0, 45.0),
    "neck_bend": (-45.0, 45.0),
    "neck_twist": (-60.0, 60.0),
}
_LIMB_LIMITS = {
    "hip_flexion": (-30.0, 120.0),
    "hip_abduction": (-30.0, 45.0),
    "hip_rotation": (-45.0, 45.0),  # outwards
    "knee_flexion": (0.0, 135.0),
    "shoulder_raise": (-60.0, 180.0),
    "shoulder_plane": (-45.0, 135.0),
    "shoulder_rotation": (-70.0, 90.0),  # outwards
    "elbow_flexion": (0.0, 150.0),
}
SIDES = {"l": -1.0, "r": 1.0}
"""{side: the sign of x on it}."""

JOINT_LIMITS: dict[str, tuple[float, float]] = _CENTRAL_LIMITS | {
    f"{side}_{angle}": limits for angle, limits in _LIMB_LIMITS.items() for side in SIDES
}


@dataclasses.dataclass(frozen=True)
class Bodies:
    """The measurements of S people.

    Attributes:
      stature: [S] mm.
      from_parent: {joint: [S, 3] mm from its parent, standing upright}, for every joint but the root.
    """

    stature: np.ndarray
    from_parent: Mapping[str, np.ndarray]

    def take(self, indices: np.ndarray) -> Bodies:
        """The bodies at `indices` [C]."""
        return Bodies(self.stature[indices], {joint: offset[indices] for joint, offset in self.from_parent.items()})


def draw_bodies(rng: np.random.Generator, count: int) -> Bodies:
    """Draws `count` random adults, whose left and right sides are equal."""
    mean, std, low, high = (_STATURE_MM[key] for key in ("mean", "std", "low", "high"))
    stature = np.clip(rng.normal(mean, std, count), low, high)
    from_parent = {}
    for joint, fractions in _FROM_PARENT.items():
        factor = np.clip(rng.normal(1.0, _SEGMENT_STD, count), 1 - 2 * _SEGMENT_STD, 1 + 2 * _SEGMENT_STD)
        offset = (stature * factor)[:, np.newaxis] * np.asarray(fractions)
        from_parent[joint] = offset
        if joint.startswith("r_"):
            from_parent["l_" + joint.removeprefix("r_")] = offset * (-1.0, 1.0, 1.0)
    return Bodies(stature, from_parent)


def limit(angles: Mapping[str, np.ndarray]) -> Angles:
    """Clips `angles` to `JOINT_LIMITS`."""
    return {name: np.clip(values, *JOINT_LIMITS[name]) for name, values in angles.items()}


def forward_kinematics(bodies: Bodies, angles: Mapping[str, np.ndarray]) -> dict[str, tf.Tensor]:
    """The positions of the joints for given angles.

    Args:
      bodies: C bodies.
      angles: [C, T] degrees for every name in `JOINT_LIMITS`.

    Returns:
      {joint: [C, T, 3] mm} in the body's frame, the root at the origin.
    """

    def turn(name: str, share: float = 1.0) -> tf.Tensor:
        return tf.constant(angles[name] * (share * math.pi / 180.0), tf.float32)

    x, y, z = geometry.rotation_x, geometry.rotation_y, geometry.rotation_z
    turns = {"root": x(-turn("pelvis_tilt")) @ z(turn("pelvis_list"))}
    for part, (first, second), parent in (("trunk", ("spine", "thorax"), "root"), ("neck", ("nose", "head"), "thorax")):
        half = y(turn(f"{part}_twist", 0.5)) @ z(turn(f"{part}_bend", 0.5)) @ x(-turn(f"{part}_flexion", 0.5))
        turns[first] = turns[parent] @ half
        turns[second] = turns[first] @ half
    for s, sign in SIDES.items():
        turns[f"{s}_hip"] = turns["root"]
        turns[f"{s}_knee"] = (
            turns["root"]
            @ x(turn(f"{s}_hip_flexion")) @ z(-sign * turn(f"{s}_hip_abduction")) @ y(sign * turn(f"{s}_hip_rotation"))
        )  # fmt: skip
        turns[f"{s}_ankle"] = turns[f"{s}_knee"] @ x(-turn(f"{s}_knee_flexion"))
        turns[f"{s}_shoulder"] = turns["thorax"]
        plane, rotation = sign * turn(f"{s}_shoulder_plane"), sign * turn(f"{s}_shoulder_rotation")
        # The plane is turned back after raising, so that it has no effect while the arm hangs.
        turns[f"{s}_elbow"] = turns["thorax"] @ y(plane) @ x(turn(f"{s}_shoulder_raise")) @ y(rotation - plane)
        turns[f"{s}_wrist"] = turns[f"{s}_elbow"] @ x(turn(f"{s}_elbow_flexion"))

    # turns[joint] is the orientation of the segment that ends in the joint.
    joints = {H36M_17.root: tf.zeros_like(turns["root"][..., 0])}
    for joint, parent in H36M_17.bones:
        segment = tf.constant(bodies.from_parent[joint][:, np.newaxis], tf.float32)
        joints[joint] = joints[parent] + tf.linalg.matvec(turns[joint], segment)
    return joints
