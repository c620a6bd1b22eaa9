"""Every setting of LInKs, with its default."""

from __future__ import annotations

from ml_collections import config_dict

from tf_elepose.recipes.config_parts import optimizer_config
from tf_elepose.recipes.elepose import config as elepose


def get_config() -> config_dict.ConfigDict:
    """The settings of LInKs: ElePose's, for a lifter and a flow of each half of the body, and the fillers'. The halves
    share the PCA bases by their numbers of joints.
    """
    config = elepose.get_config()
    config.method = "links"

    # The fillers fill in, in 3D, a half without any seen joint.
    filler = config.filler = config_dict.ConfigDict()
    filler.width = 256
    filler.precision = "auto"  # The same choices as for the lifter.
    filler.batch_size = 1024
    filler.epochs = 20.0  # 0: no fillers; missing halves are completed in 2D.
    filler.evaluate_every = 1000  # Steps; the figures are only shown, no weights are selected.
    filler.optimizer = optimizer_config(learning_rate=2e-3, average_decay=0.998)
    return config
