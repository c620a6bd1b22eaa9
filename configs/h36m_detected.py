"""ElePose on Human3.6M's detections with the paper's sizes and schedule (section 4.2, table 4).

    python -m tf_elepose.train --config=configs/h36m_detected.py --workdir=runs/h36m_detected

Needs what configs/h36m.py needs, and beside it VideoPose3D's data_2d_h36m_cpn_ft_h36m_dbb.npz: the detections of
Cascaded Pyramid Networks in the paper's table. As in the authors' program, the training has exact 2D poses and the test
has the detections; --config.poses_2d=detected trains on detections, too.

Expected: the paper reports PA-MPJPE 50.2 mm, N-MPJPE 74.4 mm and CPS 165.3 mm. Its metric counts mirrored poses as
right (`pa_mpjpe_reflected_mm` here) and scales by the ratio of norms (`n_mpjpe_norm_ratio_mm`).
Time: the paper's training took 12 hours on a P100; this config was not run.

For settings that the paper does not state, see `default_config.get_paper_config`. Whether this config reaches the
paper's figures was not verified, because the data are not free to all.
"""

from tf_elepose import default_config

EXPECTED = {"pa_mpjpe_reflected_mm": 50.2, "n_mpjpe_norm_ratio_mm": 74.4, "cps_unaligned": 165.3}
"""Table 4 of the paper, by the keys of metrics.json that are computed as in the authors' code."""


def get_config():
    config = default_config.get_paper_config()
    config.data = "h36m:data/h36m"
    config.data_options.test_every = 64
    config.data_options.moved_mm = 40.0  # The training frames of h36m-fetch.
    config.data_options.detections = "cpn_ft_h36m_dbb"
    config.test_poses_2d = "detected"
    config.bone_prior = "skeleton"  # The averages over Human3.6M that the authors published.
    return config
