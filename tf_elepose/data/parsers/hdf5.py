"""Reads HDF5 files of unknown origin, in a process of their own.

libhdf5 crashes and hangs on damaged files: with bytes changed or cut off, h5py 3.14 (libhdf5 1.14.6) died of some small
files with a segmentation fault and hung on others. pyfive 1.3, in pure Python, did neither, but cannot read chunked
arrays as libver="latest" writes them and allocates as much memory as a damaged header declares. So h5py reads in a
child process with a limit on time and, on Linux, on memory; when the child dies, a ValueError is raised here. One child
(hdf5_child.py) serves all files; numbers come back through a pipe as plain bytes, nothing is unpickled.

Only numbers and text in the file itself are read. Soft and external links are not followed; external storage, virtual
data sets and filters that are not part of libhdf5 are refused.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import math
import os
import signal
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any, Self

import numpy as np

from tf_elepose.data.parsers.limits import MAX_UNPACKED_RATIO, SMALL_BYTES, listed

_CPU_SECONDS = 1  # For one answer, plus time for its bytes. CPU time, so that a hang counts and a slow disk does not.
_CPU_BYTES_PER_SECOND = 20e6
_WALL_SECONDS = 60  # For one answer, where CPU time cannot be limited or something else goes wrong.
_WALL_BYTES_PER_SECOND = 2e6
_SPARE_BYTES = 128 * 2**20  # Memory for one answer, in addition to twice the array.


class Hdf5Reader:
    """The arrays of an HDF5 file, read one at a time; a context manager.

    Attributes:
      where: what messages call the file.
      names: the names of its arrays, "group/array".
    """

    def __init__(self, path: str | os.PathLike[str], what: str = "HDF5 file") -> None:
        """Opens the file at `path`; messages call its kind `what`.

        Raises:
          ValueError: there is no such file, or it is not a readable HDF5 file.
        """
        self.where = f"{what} {os.fspath(path)}"
        self._path = os.path.abspath(path)
        if not os.path.exists(path):
            raise ValueError(f"{self.where}: no such file")
        if not os.path.isfile(path):
            raise ValueError(f"{self.where}: expected a file; got something else")
        self._file_bytes = os.path.getsize(path)
        reply, _ = _CHILD.ask({"path": self._path}, 0, self.where)
        self._arrays: dict[str, dict[str, Any]] = reply["arrays"]

    @property
    def names(self) -> list[str]:
        return list(self._arrays)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._arrays = {}  # The file itself is open only while the child answers.

    def declared(self, name: str) -> tuple[tuple[int, ...], np.dtype]:
        """Shape and type of an array, checked against the file's size; text has type `U`.

        Raises:
          ValueError: there is no such array, it is stored in another file, is neither numbers nor text, or declares far
            more bytes than it stores.
        """
        what = self._what(name)
        if name not in self._arrays:
            raise ValueError(f"{self.where}: missing {name}; it holds {listed(sorted(self._arrays)) or 'nothing'}")
        entry = self._arrays[name]
        if "problem" in entry:
            raise ValueError(f"{what}: {entry['problem']}")
        shape, dtype = tuple(entry["shape"]), np.dtype(entry["dtype"])
        size = math.prod(shape) * entry["itemsize"]
        stored = min(entry["stored"], self._file_bytes)
        limit = MAX_UNPACKED_RATIO * stored if entry["packed"] else self._file_bytes
        if size > max(SMALL_BYTES, limit):
            ratio = f"at most 1:{MAX_UNPACKED_RATIO}" if entry["packed"] else "which are not packed"
            raise ValueError(f"{what}: declares {size} bytes and stores {stored}, {ratio}")
        return shape, dtype

    def array(self, name: str) -> np.ndarray:
        """Reads the array, as a read-only one; numbers in the file's own type, text as `U`."""
        what = self._what(name)
        shape, _ = self.declared(name)
        size = math.prod(shape) * self._arrays[name]["itemsize"]
        reply, data = _CHILD.ask({"path": self._path, "name": name}, size, what)
        if "problem" in reply:
            raise ValueError(f"{what}: {reply['problem']}")
        if tuple(reply["shape"]) != shape:
            raise ValueError(f"{what}: changed while it was read")
        return data.view(np.dtype(reply["dtype"])).reshape(shape)

    def numbers(self, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
        """Reads an array of numbers, which must have `shape`; None stands for any length."""
        held, dtype = self.declared(name)
        fits = len(held) == len(shape) and all(b is None or a == b for a, b in zip(held, shape, strict=True))
        if dtype.kind not in "fiu" or not fits:
            expected = ", ".join("n" if length is None else str(length) for length in shape)
            raise ValueError(f"{self._what(name)}: expected numbers [{expected}]; got {dtype} {list(held)}")
        return self.array(name)

    def integers(self, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
        """Reads an array of whole numbers from 0, as int32; some programs write them as floats."""
        numbers = self.numbers(name, shape)
        with np.errstate(invalid="ignore"):
            wrong = ~((numbers >= 0) & (numbers <= np.iinfo(np.int32).max) & (numbers == np.floor(numbers)))
        if wrong.any():
            row = int(np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))[0])
            raise ValueError(f"{self._what(name)}: expected integers from 0; row {row} holds {numbers[wrong].flat[0]}")
        return numbers.astype(np.int32)

    def _what(self, name: str) -> str:
        return f"{self.where}: {name if name.isprintable() else listed([name])}"


class _Child:
    """The process that runs `hdf5_child.serve`; started at the first request, and again after it has died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def ask(self, request: dict[str, Any], size: int, where: str) -> tuple[dict[str, Any], np.ndarray]:
        """Sends a request about `size` bytes; returns the answer and the bytes that came with it.

        Raises:
          ValueError: the file cannot be read, or the child crashed or hung on it.
        """
        seconds = _CPU_SECONDS + size / _CPU_BYTES_PER_SECOND
        request = request | {"seconds": seconds, "memory": 2 * size + _SPARE_BYTES}
        with self._lock:
            process = self._running()
            requests, replies = process.stdin, process.stdout
            assert requests is not None and isinstance(replies, io.BufferedReader)  # `_running` made them.
            watchdog = threading.Timer(_WALL_SECONDS + size / _WALL_BYTES_PER_SECOND, process.kill)
            watchdog.daemon = True
            watchdog.start()
            try:
                requests.write(json.dumps(request).encode() + b"\n")
                requests.flush()
                reply = json.loads(replies.readline())
                data = _received(replies, reply.get("bytes", 0))
            except (OSError, EOFError, ValueError):  # It has died.
                self.stop()
                late = process.returncode in (-getattr(signal, "SIGPROF", 0), -getattr(signal, "SIGKILL", 0))
                why = f"takes more than {seconds:.1f} s of CPU time" if late else f"ends with {process.returncode}"
                raise ValueError(f"{where}: damaged: libhdf5 {why}") from None
            except BaseException:  # Interrupted: the next request must not read the rest of this answer.
                process.kill()
                self.stop()
                raise
            finally:
                watchdog.cancel()
        if "error" in reply:
            raise ValueError(f"{where}: not readable as HDF5 ({reply['error']})")
        return reply, data

    def stop(self) -> None:
        if self._process is not None and self._owner == os.getpid():
            for stream in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):  # The rest of a request can no longer be sent.
                    if stream is not None:
                        stream.close()
            try:
                self._process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self.stop()
            # The child imports the same modules as this process. One thread is enough: it calculates nothing.
            paths = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tf_elepose.data.parsers.hdf5_child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
            self._owner = os.getpid()
        return self._process


_CHILD = _Child()
atexit.register(_CHILD.stop)


def _received(stream: io.BufferedReader, count: int) -> np.ndarray:
    """Reads the next `count` bytes without making a second copy of them."""
    data = np.empty(count, np.uint8)
    filled, view = 0, data.data
    while filled < count:
        got = stream.readinto(view[filled:])
        if not got:
            raise EOFError
        filled += got
    data.flags.writeable = False
    return data
