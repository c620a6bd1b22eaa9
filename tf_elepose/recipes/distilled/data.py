"""The training data of a student: the 3D poses that its teacher predicts for the training poses."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf
from absl import logging

from tf_elepose import geometry
from tf_elepose.data.recording import Recording
from tf_elepose.methods.elepose import ElePose
from tf_elepose.recipes import training_data
from tf_elepose.recipes.distilled.settings import DistilledSettings
from tf_elepose.recipes.training_data import TrainingData
from tf_elepose.recipes.training_poses import held_out_clips
from tf_elepose.training import workdir


@dataclasses.dataclass(frozen=True, eq=False)
class DistilledData(TrainingData):
    """Training data of a student; M of the N training poses could be lifted.

    Attributes:
      teacher: the model that lifted them.
      levelled: [M, J, 3] the lifted poses, y the vertical.
      whole: [M, J, 2] the normalised poses that were lifted, hidden joints completed.
      held_out: [M] which poses are of held-out clips, on which the prior is selected; None where no prior is trained.
    """

    teacher: ElePose
    levelled: np.ndarray
    whole: np.ndarray
    held_out: np.ndarray | None


def prepare(recording: Recording, settings: DistilledSettings) -> DistilledData:
    """The training data of a recording, whose 2D poses the teacher lifts.

    Raises:
      ValueError: a teacher that is no ElePose, of another skeleton, trained on poses of one distance, or without a
        completer where training poses lack joints; see also `training_data.prepare`.
    """
    teacher = workdir.load_model(settings.teacher)
    if not isinstance(teacher, ElePose) or teacher.elevation != "predicted":
        raise ValueError(f"{settings.teacher}: expected an elepose that predicts elevations; got {teacher.name}")
    if teacher.skeleton != recording.skeleton:
        raise ValueError(
            f"{settings.teacher}: lifts {teacher.skeleton.name!r}; the data have {recording.skeleton.name!r}"
        )
    common = training_data.prepare(recording, settings, teacher.normalizer)
    if not teacher.completes:
        common.require_whole_poses()
    lifted = teacher.predict_normalized(common.image, common.seen)
    valid = lifted.valid
    logging.info("the teacher lifted %d of %d poses", valid.sum(), len(valid))
    assert lifted.elevation is not None and lifted.image is not None  # The teacher predicts both.
    e = tf.constant(-np.deg2rad(lifted.elevation[valid]), tf.float32)
    levelled = geometry.rotate(geometry.rotation_x(e), tf.constant(lifted.poses_3d[valid])).numpy()
    trains_prior = settings.prior is not None and settings.prior_stage is not None
    held_out = held_out_clips(common.train, settings.held_out, settings.seed)[valid] if trains_prior else None
    return DistilledData(
        **vars(common), teacher=teacher, levelled=levelled, whole=lifted.image[valid], held_out=held_out
    )
