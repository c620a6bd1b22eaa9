"""Linear subspaces of 2D poses: principal components, or the coordinates themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Subspace:
    """An affine map from flat poses x [..., M] to whitened latents (x - mean) basis^T / deviation, [..., K].

    Attributes:
      mean: [M].
      basis: [K, M], orthonormal rows.
      deviation: [K] standard deviation of the training data along each row.
      explained: share of the training data's variance that lies in the subspace, 0 to 1.
      groups: numbers of latents, K together, that belong to independent parts of the pose, in this order; empty when
        there is one part.
    """

    mean: np.ndarray
    basis: np.ndarray
    deviation: np.ndarray
    explained: float
    groups: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return len(self.basis)


def blank_subspace(coordinates: int, size: int, explained: float, groups: Sequence[int] = ()) -> Subspace:
    """A subspace of the right shapes for building a network; loading the network's weights then replaces it."""
    return Subspace(np.zeros(coordinates), np.zeros((size, coordinates)), np.ones(size), explained, tuple(groups))


def side_by_side(parts: Sequence[tuple[Subspace, Sequence[int]]], coordinates: int) -> Subspace:
    """One subspace of the whole pose from subspaces of its parts, which become its `groups`.

    Args:
      parts: each subspace with the places of its coordinates; no coordinate is in two. Coordinates in no part are
        ignored.
      coordinates: M of the whole pose.
    """
    mean = np.zeros(coordinates)
    bases, variance, kept = [], 0.0, 0.0
    for subspace, places in parts:
        basis = np.zeros((subspace.size, coordinates))
        basis[:, list(places)] = subspace.basis
        bases.append(basis)
        mean[list(places)] = subspace.mean
        inside = float(np.sum(subspace.deviation**2))
        kept, variance = kept + inside, variance + inside / subspace.explained
    deviation = np.concatenate([subspace.deviation for subspace, _ in parts])
    sizes = tuple(subspace.size for subspace, _ in parts)
    return Subspace(mean, np.concatenate(bases), deviation, kept / variance, sizes)


def fit_pca(flat: np.ndarray, bases: int, seen: np.ndarray | None = None) -> Subspace:
    """The `bases` principal components of `flat` [N, M] (ElePose section 3, "Stabilized Normalizing Flows").

    Coordinates that are not `seen` [N, M] are ignored: each mean and covariance is taken over the poses in which its
    coordinates are seen; None: all are. That is unbiased where joints are missing by chance.

    Raises:
      ValueError: fewer poses than bases, or data that does not vary in so many directions.
    """
    if not 1 <= bases <= flat.shape[1]:
        raise ValueError(f"PCA: expected 1 to {flat.shape[1]} bases for {flat.shape[1]} coordinates; got {bases}")
    if len(flat) <= bases:
        raise ValueError(f"PCA: {bases} bases need more than {bases} training poses; got {len(flat)}")
    flat = np.asarray(flat, np.float64)
    mean, covariance = moments(flat, seen)
    variance, vectors = np.linalg.eigh(covariance)
    order = np.argsort(variance)[::-1]
    variance, vectors = np.maximum(variance[order], 0.0), vectors[:, order]
    # Directions with a millionth of the largest deviation are rounding errors of pixel coordinates.
    varying = int(np.sum(variance > 1e-12 * variance[0]))
    if varying < bases:
        raise ValueError(f"PCA: the training poses vary in {varying} directions only; {bases} bases were asked for")
    basis = vectors[:, :bases].T
    basis *= np.sign(basis[np.arange(bases), np.abs(basis).argmax(axis=1)])[:, None]  # Signs are arbitrary: fix them.
    return Subspace(mean, basis, np.sqrt(variance[:bases]), float(variance[:bases].sum() / variance.sum()))


def fit_coordinates(flat: np.ndarray, seen: np.ndarray | None = None) -> Subspace:
    """Keeps all coordinates of `flat` [N, M] that vary (the paper's ablation without PCA); `seen` as in `fit_pca`."""
    if len(flat) < 2:
        raise ValueError(f"expected at least 2 training poses; got {len(flat)}")
    flat = np.asarray(flat, np.float64)
    mean, covariance = moments(flat, seen)
    deviation = np.sqrt(np.diag(covariance))
    varies = deviation > 1e-6 * deviation.max()
    return Subspace(mean, np.eye(flat.shape[1])[varies], deviation[varies], 1.0)


def moments(flat: np.ndarray, seen: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean [M] and covariance [M, M] of `flat` [N, M]; each entry over the poses in which its coordinates are seen.

    Raises:
      ValueError: two coordinates that are seen together in fewer than two poses.
    """
    if seen is None or seen.all():
        return flat.mean(axis=0), np.cov(flat, rowvar=False)
    weight = seen.astype(np.float64)
    mean = np.where(seen, flat, 0.0).sum(axis=0) / np.maximum(weight.sum(axis=0), 1.0)
    centred = np.where(seen, flat - mean, 0.0)
    together = weight.T @ weight
    if together.min() < 2:
        raise ValueError("some joints are never seen together in the training poses")
    return mean, (centred.T @ centred) / (together - 1.0)
