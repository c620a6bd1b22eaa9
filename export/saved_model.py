"""A SavedModel in a version folder, as TensorFlow Serving takes it."""

from __future__ import annotations

import importlib.util
import pathlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from export.signature import Signed

DEFAULT = "lift"
"""What a request without a signature's name gets."""

WARMUP_BATCHES = (1, 8, 64)


def export_saved_model(
    signed: Signed, folder: pathlib.Path, examples: Mapping[str, np.ndarray], *, version: int = 1
) -> pathlib.Path:
    """Writes `folder`/VERSION with all signatures, and requests to warm a server up where tensorflow_serving is
    installed.

    Args:
      signed: the model.
      folder: the model's base path for a server; made.
      examples: inputs [N, ...] of `lift`, for the warm-up.
      version: larger numbers replace smaller ones on a running server.

    Returns:
      the version folder.
    """
    path = folder / str(version)
    signatures = {name: signed.concrete(name) for name in signed.functions}
    tf.saved_model.save(signed, str(path), signatures={"serving_default": signatures[DEFAULT]} | signatures)
    require_loadable(path, list(signatures))
    if importlib.util.find_spec("tensorflow_serving") is not None:
        _write_warmup(signed, path, examples)
    return path


def require_loadable(path: pathlib.Path, signatures: list[str]) -> None:
    """Runs every signature through the session loader: servers use it, and it finds untracked variables, which
    `tf.saved_model.load` hides.

    Raises:
      ValueError: a signature does not run.
    """
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(path))
        for name in signatures:
            definition = loaded.signature_def[name]
            feed = {
                tensor.name: np.ones([1, *(size.size for size in tensor.tensor_shape.dim[1:])], np.float32)
                for tensor in definition.inputs.values()
            }
            try:
                session.run({key: tensor.name for key, tensor in definition.outputs.items()}, feed)
            except tf.errors.OpError as error:
                reason = " ".join(error.message.split())
                raise ValueError(f"{path}: signature {name!r} does not run in a session: {reason}") from error


def _write_warmup(signed: Signed, path: pathlib.Path, examples: Mapping[str, np.ndarray]) -> None:
    """Requests a server replays before it answers: the first call of a batch size is slow otherwise."""
    from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

    extra = path / "assets.extra"
    extra.mkdir()
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as writer:
        for signature in signed.functions:
            for batch in WARMUP_BATCHES:
                spec = model_pb2.ModelSpec(name=signed.name, signature_name=signature)
                request = predict_pb2.PredictRequest(model_spec=spec)
                for wanted in signed.specs(signature):
                    rows = np.resize(examples[wanted.name], (batch, *examples[wanted.name].shape[1:]))
                    request.inputs[wanted.name].CopyFrom(tf.make_tensor_proto(rows, dtype=tf.float32))
                log = prediction_log_pb2.PredictLog(request=request)
                writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())
