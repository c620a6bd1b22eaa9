"""Claims: whether a claim holds follows from the numbers, and wrong depths are no evidence for it."""

import pytest

from benchmarks.quality import claims
from benchmarks.quality.tables import AT_FULL_LENGTH, DETECTIONS, EXACT, FULL, NO_NOISE, SUPERVISED_SHARE, TABLES
from benchmarks.quality.uncertainty import RANDOM


def row(label, error, seed=0, **metrics):
    return {"label": label, "seed": seed, "metrics": {"pa_mpjpe_mm": error, **metrics}}


PAPER = {
    "base": 77.9, "base + bones": 48.1, "base + bones + elevation": 45.5, "base + bones + PCA": 43.1, FULL: 36.7,
}  # fmt: skip
"""Table 5 of ElePose."""


def held(name, results):
    return {claim.statement: claim.holds for claim in claims.claims({name: results})}


def ablation(**changed):
    errors = PAPER | changed
    return {
        "table": "ablation",
        "rows": [row(label, error + seed, seed) for seed in range(3) for label, error in errors.items()],
    }


def test_the_papers_table_5_holds():
    found = held("ablation", ablation())
    assert len(found) == 6 and all(found.values())
    (told,) = (claim.measured for claim in claims.claims({"ablation": ablation()}) if "together" in claim.statement)
    assert told == "37.7 ± 1.0 mm, the next best 44.1 ± 1.0 mm"


def test_statements_of_both_lengths_differ():
    both = {"ablation": ablation(), "ablation_full": ablation() | {"table": "ablation_full"}}
    assert len({claim.statement for claim in claims.claims(both)}) == 12


def test_claims_of_parts_that_do_not_help_fail():
    found = held("ablation", ablation(**{"base + bones + elevation": 30.0}))
    assert {statement for statement, holds in found.items() if not holds} == {
        "PCA helps, with elevation (table 5)", "Everything together is best (table 5)"
    }  # fmt: skip


@pytest.mark.parametrize(("error", "within"), [(47.0, True), (46.5, False)])
def test_a_gain_within_the_spread_of_seeds_is_unclear(error, within):
    """Both have a standard deviation of 1 mm; the other's mean is 48.1 mm."""
    results = ablation(**{"base + bones + PCA": error})
    assert held("ablation", results)["PCA helps, without elevation (table 5)"] is (None if within else True)
    assert ("| unclear |" in claims.markdown(claims.claims({"ablation": results}))) == within


def test_wrong_depths_prove_nothing_for_the_better_and_something_against_the_worse():
    results = ablation()
    for one in results["rows"]:
        if one["label"] == "base":
            one["metrics"]["depth_sign"] = "mixed"
    assert held("ablation", results)["Bones help (table 5)"]
    for one in results["rows"]:
        if one["label"] == "base + bones":
            one["metrics"]["depth_sign"] = "mirrored"
    assert not held("ablation", results)["Bones help (table 5)"]


@pytest.mark.parametrize(("best", "holds"), [(12, False), (16, True), (26, True), (32, False)])
def test_the_minimum_of_figure_4_is_that_of_the_means(best, holds):
    errors = {n: (20.0, 30.0) if n == best else (19.0, 40.0) for n in (12, 16, 26, 32)}
    results = {"rows": [row(f"{n} bases", errors[n][seed], seed) for seed in range(2) for n in errors]}
    assert claims.best_bases(results) == (best, 25.0)
    assert list(held("pca", results).values()) == [holds]


@pytest.mark.parametrize(("error", "holds"), [(27.0, True), (36.5, False)])
def test_without_noise_pca_has_to_help(error, holds):
    results = {"rows": [row(NO_NOISE, error), row(f"{NO_NOISE}, no PCA", 36.0), row("default", 26.0)]}
    assert list(held("settings", results).values()) == [holds]
    assert claims.claims({"settings": {"rows": results["rows"][:1]}}) == []


def test_there_are_no_claims_about_trainings_that_all_failed():
    assert claims.best_bases({"rows": [{"label": "4 bases", "metrics": {"failed": "x"}}]}) is None
    assert claims.claims({"pca": {"rows": [row("4 bases", 99.0, depth_sign="mixed")]}}) == []
    assert claims.claims({}) == []


def test_baselines_are_compared_with_elepose():
    names = [row_.label for row_ in TABLES["lines"].rows]
    fixed, supervised = (
        next(name for name in names if name.startswith(start)) for start in ("fixed", "supervised, ElePose")
    )
    rows = [row("ElePose", 24.0, n_mpjpe_mm=34.0), row(fixed, 31.0, n_mpjpe_mm=51.0), row(supervised, 27.3)]
    assert list(held("lines", {"rows": rows}).values()) == [True, False, True]
    assert not any(held("lines", {"rows": [row(supervised, 27.4)]}).values())


def detections(**changed):
    numbers = {"n_mpjpe_mm": 39.0, "elevation_correlation": 0.76, "depth_sign": "right"} | changed
    rows = [row(EXACT, 29.0 + 0.1 * seed, seed, **numbers) for seed in range(4)]
    rows += [row(DETECTIONS, 47.0 + 0.1 * seed, seed, **numbers | {"n_mpjpe_mm": 63.0}) for seed in range(4)]
    rows += [row(AT_FULL_LENGTH.format(EXACT), 24.0, **numbers)]
    rows += [row(f"S01 left out, {line}", error) for line, error in (("ElePose", 39.0), ("supervised", 30.0))]
    return {"rows": rows}


def test_good_trainings_from_detections_pass_every_claim():
    found = held("detections", detections())
    assert len(found) == 2 * 4 + 1 + 4 + 1 and all(found.values())


def test_each_bound_that_is_missed_fails_its_claim():
    results = detections(elevation_correlation=0.74)
    results["rows"][0]["metrics"]["pa_mpjpe_mm"] = 40.0  # Of a mean of 32.
    results["rows"][4]["metrics"]["depth_sign"] = "mixed"
    results["rows"][8]["metrics"]["elevation_correlation"] = 0.75
    results["rows"][9]["metrics"]["pa_mpjpe_mm"] = 39.1
    failed = {statement for statement, holds in held("detections", results).items() if not holds}
    assert failed == {
        "PA-MPJPE at most 30 mm (exact 2D)",
        "Predicted and true elevation correlate by at least 0.75 (exact 2D)",
        "PA-MPJPE spreads by less than 5 % (exact 2D)",
        "The sign of depth is right in every training (detections)",
        "S01, left out of training: at most 1.3 times the supervised error",
    }


def svmac(**changed):
    errors = {"without critic": 90.0, "n = 1": 70.9, "n = 3": 56.5, SUPERVISED_SHARE: 35.4} | changed
    rows = [row("n = 2", error, seed, depth_sign="right") for seed, error in enumerate((56.8, 57.0, 59.9))]
    return {"rows": rows + [row(label, error) for label, error in errors.items()]}


def test_table_4_of_svmac_holds():
    found = held("svmac", svmac())
    assert len(found) == 5 and all(found.values())


def test_results_that_contradict_table_4_of_svmac_fail_its_claims():
    results = svmac(**{"without critic": 70.0, "n = 3": 58.0, SUPERVISED_SHARE: 46.4})
    results["rows"][0]["metrics"]["depth_sign"] = "mixed"
    failed = {statement for statement, holds in held("svmac", results).items() if not holds}
    assert failed == {
        "SVMAC reaches 60 mm PA-MPJPE with the right sign, whatever the seed",
        "N = 1 is better than without critic (table 4 of SVMAC)",
    }
    results["rows"][0]["metrics"] = {"failed": "training stopped: the critic diverged"}
    results["rows"][3]["metrics"] = {"failed": "training stopped: the critic diverged"}
    found = held("svmac", results)
    assert not found["SVMAC reaches 60 mm PA-MPJPE with the right sign, whatever the seed"]
    assert found["N = 1 is better than without critic (table 4 of SVMAC)"]


@pytest.mark.parametrize(("name", "results", "count"), [("svmac", svmac(), 5), ("detections", detections(), 4)])
def test_every_claim_fails_when_all_trainings_failed(name, results, count):
    for one in results["rows"]:
        one["metrics"] = {"failed": "x"}
    found = held(name, results)
    assert len(found) == count and not any(found.values())


def test_uncertainty_needs_rank_correlation_and_gain():
    def results(spearman, kept):
        numbers = {"nll_pa_spearman": spearman, "pa_mpjpe_mm": 30.0, "pa_mpjpe_refused_20_mm": kept}
        return {"uncertainty": [{"label": RANDOM, **numbers}, {"label": "another", **numbers}]}

    assert list(held("uncertainty", results(0.35, 26.9)).values()) == [True, True]
    assert list(held("uncertainty", results(0.34, 27.1)).values()) == [False, False]


def test_a_claim_that_does_not_hold_stands_out():
    lines = claims.markdown([claims.Claim("A", "1 mm", True), claims.Claim("B", "2 mm", False)]).splitlines()
    assert lines[2:] == ["| A | 1 mm | yes |", "| B | 2 mm | **no** |"]
