"""ElePose on 3DPW with the paper's sizes and schedule (section 3, "Training Details").

    python -m tf_elepose.train --config=configs/3dpw.py --workdir=runs/3dpw

Needs 3DPW (non-commercial, not included): data/3dpw with sequenceFiles' folders train, validation and test. 2D poses
are projections of the 3D joints, as in the paper, because the data set's detections have other joints. The validation
sequences are left out; --option=validation=train trains on them too.

Expected: the paper reports PA-MPJPE 64.1 mm, N-MPJPE 93.0 mm, N-PCK 81.5 %, AUC 51.5 % and CPS 120.3 mm (table 3). Its
metric counts mirrored poses as right (`pa_mpjpe_reflected_mm` here).
Time: the paper's training took 12 hours on a P100; this config was not run.

For settings that the paper does not state, see `default_config.get_paper_config`. Whether this config reaches the
paper's figures was not verified, because the data are not free to all.
"""

from tf_elepose import default_config

EXPECTED = {
    "pa_mpjpe_reflected_mm": 64.1,
    "n_mpjpe_norm_ratio_mm": 93.0,
    "pck_150_norm_ratio": 81.5,
    "auc_150_norm_ratio": 51.5,
    "cps_unaligned": 120.3,
}
"""Table 3 of the paper, by the keys of metrics.json that are computed as in the authors' code."""


def get_config():
    config = default_config.get_paper_config()
    config.data = "3dpw:data/3dpw"
    return config
