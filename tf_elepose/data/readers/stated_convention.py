"""Finds the convention that the user states, for tables and arrays that do not name their joints."""

from __future__ import annotations

from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.joint_names import begins_whole_body


def stated_convention(stated: str | None, num_joints: int, where: str) -> Convention:
    """Returns the convention that the user states for `num_joints` joints.

    It may have fewer joints if the list is that of a whole body that begins with them; it then names only these joints.

    Raises:
      ValueError: no convention is stated, it is unknown, or it has another number of joints; the message begins with
        `where`.
    """
    if stated is None:
        raise ValueError(
            f"{where}: {num_joints} joints without names: name their convention, --option=convention=NAME, "
            f"{conventions.candidates(num_joints)}"
        )
    held = conventions.get_convention(str(stated))
    if held.num_joints != num_joints and not begins_whole_body(held, num_joints):
        raise ValueError(
            f"{where}: {num_joints} joints; convention {held.name!r} has {held.num_joints}; expected "
            f"{conventions.candidates(num_joints)}"
        )
    return held
