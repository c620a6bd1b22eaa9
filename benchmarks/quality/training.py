"""Trains a row of a table, once, with the command that a user would type."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import pathlib
import re
import sys
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from benchmarks.quality import side_by_side
from benchmarks.quality.rows import Row
from tf_elepose.methods.registry import METHODS
from tf_elepose.storage import files

TRAIN = "tf_elepose.train"

QUICK_DATA = ("--option=subjects=6", "--option=takes=1", "--option=frames=16")
"""Options of the built-in data, on which toy models are trained when no other data is named."""

_REFUSALS = ("depths are", "training stopped:")
"""Parts of the message of a training that ended because of what it had learnt, and not because of a mistake."""


def train(row: Row, folder: pathlib.Path) -> dict[str, Any]:
    """metrics.json of a row, which is trained now unless it was before.

    A run that refuses to save a model because of its depths has a result, too: its metrics.json has `depth_sign`. A run
    that stopped before it was evaluated has {"failed": its last line}.

    Raises:
      ValueError: the training failed in another way; in one line.
    """
    command = _command(row, folder)
    job = side_by_side.Job(command, " ".join(["$", *command[1:]]), functools.partial(_metrics, row, folder, None))
    [metrics] = side_by_side.results([job], side_by_side.shares(1))
    return metrics


def train_side_by_side(
    rows: Mapping[str, Row], output: pathlib.Path, parts: Sequence[frozenset[int] | None]
) -> Generator[tuple[str, dict[str, Any]]]:
    """Trains rows side by side, one on each part of the cores; yields each row's folder and metrics as they end.

    The output of a training is in its folder's train.log.

    Args:
      rows: by their folders' names.
      output: the folder of these folders.
      parts: parts of the cores, see `side_by_side.shares`.

    Raises:
      ValueError: see `train`; all other trainings are stopped first.
    """
    # A training makes no folder before its settings are checked, and accepts a folder that has no config.json yet, so
    # the log may be there first.
    logs = {name: output / name / "train.log" for name in rows}
    jobs = [
        side_by_side.Job(
            _command(row, output / name),
            f"{_named(row)}: begins, log in {logs[name]}",
            functools.partial(_ended, row, name, logs[name]),
            logs[name],
        )
        for name, row in rows.items()
    ]
    return side_by_side.results(jobs, parts)


def _command(row: Row, folder: pathlib.Path) -> list[str]:
    return [sys.executable, "-m", TRAIN, f"--config={row.config}", f"--workdir={folder}", *row.arguments]


def _named(row: Row) -> str:
    seed = f"seed {row.seed}"
    return row.label if row.label == seed else f"{row.label}, {seed}"


def _ended(
    row: Row, name: str, log: pathlib.Path, status: int, text: str, seconds: float
) -> tuple[str, dict[str, Any]]:
    """The folder's name and the metrics of a training that has ended; prints a line about it."""
    metrics = _metrics(row, log.parent, log, status, text, seconds)
    error, found = metrics.get("pa_mpjpe_mm"), metrics.get("failed", "no 3D to measure by")
    if error is not None:
        found = f"PA-MPJPE {error:.1f} mm" + ("" if sign_is_right(metrics) else f" ({metrics['depth_sign']})")
    print(f"{_named(row)}: {found}, {seconds / 60:.1f} min", flush=True)
    return name, metrics


def _metrics(
    row: Row, folder: pathlib.Path, log: pathlib.Path | None, status: int, text: str, seconds: float
) -> dict[str, Any]:
    """The result of `train` for a training that ended with this status and output."""
    del seconds
    if not status:
        return files.read_json(folder / "metrics.json")
    last = (text.strip().splitlines() or ["no message"])[-1]
    if not any(refusal in last for refusal in _REFUSALS):
        where = "" if log is None else f" (all of it: {log})"
        last = last.removeprefix("error: ")
        raise ValueError(f"{row.label}: training ended with status {status}: {last}{where}")
    metrics = files.read_json(folder / "metrics.json") if (folder / "metrics.json").exists() else {}
    return {"failed": last} if sign_is_right(metrics) else metrics


def finished(row: Row, folder: pathlib.Path) -> dict[str, Any]:
    """metrics.json of a row whose training in `folder` has ended."""
    print(f"{row.label}: read from {folder}", flush=True)
    return files.read_json(folder / "metrics.json")


def sign_is_right(metrics: Mapping[str, Any]) -> bool:
    """Whether a row's metrics do not say that its depths are wrong."""
    return metrics.get("depth_sign", "unknown") in ("right", "unknown")


def folder_of(row: Row) -> str:
    """The name of a row's folder, which is equal for equal trainings in different tables."""
    changes = [re.sub(r"^--(config\.|option=)", "", override).replace("=", "-") for override in row.overrides]
    changes += [f"seed-{row.seed}"] if row.seed else []
    name = "_".join([pathlib.Path(row.config).stem, *sorted(changes), *([row.variant] if row.variant else [])])
    return re.sub(r"[^\w.+-]", "-", name)


def on_data(row: Row, source: str) -> Row:
    """The row with `source` instead of its config's data."""
    return dataclasses.replace(row, overrides=(*row.overrides, f"--config.data={source}"))


def names_people(row: Row) -> bool:
    """Whether the row leaves out people of its config's data."""
    return any(override.startswith("--option=test_subjects=") for override in row.overrides)


def quick(row: Row, own_data: bool) -> Row:
    """The row at toy size, on the built-in data unless it names a source or needs its own data (`own_data`)."""
    sizes = METHODS[config_module(row.config).get_config().method].quick
    hidden = [f"--config.{key}={value}" for key, value in sizes.items()] + ["--config.loop.steps_per_call=10"]
    if not own_data and not any(override.startswith("--config.data=") for override in row.overrides):
        hidden += ["--config.data=synthetic", *QUICK_DATA]
    return dataclasses.replace(row, variant="quick", hidden=tuple(hidden))


def expected(config: str) -> dict[str, float]:
    """A paper's numbers by keys of metrics.json: EXPECTED of the config file; {} if it has none."""
    return dict(getattr(config_module(config), "EXPECTED", {}))


def config_module(config: str) -> Any:
    """The Python module of a config file, whose name may be no identifier (3dpw.py)."""
    spec = importlib.util.spec_from_file_location("benchmarked_config", config)
    if spec is None or spec.loader is None or not pathlib.Path(config).is_file():
        raise ValueError(f"{config}: expected a config file; run the command where configs/ is")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
