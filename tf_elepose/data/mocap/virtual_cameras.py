"""Static pinhole cameras around a person, in NumPy.

The world's frame is level: x and z horizontal, y down. Elevation and azimuth are in degrees here, elevation positive
for a camera above the horizon that looks down. There are C clips with K cameras each.
"""

from __future__ import annotations

import dataclasses

import numpy as np

FOCAL_PX = 1145.0
"""Focal length of virtual cameras in px, about that of Human3.6M's cameras."""

IMAGE_PX = 1000
"""Width and height of the virtual cameras' images in px; the principal point is the middle."""

_AZIMUTH_STD = 8.0  # Degrees by which cameras deviate from even spacing around the person.
_AIM_STD_MM = 80.0  # How far from the person's mean position a camera is aimed, in each direction.


@dataclasses.dataclass(frozen=True)
class Rig:
    """K static cameras for each of C clips.

    Attributes:
      azimuth, elevation, roll: [C, K] degrees.
      distance: [C, K] mm from the camera to the point it is aimed at.
      aim: [C, K, 3] mm, the point in the world that the camera is aimed at.
    """

    azimuth: np.ndarray
    elevation: np.ndarray
    roll: np.ndarray
    distance: np.ndarray
    aim: np.ndarray


def draw_rig(
    rng: np.random.Generator,
    center: np.ndarray,
    cameras: int,
    elevation: tuple[float, float],
    roll_std: float,
    distance: tuple[float, float],
) -> Rig:
    """Draws cameras that are spread evenly around each clip's `center`.

    Args:
      rng: source of the random numbers.
      center: [C, 3] mm, the person's mean position in the world.
      cameras: K, how many for each clip.
      elevation: mean and standard deviation, degrees.
      roll_std: standard deviation of the roll, degrees.
      distance: mean and standard deviation, mm.
    """
    shape = (len(center), cameras)
    start = rng.uniform(0.0, 360.0, (shape[0], 1))
    return Rig(
        azimuth=start + np.arange(cameras) * (360.0 / cameras) + rng.normal(0.0, _AZIMUTH_STD, shape),
        elevation=rng.normal(*elevation, shape),
        roll=rng.normal(0.0, roll_std, shape),
        distance=rng.normal(*distance, shape),
        aim=center[:, np.newaxis] + rng.normal(0.0, _AIM_STD_MM, (*shape, 3)),
    )


def orientation(rig: Rig) -> np.ndarray:
    """Rotations [C, K, 3, 3] from the world's frame to the cameras': Rz(roll) Rx(elevation) Ry(azimuth).

    Rx turns the upward direction (0, -1, 0) towards -z: for a camera above, the head is nearer than the feet.
    """
    return axis_rotation("z", rig.roll) @ axis_rotation("x", rig.elevation) @ axis_rotation("y", rig.azimuth)


def view(rig: Rig, poses: np.ndarray) -> np.ndarray:
    """Transforms `poses` [C, T, J, 3] mm from the world into each camera's frame: [C, K, T, J, 3] mm."""
    away = poses[:, np.newaxis] - rig.aim[:, :, np.newaxis, np.newaxis]
    turned = np.einsum("ckij,cktnj->cktni", orientation(rig), away)
    turned[..., 2] += rig.distance[..., np.newaxis, np.newaxis]
    return turned


def pixels(poses: np.ndarray) -> np.ndarray:
    """Projects `poses` [..., J, 3] in the camera frame to [..., J, 2] px: `FOCAL_PX` (x, y) / z + the middle."""
    return FOCAL_PX * poses[..., :2] / poses[..., 2:] + IMAGE_PX / 2


def axis_rotation(axis: str, degrees: np.ndarray) -> np.ndarray:
    """Right-handed rotations [..., 3, 3] by `degrees` [...] about the axis "x", "y" or "z"."""
    angle = np.radians(np.asarray(degrees, np.float64))
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]  # Turns the first towards the second.
    rotation = np.zeros((*angle.shape, 3, 3))
    rotation[..., :, :] = np.eye(3)
    rotation[..., first, first] = rotation[..., second, second] = np.cos(angle)
    rotation[..., second, first] = np.sin(angle)
    rotation[..., first, second] = -np.sin(angle)
    return rotation
