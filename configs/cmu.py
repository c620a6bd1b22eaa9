"""ElePose on real human motion: CMU motion capture seen by virtual cameras, exact 2D.

    python -m tf_elepose.train --config=configs/cmu.py --workdir=runs/cmu

Expects the `views` file ../shared/data/cmu_views.npz, which is not part of the repository (docs/results.md
describes it); --config.data=views:PATH gives another place. Training sees only the 2D joints of 59,656 views.

Expected: PA-MPJPE about 24 mm, N-MPJPE about 33 mm on the test split, 40 mm and 55 mm with poses_2d=detected;
docs/results.md has ten seeds of shorter trainings.
Time: about 10 minutes of training, with the prior, on two CPU cores with bfloat16 instructions.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_config()
    config.data = "views:../shared/data/cmu_views.npz"
    config.loop.checkpoint_every = 1000
    return config
