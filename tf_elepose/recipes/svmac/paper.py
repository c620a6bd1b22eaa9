"""SVMAC's paper, setting by setting (SVMAC: Unsupervised 3D Human Pose Estimation from a Single Image with
Single-view-multi-angle Consistency).
"""

from __future__ import annotations

from tf_elepose.recipes.paper import Addition, Paper

PAPER = Paper(
    title="SVMAC",
    stated={
        "normalization.rule": "pose",  # Section 3: the mean joint-root distance of a pose is 1 / c.
        "normalization.distance": 10.0,  # The paper's c.
        "generator.angles": 2,  # Table 4; n = 3 in table 1.
        "generator.batch_norm": True,  # Section 3.1.
        "generator.dropout_in_camera": True,
        "generator.critic_blocks": 2,  # Section 3.3.
        # Section 3.5.
        "generator.critic_rate": 1.0,
        "generator.optimizer.learning_rate": 5.5e-5,
        "generator.optimizer.betas": (0.7, 0.9),
        # Eq. 24.
        "generator.term_weights.adversarial": 1.0,
        "generator.term_weights.angle": 1.0,
        "generator.term_weights.camera": 1.0,
        "generator.term_weights.symmetry": 0.01,
        "generator.term_weights.lifting": 0.1,
        "generator.term_weights.consistency": 10.0,
    },
    program={
        "generator.batch_size": 512,
        "generator.epochs": 200.0,
        "generator.critic_steps": 1,
        "generator.critic_blocks": 3,
        "generator.dropout": 0.1,
        "generator.dropout_in_camera": False,
        "generator.optimizer.schedule": "constant",
        "generator.optimizer.weight_decay": 1e-5,
    },
    additions={
        "flip": Addition(False, "poses are mirrored at random."),
        "denoise": Addition("never", "detected training poses are smoothed over time where that is possible."),
        "generator.critic_bases": Addition(0, "the critic gets whitened components of poses."),
        "generator.flip_average": Addition(False, "each lifted pose is averaged with that of its mirror image."),
        "generator.precision": Addition("float32", "hidden layers may use bfloat16."),
        "generator.term_weights.knees": Addition(0.0, "a term against knees that bend backwards."),
        "generator.optimizer.clip_norm": Addition(0.0, "gradients are clipped."),
        "generator.optimizer.average_decay": Addition(0.0, "the result is a running average of the weights."),
    },
    open=(
        "method", "data", "data_options.*", "skeleton", "*poses_2d", "min_confidence", "hidden_joints", "seed",
        "strategy", "loop.*", "*.evaluate_every", "supervised_share", "generator.term_weights.supervision",
        "generator.width", "generator.critic_width", "*.optimizer.warmup", "*.optimizer.floor",
    ),
)  # fmt: skip
"""The paper's settings. It does not state widths, dropout, batch size, epochs and the critic's updates."""
