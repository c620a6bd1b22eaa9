"""SVMAC on MPI-INF-3DHP with the paper's weights and optimizer (section 3.5).

    python -m tf_elepose.train --config=configs/svmac_mpi_inf_3dhp.py --workdir=runs/svmac_mpi_inf_3dhp

Needs MPI-INF-3DHP (research only, not included) at data/mpi_inf_3dhp, see configs/mpi_inf_3dhp.py. The data set's own
figures, of 14 joints against the universal skeleton:
    python -m tf_elepose.evaluate --workdir=runs/svmac_mpi_inf_3dhp --joints=mpi_inf_3dhp --option=universal=true

Expected: the paper reports P-MPJPE 79.8 mm, and after alignment PCK 86.6 % and AUC 53.1 % (table 3); without, 66.5 %
and 33.0 % (table 2).
Time: not yet run here; expect 2 to 6 hours on a GPU. Whether the paper's figures are reached has not been verified: the
data are not free to all. What the paper does not say is guessed, see `default_config.get_svmac_paper_config`.
"""

from tf_elepose import default_config

EXPECTED = {"pa_mpjpe_mm": 79.8}
"""The paper's table 3, by keys of metrics.json."""


def get_config():
    config = default_config.get_svmac_paper_config()
    config.data = "mpi_inf_3dhp:data/mpi_inf_3dhp"
    return config
