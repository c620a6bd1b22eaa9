"""Damages a format's sample files and reads them: records the outcome, time and memory."""

from __future__ import annotations

import dataclasses
import gc
import importlib
import pathlib
import resource
import time
import traceback
import warnings
import zlib
from typing import Any

import mutations
import numpy as np
from peak_memory import PeakMemory, memory

MAX_SECONDS = 5.0
MAX_FILES_SHARE, MAX_BYTES = 4, 200 * 2**20
"""Allowed memory above that of the idle process: a multiple of the files' size, and a constant."""

_ADDRESS_SLACK = 2**30  # Address space is taken in larger pieces than memory.

# Formats whose sample module has another name.
_SAMPLES = {"3dpw": "pw3d", "csv": "csv_table", "npz": "npz_table"}


def sample_writer(format_name: str) -> Any:
    """The `write` of a format's sample; None when there is no sample or no reader yet."""
    from tf_elepose.data.sources import get_reader

    try:
        get_reader(format_name)
        return importlib.import_module(f"samples.{_SAMPLES.get(format_name, format_name)}").write
    except (ImportError, AttributeError):
        return None


class DamagedSample:
    """The sample of a format in a folder of its own, to be damaged, read and repaired.

    Attributes:
      folder: where it is.
      source: by which commands name it.
    """

    def __init__(self, format_name: str, folder: pathlib.Path) -> None:
        self.folder = folder
        self._format = format_name
        self.source, self._options = sample_writer(format_name)(folder)
        self._files = {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }

    def read_undamaged(self) -> str | None:
        """Reads the undamaged sample; returns what is wrong with it, or None."""
        try:
            self.load()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        gc.collect()
        return None

    def damage(self, seed: int) -> str:
        """Damages the files; returns how."""
        rng = np.random.default_rng([seed, zlib.crc32(self._format.encode())])
        told, damaged = mutations.mutate(self._files, self.folder, rng)
        for name in self._files:
            if name not in damaged:
                (self.folder / name).unlink()
            elif damaged[name] != self._files[name]:
                (self.folder / name).write_bytes(damaged[name])
        self._damaged = damaged
        return told

    def repair(self) -> None:
        for name, content in self._files.items():
            if self._damaged.get(name) != content:
                (self.folder / name).write_bytes(content)

    def read(self) -> dict[str, Any]:
        """Reads the files as they are; kind, detail, seconds and bytes."""
        size = sum(map(len, self._damaged.values()))
        limit = MAX_FILES_SHARE * size + MAX_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (memory("VmSize") + limit + _ADDRESS_SLACK, resource.RLIM_INFINITY))
        began, peak = time.perf_counter(), PeakMemory()
        with peak, warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            kind, detail = self._outcome()
        seconds, taken = time.perf_counter() - began, peak.bytes
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        marker = self.folder / mutations.MARKER
        if marker.exists():
            marker.unlink()
            kind, detail = "code was run", "a pickle was obeyed"
        elif kind in ("accepted", "refused"):
            if seconds > MAX_SECONDS:
                kind, detail = "slow", f"{seconds:.1f} s"
            elif taken > limit:
                kind, detail = "memory", f"{taken / 2**20:.0f} MB for {size / 2**20:.3f} MB of files"
            elif told := [one for one in told if not issubclass(one.category, DeprecationWarning)]:
                kind, detail = (
                    "warning",
                    f"{told[0].category.__name__}: {told[0].message} ({told[0].filename}:{told[0].lineno})",
                )
        return {"kind": kind, "detail": " ".join(detail.split())[:600], "seconds": seconds, "bytes": taken}

    def load(self) -> Any:
        """The recording that its files make."""
        from tf_elepose.data.sources import load_source
        from tf_elepose.skeleton.skeletons import H36M_17

        return load_source(self.source, H36M_17, check="off", **self._options)

    def _outcome(self) -> tuple[str, str]:
        try:
            recording = self.load()
        except (ValueError, OSError) as error:
            return _judged(error, self._damaged, self.source)
        except Exception as error:  # Errors that a reader should have turned into a ValueError.
            return "exception", f"{type(error).__name__}: {error} at {_origin(error)}"
        for field in dataclasses.fields(recording):
            value = getattr(recording, field.name)
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and not np.isfinite(value).all():
                return "not finite", field.name
        return "accepted", ""


def _judged(error: Exception, files: dict[str, bytes], source: str) -> tuple[str, str]:
    """ "refused", unless the message would not help, or memory was only refused by the system."""
    message = str(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return "memory", f"asked for more than there is: {cause} at {_origin(cause)}"
        cause = cause.__cause__ or cause.__context__
    names = [pathlib.PurePath(name).name for name in files] + [pathlib.PurePath(source.partition(":")[2]).name]
    if type(error) is not ValueError and not isinstance(error, OSError):
        return "message", f"{type(error).__name__}, not ValueError: {message} at {_origin(error)}"
    if "\n" in message or not message.isprintable():
        return "message", f"more than a plain line: {message!r} at {_origin(error)}"
    if len(message) > 1000:
        return "message", f"{len(message)} characters: {message[:300]} at {_origin(error)}"
    if not any(name in message for name in names):
        return "message", f"names no file: {message} at {_origin(error)}"
    return "refused", message


def _origin(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "tf_elepose" in frame.filename]
    return f"{pathlib.PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
