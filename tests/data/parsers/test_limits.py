"""Files of unknown origin are opened or refused in one line; their texts are quoted in short, printable form."""

import os

import pytest

from tf_elepose.data.parsers.limits import listed, one_line, opened


def test_only_files_are_opened(tmp_path):
    (tmp_path / "file").write_bytes(b"\0\xff")
    with opened(tmp_path / "file", "some file") as stream:
        assert stream.read() == b"\0\xff"
    with pytest.raises(ValueError, match=r"^some file: no such file$"):
        opened(tmp_path / "none", "some file")
    with pytest.raises(ValueError, match=r"^some file: expected a file; is a folder$"):
        opened(tmp_path, "some file")
    os.mkfifo(tmp_path / "pipe")  # Opening it would wait for whoever writes.
    with pytest.raises(ValueError, match=r"^some file: expected a file; is something else$"):
        opened(tmp_path / "pipe", "some file")


def test_names_and_messages_stay_on_one_short_line():
    assert listed(["frame", "a\nb", "\x1b[31m"]) == r"frame, 'a\nb', '\x1b[31m'"
    assert listed(["a"] * 30) == ", ".join(["a"] * 20 + ["..."])
    assert one_line(ValueError("a\n  b " + "c" * 1000)) == "a b " + "c" * 196
