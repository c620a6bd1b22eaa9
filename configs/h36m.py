"""ElePose on Human3.6M with the paper's sizes and schedule (section 3, "Training Details").

    python -m tf_elepose.train --config=configs/h36m.py --workdir=runs/h36m

Needs Human3.6M (research licence, not included) as a `views` file at data/h36m_views.npz: subjects S1, S5, S6, S7, S8
as split "train", S9 and S11, every 64th frame, as "test".

Expected: the paper reports PA-MPJPE 36.7 mm and N-MPJPE 64.0 mm (table 1). Its metric counts mirrored poses as right
(`pa_mpjpe_reflected_mm` here) and scales by the ratio of norms (`n_mpjpe_norm_ratio_mm`).
Time: the paper's took 12 hours on a P100; not yet run here.

What is not in the paper: gradients are clipped, the likelihood of hopeless poses is flattened, poses are flipped and
backward knees are punished, as by default. Whether the paper's figures are reached has not been verified.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_config()
    config.data = "views:data/h36m_views.npz"
    config.bone_prior = "skeleton"  # The averages over Human3.6M that the authors published.

    prior = config.prior
    prior.width, prior.layers, prior.noise = 1024, 2, 0.0
    prior.batch_size, prior.epochs = 256, 100.0
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
    lifter.flip_average = False
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
