"""docs/architecture.md: names every room, at the level that the import contracts give it, and nothing that is gone."""

import configparser
import pathlib
import re

import named_by
import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
_CONFIG = configparser.ConfigParser(interpolation=None)
_CONFIG.read(ROOT / "setup.cfg", encoding="utf-8")


def _rooms(heading):
    """{name: level} of the table below a heading."""
    section = TEXT.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    rows = re.findall(r"^\| (\d+) \| `(\w+)(/|\.py)` \| \S.* \|$", section, re.MULTILINE)
    assert len(rows) == section.count("\n| ") - 1, "a row that is not a room"
    return {(name, kind): int(level) for level, name, kind in rows}


@pytest.mark.parametrize(
    ("heading", "contract", "package"),
    [("## The rooms of tf_elepose", "layers", "tf_elepose"), ("### Within data", "data", "tf_elepose/data")],
)
def test_every_room_is_there_at_its_level(heading, contract, package):
    layers = _CONFIG[f"importlinter:contract:{contract}"]["layers"].strip().splitlines()
    expected = {
        (name.strip(), ".py" if (ROOT / package / f"{name.strip()}.py").is_file() else "/"): level
        for level, layer in enumerate(layers, 1)
        for name in layer.split("|")
    }
    assert _rooms(heading) == expected
    held = {path.stem for path in (ROOT / package).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert {name for name, _ in expected} == held - {"__init__"}


def _paths():
    """Files and folders that the page names, in code marks or in the drawing; METHOD stands for any."""
    named = set(re.findall(r"(?<![\w/])((?:\w+/)+(?:\w+\.\w+)?|\w+\.(?:py|cfg))(?![\w/])", TEXT))
    return sorted(path for path in named if "METHOD" not in path and "docs" not in path)


def test_every_path_exists():
    assert len(_paths()) > 50
    homes = (ROOT, ROOT / "tf_elepose", ROOT / "tf_elepose" / "data", ROOT / "docs")
    assert not [path for path in _paths() if not any((home / path).exists() for home in homes)]


def test_every_name_is_defined_where_the_page_says():
    names = re.findall(r"`([\w/]+\.py):(\w+)`", TEXT)
    assert len(names) > 15
    for path, name in names:
        assert name in named_by.defined(ROOT / "tf_elepose" / path), f"{path}:{name}"
