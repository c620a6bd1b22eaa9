"""Claims: the benchmark swaps, blends and counts what it says, and the repair leaves right frames alone."""

import numpy as np
from stick_people import turning

from benchmarks.robustness import sides
from tf_elepose.skeleton.skeletons import H36M_17


def test_a_steady_person_is_repaired_and_not_changed_by_drifts():
    recording = turning(rows=200, cameras=2, turn=30.0, first=-15.0)
    found = sides.measure(recording, 0)
    assert (found["frames"], found["tracks"]) == (400, 2)
    assert set(found["clean"].values()) == {0.0}
    assert sum(drift["right_changed"] for drift in found["drift"]) == 0
    assert sum(drift["runs"] for drift in found["drift"] if drift["limbs"] == "legs") == 2 * len(sides.DRIFTS)
    whole = [row for row in found["swaps"] if row["joints"] == "complete"]
    assert {row["length"] * 2 for row in whole} == {row["swapped"] for row in whole}
    assert {row["found_percent"] for row in whole} == {100.0}
    text = sides.markdown({"data": {"steady": found}})
    assert "| steady | 400 | 0.000 % | 0.000 % |" in text and "0 frames in 0 of 6 runs" in text
    assert "| steady | complete | legs | " + "100.0 % | " * 5 + "0.00 % |" in text


def test_blended_limbs_move_evenly_from_swapped_to_right():
    poses = np.random.default_rng(0).normal(size=(10, 17, 2))
    rows = np.arange(10) >= 7
    out = sides.blended(poses, rows, [np.arange(10)], "legs", H36M_17)
    left, right, wrist = H36M_17.indices(("l_knee", "r_knee", "l_wrist"))
    expected = [w * poses[t, left] + (1 - w) * poses[t, right] for t, w in ((7, 0.25), (8, 0.5), (9, 0.75))]
    np.testing.assert_allclose(out[7:, left], expected)
    np.testing.assert_array_equal(out[:, wrist], poses[:, wrist])
    np.testing.assert_array_equal(out[:7], poses[:7])
