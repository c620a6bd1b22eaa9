"""Evaluation: its keys, their explanations, and the verdict on the sign of the depths."""

import json

import numpy as np
import pytest

from tf_elepose.evaluation import depth_sign, measures, metrics
from tf_elepose.evaluation.evaluation import PROTOCOL_JOINTS, evaluate_poses
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton

N = 40
REFUSED_KEYS = {f"pa_mpjpe_refused_{percent}_mm" for percent in (10, 20, 30)}
FULL_KEYS = {
    "poses", "pa_mpjpe_mm", "pa_mpjpe_reflected_mm", "n_mpjpe_mm", "n_mpjpe_norm_ratio_mm", "flat_pa_mpjpe_mm",
    "pck_150", "auc_150", "cps", "depth_correlation", "elevation_mean_deg", "elevation_std_deg", "nll_mean",
    "nll_pa_spearman", "elevation_correlation", "elevation_mean_true_deg", "knees_forward_share",
    "elbows_forward_share", "by_action", "invalid_poses", "joints_hidden_share", "pa_mpjpe_seen_mm",
    "pa_mpjpe_hidden_mm", "pck_150_norm_ratio", "auc_150_norm_ratio", "pa_pck_150", "pa_auc_150", "cps_unaligned",
    *REFUSED_KEYS,
}  # fmt: skip


@pytest.fixture
def true() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(N, H36M_17.num_joints, 3)) * 300.0 + [0.0, 0.0, 5000.0]


@pytest.fixture
def extras(true) -> dict:
    rng = np.random.default_rng(1)
    return {
        "true_3d": true, "flat_3d": true * [1, 1, 0], "elevation": rng.normal(12, 4, N),
        "true_elevation": rng.normal(12, 4, N), "nll": rng.normal(size=N),
        "action": np.array(["walk", "run"] * (N // 2)),
        "knees_forward": rng.random((N, 2)) < 0.9, "elbows_forward": rng.random((N, 2)) < 0.9,
        "seen": rng.random((N, H36M_17.num_joints)) < 0.8, "invalid_poses": 3,
    }  # fmt: skip


def noisy(true: np.ndarray, noise: float = 30.0) -> np.ndarray:
    return (true + np.random.default_rng(2).normal(size=true.shape) * noise) / 200.0


def mirrored(true: np.ndarray, share: float) -> np.ndarray:
    """Root-centred poses, the first `share` of them with all depths reversed."""
    centred = true - true[:, :1]
    turned = np.arange(len(true)) < share * len(true)
    return np.where(turned[:, None, None], centred * [1, 1, -1], centred)


def test_summary_has_every_key_when_everything_is_known(true, extras):
    summary = evaluate_poses(H36M_17, noisy(true), **extras).summary()
    assert set(summary) == FULL_KEYS
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert set(summary["by_action"]) == {"walk", "run"}
    assert set(summary["by_action"]["walk"]) == {"poses", "pa_mpjpe_mm", "n_mpjpe_mm", "pck_150"}


def test_every_key_has_an_explanation():
    assert {measure.key for measure in measures.MEASURES} == FULL_KEYS - {"by_action"}


@pytest.mark.parametrize(
    ("left_out", "absent"),
    [
        (
            {"true_3d"},
            {
                "pa_mpjpe_mm", "pa_mpjpe_reflected_mm", "n_mpjpe_mm", "n_mpjpe_norm_ratio_mm", "flat_pa_mpjpe_mm",
                "pck_150", "auc_150", "cps", "depth_correlation", "nll_pa_spearman", "pa_mpjpe_seen_mm",
                "pa_mpjpe_hidden_mm", "pck_150_norm_ratio", "auc_150_norm_ratio", "pa_pck_150", "pa_auc_150",
                "cps_unaligned", *REFUSED_KEYS,
            },
        ),
        ({"flat_3d"}, {"flat_pa_mpjpe_mm"}),
        ({"elevation"}, {"elevation_mean_deg", "elevation_std_deg", "elevation_correlation"}),
        ({"true_elevation"}, {"elevation_correlation", "elevation_mean_true_deg"}),
        ({"nll"}, {"nll_mean", "nll_pa_spearman", *REFUSED_KEYS}),
        ({"action"}, {"by_action"}),
        ({"knees_forward"}, {"knees_forward_share"}),
        ({"elbows_forward"}, {"elbows_forward_share"}),
        ({"seen"}, {"joints_hidden_share", "pa_mpjpe_seen_mm", "pa_mpjpe_hidden_mm"}),
        ({"invalid_poses"}, {"invalid_poses"}),
    ],
)  # fmt: skip
def test_without_an_input_its_keys_are_absent(true, extras, left_out, absent):
    given = {name: value for name, value in extras.items() if name not in left_out}
    assert set(evaluate_poses(H36M_17, noisy(true), **given).summary()) == FULL_KEYS - absent


def test_an_undefined_correlation_has_no_key(true, extras):
    extras["elevation"], extras["nll"] = np.full(N, 3.0), np.zeros(N)
    summary = evaluate_poses(H36M_17, true * [1, 1, 0], **extras).summary()
    assert set(summary) == FULL_KEYS - {"elevation_correlation", "nll_pa_spearman", "depth_correlation"}


def test_refusing_the_least_likely_leaves_the_mean_of_the_others(true, extras):
    evaluation = evaluate_poses(H36M_17, noisy(true, 80.0), **extras)
    likeliest = evaluation.pa_mpjpe_mm[np.argsort(extras["nll"])]
    summary = evaluation.summary()
    for percent, kept in ((10, 36), (20, 32), (30, 28)):  # Of 40.
        assert summary[f"pa_mpjpe_refused_{percent}_mm"] == pytest.approx(likeliest[:kept].mean())


def test_figures_are_means_of_the_metrics(true, extras):
    predicted = noisy(true, 80.0)
    evaluation = evaluate_poses(H36M_17, predicted, **extras)
    summary = evaluation.summary()
    root = H36M_17.root_index
    p, t = predicted - predicted[:, root : root + 1], true - true[:, root : root + 1]
    assert summary["pa_mpjpe_mm"] == pytest.approx(np.mean([metrics.pa_mpjpe(a, b) for a, b in zip(p, t, strict=True)]))
    assert summary["n_mpjpe_mm"] == pytest.approx(np.mean([metrics.n_mpjpe(a, b) for a, b in zip(p, t, strict=True)]))
    assert summary["cps"] == pytest.approx(metrics.cps(p, t).mean())
    assert summary["flat_pa_mpjpe_mm"] == pytest.approx(metrics.pa_mpjpe(t * [1, 1, 0], t).mean())
    assert summary["elevation_std_deg"] == pytest.approx(np.std(extras["elevation"]))
    walking = extras["action"] == "walk"
    assert summary["by_action"]["walk"] == pytest.approx(
        {"poses": N // 2, "pa_mpjpe_mm": evaluation.pa_mpjpe_mm[walking].mean(),
         "n_mpjpe_mm": evaluation.n_mpjpe_mm[walking].mean(), "pck_150": evaluation.pck_150[walking].mean()}
    )  # fmt: skip


def test_poses_are_kept_in_mm_about_the_root(true):
    evaluation = evaluate_poses(H36M_17, 0.01 * true, true_3d=true)
    np.testing.assert_allclose(evaluation.scaled_mm, evaluation.true_mm, atol=1e-6)
    np.testing.assert_allclose(evaluation.aligned_mm, evaluation.true_mm, atol=1e-6)
    np.testing.assert_array_equal(evaluation.true_mm[:, H36M_17.root_index], 0.0)
    assert evaluation.joint_errors_mm.shape == (N, H36M_17.num_joints)


def test_knees_may_be_booleans_or_bends(true):
    bends = np.tile([[5.0, -3.0]], (N, 1))
    for knees in (bends, bends > 0):
        assert evaluate_poses(H36M_17, true, knees_forward=knees).summary()["knees_forward_share"] == 0.5


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("true_3d", np.zeros((N, 16, 3)), rf"true_3d: expected shape \[{N}, 17, 3\]; got \[{N}, 16, 3\]"),
        ("flat_3d", np.zeros((N, 17, 2)), "flat_3d: expected shape"),
        ("elevation", np.zeros((N, 1)), rf"elevation: expected shape \[{N}\]; got \[{N}, 1\]"),
        ("true_elevation", np.r_[np.zeros(N - 1), np.nan], f"true_elevation: expected finite.* row {N - 1}"),
        ("nll", np.full(N, np.inf), f"nll: expected finite numbers; got {N}"),
        ("nll", ["a"] * N, "nll: expected numbers"),
        ("action", np.zeros(N), f"action: expected {N} texts"),
        ("action", ["walk"], f"action: expected {N} texts"),
        ("knees_forward", np.zeros(N), rf"knees_forward: expected shape \[{N}, 2\]"),
        ("elbows_forward", np.zeros((N, 3)), rf"elbows_forward: expected shape \[{N}, 2\]; got \[{N}, 3\]"),
    ],
)
def test_a_wrong_argument_is_named(true, name, value, message):
    with pytest.raises(ValueError, match=message):
        evaluate_poses(H36M_17, true, **{name: value})


def test_wrong_predictions_are_named(true):
    with pytest.raises(ValueError, match=r"predicted_3d: expected shape \[any, 17, 3\]; got \[5, 3\]"):
        evaluate_poses(H36M_17, np.zeros((5, 3)))
    with pytest.raises(ValueError, match="predicted_3d: expected at least one pose"):
        evaluate_poses(H36M_17, np.zeros((0, 17, 3)))
    true[3, 2, 1] = np.nan
    with pytest.raises(
        ValueError, match="predicted_3d: expected finite numbers; got 1 that are not, the first in row 3"
    ):
        evaluate_poses(H36M_17, true)


def test_a_skeleton_of_the_users_own():
    skeleton = Skeleton("stick", ("a", "b", "c"), (None, "a", "b"), (), (), root="b", head="c")
    true = np.array([[[0.0, 0, 0], [0, 100, 0], [0, 200, 50]]])
    summary = evaluate_poses(skeleton, true, true_3d=true).summary()
    assert summary["pa_mpjpe_mm"] == pytest.approx(0.0, abs=1e-9)
    assert summary["cps"] == pytest.approx(300.0)


def test_the_table_fits_a_terminal_and_names_scale_and_alignment(true, extras):
    extras["action"] = np.array(["walking the dog around a very large block", "run"] * (N // 2))
    table = evaluate_poses(H36M_17, noisy(true), **extras).table()
    lines = table.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)
    rows = {line.split("  ")[0]: line for line in lines}
    for measure in measures.MEASURES:
        assert measure.how in rows[measure.label]
    assert "least-squares" in rows["N-MPJPE"] and "rotation" in rows["PA-MPJPE"]
    assert any(line.startswith("run ") for line in lines) and any("…" in line for line in lines)


def test_every_verdict_is_in_the_table_and_fits_a_terminal():
    for summary, verdict in (
        ({"pa_mpjpe_mm": 90.0, "pa_mpjpe_reflected_mm": 90.0, "depth_correlation": 0.0}, "unclear"),
        ({"poses": 3}, "unknown"),
    ):
        lines = measures.summary_table(summary).splitlines()
        assert f"Depth sign: {verdict}. {depth_sign.VERDICTS[verdict]}" in " ".join(lines)
        assert max(map(len, lines)) <= 80


def test_the_table_without_truth_has_no_errors(true):
    table = evaluate_poses(H36M_17, true, action=["walk"] * N).table()
    assert "MPJPE" not in table and "walk" in table


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.0, "right"), (0.1, "mixed"), (0.3, "mixed"), (0.5, "mixed"), (1.0, "mirrored")]
)
def test_the_verdict_on_poses_with_a_mirrored_share(true, share, verdict):
    summary = evaluate_poses(H36M_17, mirrored(true, share), true_3d=true).summary()
    assert depth_sign.sign_verdict(summary) == verdict


@pytest.mark.parametrize(
    ("correlation", "error", "reflected", "verdict"),
    [
        (0.86, 36.0, 35.9, "right"),
        (0.67, 78.7, 75.0, "right"),
        (0.0, 113.1, 60.0, "mixed"),
        (-0.1, 122.7, 90.3, "mixed"),
        (-0.6, 122.7, 90.3, "mirrored"),
        (0.05, 99.0, 98.9, "unclear"),
    ],
)
def test_the_verdict_from_figures(correlation, error, reflected, verdict):
    figures = {"depth_correlation": correlation, "pa_mpjpe_mm": error, "pa_mpjpe_reflected_mm": reflected}
    assert depth_sign.sign_verdict(figures) == verdict


def test_a_flat_prediction_is_unclear(true):
    flat = evaluate_poses(H36M_17, true * [1, 1, 0], true_3d=true).summary()
    assert depth_sign.sign_verdict(flat) == "unclear"


@pytest.mark.parametrize(("share", "verdict"), [(0.97, "right"), (0.5, "mixed"), (0.04, "mirrored")])
def test_knees_decide_where_there_is_no_truth(share, verdict):
    assert depth_sign.sign_verdict({"poses": 9, "knees_forward_share": share}) == verdict


@pytest.mark.parametrize(
    ("knees", "elbows", "verdict"),
    [(0.98, 0.95, "right"), (0.98, 0.1, "mixed"), (0.98, 0.5, "mixed"), (0.1, 0.05, "mirrored")],
)
def test_trained_knees_do_not_outvote_elbows(knees, elbows, verdict):
    assert depth_sign.sign_verdict({"knees_forward_share": knees, "elbows_forward_share": elbows}) == verdict


def test_without_truth_knees_and_elbows_the_sign_is_unknown():
    assert depth_sign.sign_verdict({"poses": 9}) == "unknown"


def test_every_verdict_has_an_explanation(true):
    assert set(depth_sign.VERDICTS) == {"right", "mirrored", "mixed", "unclear", "unknown"}
    table = evaluate_poses(H36M_17, mirrored(true, 1.0), true_3d=true).table()
    assert depth_sign.VERDICTS["mirrored"] in " ".join(table.split())


def test_seen_and_hidden_joints_have_separate_errors(true):
    """One joint is wrong by 100 mm and hidden: only the error of hidden joints is large."""
    predicted, seen = true.copy(), np.ones(true.shape[:2], bool)
    wrist = H36M_17.index("l_wrist")
    predicted[:, wrist, 0] += 100.0
    seen[:, wrist] = False
    summary = evaluate_poses(H36M_17, predicted, true_3d=true, seen=seen).summary()
    assert summary["joints_hidden_share"] == pytest.approx(1 / 17)
    assert summary["pa_mpjpe_hidden_mm"] > 70.0 > 30.0 > summary["pa_mpjpe_seen_mm"]
    errors = 16 / 17 * summary["pa_mpjpe_seen_mm"] + summary["pa_mpjpe_hidden_mm"] / 17
    assert summary["pa_mpjpe_mm"] == pytest.approx(errors)


def test_joints_left_out_change_no_figure(true):
    """In a protocol without wrists, moving a wrist changes neither the alignment nor the mean."""
    kept = tuple(joint for joint in H36M_17.joints if not joint.endswith("wrist"))
    predicted, changed = noisy(true), noisy(true)
    changed[:, H36M_17.index("l_wrist")] += 5.0
    one, other = (
        evaluate_poses(H36M_17, poses, true_3d=true, flat_3d=true * [1, 1, 0], joints=kept).summary()
        for poses in (predicted, changed)
    )
    depth = "depth_correlation"  # It always includes all joints.
    assert {k: v for k, v in one.items() if k != depth} == {k: v for k, v in other.items() if k != depth}
    fewer = evaluate_poses(H36M_17, changed, true_3d=true).summary()
    assert fewer["pa_mpjpe_mm"] > one["pa_mpjpe_mm"]


def test_protocol_joints_are_those_of_the_data_set():
    """MPI-INF-3DHP counts 14 of its 17 joints; the other three are pelvis, spine and the middle of the head."""
    (joints,) = PROTOCOL_JOINTS.values()
    assert set(H36M_17.joints) - set(joints) == {"root", "spine", "nose"} and len(joints) == 14
