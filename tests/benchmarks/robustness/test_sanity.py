"""Claims: the benchmark's counts are right, and its sequences have the stated length."""

import dataclasses

import numpy as np
from stick_people import turning

from benchmarks.robustness import sanity as benchmark


def test_shares_are_of_the_views_measured():
    clean = dataclasses.replace(turning(), poses_3d=None)
    upside_down = dataclasses.replace(clean, poses_2d=1000 - clean.poses_2d)  # A rotation: sides stay as they are.
    assert benchmark.measure(iter([clean, clean, clean, upside_down])) == {
        "count": 4, "false_alarms": 25.0, "reported_flipped_y": 75.0, "reported_arms": 100.0, "reported_legs": 100.0,
        "reported_exchanged": 100.0,
    }  # fmt: skip


def test_clips_are_joined_to_sequences_of_one_camera_and_action():
    recording = turning(rows=300, cameras=2, clip=np.tile(np.repeat(["a", "b", "c"], 100), 2))
    assert len(list(benchmark._views(recording))) == 6
    sequences = list(benchmark._sequences(recording))
    assert len(sequences) == 2 * benchmark._SHUFFLES and {len(part) for part in sequences} == {benchmark.FRAMES}
    assert all(len(np.unique(part.camera)) == 1 for part in sequences)
    assert len(np.unique(sequences[0].frame)) == 300  # Repeated, since there are no 1,000.


def test_ground_truth_and_detections_are_measured_apart():
    recording = turning()
    seen = np.ones((200, 17))
    seen[3, 4] = 0.0
    both = dataclasses.replace(recording, poses_2d_detected=recording.poses_2d + 1, confidence=seen)
    kinds = dict(benchmark._kinds(both))
    np.testing.assert_array_equal(kinds["gt"].poses_2d, recording.poses_2d)
    np.testing.assert_array_equal(kinds["detected"].poses_2d, both.poses_2d_detected)
    assert np.argwhere(~kinds["detected"].view("gt").seen).tolist() == [[3, 4]]
    assert kinds["gt"].poses_3d is None and kinds["detected"].confidence is None
