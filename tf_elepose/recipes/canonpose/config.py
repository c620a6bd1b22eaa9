"""Every setting of CanonPose, with its default."""

from __future__ import annotations

from ml_collections import config_dict

from tf_elepose.recipes.config_parts import common, optimizer_config


def get_config() -> config_dict.ConfigDict:
    """The settings of CanonPose."""
    config = common("canonpose")
    config.normalization.rule = "pose"  # Section 3.1: every pose is brought to one size.
    config.cameras = 0  # Number of cameras to learn from; 0 is all.
    config.rig = "clip"  # How long cameras stand still: clip, or subject (Human3.6M).

    lifter = config.lifter = config_dict.ConfigDict()
    lifter.width = 256
    lifter.confidences = True  # Section 3.3; False is the ablation without them.
    lifter.hidden = 0.2  # Share of the views with hidden joints in training; 0: only complete poses can be lifted.
    lifter.flip_average = True  # Average each pose with that of its mirror image, at twice the arithmetic.
    lifter.precision = "auto"  # float32, mixed_bfloat16, or whichever is faster on this machine.
    # Eq. 5 for each view by itself and for mixed views, eq. 8 ("+C", for cameras that stand still); a term against
    # knees that bend backwards; and table 4's direct equalities, which do not work alone.
    lifter.term_weights = config_dict.create(
        reprojection=1.0, view=1.0, camera=0.1, knees=0.1, pose_equality=0.0, camera_equality=0.0
    )
    lifter.pairs = "mean"  # How the pairs of views of a moment are weighted: mean, paper or authors; see settings.py.
    lifter.batch_size = 64  # Moments.
    lifter.epochs = 60.0
    lifter.evaluate_every = 1000  # Steps; the figures are only shown, no weights are selected.
    lifter.optimizer = optimizer_config(learning_rate=1e-3, average_decay=0.999)
    return config


def get_paper_config() -> config_dict.ConfigDict:
    """The sizes and the schedule of the paper and its code (section 3.5).

    Not in the paper, and here as by default: gradients are clipped, poses are flipped, backward knees are penalised and
    joints are hidden in training.
    """
    config = get_config()
    config.denoise = "never"
    lifter = config.lifter
    lifter.width, lifter.precision, lifter.flip_average, lifter.pairs = 1024, "float32", False, "paper"
    lifter.batch_size, lifter.epochs = 32, 100.0
    lifter.optimizer = {
        "learning_rate": 1e-4,
        "schedule": "steps",
        "epochs": (30.0, 60.0, 90.0),
        "factor": 0.1,
        "weight_decay": 1e-5,
        "clip_norm": 20.0,
        "average_decay": 0.0,
    }
    return config
