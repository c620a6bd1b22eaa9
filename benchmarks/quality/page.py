"""docs/results.md, the comparison of methods: results_page.md filled with results; no number is typed by hand."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.quality import claims, shown
from benchmarks.quality.tables import TABLES
from benchmarks.quality.training import expected
from tf_elepose.storage import files

_TEMPLATE = pathlib.Path(__file__).with_name("results_page.md")

_PLACE = re.compile(r"\{\{(results|figure) (\w+)(?:: ([^}]*))?\}\}|\{\{(claims|papers|why not)\}\}")


def page(root: pathlib.Path, block: Callable[[str], str]) -> str:
    """The text of docs/results.md.

    Args:
      root: the repository's folder; results and figures are in its benchmarks/results.
      block: gives the table of benchmarks/results/NAME.json and the line below it.
    """
    folder = root / "benchmarks" / "results"
    loaded = {name: folder / f"quality_{name}.json" for name in claims.TABLES_USED}
    results = {name: files.read_json(path) for name, path in loaded.items() if path.exists()}

    def fill(place: re.Match[str]) -> str:
        kind, name, caption, alone = place.groups()
        if kind == "results":
            return block(name) if (folder / f"{name}.json").exists() else _not_yet(name)
        if kind == "figure":
            path = f"benchmarks/results/figures/quality_{name}.png"
            return f"![{caption}](../{path})\n\n*{caption}*" if (root / path).exists() else ""
        if alone == "claims":
            made = claims.claims(results)
            return claims.markdown(made) if made else "No claim was measured from a commit yet."
        return _papers(root, folder, block) if alone == "papers" else why_not(results)

    text = _PLACE.sub(lambda place: fill(place).strip("\n"), _TEMPLATE.read_text(encoding="utf-8"))
    return re.sub(r"\n{3,}", "\n\n", text)


def why_not(results: Mapping[str, Any]) -> str:
    """A paragraph that explains a minimum of figure 4 outside `claims.BASES_RANGE`; "" when it is inside or unknown."""
    best = claims.best_bases(results["pca"]) if "pca" in results else None
    low, high = claims.BASES_RANGE
    if best is None or low <= best[0] <= high:
        return ""
    return (
        f"The minimum, at {best[0]} bases, lies outside {low} to {high}. A likely reason, not tested by itself: the\n"
        "paper's flow fails on directions of hardly any variance, whose densities have no bounds. Here the prior is\n"
        "trained on whitened latents, with noise of a tenth of their deviation (`prior.noise`), which bounds them."
    )


def _not_yet(name: str) -> str:
    command = f"python -m benchmarks.quality --table={name.removeprefix('quality_')} --output=DIR"
    return f"Not measured from a commit yet: `{command}`."


def _papers(root: pathlib.Path, folder: pathlib.Path, block: Callable[[str], str]) -> str:
    """The papers' numbers on their own data, and the tables that were measured on these data."""
    rows = {(name, row.label): row.config for name, table in TABLES.items() if table.own_data for row in table.rows}
    numbers = {place: expected(str(root / config)) for place, config in rows.items()}
    keys = [key for key in TABLES["h36m"].columns if any(key in reported for reported in numbers.values())]
    heads = " | ".join(shown.COLUMNS[key][0] for key in keys)
    lines = [f"| The papers | {heads} |", "|---" * (len(keys) + 1) + "|"]
    for (name, label), reported in numbers.items():
        cells = [f"{reported[key]:.1f}" if key in reported else "" for key in keys]
        lines.append(f"| `{name}`, {label} | {' | '.join(cells)} |")
    measured = dict.fromkeys(name for name, _ in rows if (folder / f"quality_{name}.json").exists())
    return "\n\n".join(["\n".join(lines), *(block(f"quality_{name}") for name in measured)])
