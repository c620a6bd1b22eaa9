"""The training data of SVMAC, with 3D poses where a share of them is used."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_elepose.data.recording import Recording
from tf_elepose.recipes import training_data
from tf_elepose.recipes.svmac.settings import SvmacSettings
from tf_elepose.recipes.training_data import TrainingData
from tf_elepose.recipes.true_poses import partly_known, unit_poses


@dataclasses.dataclass(frozen=True, eq=False)
class SvmacData(TrainingData):
    """Training data of SVMAC.

    Attributes:
      pose: [N, J, 3] the true poses in unit scale, roots at the origin, 0 for poses whose truth is not used; None where
        no truth is used.
    """

    pose: np.ndarray | None


def prepare(recording: Recording, settings: SvmacSettings) -> SvmacData:
    """The training data of a recording.

    Raises:
      ValueError: data that cannot be trained on, such as data with hidden joints, or settings that do not fit them.
    """
    common = training_data.prepare(recording, settings)
    common.require_whole_poses()
    pose = None
    if settings.supervised_share:
        truth = unit_poses(common.normalizer, common.train, common.groups)
        pose = partly_known(truth, settings.supervised_share, settings.seed)
    return SvmacData(**vars(common), pose=pose)
