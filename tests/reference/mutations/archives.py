"""Damage to zip archives and the .npy arrays in them."""

from __future__ import annotations

import io
import math
import pathlib
import re
import struct
import zipfile

import numpy as np

from mutations.any_bytes import bits, empty, lengths, noise, splice, truncate
from mutations.draws import EXTREMES, InapplicableError, Random, pick, spoil

_HOSTILE_TYPES = (
    "<f4", "<f2", ">f8", "<i8", "|u1", "|b1", "<c16", "|O", "<U1", "<U1000000", "|S5", "<M8[ns]", "|V8", "<U0", "<f16",
    "<U99999999999",
)  # fmt: skip


def _unzipped(data: bytes) -> list[tuple[zipfile.ZipInfo, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [(info, archive.read(info)) for info in archive.infolist()]
    except Exception:
        raise InapplicableError from None


def _zipped(members: list[tuple[str, bytes]], rng: Random) -> bytes:
    stream = io.BytesIO()
    pack = pick(rng, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(stream, "w", pack) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, pack)
    return stream.getvalue()


def zip_member(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A member renamed, removed, exchanged, or its bytes damaged, with right checksums."""
    members = [(info.filename, content) for info, content in _unzipped(data)]
    if not members:
        raise InapplicableError
    at, kind = int(rng.integers(len(members))), int(rng.integers(6))
    name, content = members[at]
    if kind == 0:
        del members[at]
    elif kind == 1:
        members[at] = (pick(rng, ("other.npy", "../" + name, name.upper(), "", "\x1b[31m.npy", name + "/")), content)
    elif kind == 2:
        other = int(rng.integers(len(members)))
        members[at], members[other] = (name, members[other][1]), (members[other][0], content)
    elif kind == 3:
        members[at] = (name, bytes(2**25))
    else:
        members[at] = (name, pick(rng, (bits, noise, truncate, splice, lengths, empty))(content, rng, folder))
    return _zipped(members, rng)


def zip_directory(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A field of the central directory or of a member's own header set to an extreme."""
    starts = [match.start() for match in re.finditer(rb"PK(\x01\x02|\x03\x04|\x05\x06)", data)]
    at, size = pick(rng, starts) + 4 + 2 * int(rng.integers(20)), pick(rng, (2, 4))
    return data[:at] + (pick(rng, EXTREMES) % 256**size).to_bytes(size, "little") + data[at + size :]


def npy_header(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """Another type, shape or order in an array's header, its bytes as they were."""
    members = [(info.filename, content) for info, content in _unzipped(data)]
    arrays = [i for i, (_, content) in enumerate(members) if content[:6] == b"\x93NUMPY"]
    if not arrays:
        raise InapplicableError
    at = pick(rng, arrays)
    name, content = members[at]
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    shape, order, dtype = (
        np.lib.format.read_array_header_1_0(stream)
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0(stream)
    )
    descr, body = np.lib.format.dtype_to_descr(dtype), content[stream.tell() :]
    kind, lengths = int(rng.integers(7)), list(shape)
    if kind <= 1:
        descr = pick(rng, _HOSTILE_TYPES)
    elif kind == 2:
        lengths = pick(
            rng, ([], [0], [-1], [2**31], [2**62, 2**62], [1] * 40, [2**40, 0], lengths[::-1], [*lengths, 1])
        )
    elif kind == 3 and lengths:
        lengths[int(rng.integers(len(lengths)))] = pick(rng, (0, 1, 2, -1, 10**6, 10**12, 2**64))
    elif kind == 4:
        order = not order
    elif kind == 5 and lengths and lengths[0] > 1:  # All arrays shorter, or this one longer: consistent with its bytes.
        lengths[0] -= 1
        body = body[: math.prod(lengths) * dtype.itemsize]
    else:
        descr = [("a", "<f4"), ("b", "|O")]
    header = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {tuple(lengths)!r}}}"
    if rng.random() < 0.1:
        header = pick(rng, ("(" * 5000, "{}", "__import__('os')", "{'descr': 1}", header[:-3], "9" * 9000, "[" * 90))
    encoded = header.encode("latin1") + b"\n"
    members[at] = (name, b"\x93NUMPY\x02\x00" + struct.pack("<I", len(encoded)) + encoded + body)
    return _zipped(members, rng)


def npy_values(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """Values of an array replaced; type and shape stay."""
    members = [(info.filename, content) for info, content in _unzipped(data)]
    if not members:
        raise InapplicableError
    at = int(rng.integers(len(members)))
    try:
        array = np.load(io.BytesIO(members[at][1]), allow_pickle=False).copy()
    except Exception:
        raise InapplicableError from None
    spoil(array, rng)
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=False)
    members[at] = (members[at][0], stream.getvalue())
    return _zipped(members, rng)
