"""ElePose on Human3.6M's detections with the paper's sizes and schedule (section 4.2, table 4).

    python -m tf_elepose.train --config=configs/h36m_detected.py --workdir=runs/h36m_detected

Needs what configs/h36m.py needs, and beside it VideoPose3D's data_2d_h36m_cpn_ft_h36m_dbb.npz: the poses of Cascaded
Pyramid Networks that the paper's table is about. They train and test.

Expected: the paper reports PA-MPJPE 50.2 mm, N-MPJPE 74.4 mm and CPS 165.3 mm. Its metric counts mirrored poses as
right (`pa_mpjpe_reflected_mm` here) and scales by the ratio of norms (`n_mpjpe_norm_ratio_mm`).
Time: the paper's took 12 hours on a P100; not yet run here.

What is not in the paper: see `default_config.get_paper_config`. Whether the paper's figures are reached has not been
verified: the data are not free to all.
"""

from tf_elepose import default_config

EXPECTED = {"pa_mpjpe_reflected_mm": 50.2, "n_mpjpe_norm_ratio_mm": 74.4, "cps": 165.3}
"""The paper's table 4, by the keys of metrics.json that are made as its authors' code makes them."""


def get_config():
    config = default_config.get_paper_config()
    config.data = "h36m:data/h36m"
    config.data_options.test_every = 64
    config.data_options.detections = "cpn_ft_h36m_dbb"
    config.poses_2d = "detected"
    config.bone_prior = "skeleton"  # The averages over Human3.6M that the authors published.
    return config
