"""Selects views of Human3.6M by subject, camera and frame; both readers of the data set have these options."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from tf_elepose.data.parsers.limits import listed


@dataclasses.dataclass(frozen=True)
class Selection:
    """A choice of subjects, cameras and training frames.

    Attributes:
      subjects: names of the subjects to take; all when empty.
      cameras: the cameras to take, as positions in the data set's order.
      moved_mm: a training frame is taken if a joint has moved by this many mm since the last frame that was taken; 0
        takes all frames. h36m-fetch, whose frames ElePose and CanonPose train on, uses 40 mm (process_all.py,
        select_frame_indices_to_include).
    """

    subjects: tuple[str, ...]
    cameras: tuple[int, ...]
    moved_mm: float

    def moved(self, poses: np.ndarray) -> np.ndarray:
        """Mask [T] of the frames to take, for poses [T, J, 3] mm in one coordinate system; the first is taken."""
        kept = np.ones(len(poses), bool)
        if not self.moved_mm or not len(poses):
            return kept
        poses, last = poses.astype(np.float64), poses[0].astype(np.float64)
        for row in range(1, len(poses)):
            kept[row] = ((poses[row] - last) ** 2).sum(axis=-1).max() >= self.moved_mm**2
            last = poses[row] if kept[row] else last
        return kept


def selection(
    where: str,
    known_subjects: Sequence[str],
    known_cameras: Sequence[int],
    subjects: str | Sequence[str],
    cameras: int | Sequence[int],
    moved_mm: float,
) -> Selection:
    """Checks the options `subjects`, `cameras` and `moved_mm` of a reader, and returns them as a selection.

    Raises:
      ValueError: a subject or camera is unknown, or the movement is not a number from 0; the message names the option.
    """
    names = [subjects] if isinstance(subjects, str) else list(subjects)
    if strangers := [name for name in names if name not in known_subjects]:
        raise ValueError(f"{where}: subjects: expected some of {listed(known_subjects)}; got {strangers[0]!r}")
    numbers = [cameras] if isinstance(cameras, (int, str)) else list(cameras)
    if strange := [number for number in numbers if number not in known_cameras]:
        known = ", ".join(map(str, known_cameras))
        raise ValueError(f"{where}: cameras: expected some of {known}; got {strange[0]!r}")
    if isinstance(moved_mm, bool) or not isinstance(moved_mm, (int, float)) or not 0 <= moved_mm < math.inf:
        raise ValueError(f"{where}: moved_mm: expected millimetres from 0; got {moved_mm!r}")
    chosen = [place for place, number in enumerate(known_cameras) if not numbers or number in numbers]
    return Selection(tuple(names), tuple(chosen), float(moved_mm))
