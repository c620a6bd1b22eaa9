"""The camera that a drawing is seen by: turntable and perspective in NumPy.

Frames are x right, y down, z forward; angles are degrees, as they are shown. A drawing's camera looks at the origin
from `elevation` above the horizon after the pose was turned by `azimuth` about the vertical:

    seen = Rx(elevation) Ry(azimuth) pose

with `geometry`'s rotations: Ry turns z towards x, Rx turns y towards z. Azimuth 0 is the side of the camera that took
the picture; 90 stands where that camera has its right (a subject that faces it has its left there); elevation 90
looks straight down.
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
    """[..., J, 3] level poses as a drawing's camera sees them: right, down, away from it."""
    return turned(poses, rotation_x(elevation) @ rotation_y(azimuth))


def perspective(seen: np.ndarray, distance: float) -> np.ndarray:
    """[..., 2] right and down on the plane through the origin, of points [..., 3] from `view`.

    A turning stick figure without perspective can be read as turning either way (Necker's cube); this settles it.

    Args:
      seen: nearer to the camera than it is itself: z > -distance.
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
