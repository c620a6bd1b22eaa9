"""Translates the joint names in a file to the names and conventions of this package.

Programs spell one joint in many ways: left_shoulder, LShoulder, l_shoulder, "left shoulder", Shoulder_L, lsho. The
spellings here are those of COCO, MMPose (configs/_base_/datasets), OpenPose, MPII, PoseTrack, MPI-INF-3DHP, Kinect,
DeepLabCut and SLEAP projects. Numbers (kp_1) do not count as names: they do not say which joint is meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention, Recipe, mean_of
from tf_elepose.skeleton.skeletons import MIN_JOINTS

BODY_FIRST = {133: "coco_17", 135: "body_25", 136: "halpe_26"}
"""{number of keypoints: convention of the first ones}: lists of the whole body, whose face and hands are not used
(COCO-WholeBody; OpenPose's 135; Halpe's full body)."""

_NUMBERED = re.compile(
    r"(?:key ?points?|kpts?|kps?|joints?|points?|pts?|landmarks?|lm|nodes?|body ?parts?|parts?|markers?|[a-z])? ?\d+"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_SIDES = {"left": "l", "right": "r", "l": "l", "r": "r", "lt": "l", "rt": "r"}

# {words of a joint's name without its side, joined: the name in conventions.py}. Joints in `_MIDDLE` have no side.
_PARTS = {
    "shoulder": "shoulder", "sho": "shoulder", "shldr": "shoulder", "should": "shoulder", "shoulderjoint": "shoulder",
    "elbow": "elbow", "elb": "elbow", "elbo": "elbow", "elbowjoint": "elbow",
    "wrist": "wrist", "wri": "wrist", "wrs": "wrist", "wristjoint": "wrist",
    "hip": "hip", "hipjoint": "hip",
    "knee": "knee", "kne": "knee", "kneejoint": "knee",
    "ankle": "ankle", "ank": "ankle", "ankl": "ankle", "anklejoint": "ankle",
    "eye": "eye", "ear": "ear", "eyeinner": "eye_inner", "innereye": "eye_inner", "eyeouter": "eye_outer",
    "outereye": "eye_outer",
    "bigtoe": "big_toe", "smalltoe": "small_toe", "littletoe": "small_toe", "heel": "heel", "toe": "toe",
    "toebase": "toe_base", "foot": "foot", "footindex": "foot_index", "hand": "hand", "thumb": "thumb",
    "index": "index", "pinky": "pinky", "clavicle": "clavicle", "collar": "collar", "mouth": "mouth",
}  # fmt: skip
_MIDDLE = {
    "root": "root", "pelvis": "root", "hip": "root", "hips": "root", "midhip": "root", "hipmid": "root",
    "midhips": "root", "middlehip": "root", "hipcenter": "root", "centerhip": "root", "hipcentre": "root",
    "pelviscenter": "root", "spinebase": "root", "pelv": "root", "bodycenter": "root",
    "spine": "spine", "torso": "spine", "spinenavel": "spine", "belly": "spine", "abdomen": "spine",
    "spinemid": "spine", "midspine": "spine",
    "thorax": "thorax", "thrx": "thorax", "midshoulder": "thorax", "centershoulder": "thorax",
    "shouldercenter": "thorax", "shouldermid": "thorax",
    "spineshoulder": "thorax", "chest": "thorax", "sternum": "thorax",
    "neck": "neck", "upperneck": "upper_neck", "neckupper": "upper_neck", "headbottom": "upper_neck",
    "bottomhead": "upper_neck",
    "nose": "nose", "nosetip": "nose",
    "neckbase": "nose", "necknose": "nose",  # Human3.6M's "Neck/Nose", which MMPose calls neck_base.
    "head": "head", "headtop": "head", "tophead": "head", "topofhead": "head", "htop": "head", "vertex": "head",
    "headcenter": "head_mid", "midhead": "head_mid", "headmid": "head_mid",
    "spine1": "spine1", "spine2": "spine2", "spine3": "spine3", "spine4": "spine4",
}  # fmt: skip

# Data sets use some words for different joints; the other joints of a list then show which joint is meant.
_OTHER_MEANINGS = ({}, {"head": "head_joint"}, {"l_foot": "l_ankle", "r_foot": "r_ankle"})

# Joints in the middle of the body that are so close that conventions exchange their names.
_NEIGHBOURS = (
    {"head", "head_mid", "head_joint"}, {"neck", "thorax", "upper_neck"}, {"nose", "upper_neck", "head_mid"},
)  # fmt: skip

_LIMBS = tuple(f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in "lr")
_KNOWN = frozenset(joint for convention in conventions.CONVENTIONS.values() for joint in convention.joints)


def joint_name(name: str) -> str | None:
    """Returns this package's name of the joint `name` of a file: "l_shoulder" for "LShoulder"; None if unknown."""
    if name in _KNOWN:
        return name
    found = _spelled(name)
    return _spelled(re.sub(r"\(.*?\)", " ", name)) if found is None and "(" in name else found  # "root (pelvis)"


def _spelled(name: str) -> str | None:
    words = [word.lower() for word in _WORD.findall(name)]
    joined = "".join(words)
    if joined in _MIDDLE:
        return _MIDDLE[joined]
    for at in (0, -1) if len(words) > 1 else ():
        side = _SIDES.get(words[at])
        part = "".join(words[1:] if at == 0 else words[:-1])
        if side is not None and part in _PARTS:
            return _sided(side, part)
    inner = [word for word in words if word not in ("left", "right")]
    if len(words) - len(inner) == 1 and "".join(inner) in _PARTS:  # "eye_left_inner"
        return _sided("l" if "left" in words else "r", "".join(inner))
    for side, short in (("left", "l"), ("right", "r"), ("l", "l"), ("r", "r")):
        if joined.startswith(side) and joined.removeprefix(side) in _PARTS:
            return _sided(short, joined.removeprefix(side))
        if joined.endswith(side) and joined.removesuffix(side) in _PARTS:
            return _sided(short, joined.removesuffix(side))
    return None


def named_convention(names: Sequence[str], where: str, stated: str | None = None) -> Convention | None:
    """Finds the convention of a list of keypoints from the joint names in a file, in the file's order.

    The convention may have fewer joints than there are names; it then names the first joints (the body of a whole-body
    list). If the list has the joints of a known convention, in any order, joints that it lacks are made by the rules of
    that convention. Otherwise they are made by all rules that its joints allow.

    Args:
      names: of the keypoints in the order of the file.
      where: the place of the names, for messages.
      stated: the convention that the user gives.

    Returns:
      The convention: `stated`, if it is given; None if no convention is stated and the names are numbers.

    Raises:
      ValueError: the names contradict the stated convention, two names mean the same joint, or too few names are known
        to make a body.
    """
    if len(names) > _MOST_NAMES:
        raise ValueError(f"{where}: expected at most {_MOST_NAMES} joints; got {len(names)}")
    numbered = all(_NUMBERED.fullmatch(re.sub(r"[\W_]+", " ", name.lower()).strip()) for name in names)
    joints = [None if numbered else joint_name(name) for name in without_prefix(names)]
    if stated is not None:
        return _agreeing(conventions.get_convention(stated), names, joints, where)
    return None if numbered else _own(names, joints, where)


_MOST_NAMES = 1000


def begins_whole_body(convention: Convention, num_keypoints: int) -> bool:
    """Whether a whole-body list of `num_keypoints` may begin with the joints of `convention`."""
    return num_keypoints in BODY_FIRST and any(
        whole.num_joints == num_keypoints and whole.joints[: convention.num_joints] == convention.joints
        for whole in conventions.CONVENTIONS.values()
    )


def without_prefix(names: Sequence[str]) -> list[str]:
    """Cuts what does not belong to the joint: a word at the beginning of all `names` ("body_left_hip"), or "0_".

    If this makes no more names known, they are returned unchanged.
    """
    prefix = re.match(r".*[\W_]|", _shared(names), re.DOTALL)
    shorter = [name[prefix.end() :] for name in names] if prefix and len(names) > 1 else list(names)
    spellings = [list(names), shorter, *(_without_numbers(spelled) for spelled in (names, shorter))]
    recognized = [sum(joint_name(name) is not None for name in spelled) for spelled in spellings]
    return spellings[recognized.index(max(recognized))]


def _without_numbers(names: Sequence[str]) -> list[str]:
    """Cuts numbers at the beginning or the end of `names`, if they count all names from 0 or 1."""
    for pattern in (r"(?P<number>\d+)[\W_]*(?P<name>.*)", r"(?P<name>.*?)[\W_]*(?P<number>\d+)"):
        found = [re.fullmatch(pattern, name, re.DOTALL | re.ASCII) for name in names]
        parts = [(match["name"], match["number"].lstrip("0") or "0") for match in found if match]
        for first in (0, 1):
            if [number for _, number in parts] == [str(first + place) for place in range(len(names))]:
                return [name for name, _ in parts]
    return list(names)


def _shared(names: Sequence[str]) -> str:
    """Returns the beginning that all `names` share."""
    first, last = min(names, default=""), max(names, default="")
    return first[: next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def _sided(side: str, part: str) -> str:
    return f"mouth_{side}" if part == "mouth" else f"{side}_{_PARTS[part]}"


def _agreeing(stated: Convention, names: Sequence[str], joints: Sequence[str | None], where: str) -> Convention:
    """Returns `stated`; a ValueError if the file's `joints` contradict it."""
    first = BODY_FIRST.get(len(names)) == stated.name or stated.num_joints <= len(names)
    if not first:
        raise ValueError(f"{where}: convention {stated.name!r} has {stated.num_joints} joints; got {len(names)} names")
    for place, (wanted, joint) in enumerate(zip(stated.joints, joints, strict=False)):
        expected = wanted if wanted in _KNOWN else joint_name(wanted)
        if joint is None or expected is None or joint == expected or _alike(joint, expected):
            continue
        raise ValueError(
            f"{where}: joint {place} is {names[place]!r} in the file and {wanted!r} in convention {stated.name!r}; "
            "leave out --option=convention to use the file's names"
        )
    return stated


def _alike(joint: str, expected: str) -> bool:
    if any(meaning.get(joint) == expected for meaning in _OTHER_MEANINGS):
        return True
    return any({joint, expected} <= neighbours for neighbours in _NEIGHBOURS)


def _own(names: Sequence[str], joints: Sequence[str | None], where: str) -> Convention:
    """Makes a convention from the file's names alone."""
    known = [joint for joint in joints if joint is not None]
    first = BODY_FIRST.get(len(names))
    if first is not None and (body := conventions.CONVENTIONS[first]).joints == tuple(joints[: body.num_joints]):
        return body
    if len(set(known) & set(_LIMBS)) < MIN_JOINTS:
        strange = ", ".join([name for name, joint in zip(names, joints, strict=True) if joint is None][:5])
        raise ValueError(
            f"{where}: expected names of the joints of a body, like left_shoulder; "
            + (f"not known are {strange}" if strange else f"got {', '.join(names[:5])}")
            + "; describe the joints with --option=convention=FILE.yaml"
        )
    used = 1 + max(place for place, joint in enumerate(joints) if joint is not None)
    given = _told_apart(names[:used], joints[:used], where)
    for meaning in _OTHER_MEANINGS:
        meant = tuple(meaning.get(joint, joint) for joint in given)
        same = [c for c in conventions.CONVENTIONS.values() if set(c.joints) == set(meant)]
        for convention in same:
            if convention.joints == meant:
                return convention
        if same:
            # AIC, CrowdPose and LSP have the same joint names: in another order, the general rules are used.
            known_rules = same[0] if len({str(c.made) for c in same if not c.made_vertically}) == 1 else None
            made = known_rules.made if known_rules else _made(meant)
            return Convention(f"{same[0].name if known_rules else 'named'} (in the file's order)", meant, made)
    feet_are_ankles = {"l_ankle", "r_ankle"}.isdisjoint(given)
    meant = tuple(_OTHER_MEANINGS[2].get(joint, joint) if feet_are_ankles else joint for joint in given)
    return Convention("named (in the file)", meant, _made(meant))


def _told_apart(names: Sequence[str], joints: Sequence[str | None], where: str) -> list[str]:
    """Returns a different name for each joint: the known name, or the file's own for joints that are not known."""
    found = [joint or f"({name})" for name, joint in zip(names, joints, strict=True)]
    if found.count("head") == 2:  # MPI-INF-3DHP: "head" is the middle of the head where there is a "head_top" as well.
        plain = [place for place, name in enumerate(names) if joints[place] == "head" and name.lower() == "head"]
        if len(plain) == 1 and "head_mid" not in found:
            found[plain[0]] = "head_mid"
    if twice := sorted({joint for joint in found if found.count(joint) > 1}):
        same = [name for name, joint in zip(names, found, strict=True) if joint == twice[0]]
        raise ValueError(f"{where}: expected a different joint for each name; {' and '.join(same[:3])} are the same")
    return found


def _made(joints: Sequence[str]) -> dict[str, Recipe]:
    """Returns rules for Human3.6M's joints that `joints` lack and can make, as in the known conventions."""
    has = set(joints).issuperset
    rules: dict[str, Recipe] = {}

    def rule(joint: str, *choices: tuple[Sequence[str], Recipe]) -> None:
        fitting = next((recipe for needed, recipe in choices if has(needed) or {*needed} <= {*joints, *rules}), None)
        if joint not in joints and fitting is not None:
            rules[joint] = fitting

    def mean(*needed: str) -> tuple[Sequence[str], Recipe]:
        return needed, mean_of(*needed)

    rule("root", mean("l_hip", "r_hip"))
    rule("thorax", mean("neck"), mean("l_shoulder", "r_shoulder"))
    rule("spine", mean("spine2"), mean("root", "thorax"))
    # If a list has neck and thorax, its neck is Human3.6M's "Neck/Nose", like MPII's upper neck.
    above = [mean("neck")] if "thorax" in joints else []
    rule("nose", mean("upper_neck"), *above, mean("head_mid"), mean("head_joint"))
    rule("head", mean("l_eye", "r_eye"), mean("l_ear", "r_ear"))
    return rules
