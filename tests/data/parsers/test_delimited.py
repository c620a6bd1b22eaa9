"""Lines of tables have the cells that Python's csv gives; missing values are NaN, and messages name the line."""

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_elepose.data.parsers.delimited import cells_of, numbers_of, read_line, read_lines

LINE = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=40)


@given(LINE | st.text('",;\t a1', max_size=12), st.sampled_from(",;\t"))
def test_cells_are_those_of_pythons_csv(line, delimiter):
    try:
        expected = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        with pytest.raises(ValueError, match=r"^here: not a line of a table"):
            cells_of(line, delimiter, "here")
    else:
        assert cells_of(line + "\r\n", delimiter, "here") == expected


@pytest.mark.parametrize("line", ["1\r2", '1,"a', "," * 2000])
def test_lines_of_no_table_are_refused(line):
    with pytest.raises(ValueError, match=r"^here: (not a line of a table|expected at most 2000 columns; got 2001)"):
        cells_of(line, ",", "here")


def test_numbers_of_lines():
    lines = [(2, ["a", "1", "2.5"]), (3, ["b", "", "-3e2"]), (5, ["c", " NA ", "4"])]
    np.testing.assert_array_equal(
        numbers_of(lines, [1, 2], "here"), np.float32([[1, 2.5], [np.nan, -300], [np.nan, 4]])
    )
    np.testing.assert_array_equal(numbers_of(lines, [2, 1], "here")[:, 0], np.float32([2.5, -300, 4]))
    assert numbers_of([], [1, 2], "here").shape == (0, 2)
    assert not math.isinf(numbers_of([(2, ["1e300", "-1e300"])], [0, 1], "here").max())


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("left", "here: line 3, column 2: expected a number or nothing; got 'left'"),
        ("1,5", "here: line 3, column 2: expected a number or nothing; got '1,5'; decimals need a point"),
    ],
)
def test_a_wrong_number_is_named_with_its_line(cell, message):
    with pytest.raises(ValueError, match=message):
        numbers_of([(2, ["1", "2"]), (3, ["1", cell])], [0, 1], "here")


def test_infinity_is_a_missing_number():
    lines = [(2, ["inf", "1"]), (3, ["-Infinity", "1e999"])]
    np.testing.assert_array_equal(numbers_of(lines, [0, 1], "here"), [[np.nan, 1.0], [np.nan, np.nan]])


def test_lines_are_numbered_and_blank_ones_are_passed_over():
    stream = io.BytesIO(b"\xef\xbb\xbfa\n\n  \r\nb\n")
    assert read_line(stream, "here", 1) == "a\n" and list(read_lines(stream, "here", 2)) == [(4, "b\n")]
    with pytest.raises(ValueError, match=r"here: line 7: expected text in UTF-8; byte 1 is not"):
        read_line(io.BytesIO(b"a\xff\n"), "here", 7)
    with pytest.raises(ValueError, match=r"here: line 1: expected at most 128000 bytes; got more"):
        read_line(io.BytesIO(b"x" * 200_000), "here", 1)
