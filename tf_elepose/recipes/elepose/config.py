"""Every setting of ElePose, with its default."""

from __future__ import annotations

from ml_collections import config_dict

from tf_elepose.recipes.config_parts import common, optimizer_config, prior_config
from tf_elepose.recipes.elepose.paper import PAPER
from tf_elepose.recipes.paper import paper_only


def get_config() -> config_dict.ConfigDict:
    """The settings of ElePose: completer, prior and lifter."""
    config = common("elepose")
    config.bone_prior = "estimate"  # From the training data; "skeleton" takes the lengths in the skeleton's definition.

    # The completer fills in missing joints, for every later stage and for lifting.
    completer = config.completer = config_dict.ConfigDict()
    completer.width = 512
    completer.precision = "auto"  # The same choices as for the lifter.
    completer.batch_size = 1024
    completer.epochs = 80.0  # 0: no completer; the model then lifts complete poses only.
    completer.evaluate_every = 200  # Steps; the best of the evaluated weights are kept.
    completer.optimizer = optimizer_config(learning_rate=4e-3, average_decay=0.998)

    config.prior = prior_config(blocks=8, width=256)
    config.prior.bases = 26  # PCA bases; 0 for the ablation without PCA.

    lifter = config.lifter = config_dict.ConfigDict()
    lifter.arch = "code"  # code or paper, see nn/lifters.py.
    lifter.width = 256
    lifter.elevation = "predicted"  # "fixed": the uniform prior of earlier work (ablation).
    lifter.flip_average = True  # Average each pose with that of its mirror image, at twice the arithmetic.
    lifter.likelihood_ceiling = 125.0
    lifter.precision = "auto"  # float32, mixed_bfloat16, or whichever is faster on this machine.
    # The terms of eq. 13, one against knees that bend backwards, and one for the known elevation of virtual cameras.
    lifter.term_weights = config_dict.create(
        likelihood=1.0, bone=50.0, lifting=1.0, deformation=1.0, reprojection=1.0, knees=10.0, elevation=300.0
    )
    lifter.batch_size = 1024
    # Number of initial weights that are tried, each for start_steps (an eighth of the lifter's steps, if that is less);
    # training goes on with those that have the best objective and knees. 1: no choice.
    lifter.starts = 3
    lifter.start_steps = 250
    lifter.epochs = 120.0
    lifter.evaluate_every = 1000  # Steps; the figures are only shown, no weights are selected.
    lifter.optimizer = optimizer_config(learning_rate=4e-3, average_decay=0.999)
    return config


def get_paper_config() -> config_dict.ConfigDict:
    """The sizes and the schedule in ElePose's paper (section 3, "Neural Network Structure" and "Training Details").

    Not in the paper, and here as by default: gradients are clipped, the likelihood of very unlikely poses is flattened,
    poses are flipped, backward knees are penalised, a completer is trained, and bone lengths are estimated from the
    poses unless the config has `bone_prior = "skeleton"`. `recipes.paper.paper_only` switches all of that off.
    """
    config = get_config()
    config.denoise = "never"
    prior = config.prior
    prior.width, prior.layers, prior.noise = 1024, 2, 0.0
    prior.batch_size, prior.epochs = 256, 100.0
    prior.held_out, prior.evaluate_every = 0.0, 0
    prior.optimizer = {
        "learning_rate": 1e-4,
        "schedule": "steps",
        "epochs": (10.0, 20.0, 30.0),
        "factor": 0.1,
        "weight_decay": 1e-5,
        "clip_norm": 20.0,
        "average_decay": 0.0,
    }

    lifter = config.lifter
    lifter.arch, lifter.width, lifter.precision = "paper", 1024, "float32"
    lifter.flip_average, lifter.term_weights.elevation, lifter.starts = False, 0.0, 1
    lifter.batch_size, lifter.epochs = 256, 100.0
    lifter.optimizer = {
        "learning_rate": 2e-4,
        "schedule": "exponential",
        "decay": 0.95,
        "weight_decay": 1e-5,
        "clip_norm": 20.0,
        "average_decay": 0.0,
    }
    return config


def get_authors_config() -> config_dict.ConfigDict:
    """The settings of the program that ElePose's authors published: other networks than in the paper, and nothing that
    is not theirs.

    Each network of the flow has one hidden layer, and the lifter one block that both branches share and two more for
    each of depth and elevation.
    """
    config = get_paper_config()
    config.bone_prior = "skeleton"  # The averages over Human3.6M that the authors published.
    config.update_from_flattened_dict(PAPER.program)
    return paper_only(config)
