"""The benchmark's own arithmetic, on motion whose acceleration and bones are known."""

import numpy as np
import pytest
from lifted_samples import posing
from stick_people import turning

from benchmarks.studies import motion_files as benchmark
from tf_elepose.skeleton.skeletons import H36M_17


def test_acceleration_is_in_metres_per_second_squared():
    time = np.arange(20) / 50.0
    poses = np.zeros((20, 17, 3))
    poses[..., 1] = 0.5 * 9810.0 * time[:, np.newaxis] ** 2  # A fall, in mm.
    assert benchmark.acceleration(poses, 50.0) == pytest.approx(9.81)


def test_without_noise_nothing_moves_and_with_it_smoothing_takes_shaking_away():
    motion = benchmark.moving(posing(60), H36M_17, 60.0)
    still, noisy = (benchmark.smoothed(motion, noise, 10) for noise in (0.0, 10.0))
    assert still["distance_mm"]["none"] == 0.0
    # Root at 0: joint minus root of deviation 10 sqrt(2), three axes: mean 10 sqrt(2) sqrt(8 / pi), of 16 of 17 joints.
    expected = 10.0 * np.sqrt(2.0) * np.sqrt(8.0 / np.pi) * 16 / 17
    assert noisy["distance_mm"]["none"] == pytest.approx(expected, rel=0.03)
    for method in ("one_euro", "butterworth"):
        assert noisy["acceleration"][method] < 0.5 * noisy["acceleration"]["none"]


def test_bones_of_constant_length_cost_what_the_bones_change():
    rigid = benchmark.moving(posing(2, turn=0.0)[[1, 1, 1]], H36M_17, 30.0)
    row = benchmark.bones([rigid, benchmark.moving(posing(25, noise=10.0), H36M_17, 30.0)])
    assert row["clips"] == 2 and row["positions_worst_mm"] < 1e-3
    assert 1.0 < row["constant_worst_clip_mm"] == pytest.approx(2.0 * row["constant_mm"], abs=0.01)  # The rigid one: 0.


def test_clips_are_those_of_the_first_camera_in_order():
    recording = turning(rows=20, cameras=2, clip=np.tile(np.repeat(["b", "a"], 10), 2))
    shuffled = recording.select(np.random.default_rng(0).permutation(40))
    clips = benchmark.clips_of(shuffled)
    expected = recording.poses_3d[:20] - recording.poses_3d[:20, :1]
    assert [len(clip) for clip in clips] == [10, 10]
    np.testing.assert_allclose(np.concatenate([clips[1].poses_3d, clips[0].poses_3d]), expected, atol=1e-3)


def test_a_table_has_a_column_for_every_filter():
    of_method = {"none": 100.0, "one_euro": 40.0, "butterworth": 12.0}
    jitter = [{"reference": "walking", "noise_mm": 10.0, "acceleration": of_method, "distance_mm": of_method}]
    written = [{"motion": "clips", "clips": 3, "positions_worst_mm": 1e-4, "constant_mm": 3.9,
                "constant_worst_clip_mm": 14.6}]  # fmt: skip
    lines = benchmark.markdown({"jitter": jitter, "bvh": written}).splitlines()
    assert lines[2] == "| walking | 10 | 100 | 40 | 12 | 100 | 40 | 12 |"
    assert lines[0].count("|") == lines[2].count("|")
    assert lines[-1] == "| clips | 3 | 0.0001 | 3.9 | 14.6 |"
