"""Claims: the benchmark finds its own swaps and counts the changed frames."""

import dataclasses

import numpy as np
import pytest
from stick_people import turning

from benchmarks.studies import side_repair as benchmark
from benchmarks.studies.treadmill import Treadmill


def test_runs_of_a_steady_person_are_found_and_nothing_else_is_changed():
    recording = turning(rows=120, cameras=2, turn=30.0, first=15.0)  # Never in profile, where sides coincide.
    by_track = benchmark.tracks(recording)
    assert sorted(map(len, by_track)) == [120] * 2
    row = benchmark.measure(recording, "gt", 1, 0, by_track, [False] * 2)
    assert (row["frames"], row["runs"]) == (240, 2)
    assert (row["changed_percent"], row["found_percent"]) == (0.0, 100.0)
    row = benchmark.measure(recording, "gt", 4, 0, by_track, [False] * 2)
    assert row["frames"] == 60


def test_changes_in_tracks_that_turn_at_once_count_in_brackets_only():
    recording = turning(rows=120, cameras=2, turn=90.0, first=30.0)
    swaps = np.zeros((240, 2), bool)
    swaps[150:170] = True  # Like a motion that looks like a swap, in the second camera.
    plain = benchmark.swapped(dataclasses.replace(recording, visible=np.ones((240, 17), bool)), swaps)
    row = benchmark.measure(plain, "gt", 1, 0, benchmark.tracks(recording), [False, True])
    assert row["changed_sound_percent"] == 0.0
    assert row["changed_percent"] == pytest.approx(100.0 * 20 / 240)


def test_swapped_rows_are_found_and_can_be_swapped_back():
    recording = dataclasses.replace(turning(rows=100, turn=60.0, first=20.0), visible=np.ones((100, 17), bool))
    swaps = np.zeros((100, 2), bool)
    swaps[30:50, 0] = True
    changed = benchmark.swapped(recording, swaps)
    assert (changed.poses_2d != recording.poses_2d).any(axis=(1, 2)).tolist() == swaps.any(axis=1).tolist()
    np.testing.assert_array_equal(benchmark.rows_swapped(changed), swaps)
    np.testing.assert_array_equal(benchmark.swapped(changed, swaps).poses_2d, recording.poses_2d)


def test_turns_are_in_degrees():
    recording = turning(rows=10, noise=0.0, turn=200.0)
    np.testing.assert_allclose(benchmark.turns(recording, np.arange(10)), 20.0, atol=1e-3)


def test_the_views_show_which_poses_are_swapped():
    recording = dataclasses.replace(turning(rows=60, cameras=4, noise=0.0, turn=40.0), confidence=np.ones((240, 17)))
    views = [recording.select(recording.camera == camera) for camera in range(4)]
    given = np.stack([view.poses_3d - view.poses_3d[:, :1] for view in views])
    spoilt = np.array(views[2].poses_2d)
    spoilt[20:35] = spoilt[20:35][:, list(recording.skeleton.mirror)]
    views[2] = dataclasses.replace(views[2], poses_2d=spoilt)
    found = benchmark.of_treadmill(Treadmill(tuple(views), given, given[0], np.zeros(60, bool)))
    right = {"found": 15, "missed": 0, "mistaken": 0}
    assert found == {"poses": 240, "swapped": 15, "cameras": 1, "legs": right, "arms": right}


def test_a_table_shows_the_range_of_the_seeds():
    rows = [
        {"poses": kind, "every": every, "changed_percent": 0.5, "changed_sound_percent": 0.25, "found_percent": found}
        for kind, every in benchmark.SETTINGS
        for found in (91.0, 93.4)
    ]
    limbs = {"found": 3, "missed": 1, "mistaken": 2}
    walked = {"poses": 40, "swapped": 4, "cameras": 1, "legs": limbs, "arms": limbs}
    results = {"rows": rows, "turning_clips": 6, "treadmill": walked, "speed": {"poses": 1234, "seconds": 0.71}}
    lines = benchmark.markdown(results).splitlines()
    assert lines[3] == "| the same with a simulated detector | 0.25 % (0.50 %) | 91 to 93 % |"
    assert "Clips left out of the first number: 6" in lines[7] and "swapped in 4 of 40 poses" in lines[7]
    assert lines[-1] == "Repairing the 1,234 poses took 0.7 s."
