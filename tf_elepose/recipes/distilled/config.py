"""Every setting of a distilled student, with its default."""

from __future__ import annotations

from ml_collections import config_dict

from tf_elepose.recipes.config_parts import common, optimizer_config, prior_config


def get_config() -> config_dict.ConfigDict:
    """The settings of a student of a trained ElePose; for the effect of each view setting see docs/pretrained.md."""
    config = common("distilled")
    config.teacher = ""  # Workdir or model.npz of an elepose trained with normalization.rule=pose.
    config.normalization.rule = "pose"  # The teacher's.
    # The student's training views, see methods/view_settings.py. Lengths are shares of root to head.
    config.views = config_dict.create(
        elevation_deg=18.0,
        elevation_spread_deg=12.0,
        roll_deg=12.0,
        nearest=3.5,
        farthest=12.0,
        bones=0.2,
        joints=0.03,
        face=0.35,
        noise=0.04,
        outliers=0.01,
        outlier_distance=0.4,
        swaps=0.02,
        hidden=0.4,
        most_hidden=0.5,
    )
    # A prior on the teacher's bases; with epochs=0 the teacher's prior is kept, which is larger.
    config.prior = prior_config(blocks=4, width=64)
    student = config.student = config_dict.ConfigDict()
    student.width = 512
    student.depth = 3
    student.precision = "auto"  # float32, mixed_bfloat16, or whichever is faster on this machine.
    student.term_weights = config_dict.create(pose=1.0, elevation=0.2)
    student.batch_size = 1024
    student.epochs = 120.0
    student.evaluate_every = 1000  # Steps; the figures are only shown, no weights are selected.
    student.optimizer = optimizer_config(learning_rate=2e-3, average_decay=0.999)
    student.optimizer.clip_norm = 1.0
    return config
