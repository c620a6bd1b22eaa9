"""Claims: tables say what the results hold, and no page shows a number that no result file holds."""

import json
import re

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


def test_every_result_says_when_and_on_what_it_was_made():
    results = sorted((pages.ROOT / "benchmarks" / "results").glob("*.json"))
    assert results
    for path in results:
        text = json.dumps(json.loads(path.read_text(encoding="utf-8")))
        for needed in ('"hardware"', '"versions"', '"date"', '"commit"'):
            assert needed in text, (path.name, needed)
        assert not re.search(r"NaN|Infinity", text)
