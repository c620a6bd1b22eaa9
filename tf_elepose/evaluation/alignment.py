"""Alignment of one pose to another: the shift, scale and rotation that are removed before errors are measured.

One image shows neither a body's scale nor which way is up. So errors are measured after the part of the difference
that the method cannot know has been removed. All functions take poses [..., J, 3] in any unit and work in float64;
`predicted` and `target` have the same shape. None of them gives NaN for finite poses: a pose without extent keeps
scale 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_ROUNDING = 1e-14
"""Extent, relative to its coordinates, below which a pose counts as one point: float64's rounding error of a mean."""


def root_center(pose: np.ndarray, root_index: int) -> np.ndarray:
    """`pose` [..., J, d] moved so that the joint at `root_index` lies at the origin."""
    pose = np.asarray(pose, np.float64)
    return pose - pose[..., root_index : root_index + 1, :]


def least_squares_scale(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The s [...] that makes |s predicted - target| smallest: <predicted, target> / |predicted|^2.

    Protocol 3 (N-MPJPE) of VideoPose3D and MMPose. Poses are [..., J, 3], centred on their root. As in their code, s
    may be negative, for predictions that point away from the target. A zero prediction has scale 0.
    """
    predicted, target = _pair(predicted, target)
    return _divide(np.sum(predicted * target, axis=(-2, -1)), np.sum(np.square(predicted), axis=(-2, -1)))


def norm_ratio_scale(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The s [...] that gives `predicted` the size of `target`: |target| / |predicted|, Frobenius norms.

    The rule in the published code of ElePose. Poses are [..., J, 3], centred on their root. A zero prediction has
    scale 0.
    """
    predicted, target = _pair(predicted, target)
    return _divide(np.linalg.norm(target, axis=(-2, -1)), np.linalg.norm(predicted, axis=(-2, -1)))


def procrustes(
    predicted: np.ndarray, target: np.ndarray, reflection: bool = False, fitted: Sequence[int] | slice = slice(None)
) -> np.ndarray:
    """`predicted` moved, turned and scaled to lie as near to `target` as possible: s R (p - mean p) + mean t.

    With H = sum_j (p_j - mean p)(t_j - mean t)^T = U S V^T, R = V D U^T and s = tr(S D) / |p - mean p|^2, where D is
    the identity, its last entry set to -1 when R would otherwise mirror (Kabsch 1976; Umeyama 1991, eq. 40-42).

    Args:
      predicted: [..., J, 3] any unit.
      target: [..., J, 3], same shape.
      reflection: whether R may also mirror. The published code of ElePose allows it ('best'), so a pose with all
        depths reversed counts as right.
      fitted: the joints whose distances are minimised; all joints are moved.

    Returns:
      [..., J, 3] in the unit and frame of `target`. A prediction without extent lands on the target's mean.
    """
    predicted, target = _pair(predicted, target)
    target_mean = target[..., fitted, :].mean(axis=-2, keepdims=True)
    p, _ = _normalized(predicted, fitted)
    t, t_size = _normalized(target, fitted)
    u, s, vt = np.linalg.svd(np.swapaxes(p[..., fitted, :], -1, -2) @ t[..., fitted, :])
    if not reflection:
        mirrors = np.linalg.det(u @ vt) < 0
        s[..., -1] = np.where(mirrors, -s[..., -1], s[..., -1])
        u[..., :, -1] = np.where(mirrors[..., np.newaxis], -u[..., :, -1], u[..., :, -1])
    scale = s.sum(axis=-1)[..., np.newaxis, np.newaxis] * t_size  # |p| is 1, or p is 0 and so is s.
    return scale * (p @ (u @ vt)) + target_mean


def _normalized(pose: np.ndarray, fitted: Sequence[int] | slice) -> tuple[np.ndarray, np.ndarray]:
    """`pose` [..., J, 3] about the mean of its `fitted` joints, scaled so that these have Frobenius norm 1; and their
    norm [..., 1, 1] before, 0 when they are a point.

    The pose is divided by its largest coordinate first: squares of very small or large numbers overflow float64.
    """
    counted = pose[..., fitted, :]
    offset = pose - counted.mean(axis=-2, keepdims=True)
    largest = np.max(np.abs(offset[..., fitted, :]), axis=(-2, -1), keepdims=True)
    rounding = _ROUNDING * np.max(np.abs(counted), axis=(-2, -1), keepdims=True)
    largest = np.where(largest <= rounding, 0.0, largest)
    offset = _divide(offset, largest)
    norm = np.linalg.norm(offset[..., fitted, :], axis=(-2, -1), keepdims=True)
    return _divide(offset, norm), largest * norm


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """numerator / denominator, and 0 where the denominator is 0."""
    is_zero = denominator == 0.0
    return np.where(is_zero, 0.0, numerator / np.where(is_zero, 1.0, denominator))


def _pair(predicted: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    predicted, target = np.asarray(predicted, np.float64), np.asarray(target, np.float64)
    if predicted.shape != target.shape or predicted.ndim < 2 or predicted.shape[-1] != 3 or predicted.shape[-2] == 0:
        raise ValueError(
            f"expected predicted and target poses [..., J, 3] of one shape; got {predicted.shape} and {target.shape}"
        )
    return predicted, target
