"""CanonPose on SkiPose-PTZ: skiers outdoors, six cameras that pan, tilt and zoom (section 4.4).

    python -m tf_elepose.train --config=configs/canonpose_skipose.py --workdir=runs/canonpose_skipose

Needs SkiPose-PTZ (research licence, not included) in data/skipose. The cameras move, so there is no camera consistency.

Expected: the paper reports N-MPJPE 128.1 mm, PA-MPJPE 89.6 mm and PCK 67.1 % with AlphaPose's detections (table 3).
Time: this config was not run; expect 10 to 60 minutes on a GPU. Whether it reaches the paper's figures was not
verified, because the data are not free to all.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_canonpose_paper_config()
    config.data = "skipose:data/skipose"
    config.lifter.term_weights.camera = 0.0
    return config
