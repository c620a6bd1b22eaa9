"""A model that lifts poses: everything that evaluation, export and benchmarks use of a method.

Nothing here knows how a model is trained; its objective does (methods/objective.py).
"""

from __future__ import annotations

import abc
import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from tf_elepose import geometry
from tf_elepose.data.visibility import RootCentring
from tf_elepose.methods.lifted_likelihood import LiftedLikelihood
from tf_elepose.motion.prediction import Prediction
from tf_elepose.nn.completer import PoseCompleter, complete
from tf_elepose.nn.variables import named_variables
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import MIN_JOINTS, Skeleton


class LiftedTensors(NamedTuple):
    """A model's results for B normalised poses, as tensors of a graph; `Prediction` has them as arrays.

    Attributes:
      image: [B, J, 2] the poses with hidden joints completed.
      poses_3d: [B, J, 3] camera frame, root at the origin.
      elevation: [B] radians of the camera above the horizon, positive looking down; None where it is not predicted.
      rotation: [B, 3, 3] see `Prediction`.
    """

    image: tf.Tensor
    poses_3d: tf.Tensor
    elevation: tf.Tensor | None = None
    rotation: tf.Tensor | None = None


class PoseModel(abc.ABC):
    """Networks, completion, lifting, density and storing of one method."""

    name: str
    title: str
    """The method's name in reports."""

    skeleton: Skeleton
    normalizer: Normalizer

    @property
    @abc.abstractmethod
    def networks(self) -> dict[str, keras.Model]:
        """All networks that lifting and likelihoods use, by name."""

    @property
    @abc.abstractmethod
    def settings(self) -> dict[str, Any]:
        """Plain values that `restore` rebuilds an equal, untrained model from."""

    @classmethod
    @abc.abstractmethod
    def restore(cls, settings: Mapping[str, Any]) -> Self:
        """Builds a model from stored `settings`; weights are assigned afterwards.

        Settings that only older versions stored are ignored: they belonged to the objective.
        """

    only_trained: tuple[str, ...] = ()
    """Beginnings of the names of variables that older versions stored although only training needs them."""

    def saved_variables(self) -> dict[str, Any]:
        """All variables that make up a trained model, by name."""
        return {**named_variables(self.networks), **({} if self.density is None else self.density.saved_variables())}

    @abc.abstractmethod
    def lift(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Lifts complete normalised poses [B, J, 2]: 3D poses [B, J, 3] (camera frame, root at the origin), and the
        camera's elevation [B] in radians above the horizon, or None.
        """

    density: LiftedLikelihood | None = None
    """Gives the likelihoods of lifted poses; None for a method without a density."""

    def view_likelihood(self, poses: tf.Tensor, elevation: tf.Tensor | None) -> tf.Tensor | None:
        """Mean negative log-likelihood [B], nats, of lifted poses over a fixed set of virtual cameras; None for a
        method without a density.
        """
        return None if self.density is None else self.density.fixed(_levelled(poses, elevation))

    def random_view_likelihood(
        self, poses: tf.Tensor, elevation: tf.Tensor | None, seed: tf.Tensor, views: int
    ) -> tf.Tensor | None:
        """`view_likelihood` over `views` cameras that are drawn from `seed` [2] (section 4.3 of ElePose)."""
        return None if self.density is None else self.density.random(_levelled(poses, elevation), seed, views)

    @property
    def likelihood_quantiles(self) -> np.ndarray | None:
        """Ascending `view_likelihood` [101] at 0 %, 1 %, ... 100 % of the training poses; None when it was not
        measured, or there is no density.
        """
        values = None if self.density is None else self.density.quantiles.numpy()
        return values if values is not None and np.isfinite(values).all() else None

    def measure_likelihood(self, image: np.ndarray, seen: np.ndarray | None = None) -> None:
        """Set the likelihood's quantiles from normalised training poses [N, J, 2] with their mask `seen` [N, J]."""
        if self.density is None:
            return

        def nll(batch: tf.Tensor, seen: tf.Tensor) -> tf.Tensor | None:
            lifted = self.complete_and_lift(batch, seen)
            return self.view_likelihood(lifted.poses_3d, lifted.elevation)

        compiled = self._compiled(nll, "view nll")
        measured = np.concatenate([compiled(*batch) for batch in _batches(image, seen, 1024)])
        quantiles = np.quantile(measured, np.linspace(0.0, 1.0, self.density.quantiles.shape[0]))
        self.density.quantiles.assign(quantiles.astype(np.float32))

    completer: PoseCompleter | None = None
    """Fills in joints that are not seen; a method without one lifts complete poses only."""

    def complete(self, image: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        """Normalised poses [B, J, 2] with all joints, for `lift`: those that are not `seen` [B, J] are filled in; see
        `nn.completer.complete`.
        """
        return image if self.completer is None else complete(self.completer, self.normalizer, image, seen)

    @property
    def completes(self) -> bool:
        """Whether the model can lift poses with hidden joints."""
        return self.completer is not None

    uses_confidence: bool = False
    """Whether the model uses confidences, and not only which joints are seen."""

    usual_confidence: np.ndarray | None = None
    """Confidence [J] of seen joints whose confidence is not given; None for a model that does not use confidences."""

    has_canonical: bool = False
    """Whether the model gives canonical poses and the camera's rotation, see `Prediction`."""

    def complete_and_lift(
        self, image: tf.Tensor, seen: tf.Tensor, confidence: tf.Tensor | None = None
    ) -> LiftedTensors:
        """Completes normalised poses [B, J, 2] where joints are not `seen` [B, J], and lifts them.

        `confidence` [B, J], of the seen joints, is for models that use it; None where it is not known.
        """
        del confidence
        whole = self.complete(image, seen)
        return LiftedTensors(whole, *self.lift(whole))

    def sample(self, count: int, seed: int) -> np.ndarray:
        """Normalised poses [count, J, 2] similar to those of the training, to try a model with: samples of its density,
        of its completer's normal distribution, or, without both, independent coordinates of the right deviation.
        """
        if self.density is not None:
            return self.density.prior.sample(count, tf.constant([seed, 1], tf.int32)).numpy()
        if self.completer is not None:
            image = self.completer.distribution.sample(count, seed)
        else:
            shape = (count, self.skeleton.num_joints, 2)
            image = np.random.default_rng(seed).normal(0.0, self.normalizer.deviation, shape).astype(np.float32)
        return image - image[:, self.skeleton.root_index, np.newaxis]

    def predict(
        self,
        poses_2d: np.ndarray,
        groups: np.ndarray | None = None,
        seen: np.ndarray | None = None,
        confidence: np.ndarray | None = None,
    ) -> Prediction:
        """Lift poses in px.

        Args:
          poses_2d: [N, J, 2] px.
          groups: [N] labels of clip and camera; the normalisation rule `clip` needs them.
          seen: [N, J] which joints are seen; when None, `data.visibility` decides, for all poses together. A joint that
            is NaN or infinite is never seen.
          confidence: [N, J] 0 to 1, of the seen joints; only some models use it.

        Raises:
          ValueError: a wrong shape, or no groups for the rule `clip`. A pose that cannot be lifted raises nothing and
            is marked as not valid.
        """
        return self.predict_normalized(*self.normalized(poses_2d, groups, seen), confidence=confidence)

    def normalized(
        self, poses_2d: np.ndarray, groups: np.ndarray | None = None, seen: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Poses for `predict_normalized`, from poses in px and other arguments as in `predict`: normalised poses
        [N, J, 2] and their mask [N, J], without any seen joint for a pose that cannot be lifted.
        """
        poses_2d, skeleton = np.asarray(poses_2d), self.skeleton
        if poses_2d.ndim != 3 or poses_2d.shape[1:] != (skeleton.num_joints, 2):
            expected = f"expected [N, {skeleton.num_joints}, 2] px for skeleton {skeleton.name!r}"
            raise ValueError(f"poses_2d: {expected}; got {list(poses_2d.shape)}")
        finite = np.all(np.isfinite(poses_2d), axis=-1)
        if seen is not None and np.shape(seen) != finite.shape:
            raise ValueError(f"seen: expected {list(finite.shape)}; got {list(np.shape(seen))}")
        seen_joints = finite & (RootCentring(skeleton, skeleton).seen(poses_2d) if seen is None else np.asarray(seen))
        seen_joints = seen_joints & self._liftable(poses_2d, seen_joints)[:, np.newaxis]
        usable = seen_joints.any(axis=-1)
        image = np.zeros(poses_2d.shape, np.float32)
        if usable.any():
            own_groups = None if groups is None else np.asarray(groups)[usable]
            image[usable], _ = self.normalizer.apply(poses_2d[usable], own_groups, seen_joints[usable])
            if warning := self.normalizer.size_warning(poses_2d[usable], seen_joints[usable]):
                logging.warning("%s", warning)
        return image, seen_joints

    def _liftable(self, poses_2d: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Mask [N] of the poses with enough seen joints (all, for a model that does not complete), not all of them on
        one point.
        """
        needed = min(MIN_JOINTS, self.skeleton.num_joints) if self.completes else self.skeleton.num_joints
        points = np.where(seen[..., np.newaxis], poses_2d, np.nan)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy warns of poses without a seen joint.
            extent = np.nanmax(points, axis=1) - np.nanmin(points, axis=1)
        return (seen.sum(axis=-1) >= needed) & (np.nan_to_num(extent).max(axis=-1) > 0)

    def predict_normalized(
        self, image: np.ndarray, seen: np.ndarray | None = None, confidence: np.ndarray | None = None
    ) -> Prediction:
        """`predict` for poses [N, J, 2] that `normalized` made; all joints are seen where `seen` [N, J] is None."""
        trust = None
        if confidence is not None and self.uses_confidence:
            trust = _checked_confidence(confidence, image.shape[:2])
        lifted = []
        for first, batch in zip(itertools.count(step=4096), _batches(image, seen, 4096), strict=False):
            if trust is None:
                lifted.append(self._compiled(self.complete_and_lift, "lift")(*batch))
            else:
                lift = self._compiled(self.complete_and_lift, "lift trusted", with_confidence=True)
                lifted.append(lift(*batch, tf.constant(trust[first : first + 4096])))
        valid = np.ones(len(image), bool) if seen is None else np.any(seen, axis=-1)
        whole, poses, elevation, rotation = (
            None if parts[0] is None else np.concatenate([part.numpy() for part in parts])
            for parts in zip(*lifted, strict=True)
        )
        assert poses is not None  # Every method lifts; only elevation and rotation may be unknown.
        return Prediction(
            np.where(valid[:, np.newaxis, np.newaxis], poses, np.float32(0.0)),
            None if elevation is None else np.where(valid, np.rad2deg(elevation), 0.0),
            valid,
            whole,
            None if rotation is None else np.where(valid[:, np.newaxis, np.newaxis], rotation, np.float32(0.0)),
        )

    def likelihood(
        self,
        poses_2d: np.ndarray,
        groups: np.ndarray | None = None,
        seen: np.ndarray | None = None,
        *,
        views: int = 100,
        seed: int = 0,
    ) -> np.ndarray | None:
        """Mean negative log-likelihood [N] of each lifted pose in nats; lower is likelier.

        Args:
          poses_2d, groups, seen: as in `predict`.
          views: number of random projections of a pose that are averaged; 100 in ElePose (section 4.3).
          seed: of the projections.

        Returns:
          None for a method without a density. Infinity for poses that are not valid.
        """
        return self.likelihood_normalized(*self.normalized(poses_2d, groups, seen), views=views, seed=seed)

    def likelihood_normalized(
        self, image: np.ndarray, seen: np.ndarray | None = None, *, views: int, seed: int
    ) -> np.ndarray | None:
        """`likelihood` for poses [N, J, 2] that `normalized` made."""

        def nll(batch: tf.Tensor, seen: tf.Tensor) -> tf.Tensor | None:
            lifted, seed_pair = self.complete_and_lift(batch, seen), tf.constant([seed, 0], tf.int32)
            return self.random_view_likelihood(lifted.poses_3d, lifted.elevation, seed_pair, views)

        compiled = self._compiled(nll, f"nll {views} {seed}")
        parts = [compiled(*batch) for batch in _batches(image, seen, 1024)]
        if parts[0] is None:
            return None
        nll_of_all = np.concatenate(parts)
        return nll_of_all if seen is None else np.where(seen.any(axis=-1), nll_of_all, np.float32(np.inf))

    def _compiled(self, function: Callable, key: str, *, with_confidence: bool = False) -> Callable:
        """`function` as one graph of a batch of normalised poses, their seen joints and, where used, confidences; it is
        traced once for each `key`.
        """
        compiled = vars(self).setdefault("_compiled_functions", {})
        if key not in compiled:
            joints = self.skeleton.num_joints
            specs = [tf.TensorSpec([None, joints, 2], tf.float32), tf.TensorSpec([None, joints], tf.bool)]
            specs += [tf.TensorSpec([None, joints], tf.float32)] if with_confidence else []
            compiled[key] = tf.function(function, input_signature=specs, autograph=False)
        return compiled[key]


def _checked_confidence(confidence: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    if np.shape(confidence) != tuple(shape):
        raise ValueError(f"confidence: expected {list(shape)}; got {list(np.shape(confidence))}")
    return np.nan_to_num(np.asarray(confidence, np.float32), nan=0.0, posinf=1.0, neginf=0.0)


def _levelled(poses: tf.Tensor, elevation: tf.Tensor | None) -> tf.Tensor:
    """Poses [B, J, 3] turned about x so that y is the vertical, where the camera's elevation [B], radians, is known."""
    return poses if elevation is None else geometry.rotate(geometry.rotation_x(-elevation), poses)


def _batches(image: np.ndarray, seen: np.ndarray | None, size: int) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    for first in range(0, max(len(image), 1), size):  # Zero poses give one empty batch.
        batch = image[first : first + size]
        mask = np.ones(batch.shape[:2], bool) if seen is None else seen[first : first + size]
        yield tf.constant(batch), tf.constant(mask)
