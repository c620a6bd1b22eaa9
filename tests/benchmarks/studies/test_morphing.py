"""Claims: detections get the layout of COCO's joints, and distances are those of each subject."""

import dataclasses

import numpy as np
import pytest
from stick_people import turning

from benchmarks.studies import morphing as benchmark
from tf_elepose.skeleton.skeletons import H36M_17


@pytest.fixture
def recording():
    true = turning(rows=10)
    subject = np.array(["a"] * 4 + ["b"] * 6)
    return dataclasses.replace(true, poses_2d_detected=true.poses_2d.copy(), subject=subject)


def test_joints_are_made_as_coco_has_them(recording):
    made = benchmark.coco_like(recording).poses_2d_detected
    at = H36M_17.index
    given = recording.poses_2d
    np.testing.assert_allclose(made[:, at("root")], made[:, [at("l_hip"), at("r_hip")]].mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(made[:, at("spine")], made[:, [at("root"), at("thorax")]].mean(axis=1), rtol=1e-5)
    across = given[:, at("l_hip")] - given[:, at("r_hip")]
    np.testing.assert_allclose(made[:, at("l_hip")] - made[:, at("r_hip")], 1.3 * across, atol=1e-2)
    same = [at(joint) for joint in ("l_knee", "r_wrist", "nose")]
    np.testing.assert_array_equal(made[:, same], given[:, same])


def test_distances_are_those_of_each_subject(recording):
    detected = dataclasses.replace(recording, poses_2d_detected=recording.poses_2d + np.float32([3.0, 4.0]))
    moved = recording.select(recording.subject == "b")
    (row,) = benchmark.by_subject(detected, moved)
    assert (row["subject"], row["poses"], row["after_px"]) == ("b", 6, 0.0) and row["before_px"] == pytest.approx(5.0)
    text = benchmark.markdown({"others": [row], "learnt_from": 4, "subject": "a", "seconds": 1.5})
    assert "| b | 6 | 5.0 | 0.0 |" in text and "from 4 poses of a in 2 s" in text
