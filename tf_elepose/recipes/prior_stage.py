"""The prior's stage: maximum likelihood; it keeps the weights under which held-out poses are likeliest, or, where no
pose is held out, the last ones.
"""

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
    watched: tuple[np.ndarray, np.ndarray | None],
    select: bool,
    complete: Complete | None = None,
    writes: bool,
) -> Stage:
    """A stage that trains a prior.

    Args:
      folder, batches, strategy, settings, writes: see `Stage`.
      prior: built in the strategy's scope.
      noise, complete: see `PriorFitting`.
      watched: poses [N, J, 2] whose likelihood is measured, and which of their joints [N, J] are seen; None: all.
      select: whether the watched poses are held out, and the weights that are best on them are kept.
    """
    with strategy.scope():
        fitting = PriorFitting(prior, noise=noise, complete=complete)
    image, seen = tf.constant(watched[0]), None if watched[1] is None else tf.constant(watched[1])
    figure = "held_out_nll" if select else "training_nll"

    @tf.function(autograph=False)
    def nll() -> tf.Tensor:
        whole = image if complete is None or seen is None else complete(image, seen)
        return -tf.reduce_mean(prior.log_prob(whole))

    return Stage(
        "prior", folder, fitting, batches, strategy, settings,
        evaluate=lambda: {figure: float(nll())}, select=figure if select else None, writes=writes,
    )  # fmt: skip
