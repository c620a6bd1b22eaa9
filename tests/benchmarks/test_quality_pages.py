"""Claims: tables say what the results hold, and no page shows a number that no result file holds."""

import json
import re
import types

import pytest

from benchmarks import pages, quality

ROWS = [
    {"label": f"seed {seed}", "metrics": {"pa_mpjpe_mm": error, "training_seconds": 480.4}}
    for seed, error in enumerate((24.0, 27.0))
]


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_table_has_the_columns_that_were_measured_and_the_spread_of_seeds():
    lines = quality.markdown(ROWS).splitlines()
    assert cells(lines[0]) == ["", "PA-MPJPE, mm", "Training, s"]
    assert cells(lines[2]) == ["seed 0", "24.0", "480"]
    assert cells(lines[-2]) == ["mean", "25.5", "480.4"]
    assert cells(lines[-1]) == ["standard deviation", "2.1", "0.0"]  # sqrt(((-1.5)^2 + 1.5^2) / 1) = 2.12


def test_what_failed_is_shown_as_failed():
    lines = quality.markdown(
        [*ROWS, {"label": "no clipping", "metrics": {"failed": "depths are mirrored"}}]
    ).splitlines()
    assert any(cells(line)[:2] == ["no clipping", "failed"] for line in lines)


def test_wrong_depths_are_shown_with_their_verdict_and_left_out_of_the_mean():
    wrong = {"label": "seed 2", "metrics": {"pa_mpjpe_mm": 99.0, "depth_sign": "mirrored"}}
    lines = [cells(line) for line in quality.markdown([*ROWS, wrong]).splitlines()]
    assert lines[4] == ["seed 2 (mirrored)", "99.0", ""]
    assert lines[5][:2] == ["mean of the 2 right ones", "25.5"]


@pytest.fixture
def training(tmp_path, monkeypatch):
    """quality.train with a training that leaves `metrics` (None: no file) and ends as told."""

    def call(metrics, status, message=""):
        (tmp_path / "metrics.json").unlink(missing_ok=True)
        if metrics is not None:
            (tmp_path / "metrics.json").write_text(json.dumps(metrics))
        ended = types.SimpleNamespace(returncode=status, stderr=f"warning: x\n{message}\n")
        monkeypatch.setattr(quality.subprocess, "run", lambda *_, **__: ended)
        return quality.train(quality.Row("a row", "configs/cmu.py"), tmp_path)

    return call


def test_a_training_that_refuses_its_depths_is_a_result_and_any_other_error_stops(training):
    right, mirrored = {"pa_mpjpe_mm": 30.0, "depth_sign": "right"}, {"pa_mpjpe_mm": 99.0, "depth_sign": "mirrored"}
    refused = "error: the depths are mirrored: ..."
    assert training(right, 0) == right
    assert training(mirrored, 2, refused) == mirrored
    assert training(None, 2, refused) == training(right, 2, refused) == {"failed": refused}
    with pytest.raises(ValueError, match="a row: training ended with status 2: error: no such file"):
        training(mirrored, 2, "error: no such file")


def test_equal_trainings_share_a_folder_and_different_ones_do_not():
    rows = [row for table in quality.TABLES.values() for row in table]
    folders = {}
    for row in rows:
        changes = frozenset(row.overrides) - {"--config.seed=0"}
        folders.setdefault(quality.folder_of(row), set()).add((row.config, changes))
    assert all(len(trainings) == 1 for trainings in folders.values())
    assert quality.folder_of(quality.TABLES["seeds"][0]) == quality.folder_of(quality.TABLES["elevation"][0])


@pytest.mark.parametrize("page", pages.PAGES)
def test_a_page_shows_what_the_results_hold(page):
    text = (pages.ROOT / page).read_text(encoding="utf-8")
    assert pages.fill(text) == text, "run python -m benchmarks.pages"


def test_a_block_without_its_results_is_told():
    with pytest.raises(ValueError, match=r"results/nothing\.json: expected a file"):
        pages.fill("<!-- results: nothing -->\nold\n<!-- end -->")


def test_what_results_were_made_with_is_told_once_in_a_line():
    made = {"date": "2026-11-20T23:00:00+00:00", "hardware": "2 x A", "versions": {"keras": "3.15"}, "commit": "abc"}
    later = {**made, "date": "2026-11-21T01:00:00+00:00", "commit": "def+changes"}
    assert pages.made_with([made]) == "2026-11-20, 2 x A, keras 3.15, commit abc"
    assert (
        pages.made_with([made, later]) == "2026-11-20 to 2026-11-21, 2 x A, keras 3.15, commit abc, commit def+changes"
    )
    assert pages.made_with([]) == ""


def test_kills_are_shown_as_counted():
    results = {
        "kills": [{}, {}, {}], "kills_during_write": 2, "resumed": 1, "leftovers": ["a", "b", "c", "d"],
        "repeated_log_lines": 5, "largest_relative_difference": 3.21e-7, "memory_config": "c.py",
        "peak_memory_gb": 1.042,
    }  # fmt: skip
    rows = [cells(line) for line in pages.killed(results).splitlines()[2:]]
    assert [value for _, value in rows] == ["3", "2", "1", "4", "5", "3.2e-07", "1.04 GB"]
    assert "`c.py`" in rows[-1][0]


def test_every_result_says_when_and_on_what_it_was_made():
    results = sorted((pages.ROOT / "benchmarks" / "results").glob("*.json"))
    assert results
    for path in results:
        text = json.dumps(json.loads(path.read_text(encoding="utf-8")))
        for needed in ('"hardware"', '"versions"', '"date"'):
            assert needed in text, (path.name, needed)
        assert not re.search(r"NaN|Infinity", text)


def test_what_a_busy_machine_cannot_measure_may_be_missing_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    assert "python -m benchmarks.inference" in pages.block("inference")
    with pytest.raises(ValueError, match="convert"):
        pages.block("convert")
