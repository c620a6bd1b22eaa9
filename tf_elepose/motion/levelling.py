"""Turns lifted poses from the camera's frame so that y is the vertical."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_elepose.motion.lifted import Lifted


def levelled(lifted: Lifted) -> Lifted:
    """Turns every track of `lifted` about x by its mean predicted elevation, so that y points down to the ground.

    A camera stands still while a person moves, so a track has one angle, the mean over its valid poses: the errors of
    single poses cancel, and they do not make the track shake.

    Raises:
      ValueError: poses that are level already, or a model that predicts no elevation.
    """
    if lifted.axes != "camera":
        raise ValueError(f"{lifted.source}: expected poses in the camera's frame; axes are {lifted.axes!r}")
    if lifted.elevation is None:
        raise ValueError(f"{lifted.source}: model {lifted.model} predicts no elevation, which level axes need")
    poses, rotation = lifted.poses_3d.copy(), None if lifted.rotation is None else lifted.rotation.copy()
    for _, rows in lifted.tracks():
        rows = rows[lifted.valid[rows]]
        if len(rows):
            angle = -np.deg2rad(lifted.elevation[rows].mean(dtype=np.float64))
            poses[rows] = turned_about_x(poses[rows], angle)
            if rotation is not None:  # Its columns are the canonical axes.
                rotation[rows] = np.swapaxes(turned_about_x(np.swapaxes(rotation[rows], 1, 2), angle), 1, 2)
    return dataclasses.replace(lifted, poses_3d=poses, rotation=rotation, axes="level")


def turned_about_x(poses: np.ndarray, angle: float) -> np.ndarray:
    """`poses` [..., 3] turned by `angle` radians about x, y towards z: `geometry.rotation_x` without TensorFlow."""
    x, y, z = np.moveaxis(poses, -1, 0)
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([x, c * y - s * z, s * y + c * z], axis=-1).astype(poses.dtype)
