"""The subspace is orthonormal and whitens; data that cannot be fitted is refused."""

import numpy as np
import pytest

from tf_elepose.nn.pca import fit_coordinates, fit_pca, side_by_side


def data(count=400, seed=0):
    """Deviations 8, 4, 2, 1, 0.5 along rotated axes of R^6, none along the sixth; the mean is not 0."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    return rng.normal(size=(count, 6)) * [8, 4, 2, 1, 0.5, 0] @ axes + 3.0, axes


def whitened(subspace, flat):
    return (flat - subspace.mean) @ subspace.basis.T / subspace.deviation


def test_latents_of_the_training_data_are_white():
    flat, _ = data()
    for bases in (1, 3, 5):
        subspace = fit_pca(flat, bases)
        latent = whitened(subspace, flat)
        assert subspace.size == bases
        np.testing.assert_allclose(latent.mean(axis=0), np.zeros(bases), atol=1e-10)
        np.testing.assert_allclose(np.atleast_2d(np.cov(latent.T)), np.eye(bases), atol=1e-10)
        np.testing.assert_allclose(subspace.basis @ subspace.basis.T, np.eye(bases), atol=1e-12)


def test_components_are_the_singular_vectors_in_order():
    flat, axes = data(20000)
    subspace = fit_pca(flat, 4)
    np.testing.assert_allclose(subspace.deviation, [8, 4, 2, 1], rtol=0.03)
    np.testing.assert_allclose(np.abs(np.sum(subspace.basis * axes[:4], axis=1)), np.ones(4), atol=1e-3)
    _, singular, vectors = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(subspace.deviation, singular[:4] / np.sqrt(20000 - 1), rtol=1e-6)
    np.testing.assert_allclose(np.abs(subspace.basis @ vectors[:4].T), np.eye(4), atol=1e-6)


def test_explained_share():
    flat, _ = data(50000)
    variance = np.array([64, 16, 4, 1, 0.25])
    for bases in (1, 2, 5):
        assert fit_pca(flat, bases).explained == pytest.approx(variance[:bases].sum() / variance.sum(), abs=0.01)


def test_signs_do_not_depend_on_the_data():
    flat, _ = data()
    np.testing.assert_allclose(fit_pca(flat[::-1] * 2.0, 3).basis, fit_pca(flat, 3).basis, atol=1e-8)


def test_the_subspace_reconstructs_what_lies_in_it():
    flat, _ = data()
    subspace = fit_pca(flat, 5)
    again = whitened(subspace, flat) * subspace.deviation @ subspace.basis + subspace.mean
    np.testing.assert_allclose(again, flat, atol=1e-9)


def test_coordinates_that_vary_are_kept_without_pca():
    flat = np.array([[0.0, 1.0, 5.0], [0.0, 3.0, 9.0], [0.0, 2.0, 1.0]])
    subspace = fit_coordinates(flat)
    np.testing.assert_array_equal(subspace.basis, [[0, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(subspace.deviation, [1.0, 4.0])
    np.testing.assert_allclose(whitened(subspace, flat)[0], [-1.0, 0.0])
    assert subspace.explained == 1.0


def test_data_that_cannot_be_fitted_is_refused():
    flat, _ = data()
    with pytest.raises(ValueError, match="vary in 5 directions only; 6 bases"):
        fit_pca(flat, 6)
    with pytest.raises(ValueError, match="expected 1 to 6 bases for 6 coordinates; got 7"):
        fit_pca(flat, 7)
    with pytest.raises(ValueError, match="got 0"):
        fit_pca(flat, 0)
    with pytest.raises(ValueError, match="3 bases need more than 3 training poses; got 3"):
        fit_pca(flat[:3], 3)
    with pytest.raises(ValueError, match="at least 2 training poses; got 1"):
        fit_coordinates(flat[:1])


def test_hidden_coordinates_have_no_influence():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(500, 4)) @ rng.normal(size=(4, 6))
    known = rng.random(flat.shape) > 0.3
    one, other = (fit_pca(values, 3, known) for values in (flat, np.where(known, flat, np.nan)))
    np.testing.assert_array_equal(one.basis, other.basis)
    np.testing.assert_array_equal(one.deviation, other.deviation)
    np.testing.assert_array_equal(
        fit_coordinates(np.where(known, flat, 1e9), known).deviation, fit_coordinates(flat, known).deviation
    )


def test_coordinates_missing_by_chance_leave_the_subspace_unchanged():
    """With half the coordinates known, the covariances of pairs give the same subspace and deviations as with all."""
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(40000, 3)) * [3.0, 2.0, 1.0] @ np.linalg.qr(rng.normal(size=(8, 3)))[0].T
    known = rng.random(flat.shape) > 0.5
    whole, part = fit_pca(flat, 3), fit_pca(flat, 3, known)
    np.testing.assert_allclose(part.deviation, whole.deviation, rtol=0.03)
    np.testing.assert_allclose(np.abs(np.sum(part.basis * whole.basis, axis=1)), 1.0, atol=0.01)
    np.testing.assert_array_equal(fit_pca(flat, 3, np.ones_like(known)).basis, whole.basis)


def test_coordinates_never_known_together_are_refused():
    known = np.ones((50, 4), bool)
    known[:25, 0] = known[25:, 1] = False
    with pytest.raises(ValueError, match="never seen together"):
        fit_pca(np.random.default_rng(0).normal(size=(50, 4)), 2, known)


def test_subspaces_side_by_side_are_those_of_the_parts():
    flat, _ = data()
    left, right = fit_pca(flat[:, [0, 3]], 1), fit_pca(flat[:, [5, 1, 4]], 2)
    both = side_by_side([(left, [0, 3]), (right, [5, 1, 4])], 6)
    assert both.groups == (1, 2) and both.size == 3
    apart = [whitened(left, flat[:, [0, 3]]), whitened(right, flat[:, [5, 1, 4]])]
    np.testing.assert_allclose(whitened(both, flat), np.concatenate(apart, axis=1), atol=1e-12)
    np.testing.assert_allclose(both.basis @ both.basis.T, np.eye(3), atol=1e-12)
    moved = flat + np.array([0, 0, 9, 0, 0, 0])  # This coordinate is in no part.
    np.testing.assert_array_equal(whitened(both, moved), whitened(both, flat))
    variance = np.var(flat, axis=0, ddof=1)[[0, 1, 3, 4, 5]].sum()
    np.testing.assert_allclose(both.explained, np.sum(both.deviation**2) / variance)
