import random
import struct
import zlib

import numpy as np
import pytest
import scipy.io

from tf_elepose.data.parsers.matlab import MatReader, MatValue


def saved(tmp_path, variables, **options) -> str:
    path = str(tmp_path / "sample.mat")
    scipy.io.savemat(path, variables, **options)
    return path


def cell(*values) -> np.ndarray:
    array = np.empty((len(values), 1), object)
    array[:, 0] = values
    return array


def matrix(kind: int, shape: tuple[int, ...], body: bytes, name: bytes = b"", order: str = "<") -> bytes:
    """The bytes of an element with a matrix, written after the description of the format."""

    def element(number: int, data: bytes) -> bytes:
        return struct.pack(order + "II", number, len(data)) + data + bytes(-len(data) % 8)

    head = element(6, struct.pack(order + "II", kind, 0)) + element(5, struct.pack(f"{order}{len(shape)}i", *shape))
    return element(14, head + element(1, name) + body)


def double(*values: float, order: str = "<") -> bytes:
    return struct.pack(f"{order}II{len(values)}d", 9, 8 * len(values), *values)


def write(tmp_path, *elements: bytes, order: str = "<") -> str:
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(order + "HH", 0x0100, 0x4D49)
    (tmp_path / "sample.mat").write_bytes(head + b"".join(elements))
    return str(tmp_path / "sample.mat")


@pytest.mark.parametrize("packed", [False, True])
def test_numbers_keep_shape_and_axes(tmp_path, packed):
    variables = {
        "three_axes": np.arange(24.0).reshape(2, 3, 4),
        "small": np.array([[1, 2, 3]], np.uint8),
        "single": np.float32([[1.5], [2.5]]),
        "flags": np.array([[True, False]]),
        "empty": np.zeros((0, 3)),
    }
    with MatReader(saved(tmp_path, variables, do_compression=packed)) as file:
        assert file.names == list(variables)
        for name, array in variables.items():
            np.testing.assert_array_equal(file.variable(name).numbers(), array)
            assert file.variable(name).shape == array.shape


@pytest.mark.parametrize("packed", [False, True])
def test_structs_cells_and_text(tmp_path, packed):
    people = np.zeros((1, 2), [("name", object), ("scale", object)])
    people[0, 0], people[0, 1] = ("Ann", 1.5), ("Bob", 2)
    variables = {"people": people, "cells": cell(np.eye(2), np.arange(3, dtype=np.int16)), "one": {"x": {"y": 7.0}}}
    with MatReader(saved(tmp_path, variables, do_compression=packed)) as file:
        found = file.variable("people")
        assert (found.kind, found.shape, found.fields) == ("struct", (1, 2), ("name", "scale"))
        assert [name.text() for name in found.field("name")] == ["Ann", "Bob"]
        np.testing.assert_array_equal(found.scalars("scale"), [1.5, 2.0])
        first, second = file.variable("cells").cells()
        np.testing.assert_array_equal(first.numbers(), np.eye(2))
        np.testing.assert_array_equal(second.numbers(), [[0, 1, 2]])
        assert file.variable("one").field("x")[0].scalars("y").tolist() == [7.0]


def test_both_byte_orders(tmp_path):
    for order in "<>":
        path = write(tmp_path, matrix(6, (1, 2), double(1.5, -2, order=order), b"a", order), order=order)
        with MatReader(path) as file:
            np.testing.assert_array_equal(file.variable("a").numbers(), [[1.5, -2.0]])


def test_empty_matrices_may_have_no_bytes(tmp_path):
    path = write(tmp_path, matrix(1, (1, 2), struct.pack("<II", 14, 0) + matrix(6, (1, 1), double(3)), b"c"))
    with MatReader(path) as file:
        empty, three = file.variable("c").cells()
    assert empty.numbers().shape == (0, 0)
    assert three.numbers().item() == 3


def test_cells_within_cells_are_not_followed_further_than_asked(tmp_path):
    """20,000 nested cells crash a process that calls scipy.io.loadmat."""
    head = len(matrix(1, (1, 1), b"")) - 8
    inner = matrix(6, (1, 1), double(1))
    sizes = [len(inner) + (head + 8) * depth for depth in range(20000)]
    tags = (struct.pack("<II", 14, head + size) + matrix(1, (1, 1), b"")[8:] for size in reversed(sizes))
    with MatReader(write(tmp_path, matrix(1, (1, 1), b"".join(tags) + inner, b"c"))) as file:
        value: MatValue = file.variable("c")
        for _ in range(100):
            (value,) = value.cells()
        assert value.kind == "cell"


def test_an_element_that_unpacks_to_far_more_bytes_is_refused(tmp_path):
    body = zlib.compress(struct.pack("<II", 14, 2**27) + matrix(6, (4096, 4096), b"", b"a")[8:] + bytes(2**27))
    path = write(tmp_path, struct.pack("<II", 15, len(body)) + body)
    with (
        MatReader(path) as file,
        pytest.raises(ValueError, match=r"a: \d+ bytes that unpack to 134217728; at most 1:100"),
    ):
        file.variable("a")


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (matrix(6, (1, 3), double(1, 2), b"a"), r"a: damaged: 16 bytes of type 9 for \[1, 3\] numbers"),
        (matrix(6, (1000, 1000, 1000), double(1), b"a"), r"a: damaged: 8 bytes of type 9"),
        (matrix(6 | 0x0800, (1, 1), double(1), b"a"), "a: expected real numbers; got complex double"),
        (matrix(4, (1, 1), double(1), b"a"), "a: expected real numbers; got text"),
        (matrix(5, (1, 1), double(1), b"a"), "a: expected real numbers; got sparse"),
        (matrix(3, (1, 1), double(1), b"a"), "a: expected real numbers; got object"),
        (matrix(16, (1, 1), double(1), b"a"), "a: expected real numbers; got function"),
        (matrix(6, (1, 1), b"", b"a"), "a: damaged or cut short"),
        (matrix(6, (-1, 1), b"", b"a"), "element 0: damaged: dimensions"),
        (matrix(6, (0, 2**31 - 1, 2**31 - 1), b"", b"a"), "element 0: damaged: dimensions"),
        (matrix(77, (1, 1), b"", b"a"), "element 0: damaged: no array flags"),
        (matrix(6, (1, 1), double(1), b"a")[:-8], "element 0: damaged or cut short"),
        (matrix(6, (1, 1), double(1), b"a") * 2, "a: given twice"),
        (matrix(6, (1, 1), double(1), b"b\n"), r"missing a; it holds 'b\\n'$"),
        (struct.pack("<II", 15, 4) + b"abcd", "element 0: damaged .*incorrect header check"),
        (struct.pack("<II", 99, 0), "element 0: damaged or cut short"),
    ],
)
def test_error_about_an_unreadable_element_is_one_line(tmp_path, element, message):
    def read() -> None:
        with MatReader(write(tmp_path, element), "keypoints") as file:
            file.variable("a").numbers()

    with pytest.raises(ValueError, match=rf"^keypoints .*sample\.mat: {message}") as error:
        read()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (matrix(1, (1000, 1000), bytes(64), b"a"), "a: damaged: 1000000 values in 64 bytes"),
        (matrix(1, (1, 1), double(1), b"a"), "a: damaged: expected a matrix; got type 9"),
        (matrix(6, (1, 1), double(1), b"a"), r"a: expected a cell; got double \[1, 1\]"),
    ],
)
def test_wrong_cells(tmp_path, element, message):
    with MatReader(write(tmp_path, element)) as file, pytest.raises(ValueError, match=message):
        file.variable("a").cells()


def test_unknown_fields_and_wrong_lengths_are_named(tmp_path):
    variables = {"s": {"x": np.zeros((2, 2)), "t": "a" * 300, "u": np.array(["ab", "cd"])}}
    with MatReader(saved(tmp_path, variables)) as file:
        s = file.variable("s")
    with pytest.raises(ValueError, match=r"s: missing y; it holds x, t, u$"):
        s.field("y")
    with pytest.raises(ValueError, match=r"s\(1\).x: expected one number; got \[2, 2\]"):
        s.scalars("x")
    for name in ("t", "u"):
        with pytest.raises(ValueError, match=rf"s\.{name}: expected a line of at most 256 characters"):
            s.field(name)[0].text()


def test_other_files_than_matlab_5_are_refused(tmp_path):
    path = tmp_path / "sample.mat"
    with pytest.raises(ValueError, match=r"sample\.mat: no such file"):
        MatReader(path)
    with pytest.raises(ValueError, match="expected a file"):
        MatReader(tmp_path)
    for content in (b"", b"MATLAB", bytes(200)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a MATLAB file of version 5"):
            MatReader(path)
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    with pytest.raises(ValueError, match=r"got version 7\.3, which is HDF5"):
        MatReader(path)


def walk(value: MatValue) -> None:
    if value.kind == "struct":
        for field in value.fields:
            for one in value.field(field):
                walk(one)
    elif value.kind == "cell":
        for one in value.cells():
            walk(one)
    else:
        _ = value.text() if value.kind == "text" else value.numbers()


@pytest.mark.parametrize("packed", [False, True])
def test_damaged_files_are_read_or_refused_in_a_line(tmp_path, packed):
    variables = {"a": np.arange(6.0).reshape(2, 3), "s": {"x": 1.5, "t": "text"}, "c": cell(np.eye(2), "word")}
    path, refused = saved(tmp_path, variables, do_compression=packed), 0
    with open(path, "rb") as file:
        sound = file.read()
    for seed in range(500):
        data, rng = bytearray(sound), random.Random(seed)
        for _ in range(rng.choice((1, 3, 20))):
            data[rng.randrange(len(data))] = rng.choice((0, 255, rng.randrange(256)))
        with open(path, "wb") as file:
            file.write(data[: rng.randrange(len(data))] if seed % 5 == 0 else data)
        try:
            with MatReader(path) as reader:
                for name in reader.names:
                    walk(reader.variable(name))
        except ValueError as error:
            refused += 1
            assert "sample.mat: " in str(error) and "\n" not in str(error)
    assert 100 < refused < 500
