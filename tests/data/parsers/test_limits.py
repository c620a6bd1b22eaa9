"""Files of unknown origin are opened or refused in one line; their texts are quoted in short, printable form."""

import gzip
import os

import pytest

from tf_elepose.data.parsers import limits
from tf_elepose.data.parsers.limits import listed, one_line, opened, share_read, size_of, unpacked_name


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
    assert listed(["b" * 50] * 12) == ", ".join(["b" * 50] * 10 + ["..."]) and listed(["c" * 900]) == "c" * 60
    assert one_line(ValueError("a\n  b " + "c" * 1000)) == "a b " + "c" * 196


POSES = b"frame,x0,y0\n" + b"".join(b"%d,%d.5,7\n" % (row, row * 37 % 1000) for row in range(20_000))


def packed(path, data):
    path.write_bytes(gzip.compress(data))
    return path


def test_gzip_files_are_unpacked_as_they_are_read(tmp_path):
    file = packed(tmp_path / "walk.csv.gz", POSES)
    with opened(file, "some file") as stream:
        assert (stream.readline(), stream.read(4)) == (b"frame,x0,y0\n", b"0,0.")
        assert stream.tell() == 16
        assert 0 < share_read(stream) <= 1
        assert stream.read() == POSES[16:]
        assert share_read(stream) == 1
    with opened(file, "some file", whole=True) as stream:
        assert (size_of(stream), stream.seek(6), stream.read(5)) == (len(POSES), 6, b"x0,y0")
    assert (unpacked_name("a/walk.csv.gz").name, unpacked_name("walk.csv").name) == ("walk.csv", "walk.csv")


def test_shares_of_plain_files(tmp_path):
    (tmp_path / "walk.csv").write_bytes(POSES)
    with opened(tmp_path / "walk.csv", "some file") as stream:
        assert (share_read(stream), size_of(stream)) == (0, len(POSES))
        stream.read(len(POSES) // 2)
        assert share_read(stream) == pytest.approx(0.5)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], r"^some file: not a readable gzip file \(ends too early\)$"),
        (lambda data: data[:200] + b"\xff" * 50 + data[250:], r"^some file: not a readable gzip file \(Error -3 "),
        (lambda data: data[:-8] + bytes(4) + data[-4:], r"^some file: not a readable gzip file \(CRC check failed"),
        (lambda data: data[:2] + b"\x09" + data[3:], r"^some file: not a readable gzip file \(Unknown compression"),
    ],
)
def test_damaged_gzip_files_are_refused_in_one_line(tmp_path, damage, message, whole):
    (tmp_path / "walk.csv.gz").write_bytes(damage(gzip.compress(POSES)))
    with pytest.raises(ValueError, match=message) as error:
        opened(tmp_path / "walk.csv.gz", "some file", whole=whole).read()
    assert "\n" not in str(error.value)


def test_a_gzip_file_that_unpacks_to_far_more_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "SMALL_BYTES", 1 << 16)
    file = packed(tmp_path / "zeros.gz", bytes(1 << 20))
    size = file.stat().st_size
    with opened(file, "some file") as stream:
        read = 0
        with pytest.raises(ValueError, match=f"^some file: {size} bytes of gzip that unpack to more than {100 * size}"):
            while data := stream.read(1 << 14):
                read += len(data)
        assert read <= 100 * size
