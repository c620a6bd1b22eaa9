"""CanonPose on real human motion: four uncalibrated cameras to learn from, exact 2D.

    python -m tf_elepose.train --config=configs/canonpose_cmu.py --workdir=runs/canonpose_cmu

Expects the `views` file ../shared/data/cmu_views.npz, which is not part of the repository (docs/results.md
describes it); --config.data=views:PATH gives another place. Training sees only the 2D joints of 14,914 moments in four
views; the test split is lifted one view at a time.

Expected: PA-MPJPE about 31 mm, N-MPJPE about 45 mm on the test split.
Time: about 7 minutes of training on two CPU cores with bfloat16 instructions.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_canonpose_config()
    config.data = "views:../shared/data/cmu_views.npz"
    config.loop.checkpoint_every = 1000
    return config
