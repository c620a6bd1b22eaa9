"""The prior's stage: maximum likelihood; it keeps the weights under which held-out poses are likeliest."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_elepose.data.pipeline import Batches
from tf_elepose.methods.prior import PriorFitting
from tf_elepose.nn.pose_prior import PosePrior
from tf_elepose.training.stage import Stage
from tf_elepose.training.stage_settings import StageSettings

Complete = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(poses [B, J, 2], seen [B, J]) -> whole poses [B, J, 2]."""


def new_prior_stage(
    folder: pathlib.Path,
    prior: PosePrior,
    batches: Batches,
    strategy: tf.distribute.Strategy,
    settings: StageSettings,
    *,
    noise: float,
    held_out: tuple[np.ndarray, np.ndarray | None],
    complete: Complete | None = None,
    writes: bool,
) -> Stage:
    """A stage that trains a prior.

    Args:
      folder, batches, strategy, settings, writes: see `Stage`.
      prior: built in the strategy's scope.
      noise, complete: see `PriorFitting`.
      held_out: poses [N, J, 2] and which of their joints [N, J] are seen; None: all.
    """
    with strategy.scope():
        fitting = PriorFitting(prior, noise=noise, complete=complete)
    image, seen = tf.constant(held_out[0]), None if held_out[1] is None else tf.constant(held_out[1])

    @tf.function(autograph=False)
    def nll() -> tf.Tensor:
        whole = image if complete is None or seen is None else complete(image, seen)
        return -tf.reduce_mean(prior.log_prob(whole))

    return Stage(
        "prior", folder, fitting, batches, strategy, settings,
        evaluate=lambda: {"held_out_nll": float(nll())}, select="held_out_nll", writes=writes,
    )  # fmt: skip
