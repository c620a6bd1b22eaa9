"""Detections moved to a data set's joints: learnt on one subject, judged on the others."""

import dataclasses

import numpy as np
import pytest
import small_runs

from tf_elepose.recipes.morph import matched, morph
from tf_elepose.skeleton.skeletons import H36M_17

TRAINING = {"width": 32, "epochs": 60.0, "seed": 0}


@pytest.fixture(scope="module")
def truth():
    return dataclasses.replace(small_runs.small_recording(), poses_2d_detected=None, confidence=None)


@pytest.fixture(scope="module")
def detections(truth):
    """Detections with the root lower and the head nearer to the thorax; its rows in another order, some gone,
    some joints not found.
    """
    rng = np.random.default_rng(0)
    found = truth.poses_2d.copy()
    root, thorax, head = (H36M_17.index(joint) for joint in ("root", "thorax", "head"))
    up = found[:, thorax] - found[:, root]
    found[:, root] -= 0.2 * up
    found[:, head] -= 0.15 * up
    trust = np.where(rng.random(found.shape[:2]) < 0.05, 0.0, rng.uniform(0.5, 1.0, found.shape[:2]))
    made = dataclasses.replace(
        truth, poses_2d=np.where(trust[..., None] > 0, found, 0.0), confidence=trust, poses_3d=None
    )
    return made.select(rng.permutation(len(truth))[: len(truth) - 20])


def test_rows_of_one_person_frame_and_camera_are_matched(truth, detections):
    rows, places = matched(detections, truth)
    assert len(rows) == len(detections)
    for field in ("subject", "clip", "camera", "frame"):
        np.testing.assert_array_equal(getattr(detections, field)[rows], getattr(truth, field)[places])
    with pytest.raises(ValueError, match="have no row in common: expected equal"):
        matched(dataclasses.replace(detections, frame=detections.frame + 1000), truth)
    with pytest.raises(ValueError, match="a person is there twice"):
        matched(detections, truth.select(np.tile(np.arange(len(truth)), 2)))


def test_other_subjects_joints_move_towards_the_data_sets(truth, detections):
    someone = str(truth.subject[0])
    result, figures = morph(detections, truth, [someone], **TRAINING)
    assert set(result.subject.tolist()) == set(truth.subject.tolist()) - {someone}
    assert figures["after_px"] < 0.5 * figures["before_px"]
    seen = result.view("detected").seen
    assert 0.03 < (~seen).mean() < 0.07 and np.all(result.poses_2d_detected[~seen] == 0)
    root = seen[:, H36M_17.root_index]
    errors = np.linalg.norm(result.poses_2d_detected - result.poses_2d, axis=-1)
    assert errors[seen].mean() == pytest.approx(figures["after_px"], rel=1e-4)
    assert root.any() and result.poses_3d is not None  # The data set's truth stays, to be tested on.


def test_true_joints_of_other_subjects_have_no_influence(truth, detections):
    someone = str(truth.subject[0])
    moved = np.where((truth.subject == someone)[:, None, None], truth.poses_2d, truth.poses_2d + 500.0)
    short = TRAINING | {"epochs": 1.0}
    one, other = (
        morph(detections, data, [someone], **short)[0] for data in (truth, dataclasses.replace(truth, poses_2d=moved))
    )
    np.testing.assert_array_equal(one.poses_2d_detected, other.poses_2d_detected)


def test_subjects_are_named_and_somebody_is_left(truth, detections):
    with pytest.raises(ValueError, match="no such subject: nobody; there are "):
        morph(detections, truth, ["nobody"], **TRAINING)
    with pytest.raises(ValueError, match="no subject is left"):
        morph(detections, truth, sorted(set(truth.subject.tolist())), **TRAINING)
