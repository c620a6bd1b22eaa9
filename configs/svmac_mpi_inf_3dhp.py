"""SVMAC on MPI-INF-3DHP with the paper's weights and optimizer (section 3.5).

    python -m tf_elepose.train --config=configs/svmac_mpi_inf_3dhp.py --workdir=runs/svmac_mpi_inf_3dhp

Needs MPI-INF-3DHP (research only, not included) at data/mpi_inf_3dhp, see configs/mpi_inf_3dhp.py. This gives the data
set's own figures, of 14 joints against the universal skeleton:
    python -m tf_elepose.evaluate --workdir=runs/svmac_mpi_inf_3dhp --joints=mpi_inf_3dhp --option=universal=true

Expected: the paper reports P-MPJPE 79.8 mm, and after alignment PCK 86.6 % and AUC 53.1 % (table 3); without
alignment, PCK 66.5 % and AUC 33.0 % (table 2).
Time: this config was not run; expect 2 to 6 hours on a GPU. Whether it reaches the paper's figures was not verified,
because the data are not free to all. Settings that the paper does not state are guesses, see
`default_config.get_svmac_paper_config`.
"""

from tf_elepose import default_config

EXPECTED = {"pa_mpjpe_mm": 79.8, "pa_pck_150": 86.6, "pa_auc_150": 53.1}
"""Table 3 of the paper, by keys of metrics.json."""


def get_config():
    config = default_config.get_svmac_paper_config()
    config.data = "mpi_inf_3dhp:data/mpi_inf_3dhp"
    return config
