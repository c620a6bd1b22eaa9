"""Checkpoints: one pickle-free npz file each, so that a run can be killed at any moment and resumed."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import logging

from tf_elepose.storage import files

_META = "__meta__"
"""Name of the array that holds step and meta as the bytes of a JSON text."""

_BEST = "best.npz"

_STEP_FILE = re.compile(r"step-(\d+)\.npz")

_NAMES_SHOWN = 4  # Names of each kind in a message; networks of different skeletons differ in dozens.


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The contents of a checkpoint file; frozen.

    Attributes:
      step: the training step after which it was taken.
      arrays: the values of all variables, by name.
      meta: plain JSON values that go with them (phase, best score so far, ...).
      path: the file it was read from.
    """

    step: int
    arrays: Mapping[str, np.ndarray]
    meta: Mapping[str, Any]
    path: pathlib.Path


class Checkpointer:
    """The checkpoints in one folder: `step-000012345.npz`, the newest `keep` of them, and `best.npz`.

    Creating a Checkpointer removes files that a killed process left half-written. The first save creates the folder,
    so a command that only reads changes nothing.
    """

    def __init__(self, folder: str | os.PathLike[str], keep: int = 3) -> None:
        """Chooses the folder of the checkpoints.

        Args:
          folder: where the files are; may not exist yet.
          keep: how many of the newest step files stay, at least 1. While one is written there are `keep` + 1.

        Raises:
          ValueError: `keep` is not positive.
        """
        if keep < 1:
            raise ValueError(f"Checkpointer: keep must be at least 1; got {keep}")
        self._folder = pathlib.Path(folder)
        self._keep = keep
        files.remove_leftovers(self._folder)

    def save(self, step: int, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> pathlib.Path:
        """Writes the checkpoint of `step` and, once it is on the disk, removes all but the newest `keep` up to it.

        Raises:
          ValueError: a negative step, a reserved array name, an array or meta that the file cannot hold.
          OSError: no space, no permission, ...: names the file; the earlier checkpoints are all still there.
        """
        path = self._folder / f"step-{step:09d}.npz"
        self._write(path, step, arrays, meta)
        # Files of later steps do not count: `latest` skipped them as damaged, or they are not from this run.
        earlier = [(s, p) for s, p in self._step_files() if s <= step]
        for _, old in earlier[: -self._keep]:
            old.unlink(missing_ok=True)
        return path

    def save_best(self, step: int, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> pathlib.Path:
        """Replaces `best.npz`; errors as in `save`."""
        path = self._folder / _BEST
        self._write(path, step, arrays, meta)
        return path

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint that can be read, or None when there are no step files.

        A damaged file is skipped with a warning that names it.

        Raises:
          ValueError: there are step files, but none can be read. Starting from the beginning without a word would
            lose a training.
        """
        step_files = self._step_files()
        for _, path in reversed(step_files):
            try:
                return read_checkpoint(path)
            except (ValueError, OSError) as error:
                logging.warning("checkpoint skipped: %s", " ".join(str(error).split()))
        if step_files:
            raise ValueError(
                f"{self._folder}: none of the {len(step_files)} checkpoints can be read; "
                "move them away to start from the beginning"
            )
        return None

    def best(self) -> Checkpoint | None:
        """The checkpoint that `save_best` wrote last, or None without one; ValueError when it is damaged."""
        path = self._folder / _BEST
        return read_checkpoint(path) if path.exists() else None

    def _step_files(self) -> list[tuple[int, pathlib.Path]]:
        """(step, path) of every step file, oldest first."""
        if not self._folder.is_dir():
            return []
        matches = [(_STEP_FILE.fullmatch(path.name), path) for path in self._folder.iterdir()]
        return sorted((int(match[1]), path) for match, path in matches if match)

    def _write(self, path: pathlib.Path, step: int, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        if step < 0:
            raise ValueError(f"checkpoint {path}: step must not be negative; got {step}")
        if _META in arrays:
            raise ValueError(f"checkpoint {path}: the array name {_META} is reserved")
        try:
            text = json.dumps({"step": int(step), "meta": dict(meta)}, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"checkpoint {path}: meta must be plain JSON values ({error})") from error
        self._folder.mkdir(parents=True, exist_ok=True)
        files.write_npz(path, {_META: np.frombuffer(text.encode("utf-8"), np.uint8), **arrays})


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Reads the checkpoint in the file `path` and checks every byte.

    Raises:
      ValueError: there is no such file, it is damaged, or it is an npz file of another kind; names the file.
      OSError: the file exists but cannot be read.
    """
    path = pathlib.Path(path)
    arrays = files.read_npz(path)
    try:
        header = json.loads(arrays.pop(_META).tobytes().decode("utf-8"))
        step, meta = int(header["step"]), dict(header["meta"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: an npz file, but not a checkpoint (no readable {_META})") from error
    return Checkpoint(step=step, arrays=arrays, meta=meta, path=path)


def assign(variables: Mapping[str, Any], arrays: Mapping[str, np.ndarray], where: str = "checkpoint") -> None:
    """Assigns to every variable the array of its name; changes no variable when any name or shape does not fit.

    Args:
      variables: objects with `.shape` and `.assign(array)` (tf.Variable, Keras variables), by name.
      arrays: the values, by the same names and of the same shapes.
      where: name of the source of `arrays` in messages.

    Raises:
      ValueError: names are missing, unexpected or of another shape, as in a checkpoint of another skeleton or width;
        lists them.
    """
    shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
    missing = sorted(set(shapes) - set(arrays))
    unexpected = sorted(set(arrays) - set(shapes))
    mismatched = [
        f"{name} (expected {list(shapes[name])}, got {list(np.shape(arrays[name]))})"
        for name in sorted(set(shapes) & set(arrays))
        if shapes[name] != np.shape(arrays[name])
    ]
    problems = [
        f"{what} {_listed(names)}"
        for what, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", mismatched))
        if names
    ]
    if problems:
        raise ValueError(
            f"{where} does not fit the model (another skeleton, method or size?): arrays {'; '.join(problems)}"
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"
