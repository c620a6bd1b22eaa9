"""Finds out what the third number of a keypoint in an array is: a confidence, a label or a depth.

If a depth were taken for a confidence, it would hide every joint on one side of the root, and weight the others
wrongly.
"""

from __future__ import annotations

import numpy as np

KINDS = ("confidence", "visibility", "z")

# Confidences are from 0 to 1. Peaks of heat maps exceed this a little (MMPose's scores of 1.02 and -0.01). One damaged
# number in a hundred does not make the numbers depths.
_LOWEST, _HIGHEST = -0.1, 1.5
_MOST_OUTSIDE = 0.01


class ThirdNumbers:
    """Interprets the third numbers of a file's keypoints; those of the first part decide for all parts."""

    def __init__(self, stated: str | None, where: str) -> None:
        """Starts without numbers.

        Args:
          stated: one of `KINDS`. If None, the numbers are labels (COCO's v: 0 not labelled, 1 hidden, 2 visible) if
            only 0, 1 and 2 occur, and otherwise confidences.
          where: beginning of messages.

        Raises:
          ValueError: `stated` is not one of `KINDS`.
        """
        if stated not in (None, *KINDS):
            raise ValueError(f"{where}: third: expected {', '.join(KINDS)}; got {stated!r}")
        self._kind = stated
        self._stated = stated is not None
        self._where = where

    def split(self, keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns places [..., K, 2] px, NaN where a label says that there is none, and confidences [..., K] or None.

        Args:
          keypoints: [..., K, 2 or 3].

        Raises:
          ValueError: `stated` is None, and the numbers can be neither confidences nor labels.
        """
        places = keypoints[..., :2]
        if keypoints.shape[-1] == 2:
            return places, None
        third = keypoints[..., 2]
        if self._kind is None and (known := third[np.isfinite(third)]).size:
            self._kind = "visibility" if (known == 2).any() and np.isin(known, (0, 1, 2)).all() else "confidence"
        if self._kind == "z":
            return places, None
        if self._kind == "visibility":
            return np.where((third > 0)[..., np.newaxis], places, np.asarray(np.nan, places.dtype)), None
        if not self._stated:
            self._require_confidences(third)
        return places, third

    def _require_confidences(self, third: np.ndarray) -> None:
        if ((third >= _LOWEST) & (third <= _HIGHEST)).all():
            return
        known = third[np.isfinite(third)]
        outside = (known < _LOWEST) | (known > _HIGHEST)
        if outside.sum() > _MOST_OUTSIDE * known.size:
            raise ValueError(
                f"{self._where}: the third numbers are {known.min():g} to {known.max():g}, but a confidence is "
                "0 to 1; say what they are: --option=third=z (depths, which are not read) or --option=third=confidence"
            )
