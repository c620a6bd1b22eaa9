"""CanonPose on MPI-INF-3DHP with the paper's sizes and schedule (sections 3.5 and 4.3).

    python -m tf_elepose.train --config=configs/canonpose_mpi_inf_3dhp.py --workdir=runs/canonpose_mpi_inf_3dhp

Needs MPI-INF-3DHP (research only, not included) at data/mpi_inf_3dhp, see configs/mpi_inf_3dhp.py. The cameras stand
still in each sequence (+C). (The paper does not train on S1, because its skeleton morphing network learns from the 2D
truth of S1; here 2D poses are the data set's own.) The data set's own figures, of 14 joints against the universal
skeleton:
    python -m tf_elepose.evaluate --workdir=runs/canonpose_mpi_inf_3dhp --joints=mpi_inf_3dhp --option=universal=true

Expected: with AlphaPose's detections the paper reports N-MPJPE 104.0 mm, PA-MPJPE 70.3 mm and PCK 77.0 % (table 2,
+C). With the data set's own 2D poses, which this config trains on, it has no figures.
Time: this config was not run; expect 2 to 6 hours on a GPU. Whether it reaches the paper's figures was not verified,
because the data are not free to all.
"""

from tf_elepose import default_config


def get_config():
    config = default_config.get_canonpose_paper_config()
    config.data = "mpi_inf_3dhp:data/mpi_inf_3dhp"
    return config
