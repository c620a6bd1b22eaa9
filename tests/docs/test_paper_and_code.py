"""docs/paper_and_code.md: made from docstrings and a table, and complete."""

import copy
import importlib.util
import pathlib

import pytest
import yaml

ROOT = pathlib.Path(__file__).parent.parent.parent
_SPEC = importlib.util.spec_from_file_location("paper_and_code", ROOT / "docs" / "paper_and_code.py")
maker = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(maker)

NUMBERED = {"ElePose": 13, "CanonPose": 9, "SVMAC": 24}
"""How many equations the papers have, counted there."""


@pytest.fixture
def table():
    return yaml.safe_load(maker.TABLE.read_text(encoding="utf-8"))


def test_the_page_is_what_docstrings_and_table_say(table):
    assert maker.PAGE.read_text(encoding="utf-8") == maker.page(table), "run python docs/paper_and_code.py"


def test_every_equation_of_the_papers_has_its_row(table):
    assert {paper: entry["equations"] for paper, entry in table.items()} == NUMBERED
    rows = [line for line in maker.PAGE.read_text(encoding="utf-8").splitlines() if line[:3].strip("| ").isdigit()]
    assert len(rows) == sum(NUMBERED.values())


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Eq. 2: the pose", [2]),
        ("eq. 5-7 and more", [5, 6, 7]),
        ("(Eqs. 1, 3-4 and 9)", [1, 3, 4, 9]),
        ("Eq. 12: 3 cameras, eq. 13: 2", [12, 13]),
        ("seq. 4, equation 5, 6", []),
    ],
)
def test_equations_are_read_out_of_text(text, numbers):
    assert [number for _, number in maker.equations(text)] == numbers


def test_an_equation_belongs_to_the_paper_named_before_it(tmp_path):
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "one.py").write_text(
        '"""CanonPose, after ElePose."""\n'
        'def plain():\n    """Eq. 1 of views."""\n'
        'def named():\n    """As eq. 2; ElePose eq. 3 and\n    eq. 4; SVMAC (eq. 5)."""\n'
        'class Kind:\n    """No number."""\n    def inner(self):\n        """Eq. 1."""\n'
        'def beyond():\n    """Not in the paper, which ends with eq. 6."""\n',
        encoding="utf-8",
    )
    (tmp_path / "filters.py").write_text('"""Of nobody here."""\ndef f():\n    """Eq. 6 of it."""\n', encoding="utf-8")
    assert maker.implementations(list(NUMBERED), tmp_path) == {
        ("CanonPose", 1): ["methods.one:plain", "methods.one:Kind.inner"],
        ("CanonPose", 2): ["methods.one:named"],
        ("ElePose", 3): ["methods.one:named"],
        ("ElePose", 4): ["methods.one:named"],
        ("SVMAC", 5): ["methods.one:named"],
    }


def test_what_is_missing_is_named(table):
    without = copy.deepcopy(table)
    del without["CanonPose"][4]
    with pytest.raises(ValueError, match=r"paper_and_code\.yaml: CanonPose: no entry for equations \[4\]"):
        maker.page(without)
    shorter = copy.deepcopy(table)
    shorter["SVMAC"]["equations"] = 22
    with pytest.raises(ValueError, match=r"SVMAC has equations 1 to 22; docstrings name \[23, 24\]: whose are they"):
        maker.page(shorter)
    longer = copy.deepcopy(table)
    longer["ElePose"] |= {"equations": 14, 14: longer["ElePose"][13]}
    with pytest.raises(ValueError, match=r"ElePose: no docstring names equations \[14\]"):
        maker.page(longer)


@pytest.mark.parametrize("test", ["tests/test_geometry.py::test_nothing", "tests/test_nowhere.py::test_center"])
def test_a_test_that_does_not_exist_is_named(table, test):
    table["ElePose"][3]["checks"][0][1] = test
    with pytest.raises(ValueError, match=f"no test {test}"):
        maker.page(table)


def test_the_command_tells_an_old_page(tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    page.write_text("old", encoding="utf-8")
    monkeypatch.setattr(maker, "PAGE", page)
    assert maker.main(["--check"]) == 1 and page.read_text(encoding="utf-8") == "old"
    assert "run python docs/paper_and_code.py" in capsys.readouterr().err
    assert maker.main([]) == 0 and page.read_text(encoding="utf-8").startswith("# From the papers to the code")
    assert maker.main(["--check"]) == 0 and capsys.readouterr().out.endswith("up to date\n")
