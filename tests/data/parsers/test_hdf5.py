import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from tf_elepose.data.parsers import hdf5
from tf_elepose.data.parsers.hdf5 import Hdf5Reader


@pytest.fixture
def path(tmp_path) -> pathlib.Path:
    return tmp_path / "sample.h5"


def write(path: pathlib.Path, **arrays) -> None:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


def packed(path: pathlib.Path, shape: tuple[int, ...], **options) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape, "f8", compression="gzip", **options)


def test_numbers_are_read_as_they_were_written(path):
    rng = np.random.default_rng(0)
    arrays = {
        "float64": rng.normal(size=(3, 4)),
        "big_endian": np.arange(5, dtype=">i4"),
        "flags": np.array([True, False]),
        "half": np.float16([1.5]),
        "scalar": np.int64(7),
        "empty": np.zeros((0, 17, 2)),
    }
    write(path, **arrays)
    with Hdf5Reader(path) as file:
        assert sorted(file.names) == sorted(arrays)
        for name, array in arrays.items():
            assert file.declared(name) == (array.shape, array.dtype)
            np.testing.assert_array_equal(file.array(name), array)
            assert file.array(name).dtype == array.dtype


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_groups_and_packed_arrays_of_old_and_new_layouts(path, libver):
    array = np.arange(400.0).reshape(40, 10)
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("pose/2d", data=array, chunks=(8, 10), compression="gzip", shuffle=True, fletcher32=True)
        file.create_dataset("pose/deep/lzf", data=array, chunks=(40, 1), compression="lzf")
    with Hdf5Reader(path) as file:
        assert sorted(file.names) == ["pose/2d", "pose/deep/lzf"]
        for name in file.names:
            np.testing.assert_array_equal(file.array(name), array)


def test_text_of_fixed_and_of_variable_length(path):
    write(path, variable=["walk", "Ü"], fixed=np.array([b"ab", b"c"]), one="sit")
    with Hdf5Reader(path) as file:
        assert file.array("variable").tolist() == ["walk", "Ü"]
        assert file.array("fixed").tolist() == ["ab", "c"]
        assert file.array("one").item() == "sit"


def test_long_text_and_invalid_text_are_refused(path):
    write(path, long=["a" * 300], wide=np.array([b"a" * 2000]), strange=np.array([b"\xff\xfe"]))
    with Hdf5Reader(path) as file:
        for name, message in (("long", "at most 256"), ("wide", "at most 256"), ("strange", "can't decode")):
            with pytest.raises(ValueError, match=message):
                file.array(name)


def test_links_are_not_followed(path, tmp_path):
    write(tmp_path / "other.h5", secret=np.ones(3))
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros(2)
        file["outside"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/secret")
        file["soft"] = h5py.SoftLink("/outside")
        file["loop/back"] = file["/"]
    with Hdf5Reader(path) as file:
        assert {name.split("/")[-1] for name in file.names} == {"a"}


def test_arrays_kept_in_other_files_are_refused(path, tmp_path):
    (tmp_path / "raw.bin").write_bytes(bytes(80))
    write(tmp_path / "other.h5", a=np.ones(10))
    layout = h5py.VirtualLayout((10,), "f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "a", (10,))
    with h5py.File(path, "w") as file:
        file.create_dataset("external", (10,), "f8", external=[(str(tmp_path / "raw.bin"), 0, 80)])
        file.create_virtual_dataset("virtual", layout)
    with Hdf5Reader(path) as file:
        for name in ("external", "virtual"):
            with pytest.raises(ValueError, match=f"sample.h5: {name}: is kept in other files"):
                file.array(name)


def test_compounds_and_references_are_refused(path):
    with h5py.File(path, "w") as file:
        file["pair"] = np.zeros(2, [("x", "f4"), ("y", "f4")])
        file["complex"] = np.zeros(2, complex)
        file.create_dataset("reference", data=file.ref, dtype=h5py.ref_dtype)
        file["ragged"] = np.zeros(1)
        del file["ragged"]
        file.create_dataset("ragged", (1,), dtype=h5py.vlen_dtype(np.int32))
        file["nothing"] = h5py.Empty("f4")
    with Hdf5Reader(path) as file:
        for name in file.names:
            with pytest.raises(ValueError, match=f"sample.h5: {name}: expected numbers or text; got"):
                file.array(name)
        assert len(file.names) == 5


def test_an_array_that_unpacks_to_far_more_than_the_file_is_refused_before_allocation(path):
    packed(path, (10**9,), chunks=(10**5,))
    with (
        Hdf5Reader(path) as file,
        pytest.raises(ValueError, match=r"a: declares 8000000000 bytes and stores 0, at most"),
    ):
        file.array("a")


def test_small_arrays_may_be_packed_with_any_ratio(path):
    packed(path, (10**6,), chunks=(10**5,), fillvalue=3.0)
    with Hdf5Reader(path) as file:
        assert (file.array("a") == 3).all()


def test_arrays_of_other_shapes_are_refused(path):
    write(path, poses=np.zeros((5, 17, 2)), text=["a"])
    with Hdf5Reader(path) as file:
        assert file.numbers("poses", (None, 17, 2)).shape == (5, 17, 2)
        with pytest.raises(ValueError, match=r"poses: expected numbers \[n, 32, 2\]; got float64 \[5, 17, 2\]"):
            file.numbers("poses", (None, 32, 2))
        with pytest.raises(ValueError, match=r"text: expected numbers \[n\]"):
            file.numbers("text", (None,))
        with pytest.raises(ValueError, match=r"missing frame; it holds poses, text$"):
            file.numbers("frame", (5,))


def test_integers_may_be_written_as_floats(path):
    write(path, whole=np.array([3.0, 0.0]), part=np.array([1.0, 2.5]), negative=np.array([-1]), nan=np.array([np.nan]))
    with Hdf5Reader(path) as file:
        np.testing.assert_array_equal(file.integers("whole", (2,)), np.int32([3, 0]))
        for name, message in (("part", "row 1 holds 2.5"), ("negative", "row 0 holds -1"), ("nan", "row 0 holds nan")):
            with pytest.raises(ValueError, match=f"{name}: expected integers from 0; {message}"):
                file.integers(name, (None,))


def test_other_files_than_hdf5_are_refused(path, tmp_path):
    with pytest.raises(ValueError, match=r"^labels .*sample\.h5: no such file$"):
        Hdf5Reader(path, "labels")
    with pytest.raises(ValueError, match="expected a file"):
        Hdf5Reader(tmp_path)
    path.write_bytes(b"not HDF5" * 100)
    with pytest.raises(ValueError, match=r"sample\.h5: not readable as HDF5") as error:
        Hdf5Reader(path)
    assert "\n" not in str(error.value)


def test_a_child_that_dies_gives_an_error_and_is_replaced(path):
    write(path, a=np.arange(3))
    with Hdf5Reader(path) as file:
        started = hdf5._CHILD._process
        started.kill()
        started.wait()
        np.testing.assert_array_equal(file.array("a"), np.arange(3))
        assert hdf5._CHILD._process.pid != started.pid


@pytest.mark.parametrize(
    ("died_of", "message"),
    [(signal.SIGSEGV, "damaged: libhdf5 ends with -11"), (signal.SIGPROF, "damaged: libhdf5 takes more than")],
)
def test_crashes_and_hangs_have_different_messages(path, monkeypatch, died_of, message):
    write(path, a=np.arange(3))
    child = f"import os, sys; sys.stdin.readline(); os.kill(os.getpid(), {int(died_of)})"
    real = subprocess.Popen
    hdf5._CHILD.stop()
    monkeypatch.setattr(
        hdf5.subprocess, "Popen", lambda args, **options: real([sys.executable, "-c", child], **options)
    )
    with pytest.raises(ValueError, match=rf"sample\.h5: {message}"):
        Hdf5Reader(path)
    monkeypatch.undo()
    assert Hdf5Reader(path).names == ["a"]


def test_lower_limits_of_the_system_are_kept():
    program = (
        "import resource, tf_elepose.data.parsers.hdf5_child as h\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))\n"
        "h._limit(100, 2**34); print(resource.getrlimit(resource.RLIMIT_AS)[1])"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert int(told.stdout) == 2**33


def test_a_child_that_uses_too_much_time_is_ended():
    program = "import tf_elepose.data.parsers.hdf5_child as h; h._limit(0.2, 2**30)\nwhile True: pass"
    started = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert ended.returncode == -signal.SIGPROF
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_are_read_or_refused_in_a_line(path, seed):
    with h5py.File(path, "w") as file:
        file["pose/2d"] = np.ones((4, 3, 2))
        file.create_dataset("packed", data=np.arange(100), chunks=(10,), compression="gzip")
        file["text"] = ["a", "bc"]
    data, rng = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(rng.choice((1, 3, 20))):
        data[rng.randrange(len(data))] = rng.choice((0, 255, rng.randrange(256)))
    path.write_bytes(data[: rng.randrange(len(data))] if seed % 5 == 0 else data)
    try:
        with Hdf5Reader(path) as file:
            for name in file.names:
                try:
                    assert file.array(name).dtype.kind in "fiuUb"
                except ValueError as error:
                    assert str(error).startswith(file.where) and "\n" not in str(error)
    except ValueError as error:
        assert "sample.h5: " in str(error) and "\n" not in str(error)
