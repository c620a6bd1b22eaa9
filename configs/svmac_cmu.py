"""SVMAC on real human motion: CMU motion capture seen by virtual cameras, exact 2D.

    python -m tf_elepose.train --config=configs/svmac_cmu.py --workdir=runs/svmac_cmu

Expects the `views` file that configs/cmu.py names. Training sees only the 2D joints of 59,656 views.

Expected: PA-MPJPE about 57 mm on the test split; poses are level, not in the camera's frame, see docs/svmac.md.
Time: about 4 minutes of training on two CPU cores with bfloat16 instructions.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_svmac_config()
    config.data = "views:../shared/data/cmu_views.npz"
    config.loop.checkpoint_every = 1000
    return config
