"""A bundle with one TFLite file of a small model, and its assets for the samples: made once a process."""

import atexit
import functools
import pathlib
import shutil
import tempfile

import numpy as np
import pytest
from small_models import small_completer, small_elepose, solve_quickly

from export import bundle, tflite
from export.mobile.assets import write_assets
from tf_elepose.training.workdir import save_model

CONVENTION = "coco_17"


@functools.cache
def small_bundle(convention: str = CONVENTION) -> pathlib.Path:
    """Folder of a bundle: `lift_full` in float32 for one pose; a model of unusual weights."""
    folder = _folder("small_bundle")
    with pytest.MonkeyPatch.context() as patch:
        solve_quickly(patch)
        patch.setattr(bundle, "_REPRESENTATIVE", 2)
        patch.setattr(tflite, "BATCHES", {"": 1})
        patch.setattr(tflite, "PRECISIONS", ("float32",))
        patch.setattr(bundle, "Signed", _one_signature)
        method, _ = small_elepose(completer=small_completer(), width=32, noise=0.05)
        method.density.elevation_mean.assign(-0.17)
        method.density.elevation_deviation.assign(0.1)
        save_model(folder / "model.npz", method, {"data": "small"})
        bundle.export_bundle(folder / "model.npz", folder / "bundle", formats=["tflite"], convention=convention)
    return folder / "bundle"


@functools.cache
def small_assets(convention: str = CONVENTION) -> pathlib.Path:
    """What python -m export.mobile writes of `small_bundle`."""
    folder = _folder("small_assets") / "assets"
    write_assets(small_bundle(convention), folder, precision="float32")
    return folder


def seen_poses(count: int, keypoints: int) -> list:
    """Frames [count, K] of [x, y, confidence] or None, as the samples read them: some joints hidden; in the last frame
    all but three.
    """
    rng = np.random.default_rng(2)
    height = np.linspace(200.0, 800.0, keypoints)
    points = np.stack([500 + 150 * rng.normal(size=(count, keypoints)), height + 60 * rng.normal(size=(count, 1))], -1)
    seen = rng.random((count, keypoints)) < 0.85
    seen[0], seen[-1] = True, np.arange(keypoints) < 3
    return [
        [[*map(float, np.round(point, 2)), 0.9] if shown else None for point, shown in zip(*row, strict=True)]
        for row in zip(points, seen, strict=True)
    ]


def _folder(name: str) -> pathlib.Path:
    """A new folder that goes when the process ends."""
    path = tempfile.mkdtemp(prefix=name)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return pathlib.Path(path)


def _one_signature(*arguments):
    signed = _SIGNED(*arguments)
    signed.functions = {"lift_full": signed.functions["lift_full"]}
    return signed


_SIGNED = bundle.Signed
