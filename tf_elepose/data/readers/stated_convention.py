"""The convention of tables and arrays that do not name their joints, as the user states it."""

from __future__ import annotations

from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.joint_names import begins_whole_body


def stated_convention(stated: str | None, num_joints: int, where: str) -> Convention:
    """The convention that the user states for `num_joints` joints.

    It may have fewer joints where the list is one of a whole body, which begins with the convention's: it is then about
    these.

    Raises:
      ValueError: none is stated, it is unknown, or has another number of joints; the message begins with `where`.
    """
    if stated is None:
        raise ValueError(
            f"{where}: {num_joints} joints, but not which: say it as --option=convention=NAME, "
            f"{conventions.candidates(num_joints)}"
        )
    held = conventions.get_convention(str(stated))
    if held.num_joints != num_joints and not begins_whole_body(held, num_joints):
        raise ValueError(
            f"{where}: {num_joints} joints; convention {held.name!r} has {held.num_joints}; expected "
            f"{conventions.candidates(num_joints)}"
        )
    return held
