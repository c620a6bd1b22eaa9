"""Claims: docs/results.md is made from the results, and names missing ones."""

import json
import pathlib
import re

import pytest

from benchmarks import pages
from benchmarks.quality import page

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path):
    """A repository with the configs of this one and no results."""
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    (tmp_path / "benchmarks" / "results" / "figures").mkdir(parents=True)
    return tmp_path


def put(root, name, rows):
    path = root / "benchmarks" / "results" / f"{name}.json"
    path.write_text(json.dumps({"table": name.removeprefix("quality_"), "rows": rows}))


def test_the_page_in_the_repository_is_up_to_date():
    made = page.page(ROOT, pages.block)
    assert (ROOT / "docs" / "results.md").read_text(encoding="utf-8") == made, "run python -m benchmarks.pages"
    assert "{{" not in made


def test_without_results_the_page_says_how_to_make_them(root):
    made = page.page(root, lambda name: f"<{name}>")
    assert made.count("Not measured from a commit yet") >= 8 and "![" not in made and "{{" not in made
    assert "`python -m benchmarks.quality --table=ablation --output=DIR`" in made
    assert "| `h36m`, exact 2D | 36.7 |  | 64.0 |  |  |  |  | 196.1 |" in made  # Table 1.
    assert "| `3dpw`, exact 2D | 64.1 |  | 93.0 | 81.5 | 51.5 |  |  | 120.3 |" in made  # Table 3.


def test_results_and_figures_stand_where_they_belong(root):
    metrics = {"pa_mpjpe_mm": 24.0}
    put(root, "quality_seeds", [{"label": "seed 0", "metrics": metrics}])
    put(root, "quality_h36m", [{"label": "exact 2D", "metrics": metrics}])
    (root / "benchmarks" / "results" / "figures" / "quality_pca.png").write_bytes(b"")
    made = page.page(root, lambda name: f"<{name}>\n")
    assert re.search(r"## Seeds\n\n[^#]*<quality_seeds>\n\n##", made)
    assert re.search(r"## The paper's own data sets[^#]*\n\n<quality_h36m>\n\n##", made)
    assert re.search(r"## How many PCA bases[^#]*!\[[^]]+\]\(\.\./benchmarks/results/figures/quality_pca\.png\)", made)


@pytest.mark.parametrize(("best", "said"), [(26, False), (32, True), (8, True)])
def test_a_minimum_elsewhere_is_explained(root, best, said):
    rows = [{"label": f"{n} bases", "metrics": {"pa_mpjpe_mm": 30.0 - 5.0 * (n == best)}} for n in (8, 26, 32)]
    put(root, "quality_pca", rows)
    made = page.page(root, lambda name: f"<{name}>")
    assert (f"The minimum, at {best} bases, lies outside 15 to 30" in made) == said
    assert f"| {best} bases, 25.0 mm | {'**no**' if said else 'yes'} |" in made
