"""npz files written a part at a time are equal to files written at once."""

import numpy as np
import pytest

from tf_elepose.storage import files
from tf_elepose.storage.npz_parts import write_npz_parts


def parts_of(arrays, *ends):
    return [
        {name: array[a:b] for name, array in arrays.items()} for a, b in zip((0, *ends), (*ends, None), strict=True)
    ]


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "poses": rng.normal(size=(10, 3, 2)).astype(np.float32),
        "turned": np.asfortranarray(rng.normal(size=(10, 4))),
        "valid": rng.random(10) < 0.5,
        "clip": np.array(["a", "clip", "longer name"] * 4)[:10],
    }


@pytest.mark.parametrize("ends", [(), (4,), (1, 1, 9)])
def test_bytes_are_equal_to_those_of_a_file_written_at_once(tmp_path, arrays, ends):
    about = {"unit": np.array("mm")}
    files.write_npz(tmp_path / "whole.npz", {name: np.ascontiguousarray(a) for name, a in arrays.items()} | about)
    write_npz_parts(tmp_path / "parts.npz", parts_of(arrays, *ends), lambda: about)
    assert (tmp_path / "parts.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_text_may_be_longer_in_later_parts(tmp_path):
    given = [{"clip": np.array(names)} for names in (["a"], ["ab", "abcdef"], ["é"])]
    write_npz_parts(tmp_path / "a.npz", given, dict)
    assert files.read_npz(tmp_path / "a.npz")["clip"].tolist() == ["a", "ab", "abcdef", "é"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "expected at least one part"),
        ([{"a": np.zeros(2)}, {"b": np.zeros(2)}], "part 1 has b; expected a"),
        (
            [{"a": np.zeros(2)}, {"a": np.zeros(2, np.float32)}],
            r"array 'a': expected more float64 \[\]; got float32 \[\]",
        ),
        ([{"a": np.zeros((2, 3))}, {"a": np.zeros((2, 4))}], r"expected more float64 \[3\]; got float64 \[4\]"),
        ([{"a": np.array([None])}], "expected numbers, booleans or text"),
    ],
)
def test_parts_that_do_not_fit_leave_no_file(tmp_path, parts, message):
    (tmp_path / "a.npz").write_bytes(b"before")
    with pytest.raises(ValueError, match=message):
        write_npz_parts(tmp_path / "a.npz", parts, dict)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]
