"""One person's lifted poses for motion files: y up, in millimetres, evenly spaced in time."""

from __future__ import annotations

import dataclasses
import os

import numpy as np

from tf_elepose.motion.lifted import Lifted
from tf_elepose.motion.sampling import sampling

_Y_UP = np.array([1.0, -1.0, -1.0])
"""(x, y, z) to (x, -y, -z): half a turn about x, so left stays left. A person who faces the camera then faces +z, with
the left side at +x."""

_MOST_FRAMES = 1_000_000
"""Longest span of frame numbers, nine hours at 30 frames a second: a longer one shows wrong frame numbers."""


@dataclasses.dataclass(frozen=True, eq=False)
class Motion:
    """A person's poses at F evenly spaced moments.

    Attributes:
      frames: [F] the clip's frame numbers, `step` apart.
      positions: [F, J, 3] mm, x right, y up, z to the camera, root at the origin; NaN where there is no valid pose.
      rate: moments a second.
      frame_rate: the clip's frames a second.
    """

    frames: np.ndarray
    positions: np.ndarray
    rate: float
    frame_rate: float

    @property
    def known(self) -> np.ndarray:
        """Mask [F] of the moments that have a pose."""
        return np.all(np.isfinite(self.positions), axis=(1, 2))


def track_motion(lifted: Lifted, path: str | os.PathLike[str]) -> Motion:
    """The one track of `lifted`, from its first to its last frame; messages name `path`, the file to be written.

    Raises:
      ValueError: more or less than one track, poses without a size, no frame rate, or no valid pose.
    """
    where = os.fspath(path)
    names = [name for name, _ in lifted.tracks()]
    if len(names) != 1:
        listed = ", ".join(names[:5]) + ", ..." * (len(names) > 5)
        raise ValueError(
            f"{where}: expected the poses of one person in one clip and camera; got {len(names)} tracks ({listed})"
        )
    if lifted.unit != "mm":
        raise ValueError(f"{where}: expected poses in mm; these have no size: give the person's height with --height")
    step, rate = sampling(lifted)
    if not lifted.valid.any():
        raise ValueError(f"{where}: expected a pose; none of the {len(lifted)} could be lifted")
    first, last = int(lifted.frame.min()), int(lifted.frame.max())
    count = (last - first) // step + 1
    if count > max(_MOST_FRAMES, len(lifted)):
        raise ValueError(f"{where}: {len(lifted)} poses from frame {first} to {last}: expected at most {_MOST_FRAMES}")
    positions = np.full((count, lifted.skeleton.num_joints, 3), np.nan)
    places = (lifted.frame[lifted.valid].astype(np.int64) - first) // step
    positions[places] = lifted.poses_3d[lifted.valid] * _Y_UP
    return Motion(first + step * np.arange(count), positions, rate, float(lifted.frame_rate or 0.0))
