"""Files are whole or absent, whatever fails while they are written."""

import errno
import json
import os
import pathlib
import signal
import stat
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from tf_elepose.storage import files

ARRAYS = {
    "a/kernel:0": np.arange(12, dtype=np.float32).reshape(3, 4),
    "step": np.array(7),
    "names": np.array(["hip", "knä"]),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(10, dtype=np.int16)[::3],
    "empty": np.zeros((0, 17, 2), np.float32),
    "mask": np.array([True, False]),
}

WRITERS = {
    "bytes": lambda path: files.write_bytes(path, b"new"),
    "text": lambda path: files.write_text(path, "new"),
    "json": lambda path: files.write_json(path, {"new": 1}),
    "npz": lambda path: files.write_npz(path, ARRAYS),
}


def _no_space(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_reading_returns_what_was_written(tmp_path):
    files.write_text(tmp_path / "t.txt", "elevation 12°")
    assert (tmp_path / "t.txt").read_text(encoding="utf-8") == "elevation 12°"
    values = {"poses": 3, "by_action": {"walk": [1.5, None]}, "name": "knä", "on": True}
    files.write_json(tmp_path / "j.json", values)
    assert files.read_json(tmp_path / "j.json") == values
    files.write_npz(tmp_path / "a.npz", ARRAYS)
    read = files.read_npz(tmp_path / "a.npz")
    assert list(read) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array, strict=True)
    assert sorted(os.listdir(tmp_path)) == ["a.npz", "j.json", "t.txt"]


def test_json_accepts_numpy_values_and_refuses_other_objects(tmp_path):
    path = tmp_path / "m.json"
    files.write_json(path, {"a": np.float32(0.5), "n": np.int64(3), "v": np.array([1, 2])})
    assert json.loads(path.read_text()) == {"a": 0.5, "n": 3, "v": [1, 2]}
    for bad in ({"x": float("nan")}, {"x": np.array([np.inf])}, {"x": object()}):
        with pytest.raises(ValueError, match=r"m\.json: cannot be written as JSON"):
            files.write_json(path, bad)
    assert files.read_json(path)["n"] == 3  # The previous file.


def test_finite_or_null_replaces_numbers_in_nested_values():
    values = {
        "a": float("nan"),
        "b": [1.0, {"c": np.float32("inf")}],
        "d": np.array([1.0, -np.inf]),
        "e": (True, "x", 2),
    }
    assert files.finite_or_null(values) == {"a": None, "b": [1.0, {"c": None}], "d": [1.0, None], "e": [True, "x", 2]}


def test_equal_arrays_give_equal_files(tmp_path, monkeypatch):
    files.write_npz(tmp_path / "a.npz", ARRAYS)
    later = time.time() + 86400
    monkeypatch.setattr(time, "time", lambda: later)
    files.write_npz(tmp_path / "b.npz", ARRAYS)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_npz_files_are_compatible_with_numpy_in_both_directions(tmp_path):
    files.write_npz(tmp_path / "ours.npz", ARRAYS)
    with np.load(tmp_path / "ours.npz", allow_pickle=False) as theirs:
        np.testing.assert_array_equal(theirs["a/kernel:0"], ARRAYS["a/kernel:0"])
    np.savez_compressed(tmp_path / "theirs.npz", x=np.arange(5), name=np.array("h36m_17"))
    read = files.read_npz(tmp_path / "theirs.npz")
    assert read["x"].tolist() == [0, 1, 2, 3, 4] and read["name"].item() == "h36m_17"


def test_pickles_are_neither_written_nor_read(tmp_path):
    with pytest.raises(ValueError, match=r"a\.npz: array 'x' has dtype object"):
        files.write_npz(tmp_path / "a.npz", {"x": np.array([{}], object)})
    assert os.listdir(tmp_path) == []
    np.savez(tmp_path / "b.npz", x=np.array([{}], object))
    with pytest.raises(ValueError, match=r"b\.npz.*allow_pickle"):
        files.read_npz(tmp_path / "b.npz")


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_previous_file_and_no_temporary(tmp_path, monkeypatch, kind, call):
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, call, _no_space)
    with pytest.raises(OSError, match="No space left on device") as caught:
        WRITERS[kind](path)
    assert str(path) in str(caught.value) and caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["kept"]


def test_an_input_output_error_and_an_interruption_remove_the_temporary_file(tmp_path, monkeypatch):
    def bad_sector(_file):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def interrupted(_file):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", bad_sector)
    with pytest.raises(OSError, match=r"Input/output error.*x\.txt"):
        files.write_text(tmp_path / "x.txt", "x")
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write_text(tmp_path / "x.txt", "x")
    assert os.listdir(tmp_path) == []


def test_a_write_that_stops_half_way_is_an_error(tmp_path):
    """A real limit on the file size is reached in the middle of the array: a real write fails, not a mock."""
    script = """
        import resource, sys
        import numpy as np
        from tf_elepose.storage import files
        files.write_npz(sys.argv[1], {"x": np.arange(3)})
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
        try:
            files.write_npz(sys.argv[1], {"x": np.zeros(1_000_000)})
        except OSError as error:
            print(error)
    """
    path = tmp_path / "a.npz"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), path], capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout and str(path) in done.stdout
    assert files.read_npz(path)["x"].tolist() == [0, 1, 2]
    assert os.listdir(tmp_path) == ["a.npz"]


def test_error_names_the_path(tmp_path):
    with pytest.raises(OSError, match=r"missing/x\.txt") as caught:
        files.write_text(tmp_path / "missing" / "x.txt", "x")
    assert caught.value.errno == errno.ENOENT
    for read in (files.read_json, files.read_npz):
        with pytest.raises(ValueError, match="nothing: expected a file"):
            read(tmp_path / "nothing")
        with pytest.raises(ValueError, match="expected a file"):
            read(tmp_path)


def test_devices_and_folders_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match="expected a regular file"):
            files.write_text(path, "x")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_link_stays_a_link_and_a_new_file_has_usual_permissions(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere/real")
    files.write_text(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "elsewhere" / "real").read_text() == "x"
    (tmp_path / "plain").touch()
    assert (tmp_path / "elsewhere" / "real").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_damaged_npz_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    files.write_npz(path, {"x": np.arange(40, dtype=np.float32), "y": np.ones((2, 3))})
    whole = path.read_bytes()
    intact = files.read_npz(path)
    for length in [*range(0, len(whole), 7), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"a\.npz"):
            files.read_npz(path)
    noticed = 0
    directory = whole.index(b"PK\x01\x02")
    for place in range(len(whole)):
        for flipped in (0xFF, 0x01)[: 1 + (place >= directory)]:
            path.write_bytes(whole[:place] + bytes([whole[place] ^ flipped]) + whole[place + 1 :])
            try:
                read = files.read_npz(path)
            except ValueError as error:
                assert "a.npz" in str(error)
                noticed += 1
                continue
            # The changed byte was in a date or another field that nobody reads: then the arrays must be equal.
            assert set(read) == set(intact)
            for name, array in intact.items():
                np.testing.assert_array_equal(read[name], array, strict=True)
    assert noticed > 0.8 * len(whole)


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": NaN}', b'{"a": 1} x', b"\xff\xfe", b"[" * 100_000])
def test_damaged_json_is_refused(tmp_path, content):
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"c\.json: not valid JSON"):
        files.read_json(tmp_path / "c.json")


def _leftover(folder: pathlib.Path, name: str = "a.npz") -> pathlib.Path:
    path = folder / f".{name}.123-0123abcd.partial"
    path.write_bytes(b"half")
    return path


def test_only_leftovers_are_removed(tmp_path):
    leftover = _leftover(tmp_path)
    for name in ("a.npz", ".a.npz", "a.partial", ".hidden.partial", ".a.npz.123.partial", "b.123-0123abcd.partial"):
        (tmp_path / name).touch()
    assert files.remove_leftovers(tmp_path) == [leftover]
    assert len(os.listdir(tmp_path)) == 6
    assert files.remove_leftovers(tmp_path / "missing") == []


def test_a_temporary_file_in_use_is_not_removed(tmp_path):
    with files.replacing(tmp_path / "a.bin") as file:
        file.write(b"half")
        assert files.remove_leftovers(tmp_path) == []
        file.write(b"whole")
    assert (tmp_path / "a.bin").read_bytes() == b"halfwhole"


def test_without_locks_the_age_decides(tmp_path, monkeypatch):
    def no_locks(*_args):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(files.fcntl, "flock", no_locks)
    leftover = _leftover(tmp_path)
    assert files.remove_leftovers(tmp_path) == []
    os.utime(leftover, (0, time.time() - 2 * 3600))
    assert files.remove_leftovers(tmp_path) == [leftover]
    files.write_text(tmp_path / "x", "x")  # Writing works without locks.


def test_a_leftover_that_cannot_be_removed_is_logged_not_raised(tmp_path, monkeypatch, caplog):
    def read_only(self, missing_ok=False):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    leftover = _leftover(tmp_path)
    monkeypatch.setattr(pathlib.Path, "unlink", read_only)
    with caplog.at_level("WARNING", logger="absl"):
        assert files.remove_leftovers(tmp_path) == []
    assert str(leftover) in caplog.text


def test_a_folder_that_cannot_be_synchronised_is_accepted(tmp_path, monkeypatch):
    real = os.fsync

    def no_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", no_folders)
    files.write_text(tmp_path / "x", "x")
    assert (tmp_path / "x").read_text() == "x"


def test_killed_writers_leave_a_readable_file_and_one_leftover_at_most(tmp_path):
    script = """
        import sys
        import numpy as np
        from tf_elepose.storage import files
        round, path = int(sys.argv[1]), sys.argv[2]
        files.write_npz(path, {"x": np.full(200_000, round)})
        print("ready", flush=True)
        while True:
            files.write_npz(path, {"x": np.full(200_000, round)})
    """
    path = tmp_path / "a.npz"
    leftovers = 0
    for number in range(5):
        command = [sys.executable, "-c", textwrap.dedent(script), str(number), path]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.002 + 0.003 * number)
            process.send_signal(signal.SIGKILL)
        x = files.read_npz(path)["x"]
        assert x.shape == (200_000,) and np.all(x == number)
        left = files.remove_leftovers(tmp_path)
        assert len(left) <= 1
        leftovers += len(left)
        assert os.listdir(tmp_path) == ["a.npz"]
    print(f"{leftovers} of 5 kills left a temporary")
