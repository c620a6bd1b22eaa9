"""Which training poses are denoised, and that what a model stores about poses is about those it will be asked for."""

import numpy as np
import pytest

from tf_elepose.data.synthetic import synthesize
from tf_elepose.recipes.training_poses import denoised
from tf_elepose.skeleton.skeletons import H36M_17


@pytest.fixture(scope="module")
def train():
    return synthesize(H36M_17, subjects=4, takes=1, frames=50, frame_rate=25.0).of_split("train")


def off(poses, train):
    return np.linalg.norm(poses - train.poses_2d, axis=-1).mean()


def test_detections_come_nearer_to_the_truth(train):
    seen = train.seen("detected")
    for choice in ("auto", "always"):
        assert off(denoised(train, "detected", seen, choice), train) < 0.75 * off(train.poses_2d_detected, train)
    np.testing.assert_array_equal(denoised(train, "detected", seen, "never"), train.poses_2d_detected)


def test_exact_poses_stay(train):
    seen = train.seen("gt")
    np.testing.assert_array_equal(denoised(train, "gt", seen, "auto"), train.poses_2d)
    assert off(denoised(train, "gt", seen, "always"), train) < 0.2 * off(train.poses_2d_detected, train)


def test_another_choice_is_refused(train):
    with pytest.raises(ValueError, match="denoise must be auto, always or never; got 'yes'"):
        denoised(train, "gt", train.seen("gt"), "yes")
