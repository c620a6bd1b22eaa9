"""Claims: no page shows a number that no result file holds."""

import json
import re

import pytest

from benchmarks import pages


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("page", pages.PAGES)
def test_a_page_shows_what_the_results_hold(page):
    text = (pages.ROOT / page).read_text(encoding="utf-8")
    assert pages.fill(text) == text, "run python -m benchmarks.pages"


def test_a_block_without_results_is_an_error_with_the_file():
    with pytest.raises(ValueError, match=r"results/nothing\.json: expected a file"):
        pages.fill("<!-- results: nothing -->\nold\n<!-- end -->")


def test_the_line_below_a_table_names_each_version_once():
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


def test_only_results_that_need_a_quiet_machine_may_be_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    assert "python -m benchmarks.inference" in pages.block("inference")
    with pytest.raises(ValueError, match="convert"):
        pages.block("convert")
