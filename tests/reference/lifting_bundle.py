"""A small model as a finished run leaves it, and as an export for lifting: made once a process.

The export completes poses quickly: who compares the two needs the fixture `quick_completer`.
"""

import functools
import pathlib
import tempfile

import numpy as np
import pytest
from small_models import normalized, poses_2d, small_canonpose, small_completer, small_elepose, solve_quickly

from export import bundle, tflite, verify
from tf_elepose.training.workdir import save_model


@functools.cache
def small_run() -> pathlib.Path:
    """A workdir whose model completes poses, predicts elevations and knows how likely its training poses are."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="small_run"))
    method, _ = small_elepose(completer=small_completer(), width=32, noise=0.05)
    method.density.elevation_mean.assign(-0.17)
    method.density.elevation_deviation.assign(0.1)
    method.measure_likelihood(normalized()[0])
    save_model(folder / "model.npz", method, {"data": "small"})
    return folder


@functools.cache
def small_canonpose_run() -> pathlib.Path:
    """A workdir whose model uses confidences and predicts canonical poses."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="small_canonpose"))
    method, _ = small_canonpose(rule="pose", hidden=0.5, flip_average=True)
    method.trust.measure(np.random.default_rng(1).uniform(0.3, 0.9, (100, 17)))
    save_model(folder / "model.npz", method, {"data": "small"})
    return folder


@functools.cache
def small_lifting_bundle(
    convention: str | None = None, run: pathlib.Path | None = None, kind: str = "tflite"
) -> pathlib.Path:
    """Folder of the export of `run`, `small_run` when None: TFLite files for any number of poses, in two precisions, or
    a SavedModel.
    """
    folder = pathlib.Path(tempfile.mkdtemp(prefix="small_lifting")) / "bundle"
    with pytest.MonkeyPatch.context() as patch:
        solve_quickly(patch)
        patch.setattr(bundle, "_REPRESENTATIVE", 2)
        patch.setattr(tflite, "BATCHES", {"_batch": None})
        patch.setattr(tflite, "PRECISIONS", ("float32", "int8_dynamic"))
        if kind == "tflite":  # A SavedModel has a default signature, another one.
            patch.setattr(bundle, "Signed", _for_lifting)
        patch.setattr(verify, "verify", lambda *_: [])  # Of the exporter's own tests.
        bundle.export_bundle(run or small_run(), folder, formats=[kind], convention=convention)
    return folder


def keypoints(count: int = 40) -> np.ndarray:
    """[count, J, 2] px in the model's joints."""
    return poses_2d(count, seed=3)


def _for_lifting(*arguments):
    signed = _SIGNED(*arguments)
    signed.functions = {name: signed.functions[name] for name in ("lift_full", "lift_all")}
    return signed


_SIGNED = bundle.Signed
