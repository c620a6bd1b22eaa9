"""The treadmill recording as a test of lifting: four synchronised real cameras, MediaPipe's keypoints in each.

The reference in the recording is a triangulation of these keypoints. In a third of the moments MediaPipe swapped left
and right in one camera, so there the reference is wrong for every camera. `agreeing_reference` triangulates again, with
the sides on which the four views agree best.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from tf_elepose.data.recording import Recording
from tf_elepose.data.sources import load_source
from tf_elepose.evaluation.alignment import procrustes
from tf_elepose.skeleton.skeletons import get_skeleton

SOURCE = "views:../shared/data/treadmill/treadmill_views.npz"

_FOCAL_PX = 1680.0
"""Focal length of all four cameras, within half a per cent (Calib.qca.txt beside the recording: 107,600 / 64)."""

_CENTRE_PX = (533.0, 953.0)  # Image centre, from the same file: 34,110 / 64 and 61,000 / 64, within 15 px.

_SWAPPED_MM = 30.0
"""A moment has swapped sides if its two references differ by more, after Procrustes alignment."""


@dataclasses.dataclass(frozen=True)
class Treadmill:
    """The four views and two references.

    Attributes:
      views: the four cameras' recordings, rows in the order of the frames.
      given: [4, F, J, 3] mm, the reference in the recording, in each camera's frame, root at 0.
      agreeing: [F, J, 3] mm, the reference with the sides on which the views agree, in the first camera's frame, root
        at 0.
      swapped: [F] whether sides were swapped in some camera.
    """

    views: tuple[Recording, ...]
    given: np.ndarray
    agreeing: np.ndarray
    swapped: np.ndarray


def load(source: str = SOURCE) -> Treadmill:
    """The recording with both references."""
    recording = load_source(source, get_skeleton("h36m_17"), check="off")
    assert recording.poses_3d is not None  # The reference that this is about.
    views = tuple(recording.select(recording.camera == camera) for camera in np.unique(recording.camera))
    by_camera = [recording.poses_3d[recording.camera == camera] for camera in np.unique(recording.camera)]
    places = np.stack(by_camera).astype(np.float64)
    root = recording.skeleton.root_index
    given = places - places[:, :, root : root + 1]
    agreeing = agreeing_reference(np.stack([view.poses_2d for view in views]), places, list(recording.skeleton.mirror))
    agreeing = agreeing - agreeing[:, root : root + 1]
    return Treadmill(views, given, agreeing, pa_mpjpe(agreeing, given[0]) > _SWAPPED_MM)


def pa_mpjpe(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """PA-MPJPE [F], mm, of poses [F, J, 3]; rotations only."""
    return np.linalg.norm(procrustes(predicted, target) - target, axis=-1).mean(axis=-1)


def agreeing_reference(pixels: np.ndarray, places: np.ndarray, mirror: list[int]) -> np.ndarray:
    """Poses [F, J, 3] in the first camera's frame, triangulated with the sides on which the views agree best.

    Args:
      pixels: [cameras, F, J, 2].
      places: [cameras, F, J, 3] the given triangulation in each camera's frame, from which the relative poses of the
        cameras are computed.
      mirror: index of each joint's partner.
    """
    cameras = [_rigid(places[0], of_camera) for of_camera in places]
    rays = (pixels - _CENTRE_PX) / _FOCAL_PX
    found = []
    for moment in range(pixels.shape[1]):
        candidates = []
        for swaps in itertools.product((False, True), repeat=len(pixels) - 1):  # The first camera's sides are right.
            seen = [rays[c, moment][mirror] if swap else rays[c, moment] for c, swap in enumerate((False, *swaps))]
            pose = _triangulated(seen, cameras)
            candidates.append((_disagreement(pose, seen, cameras), pose))
        found.append(min(candidates, key=lambda candidate: candidate[0])[1])
    return np.array(found)


def _rigid(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and shift from points to the same points in another camera's frame (Kabsch 1976)."""
    source, target = source.reshape(-1, 3), target.reshape(-1, 3)
    left, _, right = np.linalg.svd((source - source.mean(axis=0)).T @ (target - target.mean(axis=0)))
    rotation = (left @ right).T
    return rotation, target.mean(axis=0) - rotation @ source.mean(axis=0)


def _triangulated(seen: list[np.ndarray], cameras: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Points [J, 3] from rays [J, 2] of every camera: the direct linear transform, joint by joint."""
    rows = []
    for ray, (rotation, shift) in zip(seen, cameras, strict=True):
        matrix = np.column_stack([rotation, shift])
        rows += [ray[:, axis, np.newaxis] * matrix[2] - matrix[axis] for axis in (0, 1)]
    homogeneous = np.linalg.svd(np.stack(rows, axis=1))[2][:, -1]
    return homogeneous[:, :3] / homogeneous[:, 3:]


def _disagreement(pose: np.ndarray, seen: list[np.ndarray], cameras: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean distance of the projections from the seen rays."""
    total = 0.0
    for ray, (rotation, shift) in zip(seen, cameras, strict=True):
        placed = pose @ rotation.T + shift
        total += float(np.linalg.norm(placed[:, :2] / placed[:, 2:] - ray, axis=-1).mean())
    return total / len(cameras)
