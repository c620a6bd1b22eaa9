"""LInKs on real human motion: legs and torso lifted and scored apart. CMU motion, exact 2D.

    python -m tf_elepose.train --config=configs/links_cmu.py --workdir=runs/links_cmu

Expects the `views` file that configs/cmu.py names. Training sees the 2D joints of 59,656 views, nothing else.

Expected: PA-MPJPE about that of configs/cmu.py; measured for a part of the training only, see docs/links.md (36 mm).
Time: 10 to 15 minutes on two CPU cores with bfloat16 instructions, guessed from the share that was measured.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_links_config()
    config.data = "views:../shared/data/cmu_views.npz"
    config.loop.checkpoint_every = 1000
    return config
