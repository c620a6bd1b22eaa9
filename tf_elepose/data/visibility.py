"""Which keypoints are not seen: the one rule for readers, `Lifter`, batch jobs, exported models and the web page.

A joint is not seen where

  - a coordinate is NaN, infinite or `LARGEST_PX` px or more,
  - its confidence, where there is one, is not above the threshold, not a number or `LARGEST_PX` or more, or
  - it lies at exactly (0, 0) or (-1, -1), whatever its confidence. Programs write one of these for a joint that they
    leave out, and some keep the confidence: Ultralytics sets x = y = 0 below 0.5 (ultralytics/engine/results.py,
    Keypoints), OpenPose writes 0, 0, 0 (doc/02_output.md), OpenVINO's demos and light-weight OpenPose -1, -1.

Root-centred poses are the exception: the root is at zero, so (0, 0) and (-1, -1) are places of joints. `RootCentring`
defines which poses are root-centred.

The rule is applied to the joints and numbers of the file: before joints are computed from others (a root between a hip
and a hip that was left out would be in a wrong place), and before shares of the picture are scaled to pixels.

The graph of exported models has the same rule in TensorFlow (export/visibility.py), the web page in JavaScript
(export/mobile/web/visibility.js); tests compare the three.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tf_elepose.skeleton.conversion import Convention, conversion
from tf_elepose.skeleton.skeletons import Skeleton

LARGEST_PX = 1e6
"""Largest coordinate: no image is so wide, and larger numbers are damage or another unit."""

LEFT_OUT = ((0.0, 0.0), (-1.0, -1.0))
"""The places, px, of joints that a program left out."""

NEARLY_EVERY = 0.9
"""Of the poses that have a root, this share must have it at the origin: one damaged pose in ten changes nothing."""

ONE_IN = 10
"""Of this many other joints, at least one must be on each side of the origin, along x or along y.

Pixels are not negative, except those of the few joints that a detector puts outside the picture. A body has arms, legs
or both on each side of its root: so have all of 92,000 poses of the built-in motion and of CMU's motion capture.
"""

ROUNDING = 1e-5
"""A root this near to the origin counts as being there; relative to the largest coordinate of the pose. Subtracting the
mean of two hips in float32 leaves errors of this size.
"""


def seen(
    pixels: np.ndarray,
    confidence: np.ndarray | None = None,
    min_confidence: float = 0.0,
    *,
    root_centred: bool | np.ndarray = False,
) -> np.ndarray:
    """Mask [..., K] of the joints that are seen; no other code decides this.

    Args:
      pixels: [..., K, 2] px in the joints of the file.
      confidence: [..., K]; None where there is none.
      min_confidence: joints whose confidence is not above this number are not seen.
      root_centred: whether the poses are root-centred (see `RootCentring`), for all poses or [...].
    """
    with np.errstate(invalid="ignore"):
        found = (np.abs(pixels[..., 0]) < LARGEST_PX) & (np.abs(pixels[..., 1]) < LARGEST_PX)
        if confidence is not None:
            found &= (confidence > min_confidence) & (confidence < LARGEST_PX)
    if root_centred is True:
        return found
    return found & ~(left_out(pixels) & ~np.asarray(root_centred)[..., np.newaxis])


def left_out(pixels: np.ndarray) -> np.ndarray:
    """Mask [..., K] of the joints that lie at exactly one of the places `LEFT_OUT`."""
    x, y = pixels[..., 0], pixels[..., 1]
    return (x == y) & ((x == 0.0) | (x == -1.0))


class RootCentring:
    """Tells whether poses are root-centred: whether they were moved so that the root is the origin.

    Poses are root-centred where the root is at the origin in nearly every one (`NEARLY_EVERY`) and their other joints
    are on both sides of the origin (`ONE_IN`). The second condition excludes pictures in which everybody's hips are
    left out, as when people sit at a desk: there the other joints have coordinates above zero.

    The rule counts over all poses of a source, so that the other poses decide about a doubtful one. Exported models
    apply it to each pose alone, because their poses may come from different people.
    """

    def __init__(self, convention: Convention | Skeleton, skeleton: Skeleton) -> None:
        """Starts to count, with no pose.

        Args:
          convention: of the poses.
          skeleton: says which joint is the root; no pose is root-centred where the convention cannot give it.
        """
        self._weights = root_weights(convention, skeleton)
        self._total = np.zeros(7)

    def seen(self, pixels: np.ndarray, confidence: np.ndarray | None = None, min_confidence: float = 0.0) -> np.ndarray:
        """Mask [N, K] of the seen joints of the next poses; `of_source` decides whether they are root-centred.

        Args:
          pixels, confidence, min_confidence: see the function `seen`.
        """
        given = seen(pixels, confidence, min_confidence, root_centred=True)
        return given if self.of_source(pixels, given) else given & ~left_out(pixels)

    def of_source(self, pixels: np.ndarray, given: np.ndarray) -> bool:
        """Whether the source is root-centred, judged by all poses so far, these included.

        Args:
          pixels: [N, K, 2] px.
          given: [N, K] `seen` of root-centred poses.
        """
        self._total += _counts(pixels, given, self._weights).sum(axis=0)
        return bool(_centred(self._total))


def root_centred(pixels: np.ndarray, given: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Mask [N] of the poses that are root-centred, each judged alone.

    Args:
      pixels: [N, K, 2] px.
      given: [N, K] `seen` of root-centred poses.
      weights: see `root_weights`.
    """
    return _centred(_counts(pixels, given, weights))


def root_weights(convention: Convention | Skeleton, skeleton: Skeleton) -> np.ndarray | None:
    """Weights [K, 2] of the convention's joints that give x and y of the skeleton's root; None where none do."""
    converted = conversion(convention, skeleton)
    recipes = converted.recipes[skeleton.root_index], converted.recipes_y[skeleton.root_index]
    weights = np.zeros((len(converted.source), 2))
    for axis, recipe in enumerate(recipes):
        if not recipe:
            return None
        for joint, weight in recipe.items():
            weights[converted.source.index(joint), axis] = weight
    return weights


def _counts(pixels: np.ndarray, given: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Counts [N, 7]: 1 if a pose has a root; 1 if this root is at the origin; in such poses, the number of other
    joints, and how many of them have x below zero, x above, y below and y above.
    """
    counts = np.zeros((len(pixels), 7))
    if weights is None:
        return counts
    used = np.flatnonzero(weights.any(axis=1))
    counts[:, 0] = has_root = np.logical_and.reduce([given[:, joint] for joint in used])
    root = np.sum([pixels[:, joint].astype(np.float64) * weights[joint] for joint in used], axis=0)
    with np.errstate(invalid="ignore"):
        near = has_root & (np.abs(root[:, 0]) <= ROUNDING * LARGEST_PX) & (np.abs(root[:, 1]) <= ROUNDING * LARGEST_PX)
    rows = np.flatnonzero(near)  # Mostly no pose or every pose: only these poses are counted further.
    poses = np.where(given[rows, :, np.newaxis], pixels[rows], 0.0).astype(np.float64)
    at_origin = np.abs(root[rows]).max(axis=-1) <= ROUNDING * np.abs(poses).max(axis=(1, 2))
    rows, poses = rows[at_origin], poses[at_origin]
    others = given[rows] & ~left_out(poses)
    counts[rows, 1] = 1.0
    counts[rows, 2] = others.sum(axis=1)
    for axis in range(2):
        counts[rows, 3 + 2 * axis] = (others & (poses[..., axis] < 0.0)).sum(axis=1)
        counts[rows, 4 + 2 * axis] = (others & (poses[..., axis] > 0.0)).sum(axis=1)
    return counts


def by_name(joints: Sequence[str], weights: np.ndarray | None) -> dict[str, list[float]] | None:
    """`root_weights` as {joint: its weights for x and y}, without the joints that have none."""
    if weights is None:
        return None
    return {name: both.tolist() for name, both in zip(joints, weights, strict=True) if both.any()}


def _centred(counts: np.ndarray) -> np.ndarray:
    """Applies the rule to `_counts` [..., 7]; [...] True where poses are root-centred."""
    roots, at_origin, others, *sides = np.moveaxis(counts, -1, 0)
    left, right, above, below = sides
    around = np.maximum(np.minimum(left, right), np.minimum(above, below))
    return (at_origin > 0) & (at_origin >= NEARLY_EVERY * roots) & (others > 0) & (ONE_IN * around >= others)
