"""npz archives: declared sizes are checked against real ones, and no code in them is run."""

import io
import zipfile

import numpy as np
import pytest

from tf_elepose.data.parsers.npz import NpzReader


def archive_of(path, data: bytes, compression=zipfile.ZIP_STORED):
    """Writes an archive that is good except for the bytes of its array `poses`."""
    with zipfile.ZipFile(path / "bad.npz", "w") as archive:
        stream = io.BytesIO()
        np.save(stream, np.arange(5))
        archive.writestr("frame.npy", stream.getvalue())
        archive.writestr("poses.npy", data, compression)
    return path / "bad.npz"


def header(shape, dtype="<f4") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def read(path) -> np.ndarray:
    with NpzReader(path) as archive:
        np.testing.assert_array_equal(archive.array("frame"), np.arange(5))
        return archive.array("poses")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read_as_they_were_written(tmp_path, order, compression):
    array, stream = np.asarray(np.arange(24.0).reshape(2, 3, 4), order=order), io.BytesIO()
    np.save(stream, array)
    path = archive_of(tmp_path, stream.getvalue(), compression)
    with NpzReader(path) as archive:
        assert archive.names == ["frame", "poses"]
        assert archive.declared("poses") == ((2, 3, 4), np.dtype(float))
    np.testing.assert_array_equal(read(path), array)


def test_a_header_that_declares_more_than_the_member_holds_is_refused_before_allocating(tmp_path):
    path = archive_of(tmp_path, header((10**12, 17, 2)) + bytes(100))
    with pytest.raises(ValueError, match=r"poses: its header declares 13600000000\d+ bytes, the archive holds 228"):
        read(path)


def test_a_member_that_unpacks_a_thousandfold_is_refused(tmp_path):
    rows = 500_000
    path = archive_of(tmp_path, header((rows, 17, 2)) + bytes(rows * 17 * 2 * 4), zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=r"poses: \d+ bytes that unpack to 68000128; at most 1:100"):
        read(path)


def test_pickled_objects_are_refused(tmp_path):
    np.savez(tmp_path / "objects.npz", frame=np.arange(5), poses=np.array([{}], object))
    with pytest.raises(ValueError, match="poses: expected numbers or text; got object"):
        read(tmp_path / "objects.npz")


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{", header((-1, 17, 2)), b"P" * 90])
def test_members_that_are_no_arrays_are_refused(tmp_path, data):
    with pytest.raises(ValueError, match=r"bad\.npz: poses: not a readable \.npy array"):
        read(archive_of(tmp_path, data))


def test_arrays_given_twice_are_refused(tmp_path):
    path = archive_of(tmp_path, header((0,)))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("frame.npy", b"")
    with pytest.raises(ValueError, match="frame: given twice"):
        read(path)


@pytest.mark.parametrize("rows", [1, 4, 7, 100])
@pytest.mark.parametrize("order", ["C", "F"])
def test_members_are_read_in_parts_side_by_side(tmp_path, rows, order):
    poses = np.asarray(np.arange(7 * 3 * 2, dtype=np.float32).reshape(7, 3, 2), order=order)
    np.savez_compressed(tmp_path / "a.npz", poses=poses, clip=np.array(list("abcdefg")))
    with NpzReader(tmp_path / "a.npz") as archive:
        parts = list(archive.parts({"p": "poses", "c": "clip"}, rows))
    assert [first for first, _ in parts] == list(range(0, 7, rows))
    np.testing.assert_array_equal(np.concatenate([part["p"] for _, part in parts]), poses)
    assert "".join(np.concatenate([part["c"] for _, part in parts])) == "abcdefg"


def test_damage_is_reported_after_the_last_part(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, poses=np.arange(1000.0))
    data = bytearray(path.read_bytes())
    data[data.index(np.float64(500.0).tobytes())] ^= 1
    path.write_bytes(data)
    with NpzReader(path) as archive:
        for reading in (lambda: list(archive.blocks("poses", 300)), archive.require_sound):
            with pytest.raises(ValueError, match=r"a\.npz: poses: damaged \(Bad CRC-32"):
                reading()
