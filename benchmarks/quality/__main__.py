"""The papers' tables and figures: python -m benchmarks.quality --table=NAME --output=DIR [--data=SOURCE] [--quick]

Trains every row of a table with the command a user would type, one after the other, and writes what came out as JSON,
CSV and Markdown, each row with date, hardware, versions and commit. Rows that are already trained in DIR are not
trained again; stopped in the middle of one, the same command goes on there. `--table=all` is every table whose data
is here.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags

from benchmarks.quality import figures, shown, training, uncertainty
from benchmarks.quality.tables import TABLES, Row
from tf_elepose import commands, files

UNCERTAINTY = "uncertainty"
"""The table that trains nothing of its own: what the first of `seeds` knows of its errors."""

QUICK_ROWS = 5
"""Of each table in a rehearsal: enough for every configuration of the ablation, and all tables in ten minutes."""


def define_flags() -> None:
    flags.DEFINE_enum("table", None, [*sorted(TABLES), UNCERTAINTY, "all"], "Which table.", required=True)
    flags.DEFINE_string("data", None, "SOURCE to train and test on; each config's own when not given.")
    flags.DEFINE_string("output", None, "Folder for the runs.", required=True)
    flags.DEFINE_string("results", None, "Folder for what comes out; benchmarks/results, or DIR/results with --quick.")
    flags.DEFINE_integer("seeds", None, "Only so many seeds of each row; all that the table has when not given.")
    flags.DEFINE_boolean("finished", False, "Only rows whose training in --output has ended; trains nothing.")
    flags.DEFINE_boolean(
        "quick", False, f"At toy size, and of each table {QUICK_ROWS} rows at most, to see that it runs; means nothing."
    )


def main(argv: list[str]) -> int:
    del argv
    options = flags.FLAGS
    if options.seeds is not None and options.seeds < 1:
        raise ValueError(f"--seeds={options.seeds}: expected at least 1")
    output = pathlib.Path(options.output)
    written = pathlib.Path(options.results or (output / "results" if options.quick else "benchmarks/results"))
    chosen = [options.table]
    if options.table == "all":
        chosen = [*(name for name, table in TABLES.items() if not table.own_data), UNCERTAINTY]
    for name in chosen:
        seeds = options.seeds or (1 if options.quick else None)
        rows = prepared("seeds" if name == UNCERTAINTY else name, data=options.data, quick=options.quick, seeds=seeds)
        if options.finished:
            rows = [row for row in rows if (output / training.folder_of(row) / "metrics.json").exists()]
            if not rows:
                print(f"{name}: left out, none of its trainings in {output} has ended", flush=True)
                continue
        if name == UNCERTAINTY:
            write_uncertainty(rows[0], output, written)
        else:
            write(measured(name, rows, output, training.finished if options.finished else training.train), written)
    return 0


def prepared(name: str, *, data: str | None = None, quick: bool = False, seeds: int | None = None) -> list[Row]:
    """The rows of a table as they are to be trained: on other `data`, at toy size, only of the first `seeds`."""
    table = TABLES[name]
    rows = [row for row in table.rows if seeds is None or row.seed < seeds]
    if data is not None:  # Who is left out of the configs' data is not in others.
        rows = [training.on_data(row, data) for row in rows if not training.names_people(row)]
    return [training.quick(row, table.own_data) for row in rows[:QUICK_ROWS]] if quick else rows


def measured(
    name: str, rows: Sequence[Row], output: pathlib.Path, train: Callable[[Row, pathlib.Path], dict[str, Any]]
) -> dict[str, Any]:
    """What quality_NAME.json says: every row, whose metrics `train` gives, in its folder below `output`."""
    results: dict[str, Any] = {"table": name, "rows": []}
    for row in rows:
        metrics = train(row, output / training.folder_of(row))
        if not TABLES[name].timed:
            metrics.pop("training_seconds", None)
        facts = {"label": row.label, "config": row.config, "overrides": list(row.overrides), "seed": row.seed}
        if paper := training.expected(row.config):
            facts["expected"] = paper
        if row.variant:
            facts["variant"] = row.variant
        results["rows"].append({**facts, "metrics": metrics})
        print(shown.markdown(results), flush=True)
    return results


def write(results: dict[str, Any], folder: pathlib.Path) -> None:
    """quality_NAME.json, .csv and .md."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"quality_{results['table']}"
    files.write_json(folder / f"{stem}.json", results)
    files.write_text(folder / f"{stem}.csv", shown.table_csv(results))
    files.write_text(folder / f"{stem}.md", f"{shown.markdown(results)}\n\n{shown.made(results)}\n")
    figures.draw(results, folder / "figures")


def write_uncertainty(row: Row, output: pathlib.Path, folder: pathlib.Path) -> None:
    """quality_uncertainty.json and .md and the figures of one model, trained where it is not yet.

    Raises:
      ValueError: its depths came out wrong, so there is no model. A toy model's may: that is only told.
    """
    trained = output / training.folder_of(row)
    metrics = training.train(row, trained)
    if row.variant and not (trained / "model.npz").exists():
        print(f"{UNCERTAINTY}: left out, the toy model's depths are {metrics.get('depth_sign', 'unknown')}", flush=True)
        return
    results, evaluation, recording = uncertainty.measure(trained)
    results |= {"config": row.config, "overrides": list(row.overrides), "seed": row.seed}
    print(uncertainty.markdown(results), flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"quality_{UNCERTAINTY}"
    files.write_json(stem.with_suffix(".json"), results)
    files.write_text(stem.with_suffix(".md"), f"{uncertainty.markdown(results)}\n\n{uncertainty.made(results)}\n")
    poses_2d = files.read_json(trained / "config.json")["poses_2d"]
    figures.draw_uncertainty(evaluation, recording, poses_2d, folder / "figures")


if __name__ == "__main__":
    commands.run(main, define_flags)
