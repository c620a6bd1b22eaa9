"""Finds the columns of a table that hold joints, by its header: nose_x, nose_y, nose_confidence, or x0, y0, c0.

A joint's name may be written in any way that joint_names.py knows. The axis follows the name (left_shoulder_x,
LShoulder.x, "Left Shoulder X", leftShoulderX) or precedes it (x_left_shoulder). The third column of a joint is called
_confidence, _conf, _score, _likelihood, _visibility, _visible, _presence, _prob or _c; where a table has several of
these, the first in this order is used.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from tf_elepose.data.parsers.limits import MAX_TEXT_LENGTH, listed
from tf_elepose.data.readers.stated_convention import stated_convention
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.joint_names import BODY_FIRST, joint_name, named_convention, without_prefix
from tf_elepose.skeleton.skeletons import MIN_JOINTS

CONFIDENCES = (
    "confidence", "conf", "score", "likelihood", "visibility", "visible", "presence", "probability", "prob", "c", "v",
    "s", "p",
)  # fmt: skip
"""Names of the column of confidences, the preferred ones first: MediaPipe's tables have a visibility and a presence."""

_AXES = ("x", "y", "z", *CONFIDENCES)

_NUMBERED = re.compile(rf"({'|'.join(_AXES)})[_. ]?(\d{{1,4}})", re.IGNORECASE)
_UNIT = r"(?:[_ ]?[(\[]?(?:px|pixels?)[)\]]?)?"
_NAMED = re.compile(rf"(.+?)[_.\-/: ]+({'|'.join(_AXES)}){_UNIT}", re.IGNORECASE | re.DOTALL)
_BEFORE = re.compile(rf"({'|'.join(_AXES)})[_.\-/: ]+(.+)", re.IGNORECASE | re.DOTALL)
_CAMEL = re.compile(rf"(.*[a-z])(X|Y|Z|{'|'.join(axis.capitalize() for axis in CONFIDENCES)})")
_NUMBER = re.compile(r".*?(\d{1,4})", re.DOTALL)

_Parts = Mapping[str, Mapping[str, int]]
"""{joint as the header calls it: {axis: column}}."""


@dataclasses.dataclass(frozen=True)
class JointColumns:
    """The columns of the joints of a table.

    Attributes:
      convention: its joints in the order of the places.
      places: for x, y and, if there are any, confidence: the columns of the joints.
      others: columns that belong to no joint of the convention.
    """

    convention: Convention
    places: list[list[int]]
    others: tuple[str, ...]


def joint_columns(columns: Sequence[str], stated: str | None, where: str) -> JointColumns:
    """The columns of the joints of a table.

    Args:
      columns: the header.
      stated: the convention that the user gives; needed if the header numbers the joints instead of naming them.
      where: the place of the header, for messages.

    Raises:
      ValueError: the header names no joints, a joint lacks a column, or the joints are not those of `stated`.
    """
    numbered = _read(columns, _NUMBERED, swapped=True)
    parts = numbered or _read(columns, _NAMED) or _read(columns, _CAMEL) or _read(columns, _BEFORE, swapped=True)
    if not parts:
        raise ValueError(f"{where}: expected columns <joint>_x, <joint>_y or x0, y0; got {listed(columns)}")
    if numbered or all(re.fullmatch(r"\D{0,12}\d+", name) and joint_name(name) is None for name in parts):
        convention = stated_convention(stated, len(parts), where)
        ordered = sorted(parts, key=_number)[: convention.num_joints]
        names = dict(zip(convention.joints, ordered, strict=True))
    else:
        convention, names = _by_name(list(parts), stated, columns, where)
    return _placed(convention, names, parts, columns, where)


def _read(columns: Sequence[str], pattern: re.Pattern[str], swapped: bool = False) -> _Parts:
    """Finds the joints that have an x and a y, in the order of the file."""
    parts: dict[str, dict[str, int]] = {}
    for place, column in enumerate(columns):
        if len(column) <= MAX_TEXT_LENGTH and (match := pattern.fullmatch(column.strip())):
            axis, joint = match.groups() if swapped else match.groups()[::-1]
            parts.setdefault(joint, {})[axis.lower()] = place
    return {joint: axes for joint, axes in parts.items() if "x" in axes or "y" in axes}


def _number(name: str) -> int:
    match = _NUMBER.fullmatch(name)
    return int(match[1]) if match else 0


def _by_name(
    named: list[str], stated: str | None, columns: Sequence[str], where: str
) -> tuple[Convention, dict[str, str]]:
    """Returns the convention, and {joint of the convention: its name in the header}."""
    short = dict(zip(named, without_prefix(named), strict=True))
    known = [name for name in named if joint_name(short[name]) is not None]

    def own(used: list[str]) -> Convention | None:
        return named_convention([short[name] for name in used], where)

    if stated is None:
        # Unknown names are columns such as bbox_x, except in whole-body lists, where points of hands have unknown
        # names.
        used = named if len(named) in BODY_FIRST or len(known) < MIN_JOINTS else known
        if (convention := own(used)) is None:
            convention = stated_convention(stated, len(named), where)
        return convention, dict(zip(convention.joints, used[: convention.num_joints], strict=True))
    convention = conventions.get_convention(str(stated))
    called = {joint_name(short[name]) or name: name for name in named} | {name.lower(): name for name in named}
    if len(known) >= MIN_JOINTS and (meant := own(known)) is not None:
        called = dict(zip(meant.joints, known[: meant.num_joints], strict=True)) | called
    names = {}
    for joint in convention.joints:
        name = called.get(joint.lower(), called.get(joint_name(joint) or joint))
        if name is None:
            raise ValueError(
                f"{where}: missing {joint}_x of convention {convention.name!r}; got {listed(columns)}"
                + ("; leave out --option=convention to use the file's names" if len(known) >= MIN_JOINTS else "")
            )
        names[joint] = name
    return convention, names


def _placed(
    convention: Convention, names: Mapping[str, str], parts: _Parts, columns: Sequence[str], where: str
) -> JointColumns:
    axes = ["x", "y"]
    given = {axis for name in names.values() for axis in parts[name]}
    axes += [axis for axis in CONFIDENCES if axis in given][:1]
    for name in names.values():
        if lacking := [axis for axis in axes if axis not in parts[name]]:
            raise ValueError(f"{where}: missing {lacking[0]} of {name[:60]!a}; got {listed(columns)}")
    places = [[parts[name][axis] for name in names.values()] for axis in axes]
    of_joints = {place for name in names.values() for place in parts[name].values()}
    others = tuple(column for place, column in enumerate(columns) if place not in of_joints)
    return JointColumns(convention, places, others)
