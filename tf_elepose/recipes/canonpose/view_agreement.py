"""Tests whether the views of a moment can be of one body; finds swapped people, cameras that are not synchronised and
cameras counted twice.

For weakly perspective cameras, the joints of one moment have rank 3: the 2 V coordinates of its V views, centred and of
comparable size, are linear in three numbers a joint. The residual is noise and perspective; views of two bodies have a
far larger one. A second camera in the same place has no residual, and adds no information.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LARGEST_RESIDUAL = {2: 0.04, 3: 0.06}
"""{number of views: largest residual of the median moment of a clip, as a share of the size of its poses}; more than 3
views have the limit of 3.

In the CMU motion's clips the residual of exact views is 0.01 to 0.03, of simulated detections up to 0.05 (two views:
0.03), of real detections on the treadmill 0.05; with another person in one view 0.07 to 0.14 (two views: 0.04 to 0.09).
"""

SAME_PLACE = 1e-3
"""Relative difference of two views below which their cameras are in the same place."""

_FEWEST_JOINTS = 6

_MOST_LINES = 10

_MOST_MOMENTS = 200  # Of a clip; more do not change the median much.


def disagreements(image: np.ndarray, seen: np.ndarray, clip: np.ndarray, cameras: np.ndarray) -> list[str]:
    """A line for each clip whose views do not fit (for the first ten, if there are more), and for each pair of cameras
    that show the same picture.

    Args:
      image: [M, V, J, 2] about any point, any unit.
      seen: [M, V, J] over 0 where the joint is seen.
      clip: [M] names.
      cameras: [V] their numbers.
    """
    found: list[str] = []
    same: dict[tuple[int, int], list[str]] = {}
    for name in np.unique(clip):
        rows = np.flatnonzero(clip == name)
        rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_MOMENTS)).astype(int)]
        left = [residual(image[row], seen[row] > 0) for row in rows]
        left = [value for value in left if value is not None]
        if left and np.median(left) > LARGEST_RESIDUAL[min(image.shape[1], max(LARGEST_RESIDUAL))]:
            found.append(
                f"clip {str(name)!r}: its views do not show one body ({100 * np.median(left):.0f} % of the 2D poses "
                "fits no 3D pose): are cameras synchronised, and is it the same person in all of them?"
            )
        for pair in _same_views(image[rows], seen[rows] > 0):
            same.setdefault(pair, []).append(str(name))
    if len(found) > _MOST_LINES:
        found[_MOST_LINES:] = [f"and so do not those of {len(found) - _MOST_LINES} more clips"]
    return found + [
        f"{named(clips)}: cameras {cameras[a]} and {cameras[b]} show the same picture; two views of one place tell "
        "nothing about depth"
        for (a, b), clips in same.items()
    ]


def named(clips: Sequence[str]) -> str:
    """The names of at most three clips, and the number of the others, for a message."""
    first = ", ".join(repr(str(clip)) for clip in clips[:3])
    more = f" and {len(clips) - 3} more" if len(clips) > 3 else ""
    return f"clip {first}" if len(clips) == 1 else f"clips {first}{more}"


def residual(views: np.ndarray, seen: np.ndarray) -> float | None:
    """Share of the norm of one moment's views [V, J, 2], each scaled to size 1, that no 3D pose explains; None where
    fewer than two views have enough seen joints in common.

    Two views have a residual too: four rows, three dimensions.
    """
    present = seen.sum(axis=1) >= _FEWEST_JOINTS
    common = seen[present].all(axis=0)
    if present.sum() < 2 or common.sum() < _FEWEST_JOINTS:
        return None
    chosen = views[present][:, common].astype(np.float64)
    chosen -= chosen.mean(axis=1, keepdims=True)
    size = np.sqrt(np.sum(chosen**2, axis=(1, 2), keepdims=True))
    if not np.all(size > 0):
        return None
    rows = np.moveaxis(chosen / size, 2, 1).reshape(-1, common.sum())
    values = np.linalg.svd(rows, compute_uv=False)
    return float(np.sqrt(np.sum(values[3:] ** 2) / np.sum(values**2)))


def _same_views(image: np.ndarray, seen: np.ndarray) -> list[tuple[int, int]]:
    pairs = []
    for a in range(image.shape[1]):
        for b in range(a + 1, image.shape[1]):
            both = seen[:, a] & seen[:, b]
            if both.any():
                difference = np.linalg.norm(image[:, a][both] - image[:, b][both])
                if difference <= SAME_PLACE * np.linalg.norm(image[:, a][both]):
                    pairs.append((a, b))
    return pairs
