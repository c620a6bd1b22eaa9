"""Every reader on thousands of damaged files: python -m benchmarks.robustness.fuzz_readers --mutations=2000

A sample of every format is damaged in a way that depends only on the seed, and read in its own process. Claim: the
result is a recording of finite numbers, or one line that names the file; within 5 s; with at most 4 times the files'
size and 200 MB more memory than the idle process. Writes benchmarks/results/fuzz_readers.json; exit status 1 when the
claim does not hold. `python tests/reference/fuzzing.py FORMAT SEED` reproduces a finding.
"""

from __future__ import annotations

import dataclasses
import importlib
import pathlib
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from absl import flags

from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.storage import files


def define_flags() -> None:
    flags.DEFINE_integer("mutations", 2000, "Number of damaged files of each format.", lower_bound=1)
    flags.DEFINE_integer("first_seed", 0, "Seed of the first file; the seeds of the others follow.", lower_bound=0)
    flags.DEFINE_list("formats", [], "Formats to read; all of them when empty.")
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "reference"))
    fuzzing = importlib.import_module("fuzzing")
    from tf_elepose.data.sources import READERS

    options = flags.FLAGS
    if unknown := sorted(set(options.formats) - set(READERS)):
        raise ValueError(f"--formats: unknown {', '.join(unknown)}; expected some of {', '.join(READERS)}")
    seeds = range(options.first_seed, options.first_seed + options.mutations)
    rows, findings = [], []
    for name in options.formats or READERS:
        with tempfile.TemporaryDirectory() as folder:
            found, numbers = fuzzing.fuzz(name, pathlib.Path(folder), seeds)
        rows.append({"format": name, **numbers})
        print(rows[-1])
        for finding in found:
            print(f"  seed {finding.seed}: {finding.mutation}: {finding.kind}: {finding.detail}")
        findings += [dataclasses.asdict(finding) for finding in found]
    results = pathlib.Path(options.results)
    results.mkdir(parents=True, exist_ok=True)
    made = {"mutations": options.mutations, "first_seed": options.first_seed, "rows": rows, "findings": findings}
    files.write_json(results / "fuzz_readers.json", made | provenance())
    return 1 if findings else 0


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table."""
    count = results["mutations"]
    lines = [
        f"| {count:,} damaged files of each | read | refused | anything else | slowest, s | memory over idle, MB |",
        "|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        cells = [f"{row['accepted']:,}", f"{row['refused']:,}", f"{row['findings']}", f"{row['slowest_s']:.2f}"]
        lines.append("| " + " | ".join([row["format"], *cells, f"{row['peak_mb']:.0f}"]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    commands.run(main, define_flags)
