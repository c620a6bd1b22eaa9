"""Put measured numbers into the pages that show them: python -m benchmarks.pages [--check]

A page says `<!-- results: NAME -->` ... `<!-- end -->`; what stands between is made from
benchmarks/results/NAME.json. No number there is typed by hand.
"""

from __future__ import annotations

import json
import pathlib
import re

from absl import flags

from benchmarks import quality
from tf_elepose import commands, files

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/results.md", "docs/training.md")
_BLOCK = re.compile(r"(<!-- results: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def define_flags() -> None:
    flags.DEFINE_boolean("check", False, "Only say whether the pages are up to date.")


def main(argv: list[str]) -> int:
    del argv
    outdated = []
    for page in PAGES:
        path = ROOT / page
        text = path.read_text(encoding="utf-8")
        made = fill(text)
        if made != text:
            outdated.append(page)
            if not flags.FLAGS.check:
                files.write_text(path, made)
    if outdated and flags.FLAGS.check:
        raise ValueError(f"{', '.join(outdated)}: not what benchmarks/results says; run python -m benchmarks.pages")
    print("up to date" if not outdated else f"written: {', '.join(outdated)}")
    return 0


def fill(text: str) -> str:
    """`text` with every block made anew from its results."""
    return _BLOCK.sub(lambda match: match[1] + block(match[2]) + match[4], text)


def block(name: str) -> str:
    """What results `name` look like on a page."""
    results = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))
    if "table" in results:
        made = next((row["metrics"] for row in results["rows"] if "hardware" in row["metrics"]), {})
        versions = ", ".join(f"{key} {value}" for key, value in made.get("versions", {}).items())
        source = f"{made['date'][:10]}, {made['hardware']}, {versions}, commit {results['commit']}" if made else ""
        return f"{quality.markdown(results['rows'])}\n\n{source}\n"
    raise ValueError(f"benchmarks/results/{name}.json: no page knows how to show it")


if __name__ == "__main__":
    commands.run(main, define_flags)
