"""Finds the joints of a person in a BVH file, by the names of common programs or by the user's own names."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_elepose.data.mocap.bvh_file import BvhMotion
from tf_elepose.skeleton import skeletons
from tf_elepose.skeleton.conversion import Convention, conversion

# Names of joints without the side, better names first: MotionBuilder, CMU and Mixamo (UpLeg, Leg, Arm, ForeArm; there
# LeftShoulder is the collar), Biovision (Hip, Knee, Shoulder, Elbow; LeftCollar), Unreal and VRM (UpperLeg, LowerArm,
# calf), Daz and Poser (Thigh, Shin, Shldr, and Genesis' ThighBend), 3ds Max (Thigh, Calf), Acclaim (femur, humerus).
_LIMBS = {
    "hip": ("upleg", "upperleg", "thighbend", "thigh", "femur", "hip"),
    "knee": ("knee", "lowerleg", "lowleg", "shin", "calf", "tibia", "leg"),
    "ankle": ("ankle", "foot"),
    "shoulder": ("arm", "uparm", "upperarm", "shldrbend", "shldr", "humerus", "shoulder"),
    "elbow": ("elbow", "forearmbend", "forearm", "lowerarm", "lowarm", "radius"),
    "wrist": ("wrist", "hand"),
}
_CENTRAL = {
    "head_joint": ("head",),
    "neck": ("neck", "neck1", "neck01", "necklower", "lowerneck"),
    "head_top": ("headtopend", "headtop", "headend", "headnub"),
}
_SIDES = {"l": ("left{}", "l{}", "{}left", "{}l"), "r": ("right{}", "r{}", "{}right", "{}r")}
_OPTIONAL = ("neck", "head_top")

# Prefixes that programs put before every name, except those that end with a colon.
_PREFIX = re.compile(r"^(mixamorig\d*|bip0*\d*|character\d*|ccbase|def)(?=.)")


@dataclasses.dataclass(frozen=True, eq=False)
class JointMap:
    """The rule by which the joints of a convention are made from those of a BVH file.

    Joints are made in 3D, because the image of the middle of two joints is not the middle of their images.

    Attributes:
      convention: names the K joints, in order.
      sources: the S joints of the file that are needed.
      weights: [K, S], rows that sum to 1.
    """

    convention: Convention
    sources: tuple[int, ...]
    weights: np.ndarray

    @property
    def ends(self) -> tuple[int, int] | None:
        """The file's joints at the left ankle and the head; None where the convention lacks one of them."""
        names = self.convention.joints
        head = next((name for name in ("head_joint", "nose", "head") if name in names), None)
        if head is None or "l_ankle" not in names:
            return None
        ankle, top = (self.sources[int(self.weights[names.index(name)].argmax())] for name in ("l_ankle", head))
        return ankle, top

    def places(self, motion: BvhMotion, frames: np.ndarray) -> np.ndarray:
        """The positions [t, K, 3] of the convention's joints in `frames` [t], in the file's units and axes."""
        return np.einsum("ks,tsi->tki", self.weights, motion.places(self.sources, frames))


def known_joints(motion: BvhMotion) -> JointMap:
    """The joints of a person, found by their names.

    The joints of the limbs have the names of any convention. Human3.6M's root is the middle of the hips, its thorax the
    joint of the neck, its spine half way between them, its nose the joint of the head, and its head the end of the
    head's bone or, without one, as far above the joint of the head as that is above the neck.

    Raises:
      ValueError: joints are not found, or found twice.
    """
    by_name: dict[str, list[int]] = collections.defaultdict(list)
    for joint, name in enumerate(motion.names):
        by_name[_plain(name)].append(joint)
    wanted = {
        f"{side}_{limb}": [form.format(stem) for stem in stems for form in forms]
        for side, forms in _SIDES.items()
        for limb, stems in _LIMBS.items()
    } | {joint: list(names) for joint, names in _CENTRAL.items()}
    found: dict[str, int] = {}
    for joint, names in wanted.items():
        places = next((by_name[name] for name in names if name in by_name), [])
        if len(places) > 1:
            raise ValueError(
                f"{motion.where}: {joint} could be {_listed([motion.names[place] for place in places])}; say which "
                "in a joints file, --option=joints=FILE.yaml"
            )
        if places:
            found[joint] = places[0]
    if missing := [joint for joint in wanted if joint not in found and joint not in _OPTIONAL]:
        raise ValueError(
            f"{motion.where}: found no {_listed(missing)} among the joints {_listed(motion.names)}; say which they are "
            "in a joints file, --option=joints=FILE.yaml"
        )
    if "head_top" in found and motion.path_length(found["head_joint"], found["head_top"]) == 0.0:
        del found["head_top"]
    if "neck" not in found and "head_top" not in found:
        raise ValueError(
            f"{motion.where}: neither a neck nor an end of the head among the joints {_listed(motion.names)}; say "
            "which they are in a joints file, --option=joints=FILE.yaml"
        )
    thorax = {"neck": 1.0} if "neck" in found else {"l_shoulder": 0.5, "r_shoulder": 0.5}
    made = {
        "root": {"l_hip": 0.5, "r_hip": 0.5},
        "thorax": thorax,
        "spine": {"root": 0.5, "thorax": 0.5},
        "nose": {"head_joint": 1.0},
        "head": {"head_top": 1.0} if "head_top" in found else {"head_joint": 2.0, "neck": -1.0},
    }
    convention = Convention("bvh", tuple(found), made)
    joints = Convention("bvh", (*found, *made))
    return JointMap(joints, tuple(found.values()), conversion(convention, joints).matrix.astype(np.float64))


def joints_from_file(motion: BvhMotion, path: pathlib.Path) -> JointMap:
    """The joints that a YAML (or JSON) file names, {joint: a joint of the BVH file, or a list to take the middle of}.

    Raises:
      ValueError: the file is not of that form, or names joints that the BVH file does not have.
    """
    given, what = skeletons.read_description(path, "joints"), f"joints file {path}"
    if not isinstance(given, Mapping) or not given:
        raise ValueError(f"{what}: expected joints with the BVH file's joints; got {type(given).__name__}")
    by_joint = [_sources_of(joint, names, motion, what) for joint, names in given.items()]
    sources = tuple(sorted({source for listed in by_joint for source in listed}))
    weights = np.array([[listed.count(source) / len(listed) for source in sources] for listed in by_joint])
    return JointMap(Convention("bvh", tuple(map(str, given))), sources, weights)


def _sources_of(joint: Any, names: Any, motion: BvhMotion, what: str) -> tuple[int, ...]:
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, list) or not listed or not all(isinstance(name, str) for name in listed):
        raise ValueError(f"{what}: {joint}: expected a joint or a list of joints; got {names!r}")
    if unknown := [name for name in listed if name not in motion.names]:
        raise ValueError(
            f"{what}: {joint}: {motion.where} has no {_listed(unknown)}; its joints are {_listed(motion.names)}"
        )
    if twice := [name for name in listed if motion.names.count(name) > 1]:
        raise ValueError(f"{what}: {joint}: {motion.where} has more than one {_listed(twice)}")
    return tuple(motion.names.index(name) for name in listed)


def _plain(name: str) -> str:
    """`name` in lower case, without punctuation and without the prefix of a program."""
    letters = re.sub(r"[^a-z0-9]", "", name.rpartition(":")[2].lower())
    return _PREFIX.sub("", letters)


def _listed(names: Sequence[str]) -> str:
    shown = [name if name.isprintable() else repr(name) for name in names[:60]]
    return ", ".join(shown + ["..."] * (len(names) > 60))
