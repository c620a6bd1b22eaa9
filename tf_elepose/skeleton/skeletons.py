"""Skeletons: the joints of a pose, by name, and everything that follows from them.

This is the only file with facts about the body. A joint is addressed by its name everywhere else; orders,
bones, mirror permutations and matrices are derived here. That is why it is long.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

MIN_JOINTS = 6
"""Poses with fewer seen joints are not used; the authors of 3DPW keep detections from this number on."""

ROOT_PARENT = None
"""The entry of `Skeleton.parents` for the joint that has no parent."""


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """The joints of a body, by name; frozen.

    Attributes:
      name: what files, configs and messages call it.
      joints: joint names in the order of the arrays' joint axis.
      parents: for every joint the name of its parent, None for the top of the tree.
      left: joints of the body's left side.
      right: their partners on the right side, in the same order.
      root: the joint poses are centred on.
      head: the joint whose distance from the root gives a pose its scale.
      bone_prior: lengths of the bones (in the order of `bones`) relative to their mean, or None when they are
        to be estimated from the training data.
      legs: (hip, knee, ankle) of the left and of the right leg, or empty when the skeleton has none. Knees bend one
        way only, which distinguishes a pose from its depth mirror; see `geometry.knee_bend`.
      arms: (shoulder, elbow, wrist) of the left and of the right arm, or empty; see `geometry.elbow_bend`.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[str | None, ...]
    left: tuple[str, ...]
    right: tuple[str, ...]
    root: str
    head: str
    bone_prior: tuple[float, ...] | None = None
    legs: tuple[tuple[str, str, str], ...] = ()
    arms: tuple[tuple[str, str, str], ...] = ()

    def __post_init__(self) -> None:
        where = f"skeleton {self.name!r}"
        _require_unique(self.joints, f"{where}: joints")
        if len(self.parents) != len(self.joints):
            raise ValueError(
                f"{where}: expected {len(self.joints)} parents, one for each joint; got {len(self.parents)}"
            )
        named: list[tuple[str, str | None]] = [("root", self.root), ("head", self.head)]
        named += [("left", j) for j in self.left] + [("right", j) for j in self.right]
        named += [("legs", j) for leg in self.legs for j in leg] + [("arms", j) for arm in self.arms for j in arm]
        named += [(f"parent of {j!r}", p) for j, p in zip(self.joints, self.parents, strict=True)]
        for what, joint in named:
            if joint is not None and joint not in self.joints:
                raise ValueError(f"{where}: {what} {joint!r} is not a joint; joints are {', '.join(self.joints)}")
        if self.parents.count(ROOT_PARENT) != 1:
            raise ValueError(f"{where}: expected exactly one joint without a parent; got {self.parents.count(None)}")
        top = self.joints[self.parents.index(ROOT_PARENT)]
        if top in self.left + self.right:
            raise ValueError(f"{where}: the joint without a parent, {top!r}, must not belong to one side of the body")
        if self.root == self.head:
            raise ValueError(f"{where}: root and head must be two joints; both are {self.root!r}")
        _require_unique(self.left + self.right, f"{where}: left and right")
        if len(self.left) != len(self.right):
            raise ValueError(f"{where}: {len(self.left)} left joints but {len(self.right)} right ones; they are pairs")
        for what, limbs in (("legs", self.legs), ("arms", self.arms)):
            sides = (set(self.left), set(self.right))
            if limbs and not (
                [len(limb) for limb in limbs] == [3, 3]
                and all(set(limb) <= side for limb, side in zip(limbs, sides, strict=True))
            ):
                raise ValueError(f"{where}: {what} are three joints of the left and three of the right; got {limbs}")
        for joint in self.joints:
            _require_reaches_top(self, joint)
        if self.bone_prior is not None:
            prior = np.asarray(self.bone_prior, np.float64)
            if prior.shape != (self.num_bones,) or not np.all(np.isfinite(prior)) or np.any(prior <= 0):
                raise ValueError(
                    f"{where}: bone_prior needs {self.num_bones} positive numbers, one for each bone "
                    f"({', '.join(child for child, _ in self.bones)}); got {list(self.bone_prior)}"
                )

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @property
    def num_bones(self) -> int:
        return len(self.joints) - 1

    def index(self, joint: str) -> int:
        """Index of `joint` on the joint axis; ValueError lists the joints when there is none of that name."""
        try:
            return self.joints.index(joint)
        except ValueError:
            raise ValueError(
                f"skeleton {self.name!r} has no joint {joint!r}; joints are {', '.join(self.joints)}"
            ) from None

    def indices(self, joints: Iterable[str]) -> tuple[int, ...]:
        return tuple(self.index(joint) for joint in joints)

    @property
    def root_index(self) -> int:
        return self.index(self.root)

    @functools.cached_property
    def bones(self) -> tuple[tuple[str, str], ...]:
        """The bones as (child, parent), in the order of their child joints."""
        pairs = zip(self.joints, self.parents, strict=True)
        return tuple((child, parent) for child, parent in pairs if parent is not None)

    @functools.cached_property
    def bone_matrix(self) -> np.ndarray:
        """Matrix [B, J]: `bone_matrix @ y` are the bone vectors (child minus parent) of a pose y [..., J, d]."""
        matrix = np.zeros((self.num_bones, self.num_joints), np.float32)
        for row, (child, parent) in enumerate(self.bones):
            matrix[row, self.index(child)] = 1.0
            matrix[row, self.index(parent)] = -1.0
        return matrix

    @functools.cached_property
    def mirror(self) -> tuple[int, ...]:
        """Permutation of the joint axis that swaps left and right."""
        partner = dict(zip(self.left + self.right, self.right + self.left, strict=True))
        return tuple(self.index(partner.get(joint, joint)) for joint in self.joints)

    @functools.cached_property
    def bone_mirror(self) -> tuple[int, ...]:
        """Permutation of the bone axis that swaps left and right; the side of a bone is that of its child."""
        children = [child for child, _ in self.bones]
        partner = dict(zip(self.left + self.right, self.right + self.left, strict=True))
        return tuple(children.index(partner.get(child, child)) for child in children)

    @functools.cached_property
    def halves(self) -> dict[str, tuple[str, ...]]:
        """The joints of the body's two halves, {"legs": ..., "torso": ...}, in joint order; the root is in neither.

        Raises:
          ValueError: the skeleton names no legs.
        """
        if not self.legs:
            raise ValueError(f"skeleton {self.name!r} names no legs; it cannot be divided into legs and torso")
        hips = {leg[0] for leg in self.legs}
        below = {joint for joint in self.joints if hips & set(self._up_from(joint))}
        legs = tuple(joint for joint in self.joints if joint in below and joint != self.root)
        return {"legs": legs, "torso": tuple(j for j in self.joints if j not in below and j != self.root)}

    def _up_from(self, joint: str) -> list[str]:
        """`joint`, its parent, and so on up to the joint without a parent."""
        path = [joint]
        while (parent := self.parents[self.joints.index(path[-1])]) is not None:
            path.append(parent)
        return path

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON or YAML; `from_dict` turns them back into an equal skeleton."""
        values: dict[str, Any] = {"name": self.name, "joints": list(self.joints)}
        values["parents"] = {j: p for j, p in zip(self.joints, self.parents, strict=True) if p is not None}
        values |= {"left": list(self.left), "right": list(self.right), "root": self.root, "head": self.head}
        values["bone_prior"] = (
            "estimate"
            if self.bone_prior is None
            else dict(zip([child for child, _ in self.bones], self.bone_prior, strict=True))
        )
        values |= {"legs": [list(leg) for leg in self.legs], "arms": [list(arm) for arm in self.arms]}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "skeleton") -> Skeleton:
        """The skeleton that `values` describe; see README ("Your own skeleton").

        Args:
          values: name, joints, parents {joint: parent}, left, right, root, head; optionally bone_prior
            ({child joint: relative length} or "estimate", the default), legs and arms.
          where: what messages call the source.

        Raises:
          ValueError: a field is missing, unknown or contradictory; says which and where.
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"{where}: expected a mapping of fields; got {type(values).__name__}")
        needed = {"name", "joints", "parents", "left", "right", "root", "head"}
        known = needed | {"bone_prior", "legs", "arms"}
        if missing := sorted(needed - set(values)):
            raise ValueError(f"{where}: missing {', '.join(missing)}")
        if unknown := sorted(set(map(str, values)) - known):
            raise ValueError(f"{where}: unknown {', '.join(unknown)}; fields are {', '.join(sorted(known))}")
        for field in ("joints", "left", "right"):
            if not isinstance(values[field], (list, tuple)) or not all(isinstance(j, str) for j in values[field]):
                raise ValueError(f"{where}: {field} must be a list of joint names; got {values[field]!r}")
        if not isinstance(values["parents"], Mapping):
            raise ValueError(f"{where}: parents must map a joint to its parent; got {values['parents']!r}")
        joints = tuple(values["joints"])
        if strangers := sorted(set(map(str, values["parents"])) - set(joints)):
            raise ValueError(f"{where}: parents name {', '.join(strangers)}, not among the joints")
        parents = tuple(values["parents"].get(joint) for joint in joints)
        prior = values.get("bone_prior", "estimate")
        if isinstance(prior, Mapping):
            children = [joint for joint, parent in zip(joints, parents, strict=True) if parent is not None]
            if set(prior) != set(children):
                raise ValueError(f"{where}: bone_prior needs one length for each of {', '.join(children)}")
            if not all(isinstance(prior[child], (int, float)) for child in children):
                raise ValueError(f"{where}: bone_prior lengths must be numbers; got {dict(prior)}")
            bone_prior = tuple(float(prior[child]) for child in children)
        elif prior == "estimate":
            bone_prior = None
        else:
            raise ValueError(f"{where}: bone_prior is 'estimate' or a length for every bone; got {prior!r}")
        limbs: dict[str, tuple[tuple[str, str, str], ...]] = {}
        for field in ("legs", "arms"):
            given = values.get(field) or ()
            if not isinstance(given, (list, tuple)) or not all(isinstance(limb, (list, tuple)) for limb in given):
                raise ValueError(f"{where}: {field} must be two lists of three joints; got {given!r}")
            limbs[field] = tuple(tuple(limb) for limb in given)
        return cls(
            name=str(values["name"]), joints=joints, parents=parents,
            left=tuple(values["left"]), right=tuple(values["right"]),
            root=values["root"], head=values["head"], bone_prior=bone_prior,
            **limbs,
        )  # fmt: skip


def _require_unique(names: tuple[str, ...], where: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{where}: {', '.join(twice)} named more than once")


def _require_reaches_top(skeleton: Skeleton, joint: str) -> None:
    seen = [joint]
    while (parent := skeleton.parents[skeleton.joints.index(seen[-1])]) is not None:
        if parent in seen:
            raise ValueError(f"skeleton {skeleton.name!r}: parents run in a circle at {' -> '.join([*seen, parent])}")
        seen.append(parent)


_LEFT_LEG = ("l_hip", "l_knee", "l_ankle")
_RIGHT_LEG = ("r_hip", "r_knee", "r_ankle")
_LEFT_ARM = ("l_shoulder", "l_elbow", "l_wrist")
_RIGHT_ARM = ("r_shoulder", "r_elbow", "r_wrist")
_TRUNK = ("spine", "thorax", "nose", "head")

_H36M_PARENT = {
    "r_hip": "root", "r_knee": "r_hip", "r_ankle": "r_knee",
    "l_hip": "root", "l_knee": "l_hip", "l_ankle": "l_knee",
    "spine": "root", "thorax": "spine", "nose": "thorax", "head": "nose",
    "l_shoulder": "thorax", "l_elbow": "l_shoulder", "l_wrist": "l_elbow",
    "r_shoulder": "thorax", "r_elbow": "r_shoulder", "r_wrist": "r_elbow",
}  # fmt: skip

# Bone lengths relative to their mean, averaged over the Human3.6M ground truth: numbers that the authors of ElePose
# published with their code.
_H36M_BONE_PRIOR = {
    "r_hip": 0.5181, "r_knee": 1.7371, "r_ankle": 1.7229,
    "l_hip": 0.5181, "l_knee": 1.7371, "l_ankle": 1.7229,
    "spine": 0.9209, "thorax": 0.9879, "nose": 0.4481, "head": 0.4450,
    "l_shoulder": 0.5746, "l_elbow": 1.0812, "l_wrist": 0.9652,
    "r_shoulder": 0.5746, "r_elbow": 1.0812, "r_wrist": 0.9652,
}  # fmt: skip


def _h36m(name: str, joints: tuple[str, ...]) -> Skeleton:
    return Skeleton(
        name=name,
        joints=joints,
        parents=tuple(_H36M_PARENT.get(joint) for joint in joints),
        left=_LEFT_LEG + _LEFT_ARM,
        right=_RIGHT_LEG + _RIGHT_ARM,
        root="root",
        head="head",
        bone_prior=tuple(_H36M_BONE_PRIOR[joint] for joint in joints if joint in _H36M_BONE_PRIOR),
        legs=(_LEFT_LEG, _RIGHT_LEG),
        arms=(_LEFT_ARM, _RIGHT_ARM),
    )


H36M_17 = _h36m("h36m_17", ("root", *_RIGHT_LEG, *_LEFT_LEG, *_TRUNK, *_LEFT_ARM, *_RIGHT_ARM))
"""Human3.6M's 17 joints in the order of VideoPose3D and MMPose: right leg first, left arm first."""

H36M_17_ELEPOSE = _h36m("h36m_17_elepose", ("root", *_RIGHT_LEG, *_LEFT_LEG, *_TRUNK, *_RIGHT_ARM, *_LEFT_ARM))
"""Human3.6M's 17 joints in the order of ElePose's published code: right leg first, right arm first."""

SKELETONS = {skeleton.name: skeleton for skeleton in (H36M_17, H36M_17_ELEPOSE)}


def get_skeleton(name_or_path: str) -> Skeleton:
    """The built-in skeleton of that name, or the user's own from a YAML (or JSON) file.

    Raises:
      ValueError: neither a known name nor a readable skeleton file.
    """
    if name_or_path in SKELETONS:
        return SKELETONS[name_or_path]
    path = pathlib.Path(name_or_path)
    if path.suffix not in (".yaml", ".yml", ".json"):
        raise ValueError(
            f"unknown skeleton {name_or_path!r}: expected one of {', '.join(SKELETONS)} or the path of a .yaml file"
        )
    skeleton = Skeleton.from_dict(read_description(path, "skeleton"), where=f"skeleton file {path}")
    if skeleton.name in SKELETONS and skeleton.joints != SKELETONS[skeleton.name].joints:
        raise ValueError(f"skeleton file {path}: {skeleton.name!r} is a built-in skeleton with other joints; rename it")
    return skeleton


def read_description(path: pathlib.Path, what: str) -> Any:
    """The plain values in a user's YAML or JSON file; ValueError, which begins with `what`, when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{what} file {path}: cannot be read ({error})") from error
    try:
        if path.suffix == ".json":
            return json.loads(text)
        import yaml  # Imported here because only users' own files need it.

        return yaml.safe_load(text)
    except Exception as error:
        raise ValueError(f"{what} file {path}: not valid {path.suffix[1:]} ({' '.join(str(error).split())})") from error
