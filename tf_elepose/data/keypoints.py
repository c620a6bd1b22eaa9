"""Keypoints: the 2D poses of a recording's rows, which of their joints are seen and how far each is trusted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Keypoints:
    """The 2D poses of N rows with their masks and confidences, made by `Recording.view`.

    Attributes:
      pixels: [N, J, 2] px, x right, y down; joints that are not seen may have any numbers.
      seen: [N, J] which joints are seen.
      confidence: [N, J] how far a detector trusts each joint, from 0, or None where the poses come from no detector.

    Raises:
      ValueError: arrays whose shapes do not fit each other, or `seen` that is not true or false.
    """

    pixels: np.ndarray
    seen: np.ndarray
    confidence: np.ndarray | None = None

    def __post_init__(self) -> None:
        shape = np.shape(self.pixels)
        if len(shape) != 3 or shape[2] != 2:
            raise ValueError(f"keypoints: pixels: expected [N, J, 2]; got {list(shape)}")
        for name, array in (("seen", self.seen), ("confidence", self.confidence)):
            if array is not None and np.shape(array) != shape[:2]:
                raise ValueError(f"keypoints: {name}: expected {list(shape[:2])}; got {list(np.shape(array))}")
        if np.asarray(self.seen).dtype != bool:
            raise ValueError(f"keypoints: seen: expected true or false; got {np.asarray(self.seen).dtype}")

    def __len__(self) -> int:
        return len(self.pixels)

    def select(self, rows: np.ndarray | Sequence[int] | slice) -> Keypoints:
        """The rows that a mask [N], indices or a slice pick; there may be none."""
        confidence = None if self.confidence is None else self.confidence[rows]
        return Keypoints(self.pixels[rows], self.seen[rows], confidence)
