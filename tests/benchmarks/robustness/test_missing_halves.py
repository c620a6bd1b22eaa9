"""Claims: the benchmark's arithmetic is right, and a model without fillers lifts whole poses as before."""

import numpy as np
import small_models

from benchmarks.robustness import missing_halves


def test_a_pose_is_mirrored_where_its_depths_go_against_the_true_ones():
    true = np.array([[1.0, -2.0], [1.0, -2.0], [1.0, 0.5], [3.0, 1.0]])
    predicted = np.array([[0.1, -0.2], [-0.1, 0.2], [0.1, -0.1], [0.1, -0.5]])
    assert missing_halves.mirrored_share(predicted, true) == 0.5  # Products sum to 0.5, -0.5, 0.05, -0.2.


def test_without_fillers_whole_poses_are_lifted_alike_and_halves_are_not():
    method, _ = small_models.small_links(completer=small_models.small_completer())
    plain, pixels, seen = (
        missing_halves.without_fillers(method),
        small_models.poses_2d(5, seed=3),
        np.ones((5, 17), bool),
    )
    np.testing.assert_array_equal(plain.predict(pixels).poses_3d, method.predict(pixels).poses_3d)
    seen[:, list(method.skeleton.indices(method.skeleton.halves["legs"]))] = False
    assert np.abs(plain.predict(pixels, seen=seen).poses_3d - method.predict(pixels, seen=seen).poses_3d).max() > 0.01


def test_the_table_has_what_was_measured():
    metrics = {"pa_mpjpe_mm": 30.04, "n_mpjpe_mm": 40.0, "legs_mirrored_share": 0.014, "torso_mirrored_share": 0.25}
    hidden = metrics | {"pa_mpjpe_seen_mm": 20.0, "pa_mpjpe_hidden_mm": 50.0}
    right, wrong = {"depth_sign": "right"}, {"depth_sign": "mirrored"}
    rows = [
        {"label": "A", "hidden": "legs", "metrics": hidden, "trained": right},
        {"label": "B", "hidden": "none", "metrics": metrics, "trained": wrong},
    ]
    lines = [line.strip("| ").split(" | ") for line in missing_halves.markdown(rows).splitlines()]
    assert lines[2] == ["none", "B (mirrored)", "30.0", "40.0", "", "", "1.4", "25.0"]
    assert lines[3] == ["legs", "A", "30.0", "40.0", "20.0", "50.0", "1.4", "25.0"]
