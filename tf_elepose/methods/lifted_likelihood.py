"""How likely a lifted pose is: the prior's likelihood of its views from other sides (ElePose section 4.3, figure 5)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.methods import replicas
from tf_elepose.nn import pca
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import Skeleton

VIEWS = 8
"""Number of fixed cameras. A power of 2: every azimuth and every elevation is in a part of its own (a Hammersley set).
More cameras did not rank poses better."""

QUANTILES = 101
"""Number of quantiles that describe the likelihoods of the training poses: 0 %, 1 %, ... 100 %."""


class LiftedLikelihood:
    """Negative log-likelihoods of levelled poses [B, J, 3], averaged over virtual cameras all around them.

    The elevations of these cameras are distributed as in the whole training set, or as in earlier work.

    Attributes:
      elevation_mean, elevation_deviation: of e over the training set, radians (e levels a pose: cameras that look down
        have a negative e).
      quantiles: [QUANTILES] ascending quantiles of `fixed` over the training poses; NaN until they are measured.
    """

    def __init__(self, prior: PosePrior, normalizer: Normalizer, bound: float | None = None) -> None:
        """Holds the prior, with elevation statistics of 0 and unknown quantiles.

        Args:
          prior: p(x) of normalised poses, and their `normalizer`.
          bound: elevations are uniform from -bound to bound, radians; None: normal, as in the training set.
        """
        self.prior = prior
        self.normalizer = normalizer
        self.bound = bound
        self.elevation_mean = keras.Variable(0.0, trainable=False, name="elevation_mean")
        self.elevation_deviation = keras.Variable(0.0, trainable=False, name="elevation_deviation")
        unknown = np.full(QUANTILES, np.nan, np.float32)
        self.quantiles = keras.Variable(unknown, trainable=False, name="likelihood_quantiles")

    def random(self, levelled: tf.Tensor, seed: tf.Tensor, views: int) -> tf.Tensor:
        """Mean [B], nats, over `views` cameras that are drawn as in eq. 5-7 from `seed` [2]."""
        shape = tf.shape(levelled)[:1]

        def add(view: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            seed_view = replicas.fold_in(seed, view)
            azimuth = tf.random.stateless_uniform(shape, replicas.fold_in(seed_view, 0), -math.pi, math.pi)
            seed_e = replicas.fold_in(seed_view, 1)
            if self.bound is None:
                noise = tf.random.stateless_normal(shape, seed_e)
                raised = -self.elevation_mean.value + self.elevation_deviation.value * noise
            else:
                raised = tf.random.stateless_uniform(shape, seed_e, -self.bound, self.bound)
            turned = geometry.rotate(geometry.rotation_x(raised) @ geometry.rotation_y(azimuth), levelled)
            return view + 1, total - self.prior.log_prob(self._project(turned))

        _, total = tf.while_loop(lambda view, _: view < views, add, (tf.constant(0), tf.zeros(shape)))
        return total / tf.cast(views, tf.float32)

    def fixed(self, levelled: tf.Tensor) -> tf.Tensor:
        """Mean [B], nats, over a fixed set of cameras, the same at every call, so that users always get the same
        likelihood for a pose. The cameras are in the middles of equally likely parts of the distribution that `random`
        draws from.
        """
        with tf.init_scope():  # The values of the trained model, not tensors of the graph that is being traced.
            turns = self._fixed_rotations()
        joints = self.normalizer.skeleton.num_joints
        # One matrix product for all views. With a broadcast axis of views the results in TFLite were wrong: XNNPACK
        # fixes an open batch at 1 when its first call has one pose.
        across = tf.constant(turns.reshape(3 * VIEWS, 3).T)  # [3, 3 VIEWS]
        turned = tf.reshape(tf.matmul(tf.reshape(levelled, [-1, 3]), across), [-1, joints, VIEWS, 3])
        views = self._project(tf.reshape(tf.transpose(turned, [0, 2, 1, 3]), [-1, joints, 3]))
        return -tf.reduce_mean(tf.reshape(self.prior.log_prob(views), [-1, VIEWS]), axis=-1)

    def measure_elevation(self, elevation_deg: np.ndarray) -> None:
        """Set the mean and deviation of e from the cameras' elevations [N], degrees above the horizon."""
        e = -np.deg2rad(elevation_deg)
        self.elevation_mean.assign(e.mean())
        self.elevation_deviation.assign(e.std(ddof=1) if len(e) > 1 else 0.0)

    def _project(self, poses: tf.Tensor) -> tf.Tensor:
        return self.normalizer.rescale(geometry.project(poses, self.normalizer.distance))[0]

    def _fixed_rotations(self) -> np.ndarray:
        """Rotations [VIEWS, 3, 3] to the fixed cameras in ascending order of azimuth; cameras with neighbouring
        azimuths have very different elevations.
        """
        shares = (np.arange(VIEWS) + 0.5) / VIEWS
        if self.bound is None:
            spread = tf.math.ndtri(tf.constant(shares, tf.float64)).numpy()
            raised = -self.elevation_mean.numpy() + self.elevation_deviation.numpy() * spread
        else:
            raised = self.bound * (2.0 * shares - 1.0)
        bits = VIEWS.bit_length() - 1
        mixed = [int(f"{view:0{bits}b}"[::-1], 2) for view in range(VIEWS)]
        up = geometry.rotation_x(tf.constant(np.take(raised, mixed), tf.float32))
        around = geometry.rotation_y(tf.constant(math.pi * (2.0 * shares - 1.0), tf.float32))
        return (up @ around).numpy()

    def saved_variables(self) -> dict[str, Any]:
        """The variables that are not the prior's, by name."""
        variables = (self.elevation_mean, self.elevation_deviation, self.quantiles)
        return {f"statistics/{variable.name}": variable for variable in variables}


def blank_prior(skeleton: Skeleton, subspace: Mapping[str, Any], settings: Mapping[str, Any]) -> PosePrior:
    """A prior whose weights are assigned afterwards; `subspace` is `subspace_settings` of the trained prior."""
    prior = PosePrior(pca.blank_subspace(2 * skeleton.num_joints, **subspace), **settings)
    prior.build()
    return prior


def subspace_settings(prior: PosePrior) -> dict[str, Any]:
    """Plain values from which `blank_prior` builds a subspace of the same size."""
    groups = {"groups": list(prior.groups)} if prior.groups else {}
    return {"size": prior.flow.size, "explained": prior.explained, **groups}
