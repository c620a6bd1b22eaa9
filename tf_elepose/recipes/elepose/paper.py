"""ElePose's paper, setting by setting (Wandt, Little, Rhodin: ElePose, CVPR 2022)."""

from __future__ import annotations

from tf_elepose.recipes.paper import Addition, Paper

PAPER = Paper(
    title="ElePose (CVPR 2022)",
    stated={
        # Section 3: the mean distance from root to head is the unit, and the camera is D = 10 of them away.
        "normalization.rule": "dataset",
        "normalization.distance": 10.0,
        "bone_prior": "skeleton",  # Section 3, "Skeleton likelihood": lengths calculated beforehand.
        # Section 3, "Neural Network Structure".
        "prior.blocks": 8,
        "prior.width": 1024,
        "prior.layers": 2,
        "prior.bases": 26,  # Figure 4.
        "lifter.arch": "paper",
        "lifter.width": 1024,
        "lifter.elevation": "predicted",
        # Section 3, "Training Details".
        "prior.batch_size": 256,
        "prior.epochs": 100.0,
        "prior.optimizer.learning_rate": 1e-4,
        "prior.optimizer.schedule": "steps",
        "prior.optimizer.epochs": (10.0, 20.0, 30.0),
        "prior.optimizer.factor": 0.1,
        "prior.optimizer.weight_decay": 1e-5,
        "lifter.batch_size": 256,
        "lifter.epochs": 100.0,
        "lifter.optimizer.learning_rate": 2e-4,
        "lifter.optimizer.schedule": "exponential",
        "lifter.optimizer.decay": 0.95,
        "lifter.optimizer.weight_decay": 1e-5,
        # Eq. 13.
        "lifter.term_weights.likelihood": 1.0,
        "lifter.term_weights.bone": 50.0,
        "lifter.term_weights.lifting": 1.0,
        "lifter.term_weights.deformation": 1.0,
        "lifter.term_weights.reprojection": 1.0,
    },
    program={"prior.layers": 1, "lifter.arch": "code"},
    additions={
        "flip": Addition(False, "poses are mirrored at random."),
        "denoise": Addition("never", "detected training poses are smoothed over time where that is possible."),
        "completer.epochs": Addition(0.0, "a completer is trained that fills in missing joints."),
        "prior.held_out": Addition(0.0, "clips are held out, and the prior keeps the weights that are best on them."),
        "prior.noise": Addition(0.0, "the prior's training poses get noise, so that no direction is too thin."),
        "*.optimizer.clip_norm": Addition(0.0, "gradients are clipped."),
        "*.optimizer.average_decay": Addition(0.0, "the result is a running average of the weights."),
        "lifter.flip_average": Addition(False, "each lifted pose is averaged with that of its mirror image."),
        "lifter.likelihood_ceiling": Addition(0.0, "the loss of very unlikely poses is flattened."),
        "lifter.precision": Addition("float32", "hidden layers may use bfloat16."),
        "lifter.starts": Addition(1, "several initial weights are tried, and the best go on."),
        "lifter.term_weights.knees": Addition(0.0, "a term against knees that bend backwards."),
        "lifter.term_weights.elevation": Addition(0.0, "a term for the known elevation of virtual cameras."),
    },
    open=(
        "method", "data", "data_options.*", "skeleton", "*poses_2d", "min_confidence", "hidden_joints", "seed",
        "strategy", "loop.*", "*.evaluate_every", "lifter.start_steps", "completer.*", "*.optimizer.warmup",
        "*.optimizer.floor",
    ),
)  # fmt: skip
"""The paper's settings; where the authors' program differs: one hidden layer in each of the flow's networks, and a
lifter without activation after upscaling, with one shared block and two more for each of depth and elevation."""
