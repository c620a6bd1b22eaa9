"""The packaged model: a small student of an ElePose, for keypoints of any detector at any distance.

    python -m tf_elepose.train --config=configs/cmu.py --config.normalization.rule=pose --workdir=runs/teacher
    python -m tf_elepose.train --config=configs/pretrained.py --workdir=runs/student

Expects the `views` file ../shared/data/cmu_views.npz, as configs/cmu.py does. Both trainings see only exact 2D joints
of the training split.

Expected: PA-MPJPE about 34 mm on exact and 41 mm on noisy test poses; docs/pretrained.md has the complete table.
Time: about 10 minutes for the teacher and 15 for the student on two CPU cores with bfloat16 instructions.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_distilled_config()
    config.data = "views:../shared/data/cmu_views.npz"
    config.teacher = "runs/teacher"
    config.loop.checkpoint_every = 1000
    return config
