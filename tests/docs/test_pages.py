"""Pages for those who carry the work on: links lead somewhere, commands and files exist, records are whole."""

import importlib.util
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "export").rglob("*.md"))
)
OURS = [
    "CONTRIBUTING.md", "docs/architecture.md", "docs/extending.md",
    *(page for page in PAGES if page.startswith("docs/decisions/")),
]  # fmt: skip
RECORDS = [page for page in OURS if page.startswith("docs/decisions/") and not page.endswith("README.md")]
HOMES = ("", "tf_elepose", "tf_elepose/data")
PARTS = ["Context", "Decision", "Why", "What would change our mind"]


def _text(page):
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_that_are_there(page):
    links = re.findall(r"\]\(([^)\s]+)\)", _text(page))
    local = [link.partition("#")[0] for link in links if not re.match(r"https?:|mailto:|#", link)]
    assert not [link for link in local if not ((ROOT / page).parent / link).exists()]


@pytest.mark.parametrize("page", ["README.md", *(page for page in PAGES if page.startswith("docs/"))])
def test_configs_and_settings_that_a_page_names_exist(page):
    for name, settings in re.findall(r"--config=(configs/\w+\.py)((?: --config\.[\w.]+=\S+)*)", _text(page)):
        if page == "docs/extending.md" and name in _text(page).replace(f"--config={name}", ""):
            continue  # The page says how to write it.
        spec = importlib.util.spec_from_file_location("named_config", ROOT / name)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for setting in re.findall(r"--config\.([\w.]+)=", settings):
            place = module.get_config()
            for part in setting.split("."):
                place = place[part]


@pytest.mark.parametrize("page", OURS)
def test_files_and_commands_of_a_page_exist(page):
    text = _text(page)
    files = re.findall(r"`((?:\w+/)+(?:[\w.]+\.\w+)?)`", text)
    assert not [file for file in files if not any((ROOT / home / file).exists() for home in HOMES)]
    for module in re.findall(r"python -m ((?:tf_elepose|benchmarks|export)[\w.]*\w)", text):
        assert importlib.util.find_spec(module), module


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_what_is_to_be_made_can_be_made():
    targets = sorted(set(re.findall(r"`make ([\w-]+)", _text("CONTRIBUTING.md"))))
    assert "test" in targets and len(targets) > 3
    for target in targets:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("page", RECORDS)
def test_a_record_has_its_parts_and_is_short(page):
    assert re.findall(r"^\*\*([\w ]+)\.\*\* ", _text(page), re.MULTILINE) == PARTS
    assert len(_text(page).split()) < 500


def test_every_record_is_listed():
    listed = re.findall(r"^\| \[(\w+\.md)\]\(\1\) \| \S", _text("docs/decisions/README.md"), re.MULTILINE)
    assert sorted(listed) == sorted(pathlib.Path(page).name for page in RECORDS) and len(RECORDS) > 5
