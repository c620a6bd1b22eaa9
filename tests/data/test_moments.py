"""Moments: rows that belong together are found in any order, and errors explain where this is impossible."""

import dataclasses

import numpy as np
import pytest
import small_runs
import tensorflow as tf

from tf_elepose.data.moments import MomentBatches, moments
from tf_elepose.data.recording import Recording
from tf_elepose.skeleton.skeletons import H36M_17


@pytest.fixture(scope="module")
def recording():
    """4 people with 5 clips of 8 frames each, seen by 3 cameras, the rows in random order."""
    made = small_runs.small_recording(cameras=3)
    return made.select(np.random.default_rng(0).permutation(len(made)))


def _names(recording, rows):
    return list(zip(recording.subject[rows], recording.clip[rows], recording.frame[rows], strict=True))


def test_rows_of_a_moment_are_in_one_row_by_camera(recording):
    found = moments(recording)
    assert found.rows.shape == (len(recording) // 3, 3) and found.present.all() and found.single == 0
    np.testing.assert_array_equal(np.sort(found.rows.ravel()), np.arange(len(recording)))
    for view in range(3):
        assert np.all(recording.camera[found.rows[:, view]] == found.cameras[view])
        assert _names(recording, found.rows[:, view]) == _names(recording, found.rows[:, 0])
    np.testing.assert_array_equal(found.views(recording.poses_2d)[:, 1], recording.poses_2d[found.rows[:, 1]])


def test_rigs_are_clips_or_subjects(recording):
    rows = moments(recording).rows[:, 0]
    for rig, names in (("clip", _names(recording, rows)), ("subject", recording.subject[rows])):
        label = moments(recording, rig=rig).rig
        named = [tuple(name[:2]) if rig == "clip" else name for name in names]
        assert len(set(zip(label.tolist(), named, strict=True))) == len(set(label.tolist())) == len(set(named))


def test_views_may_be_missing_and_moments_of_one_view_are_left_out(recording):
    gone = (recording.camera == 1) & (recording.frame == 2) | (recording.camera > 0) & (recording.frame == 5)
    fewer = recording.select(~gone)
    found = moments(fewer)
    assert found.single == len(recording) // 24 and len(found) == 7 * len(recording) // 24
    without = fewer.frame[found.rows[:, 0]] == 2
    np.testing.assert_array_equal(found.present, np.stack([without | True, ~without, without | True], axis=1))
    assert np.all(found.views(fewer.poses_2d)[without, 1] == 0)


def test_the_first_cameras_can_be_chosen(recording):
    assert moments(recording, cameras=2).cameras.tolist() == [0, 1]
    assert moments(recording, cameras=3).rows.shape[1] == moments(recording).rows.shape[1] == 3
    for wrong in (-1, 1, 4):
        with pytest.raises(ValueError, match=rf"cameras: expected 0 \(all\) or 2 to 3; got {wrong}"):
            moments(recording, cameras=wrong)


def test_people_of_one_clip_have_separate_moments(recording):
    rows = np.tile(np.arange(len(recording)), 2)
    two = dataclasses.replace(recording.select(rows), person=np.repeat([0, 1], len(recording)))
    assert len(moments(two)) == 2 * len(moments(recording))
    nameless = dataclasses.replace(two, person=None)
    with pytest.raises(ValueError, match=r"camera \d sees the same moment of clip '.*' twice \(frame \d, row \d+\)"):
        moments(nameless)


def test_a_single_camera_is_refused(recording):
    alone = recording.select(recording.camera == 0)
    with pytest.raises(ValueError, match="no moment is seen by two cameras"):
        moments(alone)
    apart = dataclasses.replace(recording, frame=recording.frame * 3 + recording.camera)
    with pytest.raises(ValueError, match="no moment is seen by two cameras; rows with equal"):
        moments(apart)
    with pytest.raises(ValueError, match="unknown rig 'day'; expected one of clip, subject"):
        moments(recording, rig="day")


def test_mirrored_moments_get_other_rigs():
    """A mirrored pair of cameras has another relative rotation, which must not be shared with the original pair."""
    rig = np.float32([0, 0, 1, 1])
    arrays = {"image": np.zeros((4, 2, 17, 2), np.float32), "rig": rig}
    batches = MomentBatches(arrays, H36M_17, batch_size=4, seed=1, flip=True)
    for step in range(5):
        batch = {name: tf.constant(array) for name, array in arrays.items()}
        flipped = batches.flips(tf.constant(step), 0, 1).numpy()
        np.testing.assert_array_equal(batches.augment(batch, tf.constant(step), 0, 1)["rig"], 2 * rig + flipped)
    still = MomentBatches(arrays, H36M_17, batch_size=4, seed=1, flip=False)
    np.testing.assert_array_equal(still.augment({"rig": tf.constant(rig)}, tf.constant(0), 0, 1)["rig"], rig)


# ---- people who were linked over time --------------------------------------------------------------------------------


def two_cameras(persons, identity):
    """Frames 0 and 1, seen by cameras 0 and 1, whose people have these numbers."""
    frame, camera, person = zip(
        *[(f, c, p) for c, of_camera in enumerate(persons) for f in (0, 1) for p in of_camera], strict=True
    )
    poses = np.random.default_rng(0).normal(500, 100, (len(frame), 17, 2))
    fields = {name: np.full(len(frame), value) for name, value in {"subject": "S", "action": "", "clip": "a"}.items()}
    return Recording(
        "here", H36M_17, poses_2d=poses, camera=np.array(camera), frame=np.array(frame), person=np.array(person),
        split=np.full(len(frame), "train"), identity=identity, **fields,
    )  # fmt: skip


def test_ids_of_the_file_say_who_is_who_in_other_cameras():
    assert len(moments(two_cameras([(0, 1), (0, 1)], "person"))) == 4


@pytest.mark.parametrize("identity", ["track", "place"])
def test_linked_people_of_different_cameras_are_the_same_only_where_each_camera_sees_one(identity):
    assert len(moments(two_cameras([(0,), (3,)], identity))) == 2
    with pytest.raises(ValueError, match=r"^here: camera 1 sees several people in frame 0 of clip 'a', and the"):
        moments(two_cameras([(0,), (0, 1)], identity))
