"""ElePose on real human motion: CMU motion capture seen by virtual cameras, exact 2D.

    python -m tf_elepose.train --config=configs/cmu.py --workdir=runs/cmu

Expects the `views` file ../shared/data/cmu_views.npz, which is not part of the repository (docs/results.md says what
it holds); --config.data=views:PATH says where else it is. Training sees the 2D joints of 59,656 views, nothing else.

Expected: PA-MPJPE about 24 mm, N-MPJPE about 33 mm on the test split, 40 mm and 55 mm with poses_2d=detected; ten seeds
of shorter trainings are in docs/results.md.
Time: about 10 minutes of training on two CPU cores with bfloat16 instructions, prior included.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_config()
    config.data = "views:../shared/data/cmu_views.npz"
    config.loop.checkpoint_every = 1000
    return config
