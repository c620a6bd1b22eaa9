"""CanonPose on real detections: one person on a treadmill, four cameras, trained on the first 70 of 100 frames.

    python -m tf_elepose.train --config=configs/canonpose_treadmill.py --workdir=runs/canonpose_treadmill

Expects the `views` file ../shared/data/treadmill/treadmill_views.npz, which is not part of the repository: MediaPipe's
landmarks and confidences in real videos, converted to the 17 joints of Human3.6M. The last 30 frames are the test
split; its 3D poses are a triangulation from all views, which is a rough reference.

Expected: PA-MPJPE about 99 mm against that reference (docs/canonpose.md).
Time: about 4 minutes of training on two CPU cores.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_canonpose_config()
    config.data = "views:../shared/data/treadmill/treadmill_views.npz"
    config.data_options.test_from = 70
    config.poses_2d = "detected"
    config.lifter.batch_size = 32
    config.lifter.epochs = 1500.0
    return config
