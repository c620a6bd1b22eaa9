"""Claims: the modules that pages, docstrings and programs in strings name exist, under these names."""

import importlib.util
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

TEXTS = sorted([
    *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/**/*.yaml"), *ROOT.glob("configs/*.py"),
    *ROOT.glob("benchmarks/**/*.py"), *ROOT.glob("benchmarks/**/*.md"), *ROOT.glob("export/**/*.py"),
    *ROOT.glob("export/**/*.md"),
])  # fmt: skip

IMPORTED = re.compile(r"^\s*from ((?:benchmarks|export|tf_elepose)[\w.]*) import", re.MULTILINE)
STARTED = re.compile(r"python -m ((?:benchmarks|export|tf_elepose)[\w.]*)\b")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_modules_exist(path):
    text = path.read_text(encoding="utf-8")
    # Modules that a page says how to write are not there yet: their file's name heads their block.
    written = {
        name.replace("/", ".").removesuffix(".__init__") for name in re.findall(r"^# ([\w/]+)\.py$", text, re.MULTILINE)
    }
    named = {*IMPORTED.findall(text), *STARTED.findall(text)} - written
    assert not [name for name in named if importlib.util.find_spec(name.rstrip(".")) is None]
