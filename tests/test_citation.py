"""CITATION.cff: valid, and of this version."""

import pathlib

import yaml

import tf_elepose

CITATION = pathlib.Path(__file__).parent.parent / "CITATION.cff"


def test_the_citation_has_what_its_format_asks_for():
    citation = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert citation["version"] == tf_elepose.__version__
    for work in (citation, *citation["references"]):
        for author in work["authors"]:
            assert set(author) in ({"name"}, {"family-names", "given-names"})


def test_the_paper_is_the_one_that_the_method_names():
    (paper,) = yaml.safe_load(CITATION.read_text(encoding="utf-8"))["references"]
    head = " ".join((CITATION.parent / "tf_elepose/methods/elepose.py").read_text(encoding="utf-8")[:500].split())
    authors = ", ".join(author["family-names"] for author in paper["authors"])
    assert paper["type"] == "conference-paper"
    assert f'{authors}: "{paper["title"]}", CVPR {paper["year"]}' in head
