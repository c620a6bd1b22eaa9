"""Supervised lifting on real human motion, the baseline for unsupervised methods: CMU motion, exact 2D.

    python -m tf_elepose.train --config=configs/supervised_cmu.py --workdir=runs/supervised_cmu

Expects the `views` file that configs/cmu.py names. Training sees the 2D joints of 59,656 views and their 3D poses.

Expected: PA-MPJPE about 23 mm on the test split.
Time: about 4 minutes of training on two CPU cores with bfloat16 instructions.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_supervised_config()
    config.data = "views:../shared/data/cmu_views.npz"
    config.loop.checkpoint_every = 1000
    return config
