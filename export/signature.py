"""The function that an exported model computes: one graph from a detector's keypoints to 3D poses.

The graph contains every step that the result depends on: the conversion from the detector's joints to the model's,
which joints count as seen, the normalizer, the completer, and the check that a pose can be lifted. So every runtime
gives the same result as `PoseModel.predict`.

The conversion gathers and sums joints and uses no matrix product on pixels: GPUs may multiply matrices with ten bits of
mantissa (TensorFloat-32), which is half a pixel at 1000 px.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from export import visibility
from tf_elepose import geometry
from tf_elepose.data.visibility import LARGEST_PX, root_weights
from tf_elepose.methods.pose_model import PoseModel
from tf_elepose.skeleton.conversion import Convention, Conversion, conversion
from tf_elepose.skeleton.skeletons import MIN_JOINTS, Skeleton

LEAST_EXTENT_PX = 1e-3
"""A pose smaller than this in both directions is a point; rounding of computed joints in float32 is smaller."""

LARGEST_HEAD_MM = 1e4
"""A larger distance from root to head is an error in the input and means unit scale."""

_FARTHEST = 2.0 * LARGEST_PX

_FULL = ("poses_3d", "valid", "elevation_deg", "canonical_3d", "camera_rotation")
"""Outputs of `lift_full`, without those that the method does not predict."""


class Signed(tf.Module):
    """A trained method as functions of keypoints, which tracks every variable that they read.

    Attributes:
      method: the trained method.
      conversion: from the keypoints to the model's joints.
      root_weights: [K, 2] weights of the keypoints that make the root, see `data.visibility`; None if none do.
      functions: {signature: tf.function}, each of `keypoints` [B, K, 2] px, `confidence` [B, K] and (not `likelihood`)
        `root_head_mm` [B], with a dict of named outputs; units and frames are in `bundle.INPUTS` and `bundle.OUTPUTS`.
    """

    def __init__(self, method: PoseModel, convention: Convention | Skeleton, min_confidence: float = 0.0) -> None:
        """Makes the functions.

        Args:
          method: the trained method.
          convention: convention of the keypoints.
          min_confidence: joints with no higher confidence count as missing.

        Raises:
          ValueError: the normalisation rule needs more than the pose, `min_confidence` is out of its range, or the
            convention lacks joints that the model needs.
        """
        super().__init__(name="elepose")
        _require_usable(method, convention, min_confidence)
        self.method = method
        self.conversion = conversion(convention, method.skeleton)
        self.root_weights = root_weights(convention, method.skeleton)
        self.min_confidence = float(min_confidence)
        # A SavedModel does not track Keras' wrappers, only the variables in them: without this list the files would
        # silently lack weights.
        self.vars = [getattr(variable, "value", variable) for variable in method.saved_variables().values()]
        found: dict[str, Callable] = {"lift": self._lift}
        more, nll = _knows(method)
        if more:
            found["lift_full"] = self._lift_full
        if nll:
            found["likelihood"] = self._likelihood
        found["lift_all"] = self._lift_all
        # Each is traced once. In a function, because a SavedModel would try to save what a dict holds.
        self.concrete = functools.cache(self._concrete)
        self.functions = {name: tf.function(function, autograph=False) for name, function in found.items()}

    @property
    def num_keypoints(self) -> int:
        return len(self.conversion.source)

    def specs(self, signature: str, batch: int | None = None) -> list[tf.TensorSpec]:
        """The inputs of a signature, for `batch` poses or for any number."""
        shapes = {"keypoints": [batch, self.num_keypoints, 2], "confidence": [batch, self.num_keypoints]}
        if signature != "likelihood":
            shapes["root_head_mm"] = [batch]
        return [tf.TensorSpec(shape, tf.float32, name) for name, shape in shapes.items()]

    def _concrete(self, signature: str, batch: int | None = None):
        """The traced function of a signature, for `batch` poses or for any number."""
        # Traced anew, because a function that has a trace for any batch would return it for one pose, too.
        fresh = tf.function(self.functions[signature].python_function, autograph=False)
        return fresh.get_concrete_function(*self.specs(signature, batch))

    def refusing(self, signature: str):
        """The traced function of a signature for servers, which fails for inputs of wrong shapes or different batches.

        A server compares only names with the signature, not shapes (predict_util.cc of TensorFlow Serving; the session
        checks only types), and operators broadcast. Without this check a confidence [1, K] would apply to all poses,
        one root_head_mm would scale all bodies, and a surplus joint would be dropped, and the answer would look right.

        Not for TFLite: its converter changes concatenation and split so that an infinite confidence makes its pose
        wrong.
        """
        specs = self.specs(signature)
        tails = [spec.shape[1:].as_list() for spec in specs]
        sizes = [math.prod(tail) for tail in tails]
        function = self.functions[signature].python_function

        def refusing(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            fitting = [tf.ensure_shape(values, spec.shape) for values, spec in zip(inputs, specs, strict=True)]
            # Concatenation does not broadcast. (The optimiser removes a reshape to the wanted number of rows.)
            flat = [tf.reshape(values, [-1, size]) for values, size in zip(fitting, sizes, strict=True)]
            parts = tf.split(tf.concat(flat, axis=-1), sizes, axis=-1)
            return function(*(tf.reshape(part, [-1, *tail]) for part, tail in zip(parts, tails, strict=True)))

        return tf.function(refusing, autograph=False).get_concrete_function(*specs)

    def _lift(self, keypoints: tf.Tensor, confidence: tf.Tensor, root_head_mm: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._lifted(keypoints, confidence, root_head_mm, "poses_3d", "valid")

    def _lift_full(self, keypoints: tf.Tensor, confidence: tf.Tensor, root_head_mm: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._lifted(keypoints, confidence, root_head_mm, *_FULL)

    def _lift_all(self, keypoints: tf.Tensor, confidence: tf.Tensor, root_head_mm: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._lifted(keypoints, confidence, root_head_mm, *_FULL, "nll")

    def _likelihood(self, keypoints: tf.Tensor, confidence: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._lifted(keypoints, confidence, tf.zeros_like(confidence[:, 0]), "nll", "valid")

    def _lifted(
        self, keypoints: tf.Tensor, confidence: tf.Tensor, root_head_mm: tf.Tensor, *outputs: str
    ) -> dict[str, tf.Tensor]:
        """Those of `outputs` that the method predicts; finite, and 0 for poses that are not valid."""
        image, seen, trust, valid = self.prepare(keypoints, confidence)
        predicted = self.method.complete_and_lift(image, seen, trust)
        found = {"poses_3d": self._sized(predicted.poses_3d, root_head_mm)}
        if predicted.elevation is not None and "elevation_deg" in outputs:
            found["elevation_deg"] = predicted.elevation * (180.0 / math.pi)
        if predicted.rotation is not None and "camera_rotation" in outputs:
            found["camera_rotation"] = predicted.rotation
            found["canonical_3d"] = geometry.rotate_back(predicted.rotation, found["poses_3d"])
        if (
            "nll" in outputs
            and (nll := self.method.view_likelihood(predicted.poses_3d, predicted.elevation)) is not None
        ):
            found["nll"] = nll
        for values in (predicted.poses_3d, *found.values()):
            valid = valid & _is_finite(tf.reduce_max(tf.abs(tf.reshape(values, [tf.shape(valid)[0], -1])), axis=-1))
        kept = {
            name: tf.where(tf.reshape(valid, [-1] + [1] * (len(values.shape) - 1)), values, 0.0)
            for name, values in found.items()
            if name in outputs
        }
        return kept | {"valid": valid}

    def prepare(self, keypoints: tf.Tensor, confidence: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Prepares keypoints for the method.

        Returns:
          normalised poses [B, J, 2], the mask of seen joints [B, J], their confidences [B, J], and the mask of poses
          that can be lifted [B].
        """
        shown = visibility.seen(keypoints, confidence, self.min_confidence, self.root_weights)
        joints, seen = convert(self.conversion, tf.where(shown[..., tf.newaxis], keypoints, 0.0), shown)
        valid = self._liftable(joints, seen)
        seen = seen & valid[:, tf.newaxis]
        image = self.method.normalizer.apply_in_graph(joints, seen)
        return image, seen, convert_confidence(self.conversion, tf.where(shown, confidence, 0.0)), valid

    def _liftable(self, joints: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        """The mask [B] of `PoseModel.normalized`: enough joints (all, without a completer), not all on one point."""
        count, all_joints = tf.reduce_sum(tf.cast(seen, tf.float32), axis=-1), self.method.skeleton.num_joints
        needed = min(MIN_JOINTS, all_joints) if self.method.completes else all_joints
        known = seen[..., tf.newaxis]
        highest = tf.reduce_max(tf.where(known, joints, -_FARTHEST), axis=-2)
        lowest = tf.reduce_min(tf.where(known, joints, _FARTHEST), axis=-2)
        extent = tf.reduce_max(highest - lowest, axis=-1)
        return (count > needed - 0.5) & (extent > LEAST_EXTENT_PX)

    def _sized(self, poses: tf.Tensor, root_head_mm: tf.Tensor) -> tf.Tensor:
        """The poses, scaled to mm if a body's size is given."""
        head = poses[:, self.method.skeleton.index(self.method.skeleton.head)]
        length = geometry.safe_norm(head)
        wanted = (root_head_mm > 0.0) & (root_head_mm < LARGEST_HEAD_MM) & (length > 0.0)
        scale = tf.where(wanted, root_head_mm / tf.where(length > 0.0, length, 1.0), tf.ones_like(length))
        return poses * scale[:, tf.newaxis, tf.newaxis]


def convert(converted: Conversion, keypoints: tf.Tensor, shown: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`Conversion.apply` in the graph.

    Args:
      converted: from K to J joints.
      keypoints: [B, K, 2] px, finite.
      shown: [B, K] which of them are known.

    Returns:
      joints [B, J, 2] and a mask [B, J] of the known ones: those whose sources are all known.
    """
    parts = _sources(converted)
    joints, most = len(parts), max(map(len, parts))
    index, weight = np.zeros((joints, most), np.int32), np.zeros((joints, most, 2), np.float32)
    for row, names in enumerate(parts):
        for column, name in enumerate(names):
            index[row, column] = converted.source.index(name)
            for axis, recipes in enumerate((converted.recipes, converted.recipes_y)):
                weight[row, column, axis] = (recipes[row] or {}).get(name, 0.0)
        index[row, len(names) :] = index[row, 0]  # Weight 0; seen if the others are seen.
    sources = tf.reshape(tf.gather(keypoints, index.ravel(), axis=1), [-1, joints, most, 2])
    known = tf.reshape(tf.gather(shown, index.ravel(), axis=1), [-1, joints, most])
    can_be_made = np.array([bool(names) for names in parts])
    return tf.reduce_sum(sources * weight, axis=2), tf.reduce_all(known, axis=-1) & can_be_made


def convert_confidence(converted: Conversion, confidence: tf.Tensor) -> tf.Tensor:
    """`Conversion.apply_confidence` in the graph, [B, K] to [B, J]: the smallest confidence of a joint's sources."""
    parts = _sources(converted)
    most = max(map(len, parts))
    index = np.array([
        [converted.source.index(name) for name in (names * most)[:most]] if names else [0] * most for names in parts
    ])  # fmt: skip
    sources = tf.reshape(tf.gather(confidence, index.ravel(), axis=1), [-1, len(parts), most])
    can_be_made = np.array([bool(names) for names in parts], np.float32)
    return tf.reduce_min(sources, axis=-1) * can_be_made


def _sources(converted: Conversion) -> list[list[str]]:
    """The source joints of each of the J joints."""
    return [
        sorted({*(across or {}), *(down or {})}, key=converted.source.index)
        for across, down in zip(converted.recipes, converted.recipes_y, strict=True)
    ]


def _is_finite(x: tf.Tensor) -> tf.Tensor:
    """Mask of finite numbers, as a comparison, which every runtime has; NaN fails it."""
    return tf.abs(x) < tf.float32.max


def _knows(method: PoseModel) -> tuple[bool, bool]:
    """Whether a method predicts more than a pose, and whether it has likelihoods; found by calling it."""
    image = tf.zeros([1, method.skeleton.num_joints, 2])
    predicted = method.complete_and_lift(image, tf.ones_like(image[..., 0], tf.bool))
    more = predicted.elevation is not None or predicted.rotation is not None
    return more, method.view_likelihood(predicted.poses_3d, predicted.elevation) is not None


def _require_usable(method: PoseModel, convention: Convention | Skeleton, min_confidence: float) -> None:
    if method.normalizer.rule == "clip":
        raise ValueError(
            "normalisation rule 'clip' needs all frames of a clip, but an exported model gets one pose: "
            "train with normalizer 'dataset' or 'pose' to export"
        )
    if not 0.0 <= min_confidence < LARGEST_PX:
        raise ValueError(f"min_confidence must be at least 0 and finite; got {min_confidence}")
    missing = conversion(convention, method.skeleton).missing
    if missing and not method.completes:
        raise ValueError(
            f"convention {convention.name!r} has no {', '.join(missing)}, and the model was trained without a completer"
        )
    made = method.skeleton.num_joints - len(missing)
    if made < min(MIN_JOINTS, method.skeleton.num_joints):
        raise ValueError(f"convention {convention.name!r} gives {made} of the model's joints; expected {MIN_JOINTS}")
