"""Claims: shares of the machine's limits agree with a calculation by hand, and the measured files are complete."""

import numpy as np
import pytest
from lifting_bundle import keypoints, small_lifting_bundle
from small_models import small_elepose

from benchmarks import inference
from benchmarks.robustness import limits
from benchmarks.speed import growth, inference_files, time_to_accuracy
from tf_elepose.data.sources import load_source
from tf_elepose.inference.lifter import Lifter
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.storage import files


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def told(p50, rate):
    return {"p50_ms": p50, "p95_ms": 2 * p50, "poses_per_s": rate}


def test_shares_of_bandwidth_and_of_arithmetic():
    machine = {"float32": 100.0, "bfloat16": 200.0, "read_4": 20.0, "read_2": 25.0, "read_1": 40.0}
    row = {"size": "paper", "threads": 1, "file_mb": 40.0, "load_s": 0.5, "memory_mb": 200.0}
    results = {
        "limits": [{"size": "paper", "parameters": 10_000_000, "1": machine, "2": machine}],
        "inference": [
            {**row, "variant": "TFLite, float32", "batches": {"1": told(4.0, 250.0), "256": told(64.0, 4000.0)}},
            {**row, "variant": "TFLite, int8", "batches": {"1": told(0.5, 2000.0), "256": told(64.0, 4000.0)}},
        ],
        "shell": [{"program": "tf_elepose.lift", "size": "paper", "poses": 1000, "seconds": 0.5, "memory_mb": 130.0}],
    }
    lines = [cells(line) for line in inference.markdown(results).splitlines() if line.startswith("| TFLite")]
    # 40 MB in 4 ms are 10 GB/s of 20; 4,000 poses/s of 20 million operations 80 GFLOP/s of 100.
    assert lines[0][5:] == ["4.000 / 8.000", "50 %", "4,000", "80 %"]
    assert lines[1][5:7] == ["0.500 / 1.000", "50 %"]  # 10 MB in 0.5 ms: 20 GB/s of 40.


def test_limits_are_positive_and_the_least_time_counts():
    assert limits.read_bandwidth(1 << 20) > 0.0 and limits.numpy_gemm(64) > 0.0 and limits.copy_bandwidth(1 << 20) > 0.0
    waits = iter([3, 1, 2])
    assert limits.fastest(lambda: sum(range(100_000 * next(waits))), 3) > 0.0


def test_files_of_any_number_of_poses_can_be_lifted(tmp_path):
    poses = 500 + 50 * np.random.default_rng(0).normal(size=(7, H36M_17.num_joints, 2)).astype(np.float32)
    files.write_npz(tmp_path / "inputs.npz", {"keypoints": poses})
    inference.write_views(tmp_path / "inputs.npz", tmp_path / "views.npz", 2005)
    recording = load_source(f"views:{tmp_path}/views.npz", H36M_17, check="off")
    assert len(recording) == 2005 and len(np.unique(recording.clip)) == 3
    np.testing.assert_array_equal(recording.poses_2d[7:14], poses)


def test_the_measured_bundle_lifts(tmp_path):
    method, _ = small_elepose(width=8)
    (tmp_path / "tflite").mkdir()
    listed = "tflite/lift_full_float32_batch.tflite"
    (tmp_path / listed).write_bytes((small_lifting_bundle() / listed).read_bytes())
    inference_files.write_bundle(tmp_path, method)
    lifted = Lifter(tmp_path / "bundle")(keypoints(3), convention="h36m_17")
    assert lifted.valid.all() and lifted.percentile is None


def test_growth_shows_poses_a_second_and_ratios_to_the_first(tmp_path):
    results = {
        "growth": [
            {"what": what, "poses": poses, "seconds": poses / 1000, "memory_mb": 100.0}
            for what in ("lift", "convert")
            for poses in (100, 10_000)
        ],
        "training": [
            {"kind": "poses", "what": "2,000 poses", "poses": 2000, "steps_per_second": 10.0, "memory_mb": 900.0},
            {"kind": "poses", "what": "20,000 poses", "poses": 20000, "steps_per_second": 9.0, "memory_mb": 950.0},
            {"kind": "sharing", "what": "1 replica", "steps_per_second": 20.0, "memory_mb": 900.0},
            {"kind": "sharing", "what": "2 replicas", "steps_per_second": 30.0, "memory_mb": 1200.0},
        ],
    }
    lines = growth.markdown(results).splitlines()
    assert cells(lines[3]) == ["lift", "10,000", "10.00", "1,000", "100"]
    assert cells(lines[-1]) == ["2 replicas", "30.0", "1.50", "1200"]
    growth.draw(results, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 1000


@pytest.mark.parametrize(("error", "reached"), [(39.0, ""), (48.0, " (not reached)")])
def test_a_goal_that_was_not_reached_is_marked(error, reached):
    runs = [{"program": "a", "seconds": 90.0, "pa_mpjpe_mm": error}]
    line = time_to_accuracy.markdown({"goal_mm": 40.0, "runs": runs}).splitlines()[-1]
    assert cells(line) == ["a", f"1.5{reached}", f"{error:.1f}"]


def test_the_row_of_pytorch_has_the_epochs_of_its_prior():
    run = {"program": "PyTorch", "seconds": 60.0, "pa_mpjpe_mm": 50.0, "reached": False, "prior_epochs": 10}
    line = time_to_accuracy.markdown({"goal_mm": 40.0, "runs": [run]}).splitlines()[-1]
    assert cells(line) == ["PyTorch, 10 epochs of the prior", "1.0 (not reached)", "50.0"]
