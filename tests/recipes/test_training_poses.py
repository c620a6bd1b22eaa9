"""Which training poses are denoised, and that what a model stores about poses is about those it will be asked for."""

import dataclasses

import numpy as np
import pytest

from tf_elepose.data.synthetic import synthesize
from tf_elepose.recipes.training_poses import denoised, usable
from tf_elepose.skeleton.skeletons import H36M_17


@pytest.fixture(scope="module")
def train():
    return synthesize(H36M_17, subjects=4, takes=1, frames=50, frame_rate=25.0).of_split("train")


def off(poses, train):
    return np.linalg.norm(poses - train.poses_2d, axis=-1).mean()


def test_detections_come_nearer_to_the_truth(train):
    keypoints = train.view("detected")
    for choice in ("auto", "always"):
        assert off(denoised(train, keypoints, choice), train) < 0.75 * off(train.poses_2d_detected, train)
    np.testing.assert_array_equal(denoised(train, keypoints, "never"), train.poses_2d_detected)


def test_exact_poses_stay(train):
    keypoints = train.view("gt")
    np.testing.assert_array_equal(denoised(train, keypoints, "auto"), train.poses_2d)
    assert off(denoised(train, keypoints, "always"), train) < 0.2 * off(train.poses_2d_detected, train)


def test_poses_that_show_too_few_joints_are_left_out_with_their_keypoints(train):
    confidence = np.ones(train.poses_2d.shape[:2])
    confidence[[3, 8], 4:] = 0.2
    doubted = dataclasses.replace(train, confidence=confidence)
    rows, keypoints = usable(doubted, doubted.view("detected", 0.5))
    assert len(rows) == len(keypoints) == len(train) - 2
    np.testing.assert_array_equal(keypoints.pixels, rows.poses_2d_detected)
    assert keypoints.seen.all() and keypoints.confidence.min() == 1.0
    np.testing.assert_array_equal(usable(doubted, doubted.view("gt"))[0].frame, train.frame)


def test_another_choice_is_refused(train):
    with pytest.raises(ValueError, match="denoise must be auto, always or never; got 'yes'"):
        denoised(train, train.view("gt"), "yes")
