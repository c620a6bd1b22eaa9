"""Linear subspaces of 2D poses: principal components, or the coordinates themselves."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Subspace:
    """An affine map from flat poses x [..., M] to whitened latents (x - mean) basis^T / deviation, [..., K].

    Attributes:
      mean: [M].
      basis: [K, M], orthonormal rows.
      deviation: [K] standard deviation of the training data along each row.
      explained: share of the training data's variance that lies in the subspace, 0 to 1.
    """

    mean: np.ndarray
    basis: np.ndarray
    deviation: np.ndarray
    explained: float

    @property
    def size(self) -> int:
        return len(self.basis)


def fit_pca(flat: np.ndarray, bases: int) -> Subspace:
    """The `bases` principal components of `flat` [N, M] (ElePose section 3, "Stabilized Normalizing Flows").

    Raises:
      ValueError: fewer poses than bases, or data that does not vary in so many directions.
    """
    if not 1 <= bases <= flat.shape[1]:
        raise ValueError(f"PCA: expected 1 to {flat.shape[1]} bases for {flat.shape[1]} coordinates; got {bases}")
    if len(flat) <= bases:
        raise ValueError(f"PCA: {bases} bases need more than {bases} training poses; got {len(flat)}")
    flat = np.asarray(flat, np.float64)
    mean = flat.mean(axis=0)
    variance, vectors = np.linalg.eigh(np.cov(flat - mean, rowvar=False))
    order = np.argsort(variance)[::-1]
    variance, vectors = np.maximum(variance[order], 0.0), vectors[:, order]
    # Directions with a millionth of the largest deviation are rounding errors of pixel coordinates.
    varying = int(np.sum(variance > 1e-12 * variance[0]))
    if varying < bases:
        raise ValueError(f"PCA: the training poses vary in {varying} directions only; {bases} bases were asked for")
    basis = vectors[:, :bases].T
    basis *= np.sign(basis[np.arange(bases), np.abs(basis).argmax(axis=1)])[:, None]  # Signs are arbitrary: fix them.
    return Subspace(mean, basis, np.sqrt(variance[:bases]), float(variance[:bases].sum() / variance.sum()))


def fit_coordinates(flat: np.ndarray) -> Subspace:
    """No reduction (the paper's ablation without PCA): every coordinate of `flat` [N, M] that varies is kept."""
    if len(flat) < 2:
        raise ValueError(f"expected at least 2 training poses; got {len(flat)}")
    flat = np.asarray(flat, np.float64)
    deviation = flat.std(axis=0, ddof=1)
    varies = deviation > 1e-6 * deviation.max()
    return Subspace(flat.mean(axis=0), np.eye(flat.shape[1])[varies], deviation[varies], 1.0)
