"""Every setting of LInKs, with its default."""

from __future__ import annotations

from ml_collections import config_dict

from tf_elepose.recipes.config_parts import optimizer_config
from tf_elepose.recipes.elepose import config as elepose


def get_config() -> config_dict.ConfigDict:
    """Of LInKs: ElePose's, a lifter and a flow for each half of the body; the PCA bases are shared out by joints."""
    config = elepose.get_config()
    config.method = "links"

    # Fills in a half of which nothing is seen, in 3D.
    filler = config.filler = config_dict.ConfigDict()
    filler.width = 256
    filler.precision = "auto"  # As the lifter's.
    filler.batch_size = 1024
    filler.epochs = 20.0  # 0: no fillers; missing halves are completed in 2D.
    filler.evaluate_every = 1000  # Steps; only shown, nothing is selected.
    filler.optimizer = optimizer_config(learning_rate=2e-3, average_decay=0.998)
    return config
