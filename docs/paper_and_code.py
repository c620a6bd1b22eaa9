"""Makes docs/paper_and_code.md: python docs/paper_and_code.py [--check]

The functions are found by the equations that their docstrings name ("Eq. 2: ...", "SVMAC (eq. 22 and 23)"). An equation
without a paper's name belongs to the paper named before it in the docstring, or to the first one that the module's
docstring names. Formulas, tests and notes are those of docs/paper_and_code.yaml.
"""

from __future__ import annotations

import ast
import functools
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "paper_and_code.md"
TABLE = ROOT / "docs" / "paper_and_code.yaml"

_NUMBERS = r"\d+(?:-\d+)?"
_MENTION = re.compile(rf"\beqs?\. ({_NUMBERS}(?:(?:, | and ){_NUMBERS})*)", re.IGNORECASE)

_HEAD = """# From the papers to the code

Made by `python docs/paper_and_code.py` from the equations that docstrings name and from `docs/paper_and_code.yaml`; a
test holds this page against both. Functions are `module:name` within `tf_elepose`. The last column has the tests, and
how each comes to the numbers that it compares with. A second version in float64 is one in `tests/reference/`: written
from the paper, in NumPy, without a call to the package. In formulas, norm is the Euclidean length, norm1 the sum of
absolute values, and normF the Frobenius norm.
"""


def equations(text: str) -> Iterator[tuple[int, int]]:
    """(place in the text, number) of every equation that it names; "eq. 5-7" names three."""
    for match in _MENTION.finditer(text):
        for part in re.findall(_NUMBERS, match[1]):
            first, _, last = part.partition("-")
            for number in range(int(first), int(last or first) + 1):
                yield match.start(), number


def implementations(papers: list[str], package: pathlib.Path) -> dict[tuple[str, int], list[str]]:
    """{(paper, equation): functions and classes "module:name" of a package whose docstrings name it}.

    Docstrings that begin with "Not in the paper" name equations only to say where they end.
    """
    found: dict[tuple[str, int], list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        of_module = _papers_named(ast.get_docstring(tree) or "", papers)
        for name, text in _docstrings(tree):
            if text.startswith("Not in the paper"):
                continue
            for place, number in equations(text):
                named = _papers_named(text[:place], papers)[-1:] or of_module[:1]
                for paper in named:
                    functions = found.setdefault((paper, number), [])
                    if f"{module}:{name}" not in functions:
                        functions.append(f"{module}:{name}")
    return found


def _papers_named(text: str, papers: list[str]) -> list[str]:
    """In the order of the text."""
    return re.findall(rf"\b({'|'.join(papers)})\b", text)


def _docstrings(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(qualified name, docstring) of the functions and classes in `node`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = f"{prefix}{child.name}"
            yield name, " ".join((ast.get_docstring(child) or "").split())
            yield from _docstrings(child, f"{name}.")


def page(table: dict[str, Any], root: pathlib.Path = ROOT) -> str:
    """The text of docs/paper_and_code.md.

    Raises:
      ValueError: an equation is missing on either side, is none of the paper's, or a test does not exist.
    """
    found = implementations(list(table), root / "tf_elepose")
    parts = [_HEAD]
    for paper, entry in table.items():
        count = entry["equations"]
        if unknown := sorted(number for name, number in found if name == paper and not 1 <= number <= count):
            raise ValueError(f"{paper} has equations 1 to {count}; docstrings name {unknown}: whose are they?")
        if missing := [number for number in range(1, count + 1) if number not in entry]:
            raise ValueError(f"{TABLE.name}: {paper}: no entry for equations {missing}")
        if missing := [number for number in range(1, count + 1) if (paper, number) not in found]:
            raise ValueError(f"{paper}: no docstring names equations {missing}")
        parts.append(f"## {paper}\n\n{entry['paper']}\n\n| Eq. | says | in the code | checked by |\n|---|---|---|---|")
        for number in range(1, count + 1):
            equation = entry[number]
            code = "<br>".join(_function(function) for function in found[paper, number])
            tests = "<br>".join(f"{route}: {_test(test, root)}" for route, test in equation["checks"])
            parts.append(f"| {number} | `{equation['formula'].replace('|', chr(92) + '|')}` | {code} | {tests} |")
        notes = [f"- Eq. {n}: {entry[n]['note']}" for n in range(1, count + 1) if "note" in entry[n]]
        parts.append("\n".join(["\nWhere the code says it otherwise:\n", *notes]) + "\n")
    return "\n".join(parts)


def _function(function: str) -> str:
    module, _, name = function.partition(":")
    return f"[`{module}:{name}`](../tf_elepose/{module.replace('.', '/')}.py)"


def _test(test: str, root: pathlib.Path) -> str:
    path, _, name = test.partition("::")
    if name not in _tests_of(root / path):
        raise ValueError(f"{TABLE.name}: no test {test}")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{path})"


@functools.cache
def _tests_of(file: pathlib.Path) -> set[str]:
    """Names of its functions; none where there is no such file."""
    if not file.is_file():
        return set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def main(arguments: list[str]) -> int:
    made = page(yaml.safe_load(TABLE.read_text(encoding="utf-8")))
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == made:
        print("up to date")
        return 0
    if arguments == ["--check"]:
        print(f"{PAGE.name} is not what the code says; run python docs/paper_and_code.py", file=sys.stderr)
        return 1
    PAGE.write_text(made, encoding="utf-8")
    print(f"written: {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
