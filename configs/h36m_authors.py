"""ElePose on Human3.6M with the settings of its authors' program: their networks and schedule, and no additions.

    python -m tf_elepose.train --config=configs/h36m_authors.py --workdir=runs/h36m_authors

The program differs from the paper, which configs/h36m.py follows: one hidden layer in each of the flow's networks
(328,304 weights), a lifter with one block that depth and elevation share and two more for each (10,550,290 weights).
Everything that this package adds is off (`default_config.paper_only`): the term against backward knees, mirrored poses,
the completer, clipping and so on; --differences lists them for any config. Without them the depths may settle with the
wrong sign, see docs/training.md; a run that did is reported as such.

Needs Human3.6M (research licence, not included) as VideoPose3D prepares it: data/h36m/data_3d_h36m.npz, and beside it
data_2d_h36m_gt.npz if there is one. Subjects S1, S5, S6, S7, S8 train, on the
frames in which a joint has moved by 40 mm, as in h36m-fetch; S9 and S11, every 64th frame, test.

Expected: the paper reports PA-MPJPE 36.7 mm and N-MPJPE 64.0 mm (table 1). Its metric counts mirrored poses as right
(`pa_mpjpe_reflected_mm` here) and scales by the ratio of norms (`n_mpjpe_norm_ratio_mm`).
Time: the paper's training took 12 hours on a P100; this config was not run. Whether it reaches the paper's figures was
not verified, because the data are not free to all.
"""

from tf_elepose import default_config

EXPECTED = {"pa_mpjpe_reflected_mm": 36.7, "n_mpjpe_norm_ratio_mm": 64.0, "cps_unaligned": 196.1}
"""Table 1 of the paper and the CPS of section 4.1, by the keys of metrics.json computed as in the authors' code."""


def get_config():
    config = default_config.get_authors_config()
    config.data = "h36m:data/h36m"
    config.data_options.test_every = 64
    config.data_options.moved_mm = 40.0  # The training frames of h36m-fetch.
    return config
