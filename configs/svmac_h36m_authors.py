"""SVMAC on Human3.6M with its authors' settings: the paper's, and their program's where the paper is silent.

    python -m tf_elepose.train --config=configs/svmac_h36m_authors.py --workdir=runs/svmac_h36m_authors

The program has batches of 512 poses, 200 epochs, one update of the critic for each of the generator, a critic of three
blocks, weight decay, dropout of a tenth, and none in the path that predicts the camera. Everything that this package
adds is off (`default_config.paper_only`); --differences lists what differs, for any config.

Needs Human3.6M (research licence, not included) as VideoPose3D prepares it: data/h36m/data_3d_h36m.npz, and beside it
data_2d_h36m_gt.npz if there is one. Subjects S1, S5, S6, S7, S8 train, S9 and S11 test: every fifth frame of camera
54138969, as in the authors' program.

Expected: the paper reports P-MPJPE 56.8 mm with exact 2D poses and n = 2 (table 4), 56.5 mm with n = 3 (table 1).
Time: this config was not run; expect 2 to 6 hours on a GPU. Whether it reaches the paper's figures was not verified,
because the data are not free to all.
"""

from tf_elepose import default_config

EXPECTED = {"pa_mpjpe_mm": 56.8}
"""Table 4 of the paper, by keys of metrics.json."""


def get_config():
    config = default_config.get_svmac_authors_config()
    config.data = "h36m:data/h36m"
    config.data_options.every = 5  # 10 frames a second, of one camera.
    config.data_options.cameras = (54138969,)
    return config
