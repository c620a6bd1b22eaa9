"""Converts poses from the joints of one keypoint convention to those of another.

A joint that a convention lacks can be made from the joints it has (the pelvis from the two hips). A made joint has the
lowest confidence of its sources, and is missing where one of them is missing. A joint that cannot be made is missing.
Nothing is guessed from the number of joints.

The conventions known by name are in conventions.py.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tf_elepose.skeleton.skeletons import Skeleton

Recipe = Mapping[str, float]
"""{joint: weight}; the weights sum to 1, so that the made joint moves with the body."""


def other_side(joint: str) -> str:
    """The joint on the other side, "l_knee" for "r_knee"; the joint itself where its name has no side."""
    return {"l_": "r_", "r_": "l_"}.get(joint[:2], joint[:2]) + joint[2:]


def mean_of(*joints: str) -> Recipe:
    """The recipe for the mean of `joints`."""
    return {joint: 1.0 / len(joints) for joint in joints}


@dataclasses.dataclass(frozen=True)
class Convention:
    """The keypoints of a detector or data set, by name; frozen.

    Attributes:
      name: what files, flags and messages call it.
      joints: joint names in the order of the arrays' joint axis; equal names mean equal joints everywhere.
      made: rules for joints that it lacks, or has under another name: weighted sums of its joints or of other made
        joints. A rule overrides a joint of the same name.
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
        """Index of `joint` on the joint axis; ValueError lists the joints when there is none of that name."""
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
        """The name that other conventions give to this convention's `joint`; None when no rule gives one."""
        return next((made for made, recipe in self.made.items() if recipe == {joint: 1.0}), None)

    def _flat(self, joint: str, rules: Mapping[str, Recipe], above: tuple[str, ...], where: str) -> dict[str, float]:
        """The rule of `joint` as weights of `joints`; each made joint is replaced by its own rule."""
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
          ValueError: a field is missing, unknown or contradictory; says which and where.
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
        return mean_of(*recipe)
    if isinstance(recipe, Mapping) and all(isinstance(w, (int, float)) for w in recipe.values()):  # noqa: SIM102
        if all(isinstance(part, str) for part in recipe):
            return {part: float(weight) for part, weight in recipe.items()}
    raise ValueError(f"{where}: {joint!r} is made of a joint, a list of joints or weights by joint; got {recipe!r}")


@dataclasses.dataclass(frozen=True)
class Conversion:
    """How each target joint is made of source joints.

    Attributes:
      source, target: joint names in order.
      recipes: for every target joint the weights of source joints, None when it cannot be made.
      recipes_y: the recipes for the y coordinate.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    recipes: tuple[Recipe | None, ...]
    recipes_y: tuple[Recipe | None, ...]

    @property
    def matrix(self) -> np.ndarray:
        """Weights [target joints, source joints]: x (and z) of target poses are `matrix @ source poses`.

        The row of a joint that cannot be made is 0.
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
        """Converts poses [..., source joints, d] to [..., target joints, d]; joints that are only reordered stay exact.

        NaN stands for a missing joint, in the input and in the result.

        Raises:
          ValueError: 3D poses, but a rule that holds for 2D poses only.
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
        """Converts confidences [..., source joints] to [..., target joints]: the lowest of the sources, or 0."""
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
    """The conversion from poses of `source` to poses of `target`; joints with equal names are the same joint.

    The first of these that exists gives a target joint: a rule of the source; the source's joint of that name; the
    source's joint that the target's rules call by another name (COCO's "neck" is Human3.6M's "thorax"). Otherwise the
    joint is missing.
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
    """The joints of a skeleton as a convention; a convention is returned as it is."""
    return joints if isinstance(joints, Convention) else Convention(joints.name, joints.joints)
