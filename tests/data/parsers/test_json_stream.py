import json
import math
import os
import tracemalloc

import pytest

from tf_elepose.data.parsers import json_stream
from tf_elepose.data.parsers.json_stream import MAX_DEPTH, MAX_ELEMENT, JsonStream, load_json, shown


@pytest.fixture
def small_window(monkeypatch):
    """A window of a few bytes, so that every token is cut somewhere."""
    monkeypatch.setattr(json_stream, "_CHUNK", 7)


def saved(tmp_path, content: str | bytes) -> str:
    path = tmp_path / "file.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def pairs(path: str) -> list:
    with JsonStream(path) as stream:
        return list(stream)


def problem(path: str) -> str:
    with pytest.raises(ValueError) as caught:
        pairs(path)
    assert "\n" not in str(caught.value)
    assert path in str(caught.value)
    return str(caught.value)


VALUES = [
    {"a": [1, 2.5, -3e-7], "ä€𝄞": 'quote " slash \\ \u2028'},
    [],
    {},
    None,
    True,
    12345678901234567890,
    -0.125,
    "text",
    [[[["deep"]]], {"b": {"c": [None, False]}}],
]


def test_elements_of_a_list_are_read_as_they_were_written(tmp_path, small_window):
    for options in ({}, {"indent": 2}, {"ensure_ascii": False}, {"separators": (",", ":")}):
        path = saved(tmp_path, json.dumps(VALUES, **options))
        assert pairs(path) == [(None, value) for value in VALUES], options


@pytest.mark.parametrize("window", range(1, 12))
def test_numbers_are_never_cut_in_two(tmp_path, monkeypatch, window):
    monkeypatch.setattr(json_stream, "_CHUNK", window)
    numbers = [1.5, -2, 12e-7, 3e5, 0, -1.25e-10]
    content = '{"w": 12e+3, "n": [1.5, -2, 12E-7, 3e+5, 0, -1.25e-10], "h": 12.75}'
    assert pairs(saved(tmp_path, content)) == [("w", 12000), *(("n", n) for n in numbers), ("h", 12.75)]


def test_lists_in_an_object_come_element_by_element(tmp_path, small_window):
    content = {"info": {"x": [1]}, "images": [{"id": 1}, {"id": 2}], "none": [], "last": 3}
    expected = [("info", {"x": [1]}), ("images", {"id": 1}), ("images", {"id": 2}), ("last", 3)]
    assert pairs(saved(tmp_path, json.dumps(content))) == expected
    assert pairs(saved(tmp_path, "{}")) == pairs(saved(tmp_path, " [ ] ")) == []


def test_documents_are_the_values_one_after_the_other(tmp_path, small_window):
    for content, values in (
        ('{"a": [1]}\n', [{"a": [1]}]),
        ("[1]\n[2, 3]", [[1], [2, 3]]),
        (' {}\n\n"b" 4 ', [{}, "b", 4]),
    ):
        with JsonStream(saved(tmp_path, content)) as stream:
            assert list(stream.documents()) == values
    with JsonStream(saved(tmp_path, " \n")) as stream, pytest.raises(ValueError, match="holds no JSON"):
        list(stream.documents())


def test_is_list_says_whether_the_file_holds_a_list(tmp_path):
    for content, is_list in ((" [1]", True), ('{"a": [1]}', False), ("", False)):
        with JsonStream(saved(tmp_path, content)) as stream:
            assert stream.is_list == is_list
            assert not content or [value for _, value in stream] == [1]


def test_places_name_list_and_element(tmp_path):
    path = saved(tmp_path, '{"info": 1, "images": [5, 6]}')
    with JsonStream(path) as stream:
        assert [stream.place for _ in stream] == ["info", "images 0", "images 1"]
    with JsonStream(saved(tmp_path, "[5, 6]")) as stream:
        assert [stream.place for _ in stream] == ["element 0", "element 1"]


def test_a_file_of_many_windows_is_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(json_stream, "_CHUNK", 1000)
    elements = [{"id": i, "text": "é" * (i % 300)} for i in range(1000)]
    path = saved(tmp_path, json.dumps(elements, ensure_ascii=False))
    with JsonStream(path) as stream:
        shares = []
        for (_, element), expected in zip(stream, elements, strict=True):
            assert element == expected
            shares.append(stream.done)
    assert shares == sorted(shares) and shares[0] < 0.1 and shares[-1] == 1


def test_nan_and_infinity_are_read_as_numbers(tmp_path, small_window):
    (_, nan), (_, infinity), (_, huge) = pairs(saved(tmp_path, "[NaN, -Infinity, 1e999]"))
    assert math.isnan(nan) and infinity == -math.inf and huge == math.inf


def test_a_byte_order_mark_is_skipped(tmp_path):
    path = saved(tmp_path, b'\xef\xbb\xbf[{"a": 1}, }]')
    with JsonStream(path) as stream:
        assert next(iter(stream)) == (None, {"a": 1})
    assert "byte 14: " in problem(path)
    assert load_json(saved(tmp_path, b"\xef\xbb\xbf[3]")) == [3]


DAMAGED = [
    ("", "byte 0: holds no JSON"),
    ("  \n", "holds no JSON"),
    ("3", "byte 0: expected a list or an object; got '3'"),
    ("[1, 2", "byte 5: ends too early"),
    ("[1, ", "byte 4: ends too early"),
    ('[{"a": 1}, {"b"', "ends too early"),
    ('[{"a": "bcd', "Unterminated string"),
    ("[tru", "byte 1: not a JSON value"),
    ("[1 2]", "byte 3: expected ',' or ']'; got '2'"),
    ("[1,]", "byte 3: expected a value after ','; got ']'"),
    ("[1}", "byte 2: expected ',' or ']'; got '}'"),
    ("[1] [2]", "byte 4: expected the end of the file; got '['"),
    ('{"a": 1, "b": [2], "a": 3}', "key 'a' given twice"),
    ('[0, {"a": 1, "a": 2}]', "byte 4: key 'a' given twice"),
    ("{a: 1}", "byte 1: expected a key in quotes; got 'a'"),
    ('{"a" 1}', "byte 5: expected ':' after the key 'a'; got '1'"),
    ('{"a": 1 "b": 2}', "byte 8: expected ',' or '}'; got '\"'"),
    ("[\"ä\", 'b']", "byte 7: not a JSON value"),
    ('["\\x"]', "Invalid \\escape"),
    ('["a\nb"]', "Invalid control character"),
    ("[1" + "0" * 5000 + "]", "byte 1: Exceeds the limit"),
    (b'["a\xff"]', "byte 3: not UTF-8 text"),
    (b'["a", "b\xe2\x82', "byte 8: not UTF-8 text"),
    ('["a"]'.encode("utf-16"), "byte 0: not UTF-8 text"),
]


@pytest.mark.parametrize("window", [7, 1 << 20])
@pytest.mark.parametrize(("content", "expected"), DAMAGED, ids=[repr(content[:12]) for content, _ in DAMAGED])
def test_error_about_damage_is_one_line_with_the_byte(tmp_path, monkeypatch, window, content, expected):
    monkeypatch.setattr(json_stream, "_CHUNK", window)
    assert expected in problem(saved(tmp_path, content))


def test_every_truncation_is_an_error(tmp_path, small_window):
    whole = json.dumps({"images": [{"id": 1, "name": "ä"}], "other": [1.5, None, True], "x": -2e5}).encode()
    for length in range(len(whole)):
        problem(saved(tmp_path, whole[:length]))


def test_every_flipped_byte_is_read_or_gives_one_line(tmp_path, small_window):
    whole = json.dumps({"images": [{"id": 1, "name": "ä"}], "x": -2e5}).encode()
    for at in range(len(whole)):
        for byte in b'"[]{},:\\0x\x00\xff':
            path = saved(tmp_path, whole[:at] + bytes([byte]) + whole[at + 1 :])
            try:
                pairs(path)
            except ValueError as error:
                assert path in str(error) and "\n" not in str(error)


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"]":', '{"]}\\"":', '[[],"]]]]]]]]",'])
def test_nesting_has_a_limit_whatever_the_strings_hold(tmp_path, opening):
    path = saved(tmp_path, "[" + opening * 100_000)
    assert f"nested deeper than {MAX_DEPTH}" in problem(path)
    with pytest.raises(ValueError, match="nested deeper"):
        load_json(path)


def test_many_brackets_side_by_side_are_not_deep(tmp_path):
    content = [[[i, {"[[[[": "{{{{\\"}] for i in range(500)]]
    assert pairs(saved(tmp_path, json.dumps(content))) == [(None, content[0])]
    nested = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert len(pairs(saved(tmp_path, "[" + nested + "]"))) == 1
    assert "nested deeper" in problem(saved(tmp_path, "[[" + nested + "]]"))


@pytest.mark.parametrize("content", ['["' + "a" * MAX_ELEMENT, "[[" + "1," * MAX_ELEMENT])
def test_one_element_has_a_limit(tmp_path, content):
    assert f"longer than {MAX_ELEMENT}" in problem(saved(tmp_path, content + "]" * 3))
    closed = content.rstrip(",") + ('"]' if '"' in content else "]]")
    assert f"longer than {MAX_ELEMENT}" in problem(saved(tmp_path, closed))


def test_the_keys_of_the_outermost_object_have_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(json_stream, "MAX_KEYS", 2)
    assert len(pairs(saved(tmp_path, '{"a": {"x": 0, "y": 0, "z": 0}, "b": 2}'))) == 2
    assert "byte 20: more than 2 keys" in problem(saved(tmp_path, '{"a": 1, "b": 2, "c": 3}'))


def test_a_large_file_is_not_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(json_stream, "_CHUNK", 1 << 14)
    path = saved(tmp_path, json.dumps({"images": [{"name": "a" * 100, "id": i} for i in range(20_000)]}))
    tracemalloc.start()
    with JsonStream(path) as stream:
        assert sum(image["id"] for _, image in stream) == 199_990_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert os.path.getsize(path) > 2_000_000 and peak < 500_000


def test_memory_holds_the_parsed_worst_case_only_once(tmp_path):
    path = saved(tmp_path, "[[" + "[]," * 80_000 + "1]]")  # Ends with the window: it is scanned twice.
    tracemalloc.start()
    with JsonStream(path) as stream:
        assert [len(value) for _, value in stream] == [80_001]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30 * os.path.getsize(path)


def test_small_files_are_read_whole(tmp_path):
    content = {"people": [{"a": [1.5, "ä"]}]}
    assert load_json(saved(tmp_path, json.dumps(content))) == content
    with pytest.raises(ValueError, match="longer than"):
        load_json(saved(tmp_path, b" " * (MAX_ELEMENT + 1)))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "byte 0: ends too early"),
        ('["ä", 1', "byte 8: ends too early"),
        ('["ä" 1]', "byte 6: Expecting ',' delimiter"),
        ('{"a": 1, "a": 1}', "key 'a' given twice"),
        ("1" * 5000, "Exceeds the limit"),
        (b"[\xff]", "byte 1: not UTF-8 text"),
        ("[1] 2", "byte 4: Extra data"),
    ],
)
def test_damaged_small_files(tmp_path, content, expected):
    path = saved(tmp_path, content)
    with pytest.raises(ValueError) as caught:
        load_json(path, "OpenPose file")
    assert str(caught.value).startswith(f"OpenPose file {path}: {expected}")


@pytest.mark.parametrize("read", [load_json, pairs])
def test_missing_files_and_folders_are_refused(tmp_path, read):
    with pytest.raises(ValueError, match=r"none\.json: no such file"):
        read(str(tmp_path / "none.json"))
    with pytest.raises(ValueError, match="expected a file; is a folder"):
        read(str(tmp_path))


def test_messages_show_values_on_one_short_line():
    deep = []
    for _ in range(10_000):
        deep = [deep]
    assert shown(deep) == "a list of 1" and shown({"a": 1}) == "an object of 1"
    assert shown(10**5000) == "an integer of more than 20 digits"
    assert shown("a\nb") == r"'a\nb'" and len(shown("é" * 1000)) < 70
    assert [shown(value) for value in (None, True, 2.5, -3)] == ["null", "True", "2.5", "-3"]


LINES = '{"frame": 1}\n[2, "a\\nb"]\r\n\n  {"frame": 3, "people": [4]}  \n'


@pytest.mark.parametrize("name", ["lines.json", "lines.jsonl", "lines.NDJSON"])
def test_json_lines_are_a_list_of_their_values(tmp_path, name):
    (tmp_path / name).write_text(LINES)
    with JsonStream(tmp_path / name) as stream:
        assert stream.is_list
        assert list(stream) == [(None, {"frame": 1}), (None, [2, "a\nb"]), (None, {"frame": 3, "people": [4]})]
        assert (stream.place, stream.done) == ("element 2", 1.0)


def test_the_ending_makes_lines_of_a_single_value(tmp_path):
    """One frame in each line, and only one line: read as an object, it would give its members."""
    for name in ("one.json", "one.jsonl"):
        (tmp_path / name).write_text('{"frame": 1, "people": [4, 5]}\n')
    with JsonStream(tmp_path / "one.jsonl") as stream:
        assert (stream.is_list, list(stream)) == (True, [(None, {"frame": 1, "people": [4, 5]})])
    with JsonStream(tmp_path / "one.json") as stream:
        assert (stream.is_list, list(stream)) == (False, [("frame", 1), ("people", 4), ("people", 5)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": 2', "byte 16: ends too early"),
        ('{"a": 1}\n{"a" 2}\n', "byte 14: Expecting ':' delimiter"),
        ('{"a": 1} 2\n{"a": 3}\n', "byte 9: expected the end of the file; got '2'"),
        ('{"a": 1}\n]\n', "byte 9: expected the end of the file; got ']'"),
        ("[\n1\n]\n[2]", r"byte 6: expected the end of the file; got '\['"),
    ],
)
def test_an_error_in_a_line_has_its_byte(tmp_path, text, message):
    (tmp_path / "lines.json").write_text(text)
    with JsonStream(tmp_path / "lines.json") as stream, pytest.raises(ValueError, match=message):
        list(stream)


def test_json_lines_longer_than_the_window(tmp_path):
    values = [{"frame": frame, "pad": "x" * 300_000} for frame in range(8)]
    (tmp_path / "lines.json").write_text("\n".join(map(json.dumps, values)))
    with JsonStream(tmp_path / "lines.json") as stream:
        assert [value["frame"] for _, value in stream] == list(range(8))
