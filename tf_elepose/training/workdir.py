"""The files of a run's folder, and the functions that write, read and lock them.

config.json          all settings with which the run was started
data.json            facts on the training data: rows, clips, the normalizer and the bone prior
completer/ prior/ starts/ lifter/  checkpoints of the stages
metrics.jsonl        every logged number; events/ the same for TensorBoard
model.npz            the complete trained model: settings, weights, PCA, flow, normalizer, elevation statistics
metrics.json         the final evaluation
lock                 empty; held by the process that trains
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from absl import logging

from tf_elepose.methods.pose_model import PoseModel
from tf_elepose.methods.registry import METHODS
from tf_elepose.storage import files
from tf_elepose.training.checkpoint import assign

try:
    import fcntl
except ImportError:  # Windows.
    fcntl = None  # type: ignore[assignment]  # Not a module.

MODEL_FORMAT = 4
"""Version of model.npz; a reader refuses what it does not know. Up to 3 a file also held what only training needs, such
as the weights of the loss terms: that is not looked at."""

_READABLE = (3, MODEL_FORMAT)

_META = "__model__"


def save_model(path: pathlib.Path, model: PoseModel, info: Mapping[str, Any]) -> None:
    """Writes all that lifting needs into one file.

    Args:
      path: the file.
      model: trained.
      info: plain values about how it came to be, for people and reports.
    """
    meta = {"format": MODEL_FORMAT, "method": model.name, "settings": model.settings, "info": dict(info)}
    arrays = {name: np.asarray(variable) for name, variable in model.saved_variables().items()}
    text = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    files.write_npz(path, {_META: text, **arrays})


def load_model(path: str | pathlib.Path) -> PoseModel:
    """Loads the trained model from a workdir or a model.npz.

    Raises:
      ValueError: there is no model, or the file was not written by this program.
    """
    model, _ = load_model_and_info(path)
    return model


def load_model_and_info(path: str | os.PathLike[str]) -> tuple[PoseModel, dict[str, Any]]:
    """Loads the trained model, as `load_model`, and the `info` that was saved with it."""
    path = pathlib.Path(path)
    if path.is_dir():
        if not (path / "model.npz").exists():
            if (path / "metrics.json").exists():
                sign = files.read_json(path / "metrics.json").get("depth_sign")
                kept = path / f"model.{sign}.npz"
                hint = f"; --keep_mirrored saved it as {kept}" if kept.exists() else "; see its metrics.json"
                raise ValueError(f"{path}: no model.npz was saved, because its depths are {sign}{hint}")
            raise ValueError(f"{path}: expected a finished run with a model.npz; train it to its end first")
        path = path / "model.npz"
    arrays = files.read_npz(path)
    if _META not in arrays:
        raise ValueError(f"{path}: expected a model written by tf_elepose.train; this file is something else")
    try:
        meta = json.loads(arrays.pop(_META).tobytes().decode())
        made, name, settings, info = meta["format"], meta["method"], meta["settings"], meta["info"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: an npz file, but not a model (no readable {_META})") from error
    if made not in _READABLE or name not in METHODS:
        formats = " or ".join(map(str, _READABLE))
        raise ValueError(
            f"{path}: expected model format {formats} of {', '.join(METHODS)}; got format {made} of {name}"
        )
    try:
        model = METHODS[name].model_class().restore(settings)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: its settings are not those of this version's {name} ({error})") from error
    if made < MODEL_FORMAT:
        arrays = {key: array for key, array in arrays.items() if not key.startswith(model.only_trained)}
    assign(model.saved_variables(), arrays, str(path))
    return model, info


def claim(folder: pathlib.Path, config: Mapping[str, Any], added_later: Mapping[str, Any] = {}) -> None:
    """Makes `folder` the workdir of a run with `config`, or checks that it already is.

    Args:
      folder: may not exist yet.
      config: plain values.
      added_later: {setting: its value in runs of older versions, which did not have it}.

    Raises:
      ValueError: the folder belongs to a run with other settings; names the settings that differ.
    """
    path = folder / "config.json"
    stated = json.loads(json.dumps(config))
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        files.write_json(path, stated)
        return
    stored = _flat(files.read_json(path))
    wanted = _flat(stated)
    # A loss term that the run's version did not have yet was off.
    before = {key: 0.0 for key in wanted if ".term_weights." in key}
    before |= {key: value for key, value in added_later.items() if key in wanted}
    differing = sorted(key for key in stored.keys() | wanted.keys() if (before | stored).get(key) != wanted.get(key))
    if differing:
        shown = "; ".join(f"{key} was {stored.get(key)!r}, now {wanted.get(key)!r}" for key in differing[:4])
        more = f" and {len(differing) - 4} more" if len(differing) > 4 else ""
        raise ValueError(f"{folder}: holds a run with other settings: {shown}{more}; use another --workdir")


@contextlib.contextmanager
def exclusive(folder: pathlib.Path) -> Iterator[None]:
    """Locks the workdir for one process; the system releases the lock however the process ends.

    Once locked, files that a killed process left half-written in `folder` itself are removed. Where the system or the
    file system has no locks, a warning says that nothing keeps a second process away.

    Raises:
      ValueError: another process is training in it.
    """
    with open(folder / "lock", "w") as file:
        try:
            if fcntl is None:
                raise OSError("this system has no locks")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(f"{folder}: another process is training in this workdir") from error
        except OSError as error:
            reason = error.strerror or error
            logging.warning("%s: cannot be locked (%s); let only one process train in it", folder, reason)
        files.remove_leftovers(folder)
        yield


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(values, Mapping):
        return {prefix: values}
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}.{key}" if prefix else key)
    return flat
