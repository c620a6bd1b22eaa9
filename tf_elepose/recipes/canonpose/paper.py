"""CanonPose's paper, setting by setting (Wandt, Rudolph, Zell, Rhodin, Rosenhahn: CanonPose, CVPR 2021)."""

from __future__ import annotations

from tf_elepose.recipes.paper import Addition, Paper

PAPER = Paper(
    title="CanonPose (CVPR 2021)",
    stated={
        "normalization.rule": "pose",  # Section 3.1: every pose is divided by its norm.
        "lifter.width": 1024,  # Figure 3.
        "lifter.confidences": True,  # Section 3.3.
        "lifter.pairs": "paper",  # Section 3.2: all m^2 combinations alike.
        # Section 3.5.
        "lifter.epochs": 100.0,
        "lifter.optimizer.learning_rate": 1e-4,
        "lifter.optimizer.schedule": "steps",
        "lifter.optimizer.epochs": (30.0, 60.0, 90.0),
        # The camera term needs cameras that stand still, and is 0 where they do not.
        "lifter.term_weights.reprojection": 1.0,
        "lifter.term_weights.view": 1.0,
        "lifter.term_weights.camera": 0.1,
        # Table 4's controls, which replace the view term.
        "lifter.term_weights.pose_equality": 0.0,
        "lifter.term_weights.camera_equality": 0.0,
    },
    program={
        "lifter.pairs": "authors",
        "lifter.batch_size": 32,
        "lifter.optimizer.factor": 0.1,
        "lifter.optimizer.weight_decay": 1e-5,
    },
    additions={
        "flip": Addition(False, "poses are mirrored at random."),
        "denoise": Addition("never", "detected training poses are smoothed over time where that is possible."),
        "lifter.hidden": Addition(0.0, "joints are hidden in training, so that incomplete poses can be lifted."),
        "lifter.flip_average": Addition(False, "each lifted pose is averaged with that of its mirror image."),
        "lifter.precision": Addition("float32", "hidden layers may use bfloat16."),
        "lifter.term_weights.knees": Addition(0.0, "a term against knees that bend backwards."),
        "lifter.optimizer.clip_norm": Addition(0.0, "gradients are clipped."),
        "lifter.optimizer.average_decay": Addition(0.0, "the result is a running average of the weights."),
    },
    open=(
        "method", "data", "data_options.*", "skeleton", "*poses_2d", "min_confidence", "hidden_joints", "seed",
        "strategy", "loop.*", "*.evaluate_every", "cameras", "rig", "normalization.distance", "*.optimizer.warmup",
        "*.optimizer.floor",
    ),
)  # fmt: skip
"""The paper's settings. It does not state the batch size, the factor of the learning rate and the decay of weights:
these are in the authors' train.py."""
