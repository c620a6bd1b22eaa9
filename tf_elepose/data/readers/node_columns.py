"""Shared by readers of tables with columns for the x, y and score of each named joint (DeepLabCut, SLEAP)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tf_elepose.data.parsers.delimited import numbers_of
from tf_elepose.data.parsers.limits import listed
from tf_elepose.data.readers.stated_convention import stated_convention
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.joint_names import named_convention

Line = tuple[int, list[str]]
"""The number of a line in the file, and its cells."""


class NodeColumns:
    """The columns of one body's joints.

    Attributes:
      names: of the joints in the order of the file.
    """

    def __init__(self, columns: Mapping[str, Mapping[str, int]], third: str, where: str) -> None:
        """Takes {joint: {"x", "y" and perhaps `third`: column}}.

        Raises:
          ValueError: a joint lacks x or y, or only some joints have `third`.
        """
        self.names = list(columns)
        for axis in ("x", "y"):
            if lacking := [name for name, places in columns.items() if axis not in places]:
                raise ValueError(f"{where}: {axis}: missing for {listed(lacking)}")
        with_third = [name for name, places in columns.items() if third in places]
        if with_third and len(with_third) != len(columns):
            lacking = [name for name in columns if name not in with_third]
            raise ValueError(f"{where}: {third}: expected one for all joints or none; missing for {listed(lacking)}")
        axes = ("x", "y", third) if with_third else ("x", "y")
        self._places = [[places[axis] for places in columns.values()] for axis in axes]

    def convention(self, stated: str | None, where: str) -> Convention:
        """Finds the convention of the joints by their names; it may name only the first joints.

        Args:
          stated: the convention that the user gives. If it has the file's own names, joints are matched by name;
            otherwise they are in the order of the file.
          where: the place of the names, for messages.

        Raises:
          ValueError: the names are not known or contradict the stated convention.
        """
        if stated is not None:
            held = conventions.get_convention(stated)
            own = {name.lower(): place for place, name in enumerate(self.names)}
            if len(own) == len(self.names) and {joint.lower() for joint in held.joints} <= set(own):
                order = [own[joint.lower()] for joint in held.joints]
                self.names = [self.names[place] for place in order]
                self._places = [[axis[place] for place in order] for axis in self._places]
                return held
        found = named_convention(self.names, where, stated)
        return found if found is not None else stated_convention(None, len(self.names), where)

    def read(self, lines: Sequence[Line], where: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Reads places [n, K, 2] px and scores [n, K] from lines; a joint without a score has score 1.

        Raises:
          ValueError: a cell is not a finite number; the message names the line.
        """
        used = [place for axis in self._places for place in axis]
        x, y, *scores = np.split(numbers_of(lines, used, where), len(self._places), axis=1)
        places = np.stack([x, y], axis=-1)
        if not scores:
            return places, None
        seen = np.isfinite(places).all(axis=-1)
        return places, np.where(seen & np.isnan(scores[0]), np.float32(1.0), scores[0])
