"""Every setting of SVMAC, with its default."""

from __future__ import annotations

from ml_collections import config_dict

from tf_elepose.recipes.config_parts import common, optimizer_config
from tf_elepose.recipes.paper import paper_only
from tf_elepose.recipes.svmac.paper import PAPER


def get_config() -> config_dict.ConfigDict:
    """The settings of SVMAC."""
    config = common("svmac")
    config.supervised_share = 0.0  # Share of the poses whose true 3D poses are used too.
    generator = config.generator = config_dict.ConfigDict()
    generator.angles = 2  # The paper's n.
    generator.width = 256
    generator.critic_width = 256
    generator.critic_bases = 26  # PCA bases of the critic's input, whitened; 0 for plain coordinates.
    generator.critic_blocks = 2  # Residual blocks of the critic.
    generator.critic_steps = 2  # Updates of the critic for each update of the generator.
    generator.critic_rate = 2.5  # The critic's learning rate divided by the generator's.
    generator.batch_norm = False
    generator.dropout = 0.0
    generator.dropout_in_camera = True  # Whether the path that predicts the camera has dropout, too.
    generator.flip_average = True
    generator.precision = "auto"
    # The terms of eq. 24; one against knees that bend backwards; the distance from known 3D poses.
    generator.term_weights = config_dict.create(
        adversarial=2.0, angle=1.0, camera=1.0, symmetry=1.0, lifting=2.0, consistency=300.0, knees=1.0, supervision=1.0
    )
    generator.batch_size = 512
    generator.epochs = 20.0
    generator.evaluate_every = 200  # Steps; the figures are only shown, no weights are selected.
    generator.optimizer = optimizer_config(learning_rate=1e-3, average_decay=0.99)
    generator.optimizer.betas = (0.7, 0.9)
    return config


def get_paper_config() -> config_dict.ConfigDict:
    """The weights and the optimizer of section 3.5 of SVMAC, with its hidden layers (section 3.1).

    The paper does not give the widths, the share of dropout, the batch size, the epochs and the updates of the critic:
    these are guesses, and `get_authors_config` has those of the authors' program. Not in the paper, and here as by
    default: the critic gets whitened components, and backward knees are penalised.
    """
    config = get_config()
    config.denoise, config.normalization.rule = "never", "pose"
    generator = config.generator
    generator.width = generator.critic_width = 1024
    generator.critic_rate, generator.critic_steps = 1.0, 5
    generator.batch_norm, generator.dropout, generator.flip_average, generator.precision = True, 0.1, False, "float32"
    generator.term_weights.update(adversarial=1.0, lifting=0.1, symmetry=0.01, consistency=10.0)
    generator.batch_size, generator.epochs = 256, 100.0
    generator.optimizer = {
        "learning_rate": 5.5e-5,
        "schedule": "constant",
        "betas": (0.7, 0.9),
        "weight_decay": 0.0,
        "clip_norm": 20.0,
        "average_decay": 0.0,
    }
    return config


def get_authors_config() -> config_dict.ConfigDict:
    """The settings of the program that SVMAC's authors published: batch size, epochs, updates and blocks of the critic,
    dropout and the decay of weights, on which the paper is silent or differs; and nothing that is not theirs.
    """
    config = get_paper_config()
    config.update_from_flattened_dict(PAPER.program)
    return paper_only(config)
