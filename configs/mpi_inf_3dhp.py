"""ElePose on MPI-INF-3DHP with the paper's sizes and schedule (section 3, "Training Details").

    python -m tf_elepose.train --config=configs/mpi_inf_3dhp.py --workdir=runs/mpi_inf_3dhp

Needs MPI-INF-3DHP (research only, not included) at data/mpi_inf_3dhp: S1 to S8 with their Seq1 and Seq2, and
mpi_inf_3dhp_test_set. This gives the data set's own figures, of 14 joints
against the universal skeleton:
    python -m tf_elepose.evaluate --workdir=runs/mpi_inf_3dhp --joints=mpi_inf_3dhp --option=universal=true

Expected: the paper reports PA-MPJPE 54.0 mm, N-PCK 86.0 % and AUC 50.1 % (table 2). Its metric counts mirrored poses
as right (`pa_mpjpe_reflected_mm` here).
Time: the paper's training took 12 hours on a P100; this config was not run.

For settings that the paper does not state, see `default_config.get_paper_config`. Whether this config reaches the
paper's figures was not verified, because the data are not free to all.
"""

from tf_elepose import default_config

EXPECTED = {"pa_mpjpe_reflected_mm": 54.0, "pck_150_norm_ratio": 86.0, "auc_150_norm_ratio": 50.1}
"""Table 2 of the paper, by the keys of metrics.json that are computed as in the authors' code."""


def get_config():
    config = default_config.get_paper_config()
    config.data = "mpi_inf_3dhp:data/mpi_inf_3dhp"
    return config
