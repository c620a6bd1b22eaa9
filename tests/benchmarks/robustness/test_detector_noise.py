"""Claims: the gain by confidences agrees with numbers calculated by hand."""

import dataclasses

import numpy as np
import pytest
from stick_people import turning

from benchmarks.robustness import detector_noise as benchmark
from tf_elepose.skeleton.skeletons import H36M_17


def test_the_best_weights_of_two_kinds_of_joints():
    error, kind = np.array([1.0, 1.0, 3.0, 3.0]), np.array([0, 0, 1, 1])
    # Variances 1 and 9, half each: equal weights 5, the best 1 / (0.5 + 0.5 / 9) = 1.8.
    assert benchmark.best_weights(error, kind) == pytest.approx(1.0 - np.sqrt(1.8 / 5.0))
    assert benchmark.best_weights(np.ones(4), kind) == pytest.approx(0.0)


@pytest.fixture
def recording():
    """A recording with errors of 4 px to the right; 34 px for a left hip of low confidence in the first row."""
    true = turning(rows=20)
    off = np.full((20, 17), 4.0, np.float32)
    trust = np.linspace(0.6, 1.0, 20 * 17, dtype=np.float32).reshape(20, 17)
    off[0, H36M_17.index("l_hip")], trust[0, H36M_17.index("l_hip")] = 34.0, 0.2
    detected = true.poses_2d + np.stack([off, np.zeros_like(off)], axis=-1)
    return dataclasses.replace(true, poses_2d_detected=detected, confidence=trust)


def test_errors_by_confidence(recording):
    found = benchmark.confidence_and_error(recording)
    assert found["far_share"] == pytest.approx(1 / 340) and found["far_that_is_doubted"] == 1.0
    assert [row["far_share"] > 0 for row in found["tenths"]] == [True] + [False] * 9
    assert found["tenths"][5]["rms_px"] == pytest.approx(4.0, rel=1e-4)
    assert 0.05 < found["best_weights"] < 0.07 and found["best_weights_of_the_sure"] == pytest.approx(0.0, abs=1e-4)


def test_hips_with_the_error_of_the_root_have_no_error_relative_to_it(recording):
    noise = benchmark.hips_noise(recording, focal_px=1000.0)
    depth = recording.poses_3d[0, H36M_17.root_index, 2]
    assert noise["all"] == pytest.approx(0.03 * depth / np.sqrt(40), rel=1e-3)
    assert noise["sure"] == pytest.approx(0.0, abs=1e-2)


def test_the_page_shows_both_models(recording):
    found = benchmark.confidence_and_error(recording) | {"hips_mm": {"all": 29.4, "sure": 25.0}, "doubted": 0.5}
    keys = ("pa_all_mm", "n_all_mm", "pa_mistaken_mm", "pa_others_mm", "canonical_hips_std_mm")
    assert "| all |" not in benchmark.markdown(found)
    models = [{"min_confidence": c, **dict.fromkeys(keys, 40.0 + c)} for c in (0.0, 0.5)]
    text = benchmark.markdown(found | {"models": models})
    assert "| all | 40.0 |" in text and "| of confidence over 0.5 | 40.5 |" in text and "an error of 29 mm" in text
