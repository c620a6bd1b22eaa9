"""ElePose without its elevation on real human motion, the line of earlier work: CMU motion, exact 2D.

    python -m tf_elepose.train --config=configs/fixed_elevation_cmu.py --workdir=runs/fixed_elevation_cmu

Virtual cameras are raised by U(-pi/9, pi/9), the fixed prior of Chen et al. (2019) and Yu et al. (2021), and poses are
not levelled; all else is configs/cmu.py. Expects the `views` file that it names.

Expected: PA-MPJPE about 32 mm, N-MPJPE about 51 mm on the test split; the camera's frame suffers most.
Time: about 10 minutes of training on two CPU cores with bfloat16 instructions, prior included.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_config()
    config.data = "views:../shared/data/cmu_views.npz"
    config.loop.checkpoint_every = 1000
    config.lifter.elevation = "fixed"
    return config
