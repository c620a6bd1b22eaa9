"""docs/extending.md: its examples, put into a copy of the program, run and pass the tests of all others."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import named_by
import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n# ([\w/]+\.py)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
FILES = {path: text for path, text in BLOCKS if not (ROOT / path).exists()}
CHANGES = {path: re.split(r"\n{2,}", text.strip("\n")) for path, text in BLOCKS if (ROOT / path).exists()}

# {file: what stands in it behind each of the pieces that the page adds}; of a line that it changes, the beginning.
BEHIND = {
    "tf_elepose/methods/registry.py": ['}\n"""{name of the method'],
    "tf_elepose/data/sources.py": ['}\n"""{FORMAT'],
    "tf_elepose/outputs/registry.py": ['}\n"""{suffix'],
    "tf_elepose/methods/elepose.py": ["TERMS = ", "    def loss_terms(", "        }\n        return {name: terms"],
    "tf_elepose/recipes/elepose/config.py": ["        likelihood=1.0, "],
    "tf_elepose/evaluation/metrics.py": ["def cps("],
    "tf_elepose/evaluation/evaluation.py": [
        "    elevation: np.ndarray | None = None\n    true",
        '        "cps": metrics.cps(',
    ],
    "tf_elepose/evaluation/measures.py": ['    Measure(\n        "depth_correlation"'],
    "tests/reference/elepose_float64.py": [
        "        terms = {name: [] for name in (",
        '            terms["elevation"].append(',
    ],
    "tests/reference/small_models.py": ["from tf_elepose.skeleton.anthropometry", "def small_distilled_objective("],
    "tests/conformance/test_methods.py": [
        "    # One critic step:",
        '    "svmac": lambda: small_models.small_svmac_objective(noise=0.05, completer',
    ],
    "tests/golden/make_golden.py": ["}  # fmt: skip\nCAMERAS"],
}

# Trains, measures, reads and writes with what was added, in one process.
RUN = '''
"""The page's commands, on little data."""

import pytest
from in_process import Command
from samples import dots

from tf_elepose import convert, lift, train


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return tmp_path_factory.mktemp("linear")


def test_the_method_trains_and_the_metric_is_shown(monkeypatch, capsys, workdir):
    command = Command(train, monkeypatch, capsys, tensorflow=True)
    small = [f"--option={option}" for option in ("subjects=4", "takes=1", "frames=8", "cameras=2")]
    loop = ("--config.lifter.batch_size=32", "--config.lifter.epochs=20.0", "--config.strategy=one_device")
    status, out, err = command("--config=configs/linear.py", f"--workdir={workdir}", *small, *loop)
    assert status == 0, err
    assert "Worst joint" in out and "worst_joint_mm" in (workdir / "metrics.json").read_text()


def test_the_format_is_read_and_the_output_written(monkeypatch, capsys, tmp_path, workdir):
    source, _ = dots.write(tmp_path)
    command = Command(convert, monkeypatch, capsys, positional=True)
    status, out, _ = command(source, f"--output={tmp_path / 'views.npz'}")
    assert status == 0 and "poses: 6" in out
    command = Command(lift, monkeypatch, capsys, positional=True)
    status, out, err = command(source, f"--model={workdir}", f"--output={tmp_path / 'poses.xyz'}", "--option=check=off")
    assert status == 0, err
    lines = (tmp_path / "poses.xyz").read_text().splitlines()
    assert len(lines) == 17 * int(out.split()[1]) > 0 and lines[0].startswith("walk\\t0\\t0\\troot\\t")
'''


def _put(text, piece, behind):
    """`text` with `piece` before `behind`, or in the place of a line that begins as the piece does."""
    assert text.count(behind) == 1, behind
    before, after = text.split(behind)
    if piece.startswith(behind):
        return f"{before}{piece}\n{after.partition(chr(10))[2]}"
    gap = "\n\n\n" if piece.startswith("def ") else "\n\n" if piece.startswith("    def ") else "\n"
    return f"{before}{piece}{gap}{behind}{after}"


def test_every_example_has_its_place():
    assert len(FILES) == 10 and set(CHANGES) == set(BEHIND)
    assert "tf_elepose/recipes/linear/run.py" in FILES


def test_names_are_defined_where_the_page_says():
    names = re.findall(r"`([\w/]+\.py):(\w+)`", TEXT)
    assert len(names) > 8
    for path, name in names:
        assert name in named_by.defined(ROOT / "tf_elepose" / path), f"{path}:{name}"


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the program with all that the page adds."""
    copy = tmp_path_factory.mktemp("extended")
    for folder in ("tf_elepose", "tests", "configs"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("models", "workdir"))
    shutil.copy(ROOT / "setup.cfg", copy)
    for path, text in FILES.items():
        (copy / path).parent.mkdir(exist_ok=True)
        (copy / path).write_text(text, encoding="utf-8")
    for path, pieces in CHANGES.items():
        text = (copy / path).read_text(encoding="utf-8")
        for piece, behind in zip(pieces, BEHIND[path], strict=True):
            text = _put(text, piece, behind)
        (copy / path).write_text(text, encoding="utf-8")
    (copy / "tests" / "test_added.py").write_text(RUN, encoding="utf-8")
    return copy


def test_the_examples_run_and_pass_the_tests_of_all_others(extended):
    tests = ("test_added.py", "conformance", "methods/test_elepose.py", "data/readers/test_fuzz.py")
    wanted = "test_added or linear or every_term or dots or every_method_is or every_objective_is"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "-k", wanted, *(f"tests/{name}" for name in tests)],
        cwd=extended, env={**os.environ, "PYTHONPATH": str(extended)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 25
