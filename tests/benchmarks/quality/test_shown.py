"""Claims: tables show the numbers of the results."""

import csv
import io

from benchmarks.quality import shown

SEEDS = [
    {"label": f"seed {seed}", "config": "c.py", "overrides": [], "metrics": {"pa_mpjpe_mm": error, **seconds}}
    for seed, error, seconds in ((0, 24.0, {"training_seconds": 480.4}), (1, 27.0, {"training_seconds": 480.4}))
]


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def table(rows, name="seeds"):
    return [cells(line) for line in shown.markdown({"table": name, "rows": rows}).splitlines()]


def row(label, seed=0, **metrics):
    return {"label": label, "config": "c.py", "overrides": ["--config.a=1"], "seed": seed, "metrics": metrics}


def test_a_table_has_the_columns_that_were_measured_and_the_spread_of_seeds():
    lines = table(SEEDS)
    assert lines[0] == ["", "PA-MPJPE, mm", "Training, s"]
    assert lines[2] == ["seed 0", "24.0", "480"]
    assert lines[-2] == ["mean", "25.5", "480.4"]
    assert lines[-1] == ["standard deviation", "2.1", "0.0"]  # sqrt(((-1.5)^2 + 1.5^2) / 1) = 2.12


def test_failed_rows_are_shown_as_failed():
    lines = table([*SEEDS, row("no clipping", failed="depths are mirrored")])
    assert ["no clipping", "failed", ""] in lines


def test_wrong_depths_are_shown_with_their_verdict_and_left_out_of_the_mean():
    lines = table([*SEEDS, row("seed 2", pa_mpjpe_mm=99.0, depth_sign="mirrored")])
    assert lines[4] == ["seed 2 (mirrored)", "99.0", ""]
    assert lines[5][:2] == ["mean of the 2 right ones", "25.5"]


def test_seeds_of_one_label_become_their_mean_and_deviation():
    rows = [row("full", seed, pa_mpjpe_mm=error, pck_150=90.0) for seed, error in enumerate((24.0, 27.0, 30.0))]
    lines = table([*rows, row("base", pa_mpjpe_mm=50.0)], "ablation")
    assert lines[2:] == [["full (3 seeds)", "27.0 ± 3.0", "90.0"], ["base", "50.0", ""]]


def test_seeds_that_failed_are_counted_and_not_averaged():
    wrong = row("full", 2, pa_mpjpe_mm=99.0, depth_sign="mixed")
    lines = table([row("full", 0, pa_mpjpe_mm=24.0), row("full", 1, pa_mpjpe_mm=26.0), wrong], "ablation")
    assert lines[2] == ["full (2 of 3 seeds, the others failed)", "25.0 ± 1.4"]
    assert table([row("full", 0, failed="x"), wrong], "ablation")[2] == ["full (2 seeds)", "failed"]


def test_a_papers_numbers_stand_below_ours():
    measured = row("exact 2D", pa_mpjpe_reflected_mm=40.0, n_mpjpe_norm_ratio_mm=70.0, cps_unaligned=190.0)
    lines = table([{**measured, "expected": {"pa_mpjpe_reflected_mm": 36.7, "cps_unaligned": 196.1}}], "h36m")
    assert lines[0] == ["", "PA-MPJPE, mirror allowed, mm", "N-MPJPE, norm ratio, mm", "CPS, not aligned, mm"]
    assert lines[2:] == [["exact 2D", "40.0", "70.0", "190.0"], ["exact 2D, the paper", "36.7", "", "196.1"]]


def test_shares_are_shown_in_percent():
    assert table([row("16 bases", prior_variance_share=0.99857)], "pca")[2] == ["16 bases", "99.86"]


def test_a_csv_has_a_line_a_training_and_every_number():
    rows = [row("full", 1, pa_mpjpe_mm=24.25, by_action={"walk": {}}), row("base", cps=200.0, depth_sign="right")]
    read = list(csv.DictReader(io.StringIO(shown.table_csv({"table": "ablation", "rows": rows}))))
    assert [line["label"] for line in read] == ["full", "base"]
    assert read[0] == {
        "label": "full", "seed": "1", "config": "c.py", "overrides": "--config.a=1", "pa_mpjpe_mm": "24.25", "cps": "",
        "depth_sign": "",
    }  # fmt: skip
