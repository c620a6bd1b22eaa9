"""Damage to MATLAB files of version 5."""

from __future__ import annotations

import contextlib
import io
import pathlib
import struct
import zlib

import numpy as np

from mutations.any_bytes import bits, lengths, noise, splice, truncate
from mutations.draws import EXTREMES, InapplicableError, Random, pick, place, spoil


def mat_element(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """Damage inside a top-level element, packed again when it was packed, so that no checksum gives it away."""
    elements, at = [], 128
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        elements.append((kind, data[at + 8 : at + 8 + size]))
        at += 8 + size
    if not elements:
        raise InapplicableError
    which = int(rng.integers(len(elements)))
    kind, body = elements[which]
    packed = kind == 15
    with contextlib.suppress(zlib.error):
        body = zlib.decompress(body) if packed else body
    if rng.random() < 0.05:
        body = body[:64] + bytes(2**25)
    else:
        body = pick(rng, (bits, noise, truncate, splice, lengths, lengths, lengths, _mat_tag))(body, rng, folder)
    elements[which] = (kind, zlib.compress(body) if packed else body)
    return data[:128] + b"".join(struct.pack("<II", kind, len(body)) + body for kind, body in elements)


def _mat_tag(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """Type or size of a nested element; they lie at multiples of 8."""
    at = place(rng, data) // 8 * 8 + pick(rng, (0, 4))
    value = pick(rng, (*range(19), *EXTREMES)) % 2**32
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


def mat_variable(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A variable renamed, removed, transposed or replaced."""
    import scipy.io

    try:
        variables = {k: v for k, v in scipy.io.loadmat(io.BytesIO(data)).items() if not k.startswith("__")}
        name = pick(rng, sorted(variables))
        value, kind = variables.pop(name), int(rng.integers(6))
        if kind == 1:
            variables["other"] = value
        elif kind == 2:
            variables[name] = value.T
        elif kind == 3:
            variables[name] = pick(rng, ("text", np.zeros((0, 0)), np.zeros((3, 3)), 1j * np.ones((2, 2)), {"a": 1.0}))
        elif kind == 4 and value.dtype.kind in "fiu":
            spoil(value, rng)
            variables[name] = value
        elif kind == 5:
            variables[name] = value[: value.shape[0] // 2]
        stream = io.BytesIO()
        scipy.io.savemat(stream, variables, do_compression=bool(rng.integers(2)))
    except Exception:
        raise InapplicableError from None
    return stream.getvalue()
