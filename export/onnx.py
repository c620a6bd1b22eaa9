"""ONNX files, one for each signature; each is opened in onnxruntime when it is written."""

from __future__ import annotations

import json
import logging
import pathlib
from collections.abc import Mapping
from typing import Any

import onnxruntime
import tf2onnx

from export.signature import Signed

OPSET = 17


def export_onnx(signed: Signed, folder: pathlib.Path, metadata: Mapping[str, Any]) -> dict[str, pathlib.Path]:
    """Writes SIGNATURE.onnx for every signature and any batch, with `metadata` as JSON among the file's properties.

    Returns:
      the files by name without suffix.

    Raises:
      ValueError: onnxruntime cannot open a file. (tf2onnx copies unknown operators unchanged.)
    """
    folder.mkdir(parents=True)
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    written = {}
    for signature in signed.functions:
        model, _ = tf2onnx.convert.from_function(
            signed.functions[signature],
            input_signature=signed.specs(signature),
            opset=OPSET,
            custom_op_handlers={"SelectV2": (_select, [])},
        )
        entry = model.metadata_props.add()
        entry.key, entry.value = "tf_elepose", json.dumps(dict(metadata) | {"signature": signature}, sort_keys=True)
        path = folder / f"{signature}.onnx"
        path.write_bytes(model.SerializeToString())
        open_onnx(path)
        written[signature] = path
    return written


def open_onnx(path: pathlib.Path) -> onnxruntime.InferenceSession:
    """A session with one thread; more threads are not faster for such small networks.

    Raises:
      ValueError: the runtime cannot run the file.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes, which have no common base.
        raise ValueError(f"{path}: onnxruntime cannot open it: {' '.join(str(error).split())}") from error


def _select(graph, node, name, arguments) -> None:
    """Converts tf.where to ONNX's Where; tf2onnx' sum of products with 0 and 1 would keep NaN and infinity."""
    del graph, name, arguments
    node.type, node.domain = "Where", ""
