"""Hostile archives, made to take memory or time or to run code, are all refused in one line."""

import functools
import io
import struct
import time
import zipfile

import numpy as np
import pytest
from peak_memory import PeakMemory

from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

MAX_SECONDS = 5.0
MAX_BYTES = 200 * 2**20


def npy(shape, descr="<f4", body=b"", header=None):
    """The bytes of an .npy array with any header."""
    header = header or f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}}}\n"
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header.encode() + body


def archive(members, pack=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", pack, compresslevel=1) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name), content, pack, 1)
    return stream.getvalue()


def sound(**others):
    """The members of a views file of two rows, some of them replaced."""
    arrays = {
        "poses_2d": np.zeros((2, 17, 2), np.float32), "subject": np.array(["S1"] * 2), "action": np.array(["walk"] * 2),
        "clip": np.array(["a"] * 2), "camera": np.zeros(2, int), "frame": np.arange(2),
        "split": np.array(["train"] * 2),
    }  # fmt: skip
    members = {}
    for name, array in arrays.items():
        stream = io.BytesIO()
        np.save(stream, array)
        members[f"{name}.npy"] = stream.getvalue()
    return list((members | {f"{name}.npy": content for name, content in others.items()}).items())


def over_declared_member():
    """The directory says a member unpacks to 4 GB; its few bytes do not."""
    data = bytearray(archive(sound(poses_2d=npy((2**26, 17, 2)))))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFF0)
    return bytes(data)


def zip_bomb():
    """A quarter of a gigabyte of zeros in a quarter of a megabyte."""
    rows = 2**28 // 136
    return archive(sound(poses_2d=npy((rows, 17, 2), body=bytes(rows * 136))))


def many_bombs():
    """Many members, each small enough by itself."""
    rows = 2**25 // 136
    fields = {f"field_{number}": npy((rows, 17, 2), body=bytes(rows * 136)) for number in range(8)}
    return archive(sound(**fields, poses_2d=npy((rows, 17, 2), body=bytes(rows * 136))))


def forged_header():
    """The header declares an array of a terabyte."""
    return archive(sound(poses_2d=npy((2**33, 17, 2), body=bytes(272))), zipfile.ZIP_STORED)


def forged_header_that_overflows():
    return archive(sound(poses_2d=npy((2**62, 17, 2), body=bytes(272))))


def forged_header_of_no_bytes():
    """The header declares a huge number of rows that have no bytes."""
    return archive(sound(poses_2d=npy((2**62, 0, 2))))


def header_of_a_gigabyte():
    return archive(sound(poses_2d=b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**30) + b" " * 2**24))


def header_nested_deeply():
    return archive(sound(poses_2d=npy(None, header="(" * 9000 + ")" * 9000)))


def nested_archive():
    """A member is an archive instead of an array, and so on."""
    inner = archive(sound())
    for _ in range(50):
        inner = archive([("poses_2d.npy", inner)])
    return inner


def huge_dtype():
    """Two rows of text of a gigabyte each."""
    return archive(sound(subject=npy((2,), f"<U{2**28}")))


def object_array():
    """A pickle that would end the process if it were loaded."""
    return archive(sound(poses_2d=npy((2,), "|O", b"cos\n_exit\n(I3\ntR.")))


def structured_dtype():
    return archive(sound(poses_2d=npy((2,), [("a", "<f4", (99999999,))])))


def overlapping_members():
    """A thousand names for the same bytes, which unpack to far more."""
    data = archive([("a.npy", npy((2**24,), "|u1", bytes(2**24)))])
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry = bytearray(data[start:end])
    entries = b""
    for number in range(1000):
        name = b"f%04d" % number
        entries += bytes(entry[: entry.index(b"a.npy")]) + name  # The name has the length of the first one.
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1000, 1000, len(entries), start, 0)
    return data[:start] + entries + tail


def a_billion_members():
    """The directory's count (ZIP64) declares more members than there are."""
    data = archive(sound())
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 10**9, 10**9, 46 * 10**9, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:end] + record + locator + tail


def many_members():
    """Many members that exist, each of them empty."""
    return archive([(f"{number}.npy", b"") for number in range(50_000)], zipfile.ZIP_STORED)


def the_same_name_twice():
    with pytest.warns(UserWarning, match="Duplicate name"):
        return archive([*sound(), ("poses_2d.npy", npy((2**20, 17, 2)))])


def locked():
    """The flags say that a member is encrypted."""
    data = bytearray(archive(sound()))
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        data[at + 8] |= 1
    return bytes(data)


BOMBS = [
    over_declared_member, zip_bomb, many_bombs, forged_header, forged_header_that_overflows, forged_header_of_no_bytes,
    header_of_a_gigabyte, header_nested_deeply, nested_archive, huge_dtype, object_array, structured_dtype,
    overlapping_members, a_billion_members, many_members, the_same_name_twice, locked,
]  # fmt: skip


@functools.cache
def made(bomb):
    return bomb()


@pytest.mark.parametrize("source", ["views", "npz", "h36m"])
@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__)
def test_a_hostile_archive_is_refused_in_one_line(bomb, source, tmp_path):
    path = tmp_path / "data_2d_h36m_gt.npz"
    path.write_bytes(made(bomb))
    began = time.perf_counter()
    with PeakMemory() as peak, pytest.raises(ValueError, match=path.name) as refusal:
        load_source(f"{source}:{path}", H36M_17)
    assert time.perf_counter() - began < MAX_SECONDS
    assert peak.bytes < MAX_BYTES + 4 * len(made(bomb))
    assert str(refusal.value).isprintable() and len(str(refusal.value)) < 1000


def test_undamaged_members_are_read(tmp_path):
    """Without its one fault, a hostile archive would be accepted."""
    content = dict(sound())
    stream = io.BytesIO()
    np.save(stream, np.random.default_rng(0).normal(500, 100, (2, 17, 2)))
    content["poses_2d.npy"] = stream.getvalue()
    (tmp_path / "views.npz").write_bytes(archive(content.items()))
    assert len(load_source(f"views:{tmp_path / 'views.npz'}", H36M_17, check="off")) == 2
