"""What `Lifter` asks of a trained model, whatever runs it."""

from __future__ import annotations

import abc
from collections.abc import Callable

import numpy as np

from tf_elepose.motion.prediction import Prediction
from tf_elepose.skeleton.skeletons import Skeleton


class LiftingModel(abc.ABC):
    """A trained model that lifts poses of its own skeleton.

    Attributes:
      name: for people.
      fingerprint: "sha256:..." of the model it was made of, so that results can be traced back.
      skeleton: its joints.
      min_confidence: joints trusted no more than this are missing, unless somebody says otherwise.
      likelihood_quantiles: ascending nll [Q] of the training poses, from the likeliest to the least likely, in equal
        steps of their number; None where that is not known.
      needs_groups: whether poses are lifted together with the others of their clip and camera.
    """

    name: str
    fingerprint: str
    skeleton: Skeleton
    min_confidence: float
    likelihood_quantiles: np.ndarray | None
    needs_groups: bool = False

    @abc.abstractmethod
    def lift(
        self,
        poses_2d: np.ndarray,
        seen: np.ndarray,
        groups: np.ndarray | None,
        *,
        likelihood: bool,
        confidence: np.ndarray | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Prediction:
        """Lift poses.

        Args:
          poses_2d: [N, J, 2] px, finite.
          seen: [N, J] which joints are known; the others' coordinates mean nothing.
          groups: [N] labels of clip and camera; None where they are not needed.
          likelihood: whether `Prediction.nll` is wanted.
          confidence: [N, J] how far joints that are seen are trusted, above 0; None where nothing is known of it. Only
            models of some methods look at it.
          progress: told how many poses are done.
        """


def percentile(nll: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """How likely poses are among the training's: the share of those that are less likely, 0 to 100, linear in between.

    Args:
      nll: [N] negative log-likelihoods.
      quantiles: [Q] ascending, of the training poses, in equal steps of their number.
    """
    return np.interp(nll, quantiles, np.linspace(100.0, 0.0, len(quantiles)))
