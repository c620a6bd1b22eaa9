"""Rows that a source gives twice: two people of a frame never have the same joints to the last digit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tf_elepose.data.identities import PERSON

GIVEN_TWICE = "given twice"
"""Why rows are left out whose frame has the same pose before: a program appended to a file, or files were joined."""

_FACTOR = np.uint64(6364136223846793005)  # Of Knuth's MMIX generator; products wrap around.
_BLOCK = 1 << 12  # Rows that fit into a processor's cache.

_PLACE = ("frame", "clip", "camera", "subject")


def given_twice(fields: Mapping[str, np.ndarray], identity: np.ndarray) -> np.ndarray:
    """Rows, in ascending order, whose pose an earlier row of the same frame, camera and clip has.

    Rows of which the file says that they are different people are kept.

    Args:
      fields: of a `Recording`, [n, ...] each.
      identity: [n] of `IDENTITIES`.
    """
    poses = np.ascontiguousarray(fields["poses_2d"], np.float32).reshape(len(identity), -1)
    # Of frame and bits: equal poses of a frame have equal sums, nearly all others have not.
    sums = fields["frame"].astype(np.uint64)
    for first in range(0, len(poses), _BLOCK):
        part = sums[first : first + _BLOCK]
        for column in poses[first : first + _BLOCK].view(np.uint32).T:
            part *= _FACTOR
            part += column
    order = np.argsort(sums, kind="stable")
    same = np.flatnonzero(sums[order[1:]] == sums[order[:-1]])
    if not len(same):
        return same
    one, other = order[same], order[same + 1]
    equal = (poses[one] == poses[other]).all(axis=1)
    for name in _PLACE:
        equal &= fields[name][one] == fields[name][other]
    if "person" in fields:
        people = (identity[one] == PERSON) & (identity[other] == PERSON)
        equal &= ~people | (fields["person"][one] == fields["person"][other])
    return np.unique(other[equal])
