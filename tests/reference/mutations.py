"""Damage of every kind to the files of a sample, each a pure function of the seed."""

from __future__ import annotations

import contextlib
import io
import json
import math
import pathlib
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

Random = np.random.Generator
Files = dict[str, bytes]  # By path relative to the sample's folder.

_EXTREMES = (0, 1, -1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**31, 2**40, 2**62, 2**63 - 1, 2**64 - 1)
_NUMBER = re.compile(rb"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_HOSTILE_TEXT = (
    b"NaN", b"nan", b"Infinity", b"-inf", b"1e308", b"-1e308", b"1e400", b"-1", b"0", b"1e-320", b"9" * 400,
    b"9" * 5000, b"99999999999", b"2147483648", b"18446744073709551616", b"null", b'"text"', b"", b"1,2", b"1_000",
    b"0x10", b"--1", "\u0663".encode(), b"\xff\xfe", b"\0", b"\x1b[31m", b"true", b"[]", b"{}", b"1" + b"0" * 30,
    b"\n", b"0.0.0",
)  # fmt: skip
_HOSTILE_VALUES: tuple[Any, ...] = (
    math.nan, math.inf, 1e308, -1, 0, 10**30, 2**31, 10**400, 0.5, 1e-320, "", "text", "\0", "\ud800", "\x1b[31m",
    "a\nb", "9" * 5000, None, True, [], {}, [[]], [None], {"a": {}}, [1, 2, 3], list(range(1000)),
    "../../../etc/passwd",
)  # fmt: skip
_BOMB = "\ue000nesting bomb\ue000"  # Stands in the tree for what json cannot write.
_HOSTILE_TYPES = (
    "<f4", "<f2", ">f8", "<i8", "|u1", "|b1", "<c16", "|O", "<U1", "<U1000000", "|S5", "<M8[ns]", "|V8", "<U0", "<f16",
    "<U99999999999",
)  # fmt: skip
MARKER = "code-was-run"
"""Name of the file in the sample's folder that a pickle, if it is obeyed, makes."""


def mutate(files: Files, folder: pathlib.Path, rng: Random) -> tuple[str, Files]:
    """A damaged copy of `files`, which lie in `folder`, and in words what was done to them."""
    damaged, told = dict(files), []
    for _ in range(1 if rng.random() < 0.8 else 2):
        if not damaged:
            break
        name = _pick(rng, sorted(damaged))
        if rng.random() < 0.03:
            del damaged[name]
            told.append(f"{name} deleted")
            continue
        before = damaged[name]
        way = _pick(rng, _ways(name, before))
        if way in (_mat_variable, _hdf5_dataset) and before != files[name]:
            continue  # SciPy and HDF5 read these; what is damaged already can crash them.
        # What is damaged already cannot always be taken apart once more.
        with contextlib.suppress(Exception):
            damaged[name] = way(before, rng, folder)
            if way is _record:
                _seal(damaged, name)
            told.append(f"{name} {way.__name__.strip('_')}")
    return "; ".join(told) or "nothing", damaged


class _InapplicableError(Exception):
    """This damage cannot be done to these bytes."""


Way = Callable[[bytes, Random, pathlib.Path], bytes]


def _ways(name: str, data: bytes) -> list[Way]:
    """The damages that suit a file; those that know its structure more often."""
    ways: list[Way] = [_bits, _noise, _truncate, _splice, _lengths, _empty]
    if data[:1] in (b"{", b"["):
        return [*ways, *[_json_tree] * 12, *_TEXT]
    if data[:2] == b"PK":
        return [*ways, *[_zip_member] * 8, *[_npy_header] * 8, *[_npy_values] * 4, _zip_directory]
    if data[:4] == b"\x89HDF":
        return [*ways, *[_hdf5_dataset] * 14, _hdf5_fields, _hdf5_fields]
    if data[:6] == b"MATLAB":
        return [*ways, *[_mat_element] * 10, _mat_variable, _mat_variable]
    if name.endswith((".pkl", ".pickle")):
        return [*ways, *[_pickle_opcode] * 4, *[_pickle_hostile] * 2, _lengths, _lengths]
    if name.endswith(".tfrecord"):
        return [*ways, *[_record] * 10]
    with contextlib.suppress(UnicodeDecodeError):
        data.decode("utf-8")
        return [*ways, *_TEXT * 3]
    return ways


def _pick(rng: Random, options: Any) -> Any:
    return options[int(rng.integers(len(options)))]


def _place(rng: Random, data: bytes) -> int:
    if not data:
        raise _InapplicableError
    # Headers are small and matter most.
    return int(rng.integers(min(len(data), 512) if rng.random() < 0.4 else len(data)))


# Any bytes.


def _bits(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    changed = bytearray(data)
    for _ in range(_pick(rng, (1, 1, 4, 64))):
        changed[_place(rng, data)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _noise(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    start = _place(rng, data)
    return data[:start] + (noise := rng.bytes(_pick(rng, (1, 8, 200)))) + data[start + len(noise) :]


def _truncate(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    return data[: _place(rng, data)]


def _splice(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    first, second, to = *sorted((_place(rng, data), _place(rng, data))), _place(rng, data)
    block = data[first : second + 1][: 1 << 16]
    return data[:to] + block * _pick(rng, (1, 1, 2, 50)) + data[to + (len(block) if rng.random() < 0.5 else 0) :]


def _lengths(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A number of 1 to 8 bytes set to an extreme, as if it were a length."""
    size, order = _pick(rng, (1, 2, 4, 8)), _pick(rng, ("little", "big"))
    start = _place(rng, data) // size * size if rng.random() < 0.7 else _place(rng, data)
    value = _pick(rng, _EXTREMES) % 256**size
    return data[:start] + value.to_bytes(size, order) + data[start + size :]


def _empty(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    return _pick(rng, (b"", b"\0" * len(data), rng.bytes(len(data) or 1), data + rng.bytes(100), data + data))


# Text.


def _number(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    if not (found := list(_NUMBER.finditer(data))):
        raise _InapplicableError
    match = _pick(rng, found)
    return data[: match.start()] + _pick(rng, _HOSTILE_TEXT) + data[match.end() :]


def _all_numbers(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """The same number everywhere, or all of them scaled out of proportion."""
    if rng.random() < 0.5:
        value = _pick(rng, _HOSTILE_TEXT)
        return _NUMBER.sub(lambda match: value, data)
    return _NUMBER.sub(lambda match: match[0] + b"0" * 30, data)


def _lines(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    lines = data.splitlines(keepends=True)
    if not lines:
        raise _InapplicableError
    at, kind = int(rng.integers(len(lines))), int(rng.integers(5))
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines[at : at + 1] = [lines[at]] * _pick(rng, (2, 2, 300))
    elif kind == 2:
        other = int(rng.integers(len(lines)))
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 3:
        lines[at] = lines[at].replace(_pick(rng, (b",", b" ", b"\t", b":", b"{", b"}")), _pick(rng, (b"", b";", b",,")))
    else:
        lines[at] = _pick(
            rng, (b"", b"\n", b"{\n" * 20000, b"a," * 50000 + b"\n", b'"', b"\0\n", b" " * 100000 + b"\n")
        )
    return b"".join(lines)


def _words(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    if not (found := list(re.finditer(rb"[A-Za-z_]\w*", data))):
        raise _InapplicableError
    match = _pick(rng, found)
    new = _pick(rng, (b"", b"other", match[0].upper(), _pick(rng, found)[0], b"a b", b"\xff", b"x" * 70000, b"\x1b]0;"))
    return data[: match.start()] + new + data[match.end() :]


def _encoding(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    text = data.decode("utf-8", "replace")
    return _pick(
        rng,
        (b"\xef\xbb\xbf" + data, text.encode("utf-16"), data.replace(b"\n", b"\r\n"), data.replace(b"\n", b"\r"),
         data.replace(b"\n", b""), data.replace(b" ", b"\0")),
    )  # fmt: skip


_TEXT: list[Way] = [_number, _number, _number, _all_numbers, _lines, _lines, _words, _encoding]


def _json_tree(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """One value, key or list of the tree replaced."""
    try:
        tree = json.loads(data)
    except ValueError:
        raise _InapplicableError from None
    places: list[tuple[Any, Any]] = []
    pending = [tree]
    while pending:
        node = pending.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            places.append((node, key))
            pending.append(node[key])
    if not places:
        raise _InapplicableError
    # Long lists of numbers would hide the few keys.
    named = [place for place in places if isinstance(place[0], dict)]
    parent, key = _pick(rng, named if named and rng.random() < 0.6 else places)
    _change(parent, key, places, rng)
    text = json.dumps(tree)
    depth = _pick(rng, (200, 5000, 100000))
    opening, closing = _pick(rng, (("[", "]"), ('{"a":', "}")))
    return text.replace(json.dumps(_BOMB), opening * depth + "1" + closing * depth).encode()


def _change(parent: Any, key: Any, places: list[tuple[Any, Any]], rng: Random) -> None:
    value, kind = parent[key], int(rng.integers(8))
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[_pick(rng, ("", "other", str(key) + " ", "\x1b[31m\n", "0"))] = parent.pop(key)
    elif kind == 2 and isinstance(value, list):
        parent[key] = value[: int(rng.integers(len(value) + 1))]
    elif kind == 3 and isinstance(value, list):
        parent[key] = (value * _pick(rng, (2, 2, 100)))[:20000]
    elif kind == 4:
        node, other = _pick(rng, places)
        with contextlib.suppress(KeyError, IndexError):
            parent[key] = json.loads(json.dumps(node[other]))
    elif kind == 5:
        parent[key] = _BOMB
    else:
        parent[key] = _pick(rng, _HOSTILE_VALUES)


# Zip archives and .npy arrays.


def _unzipped(data: bytes) -> list[tuple[zipfile.ZipInfo, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [(info, archive.read(info)) for info in archive.infolist()]
    except Exception:
        raise _InapplicableError from None


def _zipped(members: list[tuple[str, bytes]], rng: Random) -> bytes:
    stream = io.BytesIO()
    pack = _pick(rng, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(stream, "w", pack) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, pack)
    return stream.getvalue()


def _zip_member(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A member renamed, removed, exchanged, or its bytes damaged, with right checksums."""
    members = [(info.filename, content) for info, content in _unzipped(data)]
    if not members:
        raise _InapplicableError
    at, kind = int(rng.integers(len(members))), int(rng.integers(6))
    name, content = members[at]
    if kind == 0:
        del members[at]
    elif kind == 1:
        members[at] = (_pick(rng, ("other.npy", "../" + name, name.upper(), "", "\x1b[31m.npy", name + "/")), content)
    elif kind == 2:
        other = int(rng.integers(len(members)))
        members[at], members[other] = (name, members[other][1]), (members[other][0], content)
    elif kind == 3:
        members[at] = (name, bytes(2**25))
    else:
        members[at] = (name, _pick(rng, (_bits, _noise, _truncate, _splice, _lengths, _empty))(content, rng, folder))
    return _zipped(members, rng)


def _zip_directory(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A field of the central directory or of a member's own header set to an extreme."""
    starts = [match.start() for match in re.finditer(rb"PK(\x01\x02|\x03\x04|\x05\x06)", data)]
    at, size = _pick(rng, starts) + 4 + 2 * int(rng.integers(20)), _pick(rng, (2, 4))
    return data[:at] + (_pick(rng, _EXTREMES) % 256**size).to_bytes(size, "little") + data[at + size :]


def _npy_header(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """Another type, shape or order in an array's header, its bytes as they were."""
    members = [(info.filename, content) for info, content in _unzipped(data)]
    arrays = [i for i, (_, content) in enumerate(members) if content[:6] == b"\x93NUMPY"]
    if not arrays:
        raise _InapplicableError
    at = _pick(rng, arrays)
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
        descr = _pick(rng, _HOSTILE_TYPES)
    elif kind == 2:
        lengths = _pick(
            rng, ([], [0], [-1], [2**31], [2**62, 2**62], [1] * 40, [2**40, 0], lengths[::-1], [*lengths, 1])
        )
    elif kind == 3 and lengths:
        lengths[int(rng.integers(len(lengths)))] = _pick(rng, (0, 1, 2, -1, 10**6, 10**12, 2**64))
    elif kind == 4:
        order = not order
    elif kind == 5 and lengths and lengths[0] > 1:  # All arrays shorter, or this one longer: consistent with its bytes.
        lengths[0] -= 1
        body = body[: math.prod(lengths) * dtype.itemsize]
    else:
        descr = [("a", "<f4"), ("b", "|O")]
    header = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {tuple(lengths)!r}}}"
    if rng.random() < 0.1:
        header = _pick(rng, ("(" * 5000, "{}", "__import__('os')", "{'descr': 1}", header[:-3], "9" * 9000, "[" * 90))
    encoded = header.encode("latin1") + b"\n"
    members[at] = (name, b"\x93NUMPY\x02\x00" + struct.pack("<I", len(encoded)) + encoded + body)
    return _zipped(members, rng)


def _npy_values(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """Values of an array replaced; type and shape stay."""
    members = [(info.filename, content) for info, content in _unzipped(data)]
    if not members:
        raise _InapplicableError
    at = int(rng.integers(len(members)))
    try:
        array = np.load(io.BytesIO(members[at][1]), allow_pickle=False).copy()
    except Exception:
        raise _InapplicableError from None
    _spoil(array, rng)
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=False)
    members[at] = (members[at][0], stream.getvalue())
    return _zipped(members, rng)


def _spoil(array: np.ndarray, rng: Random) -> None:
    """Some or all values set to something hostile, in place."""
    if array.size == 0:
        raise _InapplicableError
    where = slice(None) if rng.random() < 0.3 else int(rng.integers(array.size))
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            array.reshape(-1)[where] = _pick(rng, (np.nan, np.inf, -np.inf, 1e308, -1, 0, 1e-40, 1e20, 5e5))
    elif array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        array.reshape(-1)[where] = _pick(rng, (limits.min, limits.max, 0, 1, 100))
    elif array.dtype.kind == "U":
        array.reshape(-1)[where] = _pick(rng, ("", "train", "a" * 300, "a\nb", "\x1b[31m", "../a.yaml"))
    elif array.dtype.kind == "b":
        array.reshape(-1)[where] = _pick(rng, (False, True))
    else:
        raise _InapplicableError


# HDF5.


def _hdf5_fields(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A count, address or size of the file's structures; they lie at multiples of 2."""
    if rng.random() < 0.5 and (marks := [m.start() for m in re.finditer(rb"TREE|HEAP|SNOD|OHDR|GCOL|FRHP", data)]):
        at = _pick(rng, marks) + 2 * int(rng.integers(2, 40))
    else:
        at = _place(rng, data) // 2 * 2
    size = _pick(rng, (1, 2, 4, 8))
    return data[:at] + (_pick(rng, _EXTREMES) % 256**size).to_bytes(size, "little") + data[at + size :]


def _hdf5_dataset(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A data set replaced by one of another type, shape, storage or kind, in a file that is otherwise sound."""
    import h5py

    stream = io.BytesIO(data)
    try:
        with h5py.File(stream, "r+") as file:
            names: list[str] = []
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
            if not names:
                raise _InapplicableError
            name = _pick(rng, sorted(names))
            _replace_dataset(file, name, rng)
    except _InapplicableError:
        raise
    except Exception:
        raise _InapplicableError from None
    return stream.getvalue()


def _replace_dataset(file: Any, name: str, rng: Random) -> None:
    import h5py

    item = file[name]
    old, kind = item[()], int(rng.integers(12))
    shape = np.shape(old)
    del file[name]
    if kind == 0:
        return
    if kind == 1:
        file.create_dataset(
            name, (10**7, *shape[1:]), "f4", chunks=(10**5, *shape[1:]), compression="gzip"
        )  # No chunk.
    elif kind == 2:
        file.create_dataset(name, data=np.zeros((3 * 10**5, *shape[1:]), "f4"), compression="gzip", chunks=True)
    elif kind == 3:
        file.create_dataset(
            name, data=np.reshape(["text"] * max(1, np.size(old)), np.shape(old) or (1,)).astype(object)
        )
    elif kind == 4:
        file[name] = h5py.SoftLink("/" + _pick(rng, (name, "nowhere", "")))
    elif kind == 5:
        file[name] = h5py.ExternalLink("/etc/hostname", "/a")
    elif kind == 6:
        file.create_group(name)
    elif kind == 7:
        file.create_dataset(name, data=old[: int(rng.integers(len(old) + 1))] if shape else old)
    elif kind == 8:
        file.create_dataset(name, data=np.asarray(old).T)
    elif kind == 9:
        file.create_dataset(name, (np.size(old),), "f8", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])
    elif kind == 10:
        made = np.zeros(shape, [("a", "f4"), ("b", "S3")]) if rng.random() < 0.5 else np.full(shape, b"12")
        file.create_dataset(name, data=made)
    elif np.asarray(old).dtype.kind in "fiu":
        array = np.array(old, ndmin=1)
        _spoil(array, rng)
        file.create_dataset(name, data=array.reshape(shape))


# MATLAB 5.


def _mat_element(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """Damage inside a top-level element, packed again when it was packed, so that no checksum gives it away."""
    elements, at = [], 128
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        elements.append((kind, data[at + 8 : at + 8 + size]))
        at += 8 + size
    if not elements:
        raise _InapplicableError
    which = int(rng.integers(len(elements)))
    kind, body = elements[which]
    packed = kind == 15
    with contextlib.suppress(zlib.error):
        body = zlib.decompress(body) if packed else body
    if rng.random() < 0.05:
        body = body[:64] + bytes(2**25)
    else:
        body = _pick(rng, (_bits, _noise, _truncate, _splice, _lengths, _lengths, _lengths, _mat_tag))(
            body, rng, folder
        )
    elements[which] = (kind, zlib.compress(body) if packed else body)
    return data[:128] + b"".join(struct.pack("<II", kind, len(body)) + body for kind, body in elements)


def _mat_tag(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """Type or size of a nested element; they lie at multiples of 8."""
    at = _place(rng, data) // 8 * 8 + _pick(rng, (0, 4))
    value = _pick(rng, (*range(19), *_EXTREMES)) % 2**32
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


def _mat_variable(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A variable renamed, removed, transposed or replaced."""
    import scipy.io

    try:
        variables = {k: v for k, v in scipy.io.loadmat(io.BytesIO(data)).items() if not k.startswith("__")}
        name = _pick(rng, sorted(variables))
        value, kind = variables.pop(name), int(rng.integers(6))
        if kind == 1:
            variables["other"] = value
        elif kind == 2:
            variables[name] = value.T
        elif kind == 3:
            variables[name] = _pick(rng, ("text", np.zeros((0, 0)), np.zeros((3, 3)), 1j * np.ones((2, 2)), {"a": 1.0}))
        elif kind == 4 and value.dtype.kind in "fiu":
            _spoil(value, rng)
            variables[name] = value
        elif kind == 5:
            variables[name] = value[: value.shape[0] // 2]
        stream = io.BytesIO()
        scipy.io.savemat(stream, variables, do_compression=bool(rng.integers(2)))
    except Exception:
        raise _InapplicableError from None
    return stream.getvalue()


# Pickles.


def _pickle_opcode(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """An opcode put in, taken out or exchanged."""
    import pickletools

    try:
        places = [place for _, _, place in pickletools.genops(data)]
    except Exception:
        raise _InapplicableError from None
    at, code = (
        _pick(rng, places),
        bytes([ord(_pick(rng, "(.01234FGIJKLMNPQRSTUVXabcdeghijlopqrstu}])\x80\x85\x8a\x8b\x94"))]),
    )
    other = _pick(rng, places)
    return _pick(rng, (data[:at] + code + data[at:], data[:at] + code + data[at + 1 :], data[:at] + data[other:]))


def _pickle_hostile(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A pickle that runs a command, asks for much memory, or is nested deeply."""
    marker = str(folder / MARKER).encode()
    code = b"open('" + marker + b"', 'w').close()"
    doubling = b"(lp0\n" + b"".join(b"(g%d\ng%d\ntp%d\n" % (i, i, i + 1) for i in range(60)) + b"."
    return _pick(
        rng,
        (
            b"cos\nsystem\n(S'touch " + marker + b"'\ntR.",
            b"\x80\x02cbuiltins\nexec\nX" + struct.pack("<I", len(code)) + code + b"\x85R.",
            b"\x80\x02cnumpy\nzeros\nJ\xff\xff\xff\x7f\x85R.",
            b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nJ\xff\xff\xff\x7f\x85c_codecs\nencode\n\x87R.",
            b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"a.",
            b"\x80\x02\x8b" + struct.pack("<I", 2**31 - 1) + b"\0" * 10 + b".",
            b"\x80\x02" + b"]" * 200000 + b"a" * 199999 + b".",
            b"\x80\x02" + b"(" * 200000 + b"t" * 200000 + b".",
            b"\x80\x02]r\xff\xff\xff\x7f.",  # A memo of 2^31 places.
            b"I" + b"9" * 200000 + b"\n.",
            doubling,
            b"\x80\x02}q\0X\1\0\0\0ah\0s.",  # A mapping that holds itself.
        ),
    )  # fmt: skip


# Shards.


def _record(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A record damaged, exchanged or removed, with right lengths and checksums."""
    from tf_elepose.data import tfrecords

    try:
        parts = tfrecords.read_records(io.BytesIO(data), "sample", longest=1 << 16)
        records = [record for part, _ in parts for record in part]
    except ValueError:
        raise _InapplicableError from None
    if not records:
        raise _InapplicableError
    at, kind = int(rng.integers(len(records))), int(rng.integers(4))
    if kind == 0:
        del records[at]
    elif kind == 1:
        records.append(records[at])
    else:
        records[at] = _pick(rng, (_bits, _noise, _truncate, _splice, _lengths, _empty))(records[at], rng, folder)
    return tfrecords.frame(records)[0]


def _seal(files: Files, name: str) -> None:
    """Makes the manifest beside the shard `name` agree with its bytes."""
    from tf_elepose.data import tfrecords

    path = str(pathlib.PurePath(name).with_name("manifest.json"))
    with contextlib.suppress(KeyError, ValueError, TypeError, AttributeError):
        manifest = json.loads(files[path])
        for entry in (entry for entries in manifest["splits"].values() for entry in entries):
            if entry["file"] == pathlib.PurePath(name).name:
                parts = list(tfrecords.read_records(io.BytesIO(files[name]), "sample", longest=1 << 16))
                checksum = zlib.crc32(b"".join(checksums.tobytes() for _, checksums in parts))
                entry |= {"bytes": len(files[name]), "crc32": checksum, "rows": sum(len(part) for part, _ in parts)}
        files[path] = json.dumps(manifest).encode()
