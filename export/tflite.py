"""TFLite (LiteRT) files for each signature, precision and batch, with operators that every build of the runtime has."""

from __future__ import annotations

import contextlib
import io
import json
import pathlib
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from ai_edge_litert.tools import flatbuffer_utils

from export.signature import Signed
from export.tflite_weights import PRECISIONS, smaller

BATCHES = {"": 1, "_batch": None}
"""File name's end and batch: one pose (what phones and browsers take), or any number."""

_NOT_BUILT_IN = {"READ_VARIABLE", "VAR_HANDLE", "ASSIGN_VARIABLE", "CUSTOM"}


def export_tflite(
    signed: Signed, folder: pathlib.Path, metadata: Mapping[str, Any], representative: Mapping[str, np.ndarray]
) -> dict[str, pathlib.Path]:
    """Writes SIGNATURE_PRECISION[_batch].tflite for every signature; the likelihood alone in float32 only.

    Args:
      signed: the model.
      folder: a new folder for the files.
      metadata: stored in each file as its description, JSON.
      representative: inputs of `lift` [N, ...] like those in use; the ranges of int8 are measured on them.

    Returns:
      the files by name without suffix.

    Raises:
      ValueError: a file needs operators that are not built in.
    """
    folder.mkdir(parents=True)
    kernels = {
        name: np.asarray(variable)
        for name, variable in signed.method.saved_variables().items()
        if name.endswith("/kernel")
    }
    written = {}
    for signature in signed.functions:
        for end, batch in BATCHES.items():
            data = _converted(signed, signature, batch)
            for precision in PRECISIONS[:1] if signature == "likelihood" else PRECISIONS:
                name = f"{signature}_{precision}{end}"
                small = data if precision == "float32" else smaller(data, precision, kernels, representative)
                small = _described(small, dict(metadata) | {"signature": signature, "precision": precision})
                require_builtin(small, name)
                written[name] = folder / f"{name}.tflite"
                written[name].write_bytes(small)
    return written


def operators(data: bytes) -> set[str]:
    """Names of the operators in a TFLite model."""
    interpreter = Interpreter(
        model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    return {op["op_name"] for op in interpreter._get_ops_details()}


def require_builtin(data: bytes, name: str) -> None:
    """Raises ValueError if the model `data`, called `name`, has variables or operators of TensorFlow (Flex)."""
    if strange := sorted(op for op in operators(data) if op in _NOT_BUILT_IN or op.startswith("Flex")):
        raise ValueError(f"{name}: expected built-in operators only; the converter left {', '.join(strange)}")


def _converted(signed: Signed, signature: str, batch: int | None) -> bytes:
    converter = tf.lite.TFLiteConverter.from_concrete_functions([signed.concrete(signature, batch)], signed)
    with contextlib.redirect_stdout(io.StringIO()):
        return converter.convert()


def _described(data: bytes, metadata: Mapping[str, Any]) -> bytes:
    model = cast("Any", flatbuffer_utils.convert_bytearray_to_object(bytearray(data)))  # Typed for text, not bytes.
    model.description = json.dumps(metadata, sort_keys=True).encode()
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
