"""Errors of 3D poses: one number a pose, in mm unless said otherwise.

Poses are [..., J, 3] in mm; results are [...] and the mean over poses is the figure that papers print. Every error
averages ALL joints, the root included, as VideoPose3D and MMPose do: a root that is right by construction lowers the
mean. Functions described with "centred" expect both poses centred on their root (`alignment.root_center`).
Everything is computed in float64.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from tf_elepose.evaluation import alignment

PCK_THRESHOLD_MM = 150.0
"""Radius within which a joint counts as found (Mehta et al. 2017, MPI-INF-3DHP)."""

AUC_THRESHOLDS_MM = np.arange(0.0, 151.0, 5.0)
"""The 31 radii over which the AUC averages the PCK (MPI-INF-3DHP's evaluation)."""

CPS_LIMIT_MM = 300.0
"""Upper end of the CPS integral (CanonPose, below eq. 9)."""

Scale = Literal["least_squares", "norm_ratio"]

_SCALES = {"least_squares": alignment.least_squares_scale, "norm_ratio": alignment.norm_ratio_scale}


def joint_errors(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Distances [..., J] between the joints of two poses [..., J, 3], without any alignment."""
    predicted, target = _pair(predicted, target)
    return np.linalg.norm(predicted - target, axis=-1)


def scaled(predicted: np.ndarray, target: np.ndarray, scale: Scale = "least_squares") -> np.ndarray:
    """`predicted` times the scale that fits `target` best; both [..., J, 3], centred.

    Args:
      predicted: [..., J, 3] any unit.
      target: [..., J, 3] mm.
      scale: `least_squares` as in VideoPose3D and MMPose, or `norm_ratio` as in ElePose's published code.
    """
    if scale not in _SCALES:
        raise ValueError(f"scale: expected one of {', '.join(_SCALES)}; got {scale!r}")
    factor = _SCALES[scale](predicted, target)
    return factor[..., np.newaxis, np.newaxis] * np.asarray(predicted, np.float64)


def mpjpe(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Mean per-joint position error [...]: mean over all joints of |p_j - t_j|, without any alignment."""
    return joint_errors(predicted, target).mean(axis=-1)


def pa_mpjpe(predicted: np.ndarray, target: np.ndarray, reflection: bool = False) -> np.ndarray:
    """MPJPE [...] after `alignment.procrustes`; `predicted` in any unit and frame.

    Args:
      predicted: [..., J, 3] any unit.
      target: [..., J, 3] mm.
      reflection: True also allows a mirror, as ElePose's published code does. That never raises the squared error,
        which the alignment minimises.
    """
    return mpjpe(alignment.procrustes(predicted, target, reflection=reflection), target)


def n_mpjpe(predicted: np.ndarray, target: np.ndarray, scale: Scale = "least_squares") -> np.ndarray:
    """MPJPE [...] of centred poses after fitting the prediction's scale, see `scaled`."""
    return mpjpe(scaled(predicted, target, scale), target)


def pck(predicted: np.ndarray, target: np.ndarray, threshold_mm: float = PCK_THRESHOLD_MM) -> np.ndarray:
    """Percentage [...] of all joints nearer to their target than `threshold_mm`, centred poses, least-squares scale."""
    return pck_of_errors(joint_errors(scaled(predicted, target), target), threshold_mm)


def auc(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Mean [...] of `pck` over `AUC_THRESHOLDS_MM`, in percent.

    No joint is nearer than 0 mm, so the first threshold always counts 0 and a perfect pose has 30/31 of 100.
    """
    return auc_of_errors(joint_errors(scaled(predicted, target), target))


def pck_of_errors(errors: np.ndarray, threshold_mm: float = PCK_THRESHOLD_MM) -> np.ndarray:
    """`pck` [...] from joint errors [..., J] mm after any alignment."""
    return 100.0 * np.mean(np.asarray(errors) < threshold_mm, axis=-1)


def auc_of_errors(errors: np.ndarray) -> np.ndarray:
    """`auc` [...] from joint errors [..., J] mm after any alignment."""
    return np.mean([pck_of_errors(errors, threshold) for threshold in AUC_THRESHOLDS_MM], axis=0)


def cps(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The Correct Poses Score [...] of each pose, 0 to 300; CanonPose eq. 9.

    CP_theta = 1 when every joint is nearer than theta after rigid alignment with scale, and the score is the area
    under the share of correct poses for theta in [0, 300] mm. For one pose that integral is 300 minus its largest joint
    error, or 0; the mean over poses is the CPS. (ElePose's authors' code leaves out the alignment: `cps_unaligned`.)
    """
    worst = joint_errors(alignment.procrustes(predicted, target), target).max(axis=-1)
    return np.maximum(CPS_LIMIT_MM - worst, 0.0)


def cps_unaligned(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The Correct Poses Score [...] as ElePose's published code computes it, 0 to 301, of centred poses.

    Poses are not aligned, only scaled by the ratio of their norms, and the area is a sum over the 301 thresholds 0, 1,
    ... 300 mm; a joint exactly at a threshold counts as right (utils/metrics_batch.py, which says itself that the
    alignment is missing).
    """
    worst = joint_errors(scaled(predicted, target, "norm_ratio"), target).max(axis=-1)
    return np.maximum(CPS_LIMIT_MM + 1.0 - np.ceil(worst), 0.0)


def depth_correlation(predicted: np.ndarray, target: np.ndarray, root_index: int) -> float | None:
    """Pearson correlation of predicted and true depths relative to the root, all joints of all poses in one pool.

    About 1 for right depths, about -1 for mirrored ones, about 0 for a mixture. The root, always 0, is left out.

    Args:
      predicted: [..., J, 3] any unit, the same for all poses.
      target: [..., J, 3] mm.
      root_index: place of the root on the joint axis.

    Returns:
      The correlation, or None when there is nothing to correlate: no depth varies on one side.
    """
    predicted, target = _pair(predicted, target)
    depths = [
        np.delete(alignment.root_center(pose, root_index)[..., 2], root_index, axis=-1).ravel()
        for pose in (predicted, target)
    ]
    return pearson(*depths)


def pearson(a: np.ndarray, b: np.ndarray) -> float | None:
    """Pearson correlation of `a` [N] and `b` [N]; None for fewer than two numbers or when one side is constant."""
    a, b = _samples(a, b)
    if a.size < 2 or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return None
    # Scaled to spread 1 before squaring: squares of tiny or huge numbers would underflow or overflow float64.
    a, b = ((x - x.mean()) / np.ptp(x) for x in (a, b))
    return float(np.clip(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)), -1.0, 1.0))


def spearman(a: np.ndarray, b: np.ndarray) -> float | None:
    """Spearman's rank correlation of `a` [N] and `b` [N]: Pearson of the ranks; equal numbers get their mean rank.

    None for fewer than two numbers or when one side is constant.
    """
    a, b = _samples(a, b)
    return pearson(_ranks(a), _ranks(b))


def mean_of_kept(doubt: np.ndarray, error: np.ndarray, refused: float) -> float:
    """Mean of `error` [N] without the share `refused` that has the largest `doubt` [N]: a point of the risk-coverage
    curve.

    Of equal doubts the later ones are refused first; the number refused is rounded down, so at least one is kept.

    Raises:
      ValueError: nothing to average, or a share that is not at least 0 and below 1.
    """
    doubt, error = _samples(doubt, error)
    if not 0 <= refused < 1 or doubt.size == 0:
        raise ValueError(f"expected a share from 0 to below 1 of at least one number; got {refused} of {doubt.size}")
    kept = doubt.size - math.floor(refused * doubt.size + 1e-9)  # 0.3 * 10 is a little less than 3.
    return float(error[np.argsort(doubt, kind="stable")[:kept]].mean())


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)  # Highest rank, counted from 1, in every group of equal numbers.
    return (last - 0.5 * (counts - 1))[inverse]


def _pair(predicted: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    predicted, target = np.asarray(predicted, np.float64), np.asarray(target, np.float64)
    if predicted.shape != target.shape or predicted.ndim < 2 or predicted.shape[-2] == 0:
        raise ValueError(
            f"expected predicted and target poses [..., J, 3] of one shape; got {predicted.shape} and {target.shape}"
        )
    return predicted, target


def _samples(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"expected two rows of numbers of one length; got shapes {a.shape} and {b.shape}")
    return a, b
