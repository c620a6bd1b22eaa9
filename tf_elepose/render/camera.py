"""The camera of a drawing: turntable and perspective in NumPy.

Frames are x right, y down, z forward; angles are degrees, as in the drawing's text. A drawing's camera looks at the
origin from `elevation` above the horizon after the pose was turned by `azimuth` about the vertical:

    seen = Rx(elevation) Ry(azimuth) pose

with `geometry`'s rotations: Ry turns z towards x, Rx turns y towards z. At azimuth 0 the drawing's camera is on the
side of the camera that took the picture; at 90 on that camera's right, the left of a subject that faces it. At
elevation 90 it looks straight down.
"""

from __future__ import annotations

import numpy as np


def rotation_x(degrees: float | np.ndarray) -> np.ndarray:
    """Rotation by `degrees` [...] about x: [..., 3, 3], y turns towards z."""
    c, s, one, zero = _parts(degrees)
    return _matrix([[one, zero, zero], [zero, c, -s], [zero, s, c]])


def rotation_y(degrees: float | np.ndarray) -> np.ndarray:
    """Rotation by `degrees` [...] about y: [..., 3, 3], z turns towards x."""
    c, s, one, zero = _parts(degrees)
    return _matrix([[c, zero, s], [zero, one, zero], [-s, zero, c]])


def view(poses: np.ndarray, azimuth: float, elevation: float) -> np.ndarray:
    """Level `poses` [..., J, 3] in the frame of a drawing's camera: right, down, away from it."""
    return turned(poses, rotation_x(elevation) @ rotation_y(azimuth))


def perspective(seen: np.ndarray, distance: float) -> np.ndarray:
    """Projects points [..., 3] from `view` to the plane through the origin: [..., 2], right and down.

    Without perspective a turning stick figure can seem to turn either way (Necker's cube); with perspective it cannot.

    Args:
      seen: points in front of the camera: z > -distance.
      distance: from the camera to the origin.
    """
    return seen[..., :2] * (distance / (distance + seen[..., 2:]))


def turned(poses: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Every joint of `poses` [..., J, 3] turned by `rotation` [..., 3, 3]."""
    return poses @ np.swapaxes(rotation, -1, -2)


def _parts(degrees: float | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    angle = np.deg2rad(np.asarray(degrees, np.float64))
    return np.cos(angle), np.sin(angle), np.ones_like(angle), np.zeros_like(angle)


def _matrix(rows: list[list[np.ndarray]]) -> np.ndarray:
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
