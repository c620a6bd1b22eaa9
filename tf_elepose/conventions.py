"""Keypoint conventions by name, and from the joints of one to those of another.

A joint that a convention lacks can be made of those it has (a pelvis between the hips); it is then as trustworthy as
the least trustworthy of them, and missing where one of them is. A joint that cannot be made is missing. Nothing is
guessed from the number of joints.

Joint orders and rules come from the data sets' and detectors' own documents and from the public converters named
beside them; the joints of skeletons are in skeletons.py.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from tf_elepose import skeletons
from tf_elepose.skeletons import Skeleton

Recipe = Mapping[str, float]
"""Weights by joint; they sum to 1, so that a recipe gives a place wherever the body stands."""


@dataclasses.dataclass(frozen=True)
class Convention:
    """The keypoints of a detector or data set, by name; frozen.

    Attributes:
      name: what files, flags and messages call it.
      joints: joint names in the order of the arrays' joint axis; equal names mean equal joints everywhere.
      made: joints it lacks, or names otherwise, as weighted sums of those it has or, where it has none of that name,
        makes. A rule goes before a joint of the same name.
      made_vertically: rules for the y coordinate where they differ from those for x (2D only).
    """

    name: str
    joints: tuple[str, ...]
    made: Mapping[str, Recipe] = dataclasses.field(default_factory=dict)
    made_vertically: Mapping[str, Recipe] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"convention {self.name!r}"
        if not self.joints:
            raise ValueError(f"{where}: expected at least one joint")
        if twice := sorted({joint for joint in self.joints if self.joints.count(joint) > 1}):
            raise ValueError(f"{where}: {', '.join(twice)} named more than once")
        for rules in (self.made, self.made_vertically):
            for joint, recipe in rules.items():
                if not recipe or not math.isclose(sum(recipe.values()), 1.0, abs_tol=1e-6):
                    raise ValueError(f"{where}: the weights of {joint!r} must sum to 1; got {dict(recipe)}")
                self._flat(joint, rules, (), where)

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Place of `joint` on the joint axis; ValueError names the joints when there is none of that name."""
        if joint not in self.joints:
            raise ValueError(f"convention {self.name!r} has no joint {joint!r}; joints are {', '.join(self.joints)}")
        return self.joints.index(joint)

    def recipe(self, joint: str, vertical: bool = False) -> Recipe | None:
        """`joint` as a weighted sum of `joints`; None when it can be neither found nor made."""
        rules = {**self.made, **self.made_vertically} if vertical else self.made
        if joint not in rules and joint not in self.joints:
            return None
        return self._flat(joint, rules, (), f"convention {self.name!r}") if joint in rules else {joint: 1.0}

    def alias(self, joint: str) -> str | None:
        """The joint of other conventions that this convention's own `joint` is, under another name."""
        return next((made for made, recipe in self.made.items() if recipe == {joint: 1.0}), None)

    def _flat(self, joint: str, rules: Mapping[str, Recipe], above: tuple[str, ...], where: str) -> dict[str, float]:
        """The rule of `joint` in terms of `joints`, made joints replaced by what they are made of."""
        if joint in above or joint not in rules:
            problem = "is made of itself" if joint in above else "is neither a joint nor made of joints"
            raise ValueError(f"{where}: {joint!r} {problem}; joints are {', '.join(self.joints)}")
        flat: dict[str, float] = {}
        for part, weight in rules[joint].items():
            native = part in self.joints
            shares = {part: 1.0} if native else self._flat(part, rules, (*above, joint), where)
            for source, share in shares.items():
                flat[source] = flat.get(source, 0.0) + weight * share
        return {source: weight for source, weight in flat.items() if abs(weight) > 1e-12}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "convention") -> Convention:
        """The convention that `values` describe: name, joints, and optionally made {joint: [joints] or weights}.

        Raises:
          ValueError: what is missing, unknown or contradictory, and where.
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"{where}: expected a mapping of fields; got {type(values).__name__}")
        if missing := sorted({"name", "joints"} - set(values)):
            raise ValueError(f"{where}: missing {', '.join(missing)}")
        if unknown := sorted(set(map(str, values)) - {"name", "joints", "made"}):
            raise ValueError(f"{where}: unknown {', '.join(unknown)}; fields are name, joints, made")
        joints = values["joints"]
        if not isinstance(joints, (list, tuple)) or not all(isinstance(joint, str) for joint in joints):
            raise ValueError(f"{where}: joints must be a list of joint names; got {joints!r}")
        made = values.get("made") or {}
        if not isinstance(made, Mapping):
            raise ValueError(f"{where}: made must map a joint to the joints it is made of; got {made!r}")
        return cls(str(values["name"]), tuple(joints), {str(j): _stated_recipe(r, j, where) for j, r in made.items()})


def _stated_recipe(recipe: Any, joint: Any, where: str) -> Recipe:
    if isinstance(recipe, str):
        return {recipe: 1.0}
    if isinstance(recipe, (list, tuple)) and recipe and all(isinstance(part, str) for part in recipe):
        return _mean(*recipe)
    numbers = isinstance(recipe, Mapping) and all(isinstance(w, (int, float)) for w in recipe.values())
    if numbers and all(isinstance(part, str) for part in recipe):
        return {part: float(weight) for part, weight in recipe.items()}
    raise ValueError(f"{where}: {joint!r} is made of a joint, a list of joints or weights by joint; got {recipe!r}")


@dataclasses.dataclass(frozen=True)
class Conversion:
    """How each target joint is made of source joints.

    Attributes:
      source, target: joint names in order.
      recipes: for every target joint its weights by source joint, None when it cannot be made.
      recipes_y: the same for the y coordinate.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    recipes: tuple[Recipe | None, ...]
    recipes_y: tuple[Recipe | None, ...]

    @property
    def matrix(self) -> np.ndarray:
        """[target joints, source joints]: x (and z) of target poses are `matrix @ source poses`; a row of zeros for
        a joint that cannot be made.
        """
        matrix = np.zeros((len(self.target), len(self.source)), np.float32)
        for row, recipe in enumerate(self.recipes):
            for joint, weight in (recipe or {}).items():
                matrix[row, self.source.index(joint)] = weight
        return matrix

    @property
    def missing(self) -> tuple[str, ...]:
        """Target joints that cannot be made."""
        return tuple(joint for joint, recipe in zip(self.target, self.recipes, strict=True) if recipe is None)

    def apply(self, poses: np.ndarray) -> np.ndarray:
        """Poses [..., source joints, d] as [..., target joints, d]; joints that are only reordered stay exact.

        NaN stands for a missing joint, here and there.

        Raises:
          ValueError: 3D poses, with rules that hold in the image only.
        """
        self._require_joints(poses.shape[:-1])
        if poses.shape[-1] != 2 and self.recipes != self.recipes_y:
            raise ValueError("these rules make joints of 2D poses only")
        if self.recipes == self.recipes_y:
            return np.stack([self._made(poses, recipe) for recipe in self.recipes], axis=-2)
        x, y = (
            np.stack([self._made(poses[..., axis : axis + 1], recipe) for recipe in recipes], axis=-2)
            for axis, recipes in enumerate((self.recipes, self.recipes_y))
        )
        return np.concatenate([x, y], axis=-1)

    def apply_confidence(self, confidence: np.ndarray) -> np.ndarray:
        """Confidences [..., source joints] as [..., target joints]: the minimum of a joint's sources, 0 without."""
        self._require_joints(confidence.shape)
        columns = []
        for recipe, recipe_y in zip(self.recipes, self.recipes_y, strict=True):
            used = [confidence[..., self.source.index(joint)] for joint in {**(recipe or {}), **(recipe_y or {})}]
            columns.append(np.min(used, axis=0) if used else np.zeros_like(confidence[..., 0]))
        return np.stack(columns, axis=-1)

    def _made(self, poses: np.ndarray, recipe: Recipe | None) -> np.ndarray:
        if recipe is None:
            return np.full_like(poses[..., 0, :], np.nan)
        parts = [(poses[..., self.source.index(joint), :], weight) for joint, weight in recipe.items()]
        if len(parts) == 1:
            return parts[0][0]
        return np.sum([weight * joint.astype(np.float64) for joint, weight in parts], axis=0).astype(poses.dtype)

    def _require_joints(self, shape: tuple[int, ...]) -> None:
        if not shape or shape[-1] != len(self.source):
            raise ValueError(f"expected poses of {len(self.source)} joints; got shape {list(shape)}")


def conversion(source: Convention | Skeleton, target: Convention | Skeleton) -> Conversion:
    """How poses of `source` become poses of `target`; joints with equal names are the same joint.

    A target joint is, in this order: made by a rule of the source, the source's joint of that name, or the joint that
    the target's own rules know under another name (COCO's "neck" is Human3.6M's "thorax"). Otherwise it is missing.
    """
    one, other = as_convention(source), as_convention(target)

    def recipes(vertical: bool) -> tuple[Recipe | None, ...]:
        found = []
        for joint in other.joints:
            recipe = one.recipe(joint, vertical)
            if recipe is None and (alias := other.alias(joint)) is not None:
                recipe = one.recipe(alias, vertical)
            found.append(recipe)
        return tuple(found)

    same = one.joints == other.joints and one.name == other.name
    plain = tuple({joint: 1.0} for joint in other.joints)
    return Conversion(
        one.joints, other.joints, plain if same else recipes(False), plain if same else recipes(vertical=True)
    )


def as_convention(joints: Convention | Skeleton) -> Convention:
    """A skeleton's joints as a convention; the built-in skeletons are conventions under their own names."""
    return joints if isinstance(joints, Convention) else Convention(joints.name, joints.joints)


def get_convention(name_or_path: str) -> Convention:
    """A convention by name, or the user's own from a YAML file; case, "_" and "-" in names do not count.

    Raises:
      ValueError: neither a known name nor a readable file; lists the candidates.
    """
    if not isinstance(name_or_path, str):  # A command's option may be any plain value.
        raise ValueError(f"a convention is a name: expected {candidates()}; got {name_or_path!r}")
    path = pathlib.Path(name_or_path)
    if path.suffix in (".yaml", ".yml", ".json"):
        values = skeletons.read_description(path, "convention")
        if isinstance(values, Mapping) and "parents" in values:  # A skeleton file: its joints.
            return as_convention(Skeleton.from_dict(values, where=f"skeleton file {path}"))
        return Convention.from_dict(values, where=f"convention file {path}")
    if (found := find_convention(name_or_path)) is None:
        raise ValueError(f"unknown convention {name_or_path!r}: expected {candidates()}")
    return found


def find_convention(name: str) -> Convention | None:
    """The known convention of that name (case, "_" and "-" do not count), or None."""
    by_plain_name = {_plain(known): convention for known, convention in CONVENTIONS.items()}
    return by_plain_name.get(_plain(name))


def candidates(num_joints: int | None = None) -> str:
    """What a user can say, for error messages: all names, or those of conventions with `num_joints` joints."""
    fitting = [name for name, c in CONVENTIONS.items() if num_joints is None or c.num_joints == num_joints]
    return "one of " + ", ".join(fitting or CONVENTIONS) + " or the path of a .yaml file"


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _mean(*joints: str) -> Recipe:
    return {joint: 1.0 / len(joints) for joint in joints}


def _sides(*joints: str) -> tuple[str, ...]:
    """Left then right of every joint in turn, as COCO has them."""
    return tuple(f"{side}_{joint}" for joint in joints for side in "lr")


def _side(side: str, *joints: str) -> tuple[str, ...]:
    return tuple(f"{side}_{joint}" for joint in joints)


_ARM, _LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
_HIPS, _SHOULDERS, _EYES = (_sides("hip"), _sides("shoulder"), _sides("eye"))

# What detectors without a spine leave out (MMPose inference_3d.py, MotionBERT dataset_action.py): the head ends
# between the eyes, lower than Human3.6M's top of the head.
_PELVIS = {"root": _mean(*_HIPS)}
_TRUNK = {**_PELVIS, "thorax": _mean(*_SHOULDERS), "spine": _mean("root", "thorax")}
_NECK = {"thorax": _mean("neck"), "spine": _mean("root", "thorax")}  # Their neck is Human3.6M's thorax.

_COCO = ("nose", *_sides("eye", "ear", *_ARM, *_LEG))
_HALPE = (*_COCO, "head", "neck", "root", *_sides("big_toe", "small_toe", "heel"))
_OPENPOSE_TOP = ("nose", "neck", *_side("r", *_ARM), *_side("l", *_ARM))
_OPENPOSE_FACE = ("r_eye", "l_eye", "r_ear", "l_ear")
_MEDIAPIPE = (
    "nose", "l_eye_inner", "l_eye", "l_eye_outer", "r_eye_inner", "r_eye", "r_eye_outer", "l_ear", "r_ear",
    "mouth_l", "mouth_r", *_sides(*_ARM, "pinky", "index", "thumb", *_LEG, "heel", "foot_index"),
)  # fmt: skip
_H36M_32 = (
    "root", "r_hip", "r_knee", "r_ankle", "r_toe_base", "r_toe_site", "l_hip", "l_knee", "l_ankle", "l_toe_base",
    "l_toe_site", "hip_dup", "spine", "thorax", "nose", "head", "neck_dup_l", "l_shoulder", "l_elbow", "l_wrist",
    "l_wrist_dup", "l_thumb", "l_hand_site", "l_hand_site2", "neck_dup_r", "r_shoulder", "r_elbow", "r_wrist",
    "r_wrist_dup", "r_thumb", "r_hand_site", "r_hand_site2",
)  # fmt: skip
_MPI3DHP_28 = (
    "spine3", "spine4", "spine2", "spine", "root", "neck", "head_mid", "head",
    *_side("l", "clavicle", *_ARM, "hand"), *_side("r", "clavicle", *_ARM, "hand"),
    *_side("l", *_LEG, "foot", "toe"), *_side("r", *_LEG, "foot", "toe"),
)  # fmt: skip
_MPI3DHP_17 = (
    "head", "neck", *_side("r", *_ARM), *_side("l", *_ARM), *_side("r", *_LEG), *_side("l", *_LEG),
    "root", "spine", "head_mid",
)  # fmt: skip
_SMPL = (
    "root", "l_hip", "r_hip", "spine1", "l_knee", "r_knee", "spine2", "l_ankle", "r_ankle", "spine3", "l_foot",
    "r_foot", "neck", "l_collar", "r_collar", "head_joint", *_sides(*_ARM, "hand"),
)  # fmt: skip
_CANONPOSE = (
    *_side("r", *_LEG), *_side("l", *_LEG), "root", "neck", "nose", "head", *_side("r", *_ARM), *_side("l", *_ARM)
)  # fmt: skip
_FEET_UP = ("r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle")
_ARMS_ACROSS = ("r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow", "l_wrist")

# Nose and head of AIC and CrowdPose lie on the line from the neck to the top of the head (MMPose inference_3d.py).
_ON_THE_NECK = {"nose": {"neck": 3 / 4, "head": 1 / 4}, "head": {"neck": 5 / 12, "head": 7 / 12}}

# GAST-Net tools/mpii_coco_h36m.py: x and y of some joints are made differently.
_GAST = {
    **_PELVIS,
    "thorax": {"l_shoulder": 1 / 3, "r_shoulder": 1 / 3, "nose": 1 / 3},
    "spine": {"l_shoulder": 3 / 4 - 1 / 3, "r_shoulder": 3 / 4 - 1 / 3, "l_hip": 1 / 4, "r_hip": 1 / 4, "nose": -1 / 3},
    "nose": {"nose": 3 / 4, "l_shoulder": 1 / 8, "r_shoulder": 1 / 8},
    "head": _mean("l_eye", "r_eye", "l_ear", "r_ear"),
}
_GAST_VERTICALLY = {
    "thorax": {"l_shoulder": 1 / 3, "r_shoulder": 1 / 3, "nose": 1.0, "l_eye": -1 / 3, "r_eye": -1 / 3},
    "spine": _mean(*_SHOULDERS, *_HIPS),
    "head": {"l_eye": 1.0, "r_eye": 1.0, "nose": -1.0},
}


def _named() -> dict[str, Convention]:
    h36m = [as_convention(skeleton) for skeleton in skeletons.SKELETONS.values()]
    others = [
        Convention(
            "h36m_17_left_leg_first",  # SPIN, mmhuman3d "h36m".
            ("root", *_side("l", *_LEG), *_side("r", *_LEG), "spine", "thorax", "nose", "head",
             *_side("l", *_ARM), *_side("r", *_ARM)),
        ),
        Convention("h36m_32", _H36M_32),
        Convention("canonpose_16", _CANONPOSE, _NECK),
        Convention("coco_17", _COCO, {**_TRUNK, "head": _mean(*_EYES)}),
        Convention("coco_17_gast", _COCO, _GAST, _GAST_VERTICALLY),
        Convention("halpe_26", _HALPE, _NECK),
        Convention(
            "body_25",
            (*_OPENPOSE_TOP, "root", *_side("r", *_LEG), *_side("l", *_LEG), *_OPENPOSE_FACE,
             *_side("l", "big_toe", "small_toe", "heel"), *_side("r", "big_toe", "small_toe", "heel")),
            {**_NECK, "head": _mean(*_EYES)},
        ),
        Convention(
            "openpose_coco_18",
            (*_OPENPOSE_TOP, *_side("r", *_LEG), *_side("l", *_LEG), *_OPENPOSE_FACE),
            {**_PELVIS, **_NECK, "head": _mean(*_EYES)},
        ),
        Convention("mediapipe_33", _MEDIAPIPE, {**_TRUNK, "head": _mean(*_EYES)}),
        # GAST-Net mpii_h36m: the upper neck stands where Human3.6M has its nose.
        Convention(
            "mpii_16", (*_FEET_UP, "root", "thorax", "upper_neck", "head", *_ARMS_ACROSS),
            {"spine": _mean(*_HIPS, *_SHOULDERS), "nose": _mean("upper_neck")},
        ),
        Convention("lsp_14", (*_FEET_UP, *_ARMS_ACROSS, "neck", "head"), {**_PELVIS, **_NECK}),
        Convention("mpi3dhp_28", _MPI3DHP_28, {"thorax": _mean("neck"), "nose": _mean("head_mid")}),
        Convention("mpi3dhp_17", _MPI3DHP_17, {"thorax": _mean("neck"), "nose": _mean("head_mid")}),
        # SMPL has no top of the head: as far above the head joint as that is above the neck.
        Convention(
            "smpl_24", _SMPL,
            {"spine": _mean("spine2"), "thorax": _mean("neck"), "nose": _mean("head_joint"),
             "head": {"head_joint": 2.0, "neck": -1.0}},
        ),
        Convention(
            "aic_14",
            (*_side("r", *_ARM), *_side("l", *_ARM), *_side("r", *_LEG), *_side("l", *_LEG), "head", "neck"),
            {**_TRUNK, **_ON_THE_NECK},
        ),
        Convention("crowdpose_14", (*_sides(*_ARM, *_LEG), "head", "neck"), {**_TRUNK, **_ON_THE_NECK}),
    ]  # fmt: skip
    return {convention.name: convention for convention in (*h36m, *others)}


CONVENTIONS: dict[str, Convention] = _named()
"""Every convention known by name; skeletons are among them."""
