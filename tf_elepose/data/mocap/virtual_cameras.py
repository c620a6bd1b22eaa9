"""Static pinhole cameras about a person, in NumPy.

The world's frame is level: x and z horizontal, y down. Elevation and azimuth are degrees here, elevation positive for
a camera above the horizon that looks down; C clips with K cameras each.
"""

from __future__ import annotations

import dataclasses

import numpy as np

FOCAL_PX = 1145.0
"""Focal length of virtual cameras, about that of Human3.6M's."""

IMAGE_PX = 1000
"""Width and height of their images; the principal point is the middle."""

_AZIMUTH_STD = 8.0  # How far, in degrees, cameras stand from their even places around the person.
_AIM_STD_MM = 80.0  # How far past the person's mean place a camera is aimed, in each direction.


@dataclasses.dataclass(frozen=True)
class Rig:
    """K static cameras for each of C clips.

    Attributes:
      azimuth, elevation, roll: [C, K] degrees.
      distance: [C, K] mm from the camera to the point it is aimed at.
      aim: [C, K, 3] mm, that point in the world.
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
    """Cameras spread evenly around each clip's `center`.

    Args:
      rng: source of the random numbers.
      center: [C, 3] mm, the person's mean place in the world.
      cameras: K.
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
    """[C, K, 3, 3]: turns directions of the world into the camera's, Rz(roll) Rx(elevation) Ry(azimuth).

    Rx turns up, (0, -1, 0), towards -z: seen from above, a head is nearer than the feet below it.
    """
    return axis_rotation("z", rig.roll) @ axis_rotation("x", rig.elevation) @ axis_rotation("y", rig.azimuth)


def view(rig: Rig, poses: np.ndarray) -> np.ndarray:
    """`poses` [C, T, J, 3] mm in the world as each camera has them: [C, K, T, J, 3] mm in the camera frame."""
    away = poses[:, np.newaxis] - rig.aim[:, :, np.newaxis, np.newaxis]
    turned = np.einsum("ckij,cktnj->cktni", orientation(rig), away)
    turned[..., 2] += rig.distance[..., np.newaxis, np.newaxis]
    return turned


def pixels(poses: np.ndarray) -> np.ndarray:
    """Where `poses` [..., J, 3] in the camera frame appear, [..., J, 2] px: `FOCAL_PX` (x, y) / z + the middle."""
    return FOCAL_PX * poses[..., :2] / poses[..., 2:] + IMAGE_PX / 2


def axis_rotation(axis: str, degrees: np.ndarray) -> np.ndarray:
    """Right-handed rotation by `degrees` [...] about "x", "y" or "z": [..., 3, 3]."""
    angle = np.radians(np.asarray(degrees, np.float64))
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]  # The first turns towards the second.
    rotation = np.zeros((*angle.shape, 3, 3))
    rotation[..., :, :] = np.eye(3)
    rotation[..., first, first] = rotation[..., second, second] = np.cos(angle)
    rotation[..., second, first] = np.sin(angle)
    rotation[..., first, second] = -np.sin(angle)
    return rotation
