import collections
import copyreg
import os
import pathlib
import pickle
import struct
import subprocess
import time
import tracemalloc

import numpy as np
import pytest
import scipy.sparse

from tf_elepose.data.parsers.pickle import MAX_OPCODES, load_pickle
from tf_elepose.data.parsers.pickle_values import MAX_DEPTH

CANARY = "canary"


def read(folder: pathlib.Path, data: bytes):
    (folder / "file.pkl").write_bytes(data)
    return load_pickle(folder / "file.pkl")


def refused(folder: pathlib.Path, data: bytes) -> str:
    with pytest.raises(ValueError) as error:
        read(folder, data)
    message = str(error.value)
    assert message.startswith("pickle file ") and "\n" not in message
    return message.split("file.pkl: ", 1)[1]


class Call:
    """Pickled as a call of `function`."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


class WithState:
    def __setstate__(self, state):
        os.system(f"touch {CANARY}")

    def __getstate__(self):
        return {"x": 1}


TOUCH = f"touch {CANARY}"
PYTHON = f"open({CANARY!r}, 'w').close()"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"
F8 = (
    b"cnumpy\ndtype\n(X\x02\x00\x00\x00f8\x89\x88tR(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
)


def array_state(shape: bytes, dtype: bytes, data: bytes) -> bytes:
    return b"\x80\x02" + ARRAY + b"(K\x01" + shape + dtype + b"\x89" + data + b"tb."


def hostile() -> dict[str, tuple[bytes, str]]:
    """{name: (pickle, part of the reason)}."""
    nested = b"\x80\x02K\x01\x85" + b"2\x86" * 60 + b"."
    return {
        "os.system": (pickle.dumps(Call(os.system, TOUCH)), "code object posix.system"),
        "os.system, protocol 0": (pickle.dumps(Call(os.system, TOUCH), 0), "code object posix.system"),
        "eval": (pickle.dumps(Call(eval, PYTHON)), "code object builtins.eval"),
        "exec": (pickle.dumps(Call(exec, PYTHON)), "code object builtins.exec"),
        "exec of Python 2": (b"c__builtin__\nexec\n(" + text(PYTHON) + b"tR.", "code object __builtin__.exec"),
        "subprocess": (pickle.dumps(Call(subprocess.Popen, ["touch", CANARY])), "code object subprocess.Popen"),
        "nested in a list in a dict": (pickle.dumps({"a": [1, Call(os.system, TOUCH)]}), "code object posix.system"),
        "nested in the arguments": (
            pickle.dumps(Call(bytearray, Call(os.system, TOUCH))), "code object posix.system"
        ),
        "in an array of objects": (
            pickle.dumps(np.array([Call(os.system, TOUCH)], dtype=object)), "code object posix.system"
        ),
        "getattr": (pickle.dumps(Call(getattr, Call(__import__, "os"), "system")), "code object builtins.getattr"),
        "attributes of attributes": (
            b"\x80\x04" + text("numpy") + text("core.os.system") + b"\x93.", "code object numpy.core.os.system"
        ),
        "__setstate__": (pickle.dumps(WithState(), 2), "WithState"),
        "old class": (b"(" + text(TOUCH) + b"ios\nsystem\n.", "code object os.system"),
        "OBJ": (b"(cbuiltins\nlist\no.", "an object of a class"),
        "NEWOBJ": (b"\x80\x02cbuiltins\nlist\n)\x81.", "an object of a class"),
        "copyreg's reconstructor": (
            b"ccopy_reg\n_reconstructor\n(cbuiltins\nlist\ncbuiltins\nlist\nNtR.", "code object copy_reg._reconstructor"
        ),
        "extension registry": (b"\x80\x02\x82\x01.", "extension registry"),
        "persistent id": (b"Pcanary\n.", "persistent id"),
        "binary persistent id": (b"\x80\x02K\x01Q.", "persistent id"),
        "bytearray(10**12)": (b"cbuiltins\nbytearray\nL1000000000000L\n\x85R.", "damaged pickle"),
        "int of a long text": (b"cbuiltins\nint\n" + text("9" * 100_000) + b"\x85R.", "a call of int"),
        "long decimal": (b"L" + b"9" * 4000 + b"L\n.", "bits"),
        "long binary": (b"\x80\x02\x8b" + struct.pack("<i", 10**5) + b"\x7f" * 10**5 + b".", "bits"),
        "declared length": (b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x.", "1099511627776 bytes are declared"),
        "shape without bytes": (
            array_state(b"(L1000000000000L\nK\x01t", F8, b"C\x08" + bytes(8)), "with 1 values"
        ),
        "shape whose product overflows": (
            array_state(b"(L4294967296L\nL4294967296L\nt", F8, b"C\x00"), "with 0 values"
        ),
        "shape of negative lengths": (
            array_state(b"(" + b"J\xff\xff\xff\xff" * 2 + b"t", F8, b"C\x08" + bytes(8)), "no shape"
        ),
        "objects as bytes": (
            array_state(b"K\x01\x85", F8.replace(b"f8", b"O8"), b"C\x08" + b"\x41" * 8), "expected list"
        ),
        "reconstruct of a large array": (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nL1000000000000L\n\x85C\x01btR.", "a call of numpy"
        ),
        "frombuffer of numpy": (b"cnumpy\nfrombuffer\n(C\x01xtR.", "code object numpy.frombuffer"),
        "numpy.load": (b"cnumpy\nload\n(" + text(CANARY) + b"tR.", "code object numpy.load"),
        "records": (b"cnumpy\ndtype\n(X\x02\x00\x00\x00V8\x89\x88tR.", "a call of numpy.dtype"),
        "state for a list": (b"\x80\x02])b.", "state for list"),
        "a second state": (
            b"\x80\x02" + ARRAY + (b"(K\x01K\x01\x85" + F8 + b"\x89C\x08" + bytes(8) + b"tb") * 2 + b".",
            "state for ndarray",
        ),
        "deep lists": (b"\x80\x02" + b"]" * 10_000 + b"a" * 9_999 + b".", "deep"),
        "billion laughs": (nested, "shared so often"),
        "many keys that are tuples of tuples": (b"\x80\x02}" + nested[2:-1] + b"Ns.", "expected a plain key"),
        "billion laughs as the version of an array": (
            b"\x80\x02" + ARRAY + b"(" + nested[2:-1] + b"K\x01\x85" + F8 + b"\x89C\x08" + bytes(8) + b"tb.", "version"
        ),
        "billion laughs as the size of a type": (
            b"\x80\x02cnumpy\ndtype\n(X\x02\x00\x00\x00S8\x89\x88tR(K\x03X\x01\x00\x00\x00|NNN" + nested[2:-1]
            + b"K\x01K\x00tb.", "another number of bytes",
        ),
        "the same set again and again": (
            b"\x80\x02(" + b"N" * 5000 + b"lq\x000(" + b"cbuiltins\nset\nh\x00\x85R" * 5000 + b"t.", "opcodes"
        ),
        "the same pairs again and again": (
            b"\x80\x02(" + b"NN\x86" * 5000 + b"lq\x000(" + b"ccollections\nOrderedDict\nh\x00\x85R" * 5000 + b"t.",
            "opcodes",
        ),
        "the same number again and again": (
            b"\x80\x02" + F8.replace(b"X\x02\x00\x00\x00f8", b"X\x07\x00\x00\x00S100000").replace(
                b"<NNNJ\xff\xff\xff\xff", b"|NNNJ" + struct.pack("<i", 100_000)
            ) + b"q\x000" + text("x" * 100_000) + b"q\x010("
            + b"cnumpy.core.multiarray\nscalar\nh\x00h\x01\x86R" * 999 + b"t.", "again and again",
        ),
        "a list in itself": (b"\x80\x02]q\x00h\x00a.", "inside itself"),
        "text copied again and again": (
            b"\x80\x02" + text("x" * 200_000) + b"q\x000("
            + b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R" * 99 + b"t.", "again and again",
        ),
        "sparse matrix": (pickle.dumps(scipy.sparse.csc_matrix(np.eye(3)), 4), "scipy.sparse"),
        "chumpy": (b"\x80\x02cchumpy.ch\nCh\nq\x00)\x81.", "code object chumpy.ch.Ch"),
    }  # fmt: skip


@pytest.mark.parametrize("name", hostile())
def test_hostile_pickles_are_refused_with_a_reason_and_nothing_is_executed(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    data, reason = hostile()[name]
    start = time.process_time()  # Before memory is traced, which takes several times as long.
    assert reason in refused(tmp_path, data)
    assert time.process_time() - start < 5
    tracemalloc.start()
    refused(tmp_path, data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(data) + 200e6
    assert not (tmp_path / CANARY).exists()


def test_too_many_opcodes_are_refused_soon(tmp_path):
    start = time.process_time()
    assert "more than 500000 opcodes" in refused(tmp_path, b"\x80\x02(" + b"N" * MAX_OPCODES + b"t.")
    assert time.process_time() - start < 5


def test_hostile_pickles_run_code_in_the_standard_unpickler(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(hostile()["eval"][0])
    assert (tmp_path / CANARY).exists()


def test_extensions_that_are_registered_are_refused_too(tmp_path):
    copyreg.add_extension("builtins", "eval", 0xF0)
    try:
        assert "extension registry" in refused(tmp_path, b"\x80\x02\x82\xf0(" + text(PYTHON) + b"tR.")
    finally:
        copyreg.remove_extension("builtins", "eval", 0xF0)


VALUES = {
    "plain": [None, True, False, 0, -1, 2**40, -(2**63), 1.5, float("inf"), "é€", b"\x00\xff", "", b""],
    "nested": {"a": {"b": [1, (2, 3), {4, 5}]}, 6: (), b"c": set(), None: [[]]},
    "bytearray": bytearray(b"\x00\xff"),
    "ordered": dict(collections.OrderedDict(a=1, b=2)),
}
ARRAYS = {
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big endian": np.arange(3, dtype=">i2"),
    "flags": np.array([True, False]),
    "text": np.array(["a", "bcd"]),
    "bytes": np.array([b"a", b"bcd"]),
    "empty": np.zeros((0, 3)),
    "zero dimensions": np.array(3, np.uint8),
    "strided": np.arange(10)[::3],
}


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_are_read_as_pickle_reads_them(tmp_path, protocol):
    found = read(tmp_path, pickle.dumps(VALUES, protocol))
    assert found == VALUES
    assert read(tmp_path, pickle.dumps(collections.OrderedDict(a=1, b=[2]), protocol)) == {"a": 1, "b": [2]}
    for name, number in {"f": np.float64(1.5), "i": np.int32(-7), "b": np.bool_(True), "u": np.str_("x")}.items():
        assert read(tmp_path, pickle.dumps({name: number}, protocol)) == {name: number.item()}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_read_as_pickle_reads_them(tmp_path, name, protocol):
    array = ARRAYS[name]
    one, again, in_objects = read(tmp_path, pickle.dumps((array, [array], np.array([array, None], object)), protocol))
    assert one is again[0]  # Shared in the file, shared here.
    for found in (one, in_objects[0]):
        assert found.shape == array.shape and found.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, array)


def test_bytes_of_python_2_are_latin_1_text(tmp_path):
    assert read(tmp_path, b"S'caf\\xe9'\n.") == "café"
    assert read(tmp_path, b"U\x04caf\xe9.") == "café"
    assert read(tmp_path, b"T\x04\x00\x00\x00caf\xe9.") == "café"


def test_an_array_of_python_2(tmp_path):
    # cPickle's protocol 2 with NumPy 1: the bytes are a Python 2 string.
    data = array_state(b"K\x02\x85", F8, b"U\x10" + struct.pack("<2d", 1.5, -2.0))
    np.testing.assert_array_equal(read(tmp_path, data.replace(b"C\x01b", b"U\x01b")), [1.5, -2.0])


def test_values_of_the_largest_depth_are_read(tmp_path):
    value: list = []
    for _ in range(MAX_DEPTH - 1):
        value = [value]
    assert read(tmp_path, pickle.dumps(value)) == value
    assert "deep" in refused(tmp_path, pickle.dumps([value]))


def test_a_missing_file_and_an_empty_one(tmp_path):
    with pytest.raises(ValueError, match=r"none\.pkl: no such file"):
        load_pickle(tmp_path / "none.pkl")
    assert "damaged" in refused(tmp_path, b"")


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_damaged_files_are_values_or_errors(tmp_path, protocol):
    rng = np.random.default_rng(protocol)
    whole = pickle.dumps({**VALUES, **ARRAYS, "o": np.array([{"a": ARRAYS["matrix"]}], object)}, protocol)
    for _ in range(400):
        data = bytearray(whole)
        for place in rng.integers(len(data), size=rng.integers(1, 6)):
            data[place] = rng.integers(256)
        cut = rng.integers(1, len(data)) if rng.random() < 0.3 else len(data)
        try:
            read(tmp_path, bytes(data[:cut]))
        except ValueError as error:
            assert "\n" not in str(error)
