"""Opens the model that a path or a name means, with the program that runs it."""

from __future__ import annotations

import pathlib
from typing import Any

from tf_elepose.inference.bundle import is_bundle
from tf_elepose.inference.model import LiftingModel
from tf_elepose.inference.tflite_model import LiteModel
from tf_elepose.pretrained import pretrained_models

RUNTIMES = ("tflite", "saved_model")
"""Programs that can run an exported model: LiteRT its TFLite file, or TensorFlow its SavedModel."""


def open_model(model: str, precision: str | None, likelihood: bool, threads: int, runtime: str) -> LiftingModel:
    """Opens what a user calls a model; arguments and errors as in `Lifter`."""
    options: dict[str, Any] = {"precision": precision, "likelihood": likelihood, "threads": threads}
    path = pathlib.Path(model)
    if runtime not in RUNTIMES:
        raise ValueError(f"runtime: expected {' or '.join(RUNTIMES)}; got {runtime!r}")
    if runtime == "saved_model":
        return _served(path, pretrained_models().get(model), precision, likelihood, threads)
    if is_bundle(path):
        return LiteModel(path, **options)
    if not path.exists():
        known = pretrained_models()
        if model in known:
            return LiteModel(known[model], name=model, **options)
        names = f"by name there are {', '.join(known)}" if known else "no models came with this installation"
        raise ValueError(f"model {model!r}: no such file or folder; {names}")
    if path.is_file() and path.suffix != ".npz":
        raise ValueError(f"model {model}: expected the folder of an export, a workdir, or a model.npz")
    if precision is not None:
        raise ValueError(f"model {model}: precision {precision} is for exported models; python -m export makes them")
    from tf_elepose.inference.trained_model import TrainedModel

    return TrainedModel(path)


def _served(
    path: pathlib.Path, named: pathlib.Path | None, precision: str | None, likelihood: bool, threads: int
) -> LiftingModel:
    folder = path if path.exists() or named is None else named
    if precision is not None or not is_bundle(folder):
        raise ValueError(f"model {path}: runtime saved_model is for the folder of an export, without a precision")
    from tf_elepose.inference.saved_model import ServedModel

    return ServedModel(folder, likelihood=likelihood, threads=threads)
