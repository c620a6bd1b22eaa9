"""ElePose with the fixed elevation prior of earlier work, on real human motion: CMU motion, exact 2D.

    python -m tf_elepose.train --config=configs/fixed_elevation_cmu.py --workdir=runs/fixed_elevation_cmu

The elevation of virtual cameras is drawn from U(-pi/9, pi/9), the fixed prior of Chen et al. (2019) and Yu et al.
(2021), and poses are not levelled; everything else is as in configs/cmu.py. Expects the `views` file that
configs/cmu.py names.

Expected: PA-MPJPE about 32 mm, N-MPJPE about 51 mm on the test split; errors in the camera's frame grow most.
Time: about 10 minutes of training, with the prior, on two CPU cores with bfloat16 instructions.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_config()
    config.data = "views:../shared/data/cmu_views.npz"
    config.loop.checkpoint_every = 1000
    config.lifter.elevation = "fixed"
    return config
