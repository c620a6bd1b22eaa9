"""Requests that TensorFlow Serving replays before it answers, because the first call of a signature is slow.

The records are protocol buffers of tensorflow-serving-api: a few nested messages, each with two fields. They are
encoded here, so that the export does not need that package.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

FILE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")
"""Place in the version folder: TFRecords of PredictionLog, at most 1,000 (saved_model_warmup.md)."""

# Field numbers of tensorflow_serving/apis/{prediction_log,predict,model}.proto.
_PREDICT_LOG, _REQUEST = 6, 1  # PredictionLog, PredictLog.
_MODEL_SPEC, _INPUTS = 1, 2  # PredictRequest.
_NAME, _SIGNATURE_NAME = 1, 3  # ModelSpec.
_KEY, _VALUE = 1, 2  # An entry of any map.

MODEL_NAME = "elepose"
"""Name in the requests; a server ignores it and warms up the model that it loads."""


def write_warmup(version: pathlib.Path, requests: Iterable[tuple[str, Mapping[str, np.ndarray]]]) -> None:
    """Writes the warm-up file into a version folder.

    Args:
      version: a SavedModel's version folder.
      requests: (signature, inputs by name).
    """
    path = version / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests:
            writer.write(_prediction_log(signature, inputs))


def _prediction_log(signature: str, inputs: Mapping[str, np.ndarray]) -> bytes:
    spec = _field(_NAME, MODEL_NAME.encode()) + _field(_SIGNATURE_NAME, signature.encode())
    request = _field(_MODEL_SPEC, spec)
    for name, values in inputs.items():
        tensor = tf.make_tensor_proto(values).SerializeToString()
        request += _field(_INPUTS, _field(_KEY, name.encode()) + _field(_VALUE, tensor))
    return _field(_PREDICT_LOG, _field(_REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field: tag (number, wire type 2), length, content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """A varint: seven bits a byte, the lowest first; the highest bit means that more bytes follow."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
