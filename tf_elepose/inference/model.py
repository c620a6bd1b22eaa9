"""The interface of trained models that `Lifter` uses, the same for every runtime."""

from __future__ import annotations

import abc
from collections.abc import Callable

import numpy as np

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.motion.prediction import Prediction
from tf_elepose.skeleton.skeletons import Skeleton


class LiftingModel(abc.ABC):
    """A trained model that lifts poses of its own skeleton.

    Attributes:
      name: for people.
      fingerprint: "sha256:..." of the model file, so that results can be traced back to it.
      skeleton: its joints.
      min_confidence: joints with no more confidence than this are missing, unless the caller gives another threshold.
      likelihood_quantiles: ascending nll [Q] of the training poses, from the likeliest to the least likely, in equal
        steps of their number; None where that is not known.
      needs_groups: whether poses are lifted together with the others of their person in a clip of one camera.
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
        keypoints: Keypoints,
        groups: np.ndarray | None = None,
        *,
        likelihood: bool,
        progress: Callable[[int], None] | None = None,
    ) -> Prediction:
        """Lift poses in px.

        Args:
          keypoints: N poses of `skeleton`'s joints, finite, those that are not seen too. Its mask alone says which
            are seen: a seen joint may lie at (0, 0). Confidences of seen joints are above 0, and only some models use
            them.
          groups: [N] labels of each person in a clip of one camera; None where they are not needed.
          likelihood: whether `Prediction.nll` is wanted.
          progress: called with the number of poses lifted so far.
        """


def percentile(nll: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Percentiles [N] of poses: the share of the training poses that are less likely, 0 to 100, interpolated linearly.

    Args:
      nll: [N] negative log-likelihoods.
      quantiles: [Q] ascending, of the training poses, in equal steps of their number.
    """
    return np.interp(nll, quantiles, np.linspace(100.0, 0.0, len(quantiles)))
