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

# Names of joints without the side, preferred names first: MotionBuilder, CMU, Mixamo, DeepMotion and Perception Neuron
# (UpLeg, Leg, Arm, ForeArm; there LeftShoulder is the collar), Biovision and Kinect (Hip, Knee, Shoulder, Elbow;
# LeftCollar), Unreal, VRM and VRoid (UpperLeg, LowerArm, calf), Daz and Poser (Thigh, Shin, Shldr, and Genesis'
# ThighBend), 3ds Max (Thigh, Calf), Acclaim (femur, humerus), Motive (Thigh, Shin, UArm, FArm; LShoulder is the
# collar), Theia (thigh, shank, uarm, larm), MakeHuman (upperleg01).
_LIMBS = {
    "hip": ("upleg", "upperleg", "upperleg01", "thighbend", "thigh", "femur", "hip"),
    "knee": ("knee", "lowerleg", "lowerleg01", "lowleg", "shin", "shank", "calf", "tibia", "leg"),
    "ankle": ("ankle", "foot"),
    "shoulder": (
        "arm", "uparm", "upperarm", "upperarm01", "uarm", "shldrbend", "shldr", "humerus", "shoulder"
    ),
    "elbow": (
        "elbow", "forearmbend", "forearm", "lowerarm", "lowerarm01", "lowarm", "farm", "larm", "radius"
    ),
    "wrist": ("wrist", "hand"),
}  # fmt: skip
# Rigify names the bones of the trunk spine to spine.003, of the neck .004 and .005, and of the head .006.
_CENTRAL = {
    "head_joint": ("head", "head1", "spine006"),  # Source's models have a Head1.
    "neck": (
        "neck", "neck1", "neck01", "necktwist01", "necklower", "lowerneck", "shouldercenter",
        "spineshoulder", "spine004",
    ),
    "head_top": ("headtopend", "headtop", "headend", "headnub", "head1end", "spine006end"),
}  # fmt: skip
_MIDDLE = ("{}", "c{}", "{}c", "m{}", "{}m")  # VRoid's J_Bip_C_Head, Advanced Skeleton's Head_M.
_SIDES = {"l": ("left{}", "l{}", "{}left", "{}l"), "r": ("right{}", "r{}", "{}right", "{}r")}
_OPTIONAL = ("neck", "head_top")
_FEWEST_NAMES = 10  # With fewer names, a common beginning may be chance.

# Prefixes that programs put before every name, except those that end with a colon.
_PREFIX = re.compile(r"^(mixamorig\d*|(?:valvebiped)?bip0*\d*|character\d*|ccbase|def|jbip)(?=.)")
_SUFFIX = re.compile(r"(?<=.)(jnt|joint|bone)$")
_SEPARATORS = re.compile(r"(?<=[:_.|\- ])")
# A prefix of this share of the names is the character's; prefixes of sides have less than half.
_MOST_NAMES = 0.8


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
    for joint, name in enumerate(_without_common_parts(motion.names)):
        by_name[_plain(name)].append(joint)
    wanted = {
        f"{side}_{limb}": [form.format(stem) for stem in stems for form in forms]
        for side, forms in _SIDES.items()
        for limb, stems in _LIMBS.items()
    } | {joint: [form.format(name) for name in names for form in _MIDDLE] for joint, names in _CENTRAL.items()}
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
    return _SUFFIX.sub("", _PREFIX.sub("", letters))


def _without_common_parts(names: Sequence[str]) -> list[str]:
    """Cuts the beginning and the end that all `names` share, which belong to the character or the program.

    End sites ("Head_end") do not count. A beginning that ends with a separator may be missing in a few names: the root
    often has another name.
    """
    real = [name for name in names if not name.endswith("_end")]
    if len(set(real)) < _FEWEST_NAMES:
        return list(names)
    counts = collections.Counter(
        name[: match.start()] for name in real for match in _SEPARATORS.finditer(name) if match.start() < len(name)
    )
    shared = [start for start, count in counts.items() if count >= _MOST_NAMES * len(real)]
    prefix = max([*shared, _same_start(real)], key=len)
    suffix = _same_start([name[::-1] for name in real])[::-1]
    return [_cut(name, prefix, suffix) for name in names]


def _same_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)  # In order, all others lie between these two.
    same = [one == other for one, other in zip(first, last, strict=False)]
    return first[: [*same, False].index(False)]


def _cut(name: str, prefix: str, suffix: str) -> str:
    """`name` without `prefix` and `suffix`; an end site's name is cut as its joint's."""
    stem, end = (name.removesuffix("_end"), "_end") if name.endswith("_end") else (name, "")
    return (stem.removeprefix(prefix).removesuffix(suffix) or stem) + end


def _listed(names: Sequence[str]) -> str:
    shown = [name if name.isprintable() else repr(name) for name in names[:60]]
    return ", ".join(shown + ["..."] * (len(names) > 60))
