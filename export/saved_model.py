"""A SavedModel in a version folder for TensorFlow Serving."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from export.signature import Signed
from export.warmup import write_warmup

DEFAULT = "lift"
"""The signature for requests that name none."""

SERVING_DEFAULT = "serving_default"
"""The name under which servers look up `DEFAULT`."""

WARMUP_BATCHES = (1, 8, 64)


def export_saved_model(
    signed: Signed, folder: pathlib.Path, examples: Mapping[str, np.ndarray], *, version: int = 1
) -> pathlib.Path:
    """Writes `folder`/VERSION with all signatures and the warm-up requests.

    Args:
      signed: the model.
      folder: the model's base path for a server; made. A server that watches it would see a half-written version: see
        `versions.add_version`.
      examples: inputs [N, ...] of `lift`, for the warm-up.
      version: larger numbers replace smaller ones on a running server.

    Returns:
      the version folder.
    """
    path = folder / str(version)
    signatures = {name: signed.refusing(name) for name in signed.functions}
    signatures[SERVING_DEFAULT] = signatures[DEFAULT]
    tf.saved_model.save(signed, str(path), signatures=signatures)
    require_loadable(path, list(signatures))
    write_warmup(path, _warmup_requests(signed, examples))
    return path


def require_loadable(path: pathlib.Path, signatures: list[str]) -> None:
    """Runs every signature through the session loader.

    Servers use this loader, and it finds untracked variables, which `tf.saved_model.load` hides.

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


def _warmup_requests(signed: Signed, examples: Mapping[str, np.ndarray]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yields (signature, inputs) for every signature at every batch of `WARMUP_BATCHES`.

    The default has its own requests: it is the same function, but a server prepares its execution separately.
    """
    for signature in (SERVING_DEFAULT, *signed.functions):
        names = [str(spec.name) for spec in signed.specs(DEFAULT if signature == SERVING_DEFAULT else signature)]
        for batch in WARMUP_BATCHES:
            yield (
                signature,
                {
                    name: np.resize(examples[name], (batch, *examples[name].shape[1:])).astype(np.float32)
                    for name in names
                },
            )
