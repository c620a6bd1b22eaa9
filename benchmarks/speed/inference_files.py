"""A model in every format that `benchmarks.inference` measures: python -m benchmarks.speed.inference_files SIZE FOLDER

The model is an ElePose of a size in `benchmarks.speed.step_task` with perturbed initial weights: its poses mean
nothing, but its speed is that of a trained model. It has no completer, which would slow every format.
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np

from benchmarks.speed import step_task
from benchmarks.speed.inference_worker import SIGNATURE
from tf_elepose.cli import commands
from tf_elepose.storage import files

LARGEST = 4096
"""Number of poses in inputs.npz."""


def write_files(size: str, folder: pathlib.Path, width: int | None = None) -> None:
    """Writes task.npz, model.npz, inputs.npz, saved_model/, tflite/, onnx/, and bundle/ for the lift command."""
    from export.onnx import export_onnx
    from export.saved_model import export_saved_model
    from export.signature import Signed
    from export.tflite import export_tflite
    from tf_elepose.training.workdir import save_model

    step_task.write_task(folder / "first.npz", size, width=width)
    step_task.write_comparison(folder / "first.npz", folder / "task.npz", folder / "batch.npz")
    settings, images, weights = step_task.read_task(folder / "task.npz")
    model = step_task.objective_of(settings, weights).model
    save_model(folder / "model.npz", model, {})
    poses = images[np.arange(LARGEST) % len(images)]
    inputs = {
        "keypoints": 500.0 + poses * np.float32(model.normalizer.head_px * model.normalizer.distance),
        "confidence": np.ones(poses.shape[:2], np.float32),
        "root_head_mm": np.zeros(LARGEST, np.float32),
    }
    files.write_npz(folder / "inputs.npz", inputs)
    signed = Signed(model, model.skeleton)
    few = {name: values[:100] for name, values in inputs.items()}
    signed.functions = {name: signed.functions[name] for name in ("lift", SIGNATURE)}
    export_saved_model(signed, folder / "saved_model", few)
    signed.functions = {SIGNATURE: signed.functions[SIGNATURE]}
    export_tflite(signed, folder / "tflite", {}, few)
    export_onnx(signed, folder / "onnx", {})
    write_bundle(folder, model)


def write_bundle(folder: pathlib.Path, method) -> None:
    """Makes bundle/ from tflite/ in `folder`: the one file and the metadata that `tf_elepose.lift` needs."""
    from tf_elepose.inference.bundle import METADATA, checksum

    listed = f"tflite/{SIGNATURE}_float32_batch.tflite"
    data = (folder / listed).read_bytes()
    (folder / "bundle" / "tflite").mkdir(parents=True)
    (folder / "bundle" / listed).write_bytes(data)
    facts = {
        "model": method.name, "fingerprint": "sha256:none", "convention": method.skeleton.name,
        "keypoints": list(method.skeleton.joints), "min_confidence": 0.0, "skeleton": method.skeleton.to_dict(),
        "files": {listed: checksum(data)},
    }  # fmt: skip
    files.write_json(folder / "bundle" / METADATA, facts)


if __name__ == "__main__":
    with commands.without_startup_messages():
        import tensorflow as tf

        tf.config.list_physical_devices()
    write_files(sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]) or None)
