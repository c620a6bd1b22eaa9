"""ElePose on 3DPW with the paper's sizes and schedule (section 3, "Training Details").

    python -m tf_elepose.train --config=configs/3dpw.py --workdir=runs/3dpw

Needs 3DPW (non-commercial, not included): data/3dpw with sequenceFiles' folders train, validation and test. 2D poses
are the 3D joints projected again, as in the paper, since the data set's detections are of other joints.

Expected: the paper reports PA-MPJPE 64.1 mm, N-MPJPE 93.0 mm, N-PCK 81.5 %, AUC 51.5 % and CPS 120.3 mm (table 3). Its
metric counts mirrored poses as right (`pa_mpjpe_reflected_mm` here).
Time: the paper's took 12 hours on a P100; not yet run here.

What is not in the paper: see `default_config.get_paper_config`. Whether the paper's figures are reached has not been
verified: the data are not free to all.
"""

from tf_elepose import default_config

EXPECTED = {
    "pa_mpjpe_reflected_mm": 64.1,
    "n_mpjpe_norm_ratio_mm": 93.0,
    "pck_150": 81.5,
    "auc_150": 51.5,
    "cps": 120.3,
}
"""The paper's table 3, by keys of metrics.json that are made as its authors' code makes them."""


def get_config():
    config = default_config.get_paper_config()
    config.data = "3dpw:data/3dpw"
    return config
