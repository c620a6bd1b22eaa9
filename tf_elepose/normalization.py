"""Scale and origin of 2D poses; no other module sets either.

A pose is centred on its root and divided by a size, so that the mean root-head length of the training data becomes
`1 / distance`: seen from `distance` units away (the paper's D), the body is then one unit from root to head
(below eq. 3). Three rules define the size:

  dataset  one constant, the mean root-head length over the training data (the paper).
  clip     the mean root-head length over all frames of the pose's own clip and camera: bodies at different
           distances or of different heights get one size, poses within a clip keep their relative sizes.
  pose     the mean joint-root distance of the pose itself, brought to root-head units by a ratio fitted on the
           training data: needs nothing but the pose.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.skeleton.skeletons import Skeleton

_SIZE_WARNING_RATIO = 1.5
"""Median size of poses over the size in training, or its inverse, above which `size_warning` warns."""

_SIZE_WARNING_POSES = 30  # Fewest poses to judge by: a few of a person who crouches are small without being wrong.

RULES = ("dataset", "clip", "pose")


@dataclasses.dataclass(frozen=True)
class Normalizer:
    """Converts 2D poses from px to normalised poses, by sizes that `fit` found in training data; stored with the model.

    Attributes:
      skeleton: defines root and head.
      rule: one of `RULES`.
      distance: the paper's D; the mean root-head length becomes 1 / distance.
      head_px: mean root-head length over the training data, px.
      head_to_spread: mean root-head length over mean joint-root distance, without unit (rule `pose`).
      deviation: standard deviation of the normalised training coordinates; networks divide their input by it.
    """

    skeleton: Skeleton
    rule: str
    distance: float
    head_px: float
    head_to_spread: float
    deviation: float

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"unknown normalisation rule {self.rule!r}; expected one of {', '.join(RULES)}")
        for field in ("distance", "head_px", "head_to_spread", "deviation"):
            value = getattr(self, field)
            if not np.isfinite(value) or value <= 0:
                raise ValueError(f"normalizer: {field} must be a positive number; got {value}")
        if self.distance <= geometry.MIN_DEPTH:
            raise ValueError(
                f"normalizer: distance must be over {geometry.MIN_DEPTH}, the nearest; got {self.distance}"
            )

    @classmethod
    def fit(
        cls,
        poses_2d: np.ndarray,
        skeleton: Skeleton,
        *,
        rule: str = "dataset",
        distance: float = 10.0,
        groups: np.ndarray | None = None,
        seen: np.ndarray | None = None,
    ) -> Normalizer:
        """Fits a normalizer to training poses `poses_2d` [N, J, 2] px; `groups` [N] and `seen` [N, J] as in `apply`.

        Raises:
          ValueError: wrong shape, a coordinate that is not finite, or poses without any extent.
        """
        centred, seen = _centred(poses_2d, seen, skeleton, "training poses")
        measured = seen[:, skeleton.root_index]
        with_head = measured & seen[:, skeleton.index(skeleton.head)]
        if not with_head.any():
            raise ValueError(f"training poses: none shows both {skeleton.root!r} and {skeleton.head!r}")
        head = float(np.mean(_head_length(centred[with_head], skeleton)))
        spread = float(np.mean(_spread(centred[measured], seen[measured])))
        if head <= 0 or spread <= 0:
            raise ValueError("training poses: every head lies on its root; expected poses with an extent")
        fitted = cls(skeleton, rule, float(distance), head, head / spread, deviation=1.0)
        normalized, _ = fitted.apply(poses_2d, groups, seen)
        return dataclasses.replace(fitted, deviation=float(np.std(normalized[measured][seen[measured]])))

    def apply(
        self, poses_2d: np.ndarray, groups: np.ndarray | None = None, seen: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Normalises poses given in px.

        Args:
          poses_2d: [N, J, 2] px.
          groups: [N] any labels; poses with equal labels come from one clip and camera. Rule `clip` needs them.
          seen: [N, J] which joints are seen; all when None. The coordinates of hidden joints have no influence. A pose
            whose root is hidden is centred on the mean of its seen joints, and by rule `pose` the size of a pose with
            hidden joints is that of its seen joints: completing the pose corrects both.

        Returns:
          normalised poses [N, J, 2] float32, 0 where not seen, and the factor [N] px that each was divided by.

        Raises:
          ValueError: wrong shape, a coordinate that is not finite, a pose without extent, or no groups.
        """
        centred, seen = _centred(poses_2d, seen, self.skeleton, "poses_2d")
        if self.rule == "dataset":
            size = np.full(len(centred), self.head_px)
        elif self.rule == "clip":
            if groups is None or len(groups) != len(centred):
                raise ValueError(
                    f"normalisation rule 'clip' needs the clip and camera of each of the {len(centred)} poses; "
                    f"got {'none' if groups is None else len(groups)}"
                )
            with_head = seen[:, self.skeleton.root_index] & seen[:, self.skeleton.index(self.skeleton.head)]
            size = _group_mean(_head_length(centred, self.skeleton), np.asarray(groups), with_head)
        else:
            size = _spread(centred, seen) * self.head_to_spread
        if np.any(size <= 0):
            raise ValueError(f"poses_2d: pose {int(np.argmin(size))} has no extent; all its joints lie on the root")
        factor = size * self.distance
        return (centred / factor[:, None, None]).astype(np.float32), factor.astype(np.float32)

    def apply_in_graph(self, poses_2d: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        """`apply` for exported models: normalised poses [B, J, 2] of poses [B, J, 2] px, 0 where not `seen` [B, J].

        Poses are finite; one that shows nothing, or only its root, stays finite.

        Raises:
          ValueError: rule `clip`, which needs all frames of a clip.
        """
        if self.rule == "clip":
            raise ValueError("normalisation rule 'clip' needs all frames of a clip; a graph sees one pose")
        root, mask = self.skeleton.root_index, seen[..., tf.newaxis]
        count = tf.maximum(tf.reduce_sum(tf.cast(mask, tf.float32), axis=-2, keepdims=True), 1.0)
        # Summed relative to one of the pose's own joints: sums of pixels far from 0 would lose digits in float32.
        nearby = tf.reduce_max(tf.where(mask, poses_2d, poses_2d.dtype.min), axis=-2, keepdims=True)
        offset = tf.where(mask, poses_2d - nearby, 0.0)
        mean = nearby + tf.reduce_sum(offset, axis=-2, keepdims=True) / count
        centre = tf.where(mask[:, root : root + 1], poses_2d[:, root : root + 1], mean)
        centred = tf.where(mask, poses_2d - centre, 0.0)
        if self.rule == "dataset":
            return centred / (self.head_px * self.distance)
        length = tf.reduce_sum(geometry.safe_norm(centred, keepdims=True), axis=-2, keepdims=True) / count
        factor = length * (self.head_to_spread * self.distance)
        return centred / tf.where(factor > 0.0, factor, 1.0)

    def size_warning(self, poses_2d: np.ndarray, seen: np.ndarray) -> str | None:
        """A warning for users when poses [N, J, 2] px with the mask `seen` [N, J] are much larger or smaller than those
        of the training; None when they are not, and under rules other than "dataset", where the size does not matter.
        """
        with_head = seen[:, self.skeleton.root_index] & seen[:, self.skeleton.index(self.skeleton.head)]
        if self.rule != "dataset" or with_head.sum() < _SIZE_WARNING_POSES:
            return None
        centred, _ = _centred(poses_2d[with_head], seen[with_head], self.skeleton, "poses_2d")
        ratio = float(np.median(_head_length(centred, self.skeleton))) / self.head_px
        if 1 / _SIZE_WARNING_RATIO <= ratio <= _SIZE_WARNING_RATIO:
            return None
        return (
            f"these poses are {ratio:.2g} times as large in the image as those of the training ({self.head_px:.0f} px "
            "from root to head): scale them, or train with normalization.rule=pose or clip"
        )

    def invert(self, image: np.ndarray, factor: np.ndarray, root_px: np.ndarray) -> np.ndarray:
        """Poses in px [N, J, 2]: `image` [N, J, 2] times `factor` [N] plus the root's position `root_px` [N, 2]."""
        return image * factor[:, None, None] + root_px[:, None, :]

    def rescale(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Brings projected poses [..., J, 2] to this rule's size; also gives the factor [...] each was divided by.

        Only rule `pose` changes anything: its poses all have one size, so a projection must get that size before it
        enters the prior or the lifter, and a pose lifted from it is multiplied by the factor. Runs in the graph.
        """
        if self.rule != "pose":
            return image, tf.ones_like(image[..., 0, 0])
        spread = tf.reduce_mean(geometry.safe_norm(image), axis=-1)
        factor = tf.maximum(spread * self.head_to_spread * self.distance, 1e-6)  # A point stays finite.
        return image / factor[..., tf.newaxis, tf.newaxis], factor

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the skeleton is stored beside it."""
        values = dataclasses.asdict(self)
        del values["skeleton"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], skeleton: Skeleton) -> Normalizer:
        fields = {field.name for field in dataclasses.fields(cls)} - {"skeleton"}
        if set(values) != fields:
            raise ValueError(f"normalizer: expected {', '.join(sorted(fields))}; got {', '.join(sorted(values))}")
        return cls(skeleton=skeleton, **values)


def _centred(
    poses_2d: np.ndarray, seen: np.ndarray | None, skeleton: Skeleton, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Poses [N, J, 2] about their root, or about the mean of the seen joints where the root is hidden, 0 at hidden
    joints; and which joints are seen [N, J].
    """
    poses_2d = np.asarray(poses_2d)
    if poses_2d.ndim != 3 or poses_2d.shape[1:] != (skeleton.num_joints, 2):
        raise ValueError(
            f"{where}: expected [N, {skeleton.num_joints}, 2] px for skeleton {skeleton.name!r}; "
            f"got {list(poses_2d.shape)}"
        )
    if len(poses_2d) == 0:
        raise ValueError(f"{where}: expected at least one pose; got none")
    if seen is None:
        seen = np.ones(poses_2d.shape[:2], bool)
    if seen.shape != poses_2d.shape[:2]:
        raise ValueError(f"{where}: expected which joints are seen {list(poses_2d.shape[:2])}; got {list(seen.shape)}")
    bad = ~np.all(np.isfinite(poses_2d) | ~seen[..., np.newaxis], axis=(1, 2))
    if np.any(bad):
        raise ValueError(f"{where}: {int(bad.sum())} poses hold NaN or infinity, the first is pose {int(bad.argmax())}")
    mask = seen[..., np.newaxis]
    poses = np.where(mask, poses_2d, 0.0).astype(np.float64)
    mean = poses.sum(axis=1, keepdims=True) / np.maximum(mask.sum(axis=1, keepdims=True), 1)
    root = slice(skeleton.root_index, skeleton.root_index + 1)
    return np.where(mask, poses - np.where(mask[:, root], poses[:, root], mean), 0.0), seen


def _head_length(centred: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    return np.linalg.norm(centred[:, skeleton.index(skeleton.head)], axis=-1)


def _spread(centred: np.ndarray, seen: np.ndarray) -> np.ndarray:
    return np.linalg.norm(centred, axis=-1).sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1)


def _group_mean(values: np.ndarray, groups: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """For each value the mean over the measured values of its group; ValueError when a group has no measured value."""
    names, member = np.unique(groups, return_inverse=True)
    count = np.bincount(member[measured], minlength=len(names))
    if not count.all():
        row = int(np.argmax(count[member] == 0))
        raise ValueError(
            f"poses_2d: root and head are never seen together in {np.sum(count == 0)} clips and cameras, the first "
            f"that of pose {row}: rule 'clip' has no size for them; use 'dataset' or 'pose'"
        )
    return (np.bincount(member[measured], values[measured], minlength=len(names)) / count)[member]
