"""Claims: the treadmill benchmark measures packaged models and has a row for each model."""

import dataclasses

import pytest

from benchmarks.studies.canonpose_treadmill import lifted, markdown
from tf_elepose.data.synthetic import synthesize
from tf_elepose.inference.lifter import Lifter
from tf_elepose.skeleton.skeletons import H36M_17


def test_a_packaged_model_is_measured_on_detections():
    test = synthesize(H36M_17, subjects=3, takes=1, frames=8).of_split("test")
    found = lifted(Lifter("cmu_small"), test)
    worse = lifted(Lifter("cmu_small"), dataclasses.replace(test, poses_2d_detected=test.poses_2d_detected * [1, 1.3]))
    assert 0 < found["pa_mpjpe_mm"] < worse["pa_mpjpe_mm"] and found["depth_correlation"] > 0.5


def test_the_table_has_a_row_a_model():
    row = {"pa_mpjpe_mm": 12.34, "n_mpjpe_mm": 56.78, "depth_correlation": 0.912}
    results = {"canonpose_treadmill": [{"model": "one", **row}, {"model": "two", **row}], "poses": 7, "seconds": 80.4}
    lines = markdown(results).splitlines()
    assert lines[2] == "| one | 12.3 | 56.8 | 0.91 |" and len(lines) == 6
    assert lines[-1] == "7 test poses of four cameras; 80 s of training."
    with pytest.raises(KeyError):
        markdown({**results, "canonpose_treadmill": [{"model": "one"}]})
