"""Every setting of supervised lifting, with its default."""

from __future__ import annotations

from ml_collections import config_dict

from tf_elepose.recipes.config_parts import common, optimizer_config


def get_config() -> config_dict.ConfigDict:
    """The settings of supervised lifting: data and loop of ElePose, one network."""
    config = common("supervised")
    lifter = config.lifter = config_dict.ConfigDict()
    lifter.width = 512
    lifter.flip_average = True
    lifter.precision = "auto"
    lifter.batch_size = 1024
    lifter.epochs = 40.0
    lifter.evaluate_every = 1000  # Steps; the figures are only shown, no weights are selected.
    lifter.optimizer = optimizer_config(learning_rate=2e-3, average_decay=0.999)
    return config
