"""LInKs on real human motion: legs and torso lifted and scored separately. CMU motion, exact 2D.

    python -m tf_elepose.train --config=configs/links_cmu.py --workdir=runs/links_cmu

Expects the `views` file that configs/cmu.py names. Training sees only the 2D joints of 59,656 views.

Expected: PA-MPJPE about 25 mm, N-MPJPE about 36 mm on the test split.
Time: 24 minutes of training on one CPU core with bfloat16 instructions.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_links_config()
    config.data = "views:../shared/data/cmu_views.npz"
    config.loop.checkpoint_every = 1000
    return config
