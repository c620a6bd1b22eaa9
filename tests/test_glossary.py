"""docs/glossary.md names files, classes and attributes that are there, and each term once."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PACKAGE = ROOT / "tf_elepose"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/glossary.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| (?!Term)", line)
]


@pytest.fixture(scope="module")
def code() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_term_is_found_where_the_glossary_says(row, code):
    _, meaning, shape, home = row
    assert meaning and home
    for place in re.findall(r"`([\w/]+(?:/|\.py))`", home):
        assert (ROOT / place).exists() or (PACKAGE / place).exists(), place
    for name, attribute in re.findall(r"`([A-Z]\w+)(?:\.(\w+))?", f"{shape} {home}"):
        assert re.search(rf"^(class {name}\b|{name} =)", code, re.MULTILINE), name
        assert not attribute or re.search(rf"^    (def )?{attribute}\b", code, re.MULTILINE), attribute


def test_terms_are_there_once():
    terms = [term for row in ROWS for term in row[0].split(", ")]
    assert len(terms) > 40 and len(set(terms)) == len(terms)
