"""CanonPose on real human motion with a simulated detector's 2D poses and confidences, in training and test.

    python -m tf_elepose.train --config=configs/canonpose_cmu_detected.py --workdir=runs/canonpose_cmu_detected

The data are those of configs/canonpose_cmu.py. The detector gives a confidence for each joint, and some joints have
gross errors. Nearly all of these have a confidence below 0.5 (docs/canonpose.md) and count as hidden.

Expected: PA-MPJPE about 40 mm, N-MPJPE about 58 mm on the test split.
Time: about 6 minutes of training on two CPU cores with bfloat16 instructions.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_canonpose_config()
    config.data = "views:../shared/data/cmu_views.npz"
    config.poses_2d = "detected"
    config.min_confidence = 0.5
    config.loop.checkpoint_every = 1000
    return config
