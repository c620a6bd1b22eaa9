"""Which training poses are denoised, and that what a model stores about poses is about those it will be asked for."""

import dataclasses
import warnings

import numpy as np
import pytest

from tf_elepose.data.synthetic import synthesize
from tf_elepose.normalization import Normalizer
from tf_elepose.recipes.training_poses import denoised, scaled_by_clip, usable
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


def test_a_track_whose_noise_cannot_be_told_stays_and_is_named(train, caplog):
    """One track has two frames; in another, two people alternate. Joints are missing and confidences are 0 there."""
    clips = np.unique(train.tracks)
    short, mixed = (np.flatnonzero(train.tracks == track) for track in clips[:2])
    given, confidence = np.array(train.poses_2d_detected), np.array(train.confidence)
    given[mixed[::2]] += 5000.0
    hidden = np.random.default_rng(0).random(confidence.shape) < 0.1
    given[hidden], confidence[hidden] = 0.0, 0.0
    spoilt = dataclasses.replace(train, poses_2d_detected=given, confidence=confidence)
    spoilt = spoilt.select(np.setdiff1d(np.arange(len(train)), short[2:]))
    keypoints = spoilt.view("detected")
    with caplog.at_level("INFO", logger="absl"), warnings.catch_warnings():
        warnings.simplefilter("error")
        found = denoised(spoilt, keypoints, "auto")
    said, told = [record.getMessage() for record in caplog.records]
    names = [f"{train.subject[rows[0]]}-{train.clip[rows[0]]}-camera{train.camera[rows[0]]}" for rows in (short, mixed)]
    assert f"the noise of 2 of {len(clips)} tracks cannot be estimated" in said
    assert said.endswith("stay as they are: " + ", ".join(names))
    assert "denoised over time" in told
    stays = np.isin(spoilt.tracks, [0, 1])
    np.testing.assert_array_equal(found[stays], keypoints.pixels[stays])
    off_before, off_after = (
        np.linalg.norm(poses - spoilt.poses_2d, axis=-1)[keypoints.seen & ~stays[:, None]].mean()
        for poses in (keypoints.pixels, found)
    )
    assert off_after < 0.8 * off_before


def test_single_pictures_are_the_given_ones(train, caplog):
    alone = dataclasses.replace(train, clip=np.char.add("c", np.arange(len(train)).astype(str)))
    keypoints = alone.view("detected")
    with caplog.at_level("INFO", logger="absl"):
        assert denoised(alone, keypoints, "auto") is keypoints.pixels
    assert len(caplog.records) == 1 and caplog.records[0].getMessage().endswith(f" and {len(train) - 5} more")


def test_another_choice_is_refused(train):
    with pytest.raises(ValueError, match="denoise must be auto, always or never; got 'yes'"):
        denoised(train, train.view("gt"), "yes")


def test_a_pose_without_a_length_from_root_to_head_gives_its_clip_no_size(train):
    poses = train.poses_2d[:6].copy()
    poses[2, H36M_17.index(H36M_17.head)] = poses[2, H36M_17.root_index]
    seen = np.ones(poses.shape[:2], bool)
    image, sized = scaled_by_clip(Normalizer.fit(poses, H36M_17), poses, np.arange(6), seen)
    assert sized.all(axis=1).tolist() == [True, True, False, True, True, True] and not image[2].any()
    assert scaled_by_clip(Normalizer.fit(poses, H36M_17), poses, np.zeros(6, int), seen)[1].all()
