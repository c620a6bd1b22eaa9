"""ElePose on real human motion: CMU motion capture seen by virtual cameras, exact 2D.

    python -m tf_elepose.train --config=configs/cmu.py --workdir=runs/cmu

Expects the `views` file ../shared/data/cmu_views.npz, which is not part of the repository (docs/results.md says what
it holds); --config.data=views:PATH says where else it is. Training sees the 2D joints of 59,656 views, nothing else.

Expected: PA-MPJPE about 25 mm, N-MPJPE about 35 mm on the test split; docs/results.md has five seeds.
Time: 5 to 8 minutes of training on two CPU cores with bfloat16 instructions, prior included.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_config()
    config.data = "views:../shared/data/cmu_views.npz"
    config.loop.checkpoint_every = 1000
    return config
