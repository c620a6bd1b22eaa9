import numpy as np
import pytest

from tf_elepose.data.detector import simulate_detections
from tf_elepose.skeleton.skeletons import H36M_17


def test_errors_are_larger_at_wrists_and_at_low_confidence():
    poses = np.zeros((20000, 17, 2), np.float32)
    detected, confidence = simulate_detections(np.random.default_rng(0), poses, H36M_17)
    assert detected.dtype == confidence.dtype == np.float32
    assert confidence.min() > 0 and confidence.max() <= 1
    error = np.linalg.norm(detected, axis=-1)
    by_joint = dict(zip(H36M_17.joints, np.median(error, axis=0), strict=True))
    for end in ("wrist", "ankle"):
        for side in "lr":
            assert by_joint[f"{side}_{end}"] == pytest.approx(1.8 * by_joint["root"], rel=0.1)
    assert np.median(error[confidence < 0.6]) > 1.5 * np.median(error[confidence > 0.9])
    assert 0.001 < np.mean(error > 30) < 0.008  # Gross errors are there and rare.
    assert 2 < error.mean() < 6
