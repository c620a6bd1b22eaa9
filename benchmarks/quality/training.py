"""Training a row: once, with the command that a user would type."""

from __future__ import annotations

import dataclasses
import importlib.util
import pathlib
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.quality.tables import Row
from tf_elepose import files

TRAIN = "tf_elepose.train"

_QUICK_NETWORK = {"width": 32, "batch_size": 128, "epochs": 4.0}

_QUICK_ELEPOSE = {
    "completer.epochs": 0.0,
    **{f"{stage}.{key}": value for stage in ("prior", "lifter") for key, value in _QUICK_NETWORK.items()},
}

QUICK: dict[str, dict[str, Any]] = {
    "elepose": _QUICK_ELEPOSE,
    "links": {**_QUICK_ELEPOSE, **{f"filler.{key}": value for key, value in _QUICK_NETWORK.items()}},
    "supervised": {f"lifter.{key}": value for key, value in _QUICK_NETWORK.items()},
    "canonpose": {"lifter.width": 32, "lifter.batch_size": 32, "lifter.epochs": 4.0},
    "svmac": {
        "generator.critic_width": 32,
        **{f"generator.{key}": value for key, value in _QUICK_NETWORK.items()},
    },
}
"""Toy sizes of each method, to see that all of it runs; what comes out means nothing."""

QUICK_DATA = ("--option=subjects=6", "--option=takes=1", "--option=frames=16")
"""Of the built-in data that toy models are trained on where no other data is named."""

_REFUSALS = ("depths are", "training stopped:")
"""What the message of a training says that ended because of what it had learnt, and not because of a mistake."""


def train(row: Row, folder: pathlib.Path) -> dict[str, Any]:
    """metrics.json of a row, trained now unless it was before.

    A run that refuses to save a model because of its depths is a result too: its metrics.json says `depth_sign`. One
    that stopped before it was evaluated has {"failed": what it said}.

    Raises:
      ValueError: any other end; in one line.
    """
    command = [sys.executable, "-m", TRAIN, f"--config={row.config}", f"--workdir={folder}", *row.arguments]
    print("$", *command[1:], flush=True)
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if not done.returncode:
        return files.read_json(folder / "metrics.json")
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    if not any(refusal in last for refusal in _REFUSALS):
        raise ValueError(f"{row.label}: training ended with status {done.returncode}: {last.removeprefix('error: ')}")
    metrics = files.read_json(folder / "metrics.json") if (folder / "metrics.json").exists() else {}
    return {"failed": last} if sign_is_right(metrics) else metrics


def finished(row: Row, folder: pathlib.Path) -> dict[str, Any]:
    """metrics.json of a row whose training in `folder` has ended."""
    print(f"{row.label}: as {folder} has it", flush=True)
    return files.read_json(folder / "metrics.json")


def sign_is_right(metrics: Mapping[str, Any]) -> bool:
    """Whether nothing in a row's metrics says that its depths are wrong."""
    return metrics.get("depth_sign", "unknown") in ("right", "unknown")


def folder_of(row: Row) -> str:
    """The same for the same training, whichever table it is in."""
    changes = [re.sub(r"^--(config\.|option=)", "", override).replace("=", "-") for override in row.overrides]
    changes += [f"seed-{row.seed}"] if row.seed else []
    name = "_".join([pathlib.Path(row.config).stem, *sorted(changes), *([row.variant] if row.variant else [])])
    return re.sub(r"[^\w.+-]", "-", name)


def on_data(row: Row, source: str) -> Row:
    """The row trained on other data than its config's."""
    return dataclasses.replace(row, overrides=(*row.overrides, f"--config.data={source}"))


def names_people(row: Row) -> bool:
    """Whether the row is about some of the people in its config's data."""
    return any(override.startswith("--option=test_subjects=") for override in row.overrides)


def quick(row: Row, own_data: bool) -> Row:
    """The row at toy size, on the built-in data unless it names or (`own_data`) is about others."""
    sizes = QUICK[config_module(row.config).get_config().method]
    hidden = [f"--config.{key}={value}" for key, value in sizes.items()] + ["--config.loop.steps_per_call=10"]
    if not own_data and not any(override.startswith("--config.data=") for override in row.overrides):
        hidden += ["--config.data=synthetic", *QUICK_DATA]
    return dataclasses.replace(row, variant="quick", hidden=tuple(hidden))


def expected(config: str) -> dict[str, float]:
    """What a paper reports, by keys of metrics.json: the EXPECTED of the config file; {} where it has none."""
    return dict(getattr(config_module(config), "EXPECTED", {}))


def config_module(config: str) -> Any:
    """The Python module of a config file, whose name need not be one for Python."""
    spec = importlib.util.spec_from_file_location("benchmarked_config", config)
    if spec is None or spec.loader is None or not pathlib.Path(config).is_file():
        raise ValueError(f"{config}: expected a config file; run the command where configs/ is")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
