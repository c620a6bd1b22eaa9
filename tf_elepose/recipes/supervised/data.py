"""The training data of supervised lifting, with 3D poses."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_elepose.data.recording import Recording
from tf_elepose.recipes import training_data
from tf_elepose.recipes.supervised.settings import SupervisedSettings
from tf_elepose.recipes.training_data import TrainingData
from tf_elepose.recipes.true_poses import unit_poses


@dataclasses.dataclass(frozen=True, eq=False)
class SupervisedData(TrainingData):
    """Training data of supervised lifting.

    Attributes:
      pose: [N, J, 3] the true poses in unit scale, roots at the origin.
    """

    pose: np.ndarray


def prepare(recording: Recording, settings: SupervisedSettings) -> SupervisedData:
    """The training data of a recording.

    Raises:
      ValueError: data that cannot be trained on, such as data without 3D poses or with hidden joints, or settings that
        do not fit them.
    """
    common = training_data.prepare(recording, settings)
    common.require_whole_poses()
    return SupervisedData(**vars(common), pose=unit_poses(common.normalizer, common.train, common.groups))
