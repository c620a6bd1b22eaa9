"""The papers' tables and figures: python -m benchmarks.quality --table=NAME --output=DIR [--data=SOURCE]

Trains every row of a table with the command a user would type, and writes the results as JSON, CSV and Markdown,
each row with date, hardware, versions and commit. Rows are trained one after the other, with `--jobs=N` N at a
time, each on its own share of the cores. Rows that are already trained in DIR are not trained again; if the command was
stopped during a training, the same command continues it. `--table=all` is every table that needs no other data,
`--table=paper` is those of ElePose's paper and the baselines.
"""

from __future__ import annotations

import contextlib
import itertools
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from absl import flags

from benchmarks.quality import figures, shown, side_by_side, training, uncertainty
from benchmarks.quality.rows import Row
from benchmarks.quality.tables import ABLATIONS, GROUPS, PAPER_CONFIGS, TABLES, UNCERTAINTY, with_config
from tf_elepose.cli import commands
from tf_elepose.storage import files

QUICK_ROWS = 5
"""Rows of each table with --quick: enough for every configuration of the ablation, and all tables in ten minutes."""


def define_flags() -> None:
    flags.DEFINE_enum("table", None, [*sorted(TABLES), UNCERTAINTY, *GROUPS], "Name of the table.", required=True)
    flags.DEFINE_string("data", None, "SOURCE to train and test on; that of each config when not given.")
    flags.DEFINE_string(
        "config",
        None,
        "Config of ElePose for the rows of an ablation; with --data of a data set of the paper, that data set's config "
        "when not given.",
    )
    flags.DEFINE_string("output", None, "Folder for the runs.", required=True)
    flags.DEFINE_string("results", None, "Folder for the results; benchmarks/results, or DIR/results with --quick.")
    flags.DEFINE_integer("seeds", None, "Number of seeds of each row; all seeds of the table when not given.")
    flags.DEFINE_integer(
        "jobs",
        1,
        "Number of trainings that run side by side; each gets an equal share of the CPU's cores.",
        lower_bound=1,
    )
    flags.DEFINE_boolean("finished", False, "Only rows whose training in --output has ended; trains nothing.")
    flags.DEFINE_boolean(
        "quick", False, f"Toy size, at most {QUICK_ROWS} rows a table, to check that it runs; results mean nothing."
    )


def main(argv: list[str]) -> int:
    del argv
    options = flags.FLAGS
    if options.seeds is not None and options.seeds < 1:
        raise ValueError(f"--seeds={options.seeds}: expected at least 1")
    parts = side_by_side.shares(options.jobs)
    output = pathlib.Path(options.output)
    written = pathlib.Path(options.results or (output / "results" if options.quick else "benchmarks/results"))
    tables = chosen_tables(options, output)
    needed: dict[str, Row] = {}  # By folder, because tables share trainings.
    for row in itertools.chain.from_iterable(tables.values()):
        needed.setdefault(training.folder_of(row), row)
    uncertain = tables.pop(UNCERTAINTY, None)
    if options.finished:
        ended = ((name, training.finished(row, output / name)) for name, row in needed.items())
    elif options.jobs == 1:
        ended = ((name, training.train(row, output / name)) for name, row in needed.items())
    else:
        ended = training.train_side_by_side(needed, output, parts)
    with contextlib.closing(ended):
        metrics = write_as_they_end(tables, ended, written, growing=options.jobs == 1)
    if uncertain is not None:
        write_uncertainty(uncertain[0], metrics[training.folder_of(uncertain[0])], output, written)
    return 0


def chosen_tables(options: Any, output: pathlib.Path) -> dict[str, list[Row]]:
    """The rows of each table that the flags name, in training order."""
    chosen = GROUPS.get(options.table, (options.table,))
    tables: dict[str, list[Row]] = {}
    for name in chosen:
        seeds = options.seeds or (1 if options.quick else None)
        trained = "seeds" if name == UNCERTAINTY else name
        rows = prepared(trained, data=options.data, config=options.config, quick=options.quick, seeds=seeds)
        if options.finished:
            rows = [row for row in rows if (output / training.folder_of(row) / "metrics.json").exists()]
            if not rows:
                print(f"{name}: left out, none of its trainings in {output} has ended", flush=True)
                continue
        tables[name] = rows[:1] if name == UNCERTAINTY else rows
    return tables


def prepared(
    name: str,
    *,
    data: str | None = None,
    config: str | None = None,
    quick: bool = False,
    seeds: int | None = None,
) -> list[Row]:
    """Changes the rows of a table as the flags say: other `data`, another `config` of ElePose, toy size, fewer `seeds`.

    Raises:
      ValueError: a config is given for a table whose rows have their own configs.
    """
    table = TABLES[name]
    rows = [row for row in table.rows if seeds is None or row.seed < seeds]
    if config is not None and name not in ABLATIONS:
        raise ValueError(f"--config: the rows of {name} have their own configs; it is for {', '.join(ABLATIONS)}")
    if name in ABLATIONS and (config or (data or "").partition(":")[0] in PAPER_CONFIGS):
        chosen = config or PAPER_CONFIGS[(data or "").partition(":")[0]]
        rows = [with_config(row, chosen) for row in rows]
    if data is not None:  # The people who are left out of the configs' data are not in other data.
        rows = [training.on_data(row, data) for row in rows if not training.names_people(row)]
    return [training.quick(row, table.own_data) for row in rows[:QUICK_ROWS]] if quick else rows


def write_as_they_end(
    tables: Mapping[str, Sequence[Row]],
    ended: Iterable[tuple[str, dict[str, Any]]],
    folder: pathlib.Path,
    *,
    growing: bool,
) -> dict[str, dict[str, Any]]:
    """Writes each table into `folder` once all its rows have ended, in the tables' order; returns metrics by folder.

    Args:
      tables: rows by the table's name.
      ended: folder and metrics of every training that the tables need, in the order in which they end.
      folder: where the tables are written.
      growing: whether the first incomplete table is printed after each training; complete tables always are.
    """
    metrics: dict[str, dict[str, Any]] = {}
    waiting = list(tables.items())
    for name, found in ended:
        metrics[name] = found
        while waiting:
            table, rows = waiting[0]
            results = measured(table, rows, metrics)
            whole = len(results["rows"]) == len(rows)
            if whole or (growing and results["rows"]):
                print(shown.markdown(results), flush=True)
            if not whole:
                break
            write(results, folder)
            waiting.pop(0)
    return metrics


def measured(name: str, rows: Sequence[Row], metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The content of quality_NAME.json: every row whose training has `metrics` (by folder)."""
    results: dict[str, Any] = {"table": name, "rows": []}
    for row in rows:
        if (found := metrics.get(training.folder_of(row))) is None:
            continue
        left_out = () if TABLES[name].timed else ("training_seconds",)
        facts = {"label": row.label, "config": row.config, "overrides": list(row.overrides), "seed": row.seed}
        if paper := training.expected(row.config):
            facts["expected"] = paper
        if row.variant:
            facts["variant"] = row.variant
        results["rows"].append({**facts, "metrics": {key: found[key] for key in found if key not in left_out}})
    return results


def write(results: dict[str, Any], folder: pathlib.Path) -> None:
    """Writes quality_NAME.json, .csv, .md and the table's figure."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"quality_{results['table']}"
    files.write_json(folder / f"{stem}.json", results)
    files.write_text(folder / f"{stem}.csv", shown.table_csv(results))
    files.write_text(folder / f"{stem}.md", f"{shown.markdown(results)}\n\n{shown.made(results)}\n")
    figures.draw(results, folder / "figures")


def write_uncertainty(row: Row, metrics: Mapping[str, Any], output: pathlib.Path, folder: pathlib.Path) -> None:
    """Writes quality_uncertainty.json and .md and the figures of one model, whose training had these metrics.

    Raises:
      ValueError: its depths are wrong, so there is no model. For a toy model a line is printed instead.
    """
    trained = output / training.folder_of(row)
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
