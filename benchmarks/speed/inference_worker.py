"""Runs a model's file in one of its runtimes: python -m benchmarks.speed.inference_worker KIND FILE INPUTS THREADS

A worker of `benchmarks.speed.latency`. KIND: keras (a model.npz), saved_model, tflite or onnx.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.speed import latency

SIGNATURE = "lift_full"
"""Signature with poses and elevations, which PyTorch's program computes, too."""


def main() -> None:
    kind, path, inputs, threads = sys.argv[1:]
    latency.serve(_OPENERS[kind](path, int(threads)), inputs)


def _keras(path: str, threads: int) -> Callable[[], latency.Run]:
    tf = _tensorflow(threads)
    from export.signature import Signed
    from tf_elepose.training.workdir import load_model

    def load() -> latency.Run:
        method = load_model(path)
        return _with_tensors(tf, Signed(method, method.skeleton).functions[SIGNATURE], ordered=True)

    return load


def _saved_model(path: str, threads: int) -> Callable[[], latency.Run]:
    tf = _tensorflow(threads)

    def load() -> latency.Run:
        loaded = tf.saved_model.load(path)
        run = _with_tensors(tf, loaded.signatures[SIGNATURE], ordered=False)
        run.loaded = loaded  # Keeps its variables alive.
        return run

    return load


def _tflite(path: str, threads: int) -> Callable[[], latency.Run]:
    from ai_edge_litert.interpreter import Interpreter

    def load() -> latency.Run:
        interpreter = Interpreter(model_path=path, num_threads=threads)
        (signature,) = interpreter._get_full_signature_list().values()
        rows = 0

        def run(given: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
            nonlocal rows
            if len(given["keypoints"]) != rows:
                rows = len(given["keypoints"])
                for name, index in signature["inputs"].items():
                    interpreter.resize_tensor_input(index, given[name].shape)
                interpreter.allocate_tensors()
            for name, index in signature["inputs"].items():
                interpreter.set_tensor(index, given[name])
            interpreter.invoke()
            return {name: interpreter.get_tensor(index) for name, index in signature["outputs"].items()}

        return run

    return load


def _onnx(path: str, threads: int) -> Callable[[], latency.Run]:
    import onnxruntime

    def load() -> latency.Run:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return lambda given: dict(zip(names, session.run(names, dict(given)), strict=True))

    return load


_OPENERS = {"keras": _keras, "saved_model": _saved_model, "tflite": _tflite, "onnx": _onnx}


def _tensorflow(threads: int):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)  # Depths and elevation could run in parallel.
    return tf


def _with_tensors(tf, function, *, ordered: bool) -> latency.Run:
    def run(given: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        tensors = {name: tf.constant(values) for name, values in given.items()}
        said = function(*tensors.values()) if ordered else function(**tensors)
        return {name: values.numpy() for name, values in said.items()}

    return run


if __name__ == "__main__":
    main()
