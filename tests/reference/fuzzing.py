"""Damaged files through every reader: a right reading or one line that says what is wrong, soon and in little memory.

    findings, numbers = fuzz("views", folder, seeds=range(60))
    python tests/reference/fuzzing.py views 17    # What seed 17 does, with the traceback.

Reading happens in a child process, which the parent times and, when it crashes or hangs, replaces.
"""

from __future__ import annotations

import dataclasses
import faulthandler
import gc
import importlib
import json
import os
import pathlib
import resource
import select
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
MAX_SECONDS = 5.0
MAX_FILES_SHARE, MAX_BYTES = 4, 200 * 2**20
"""Memory above the idle process: this many times the files, and so much."""

_ADDRESS_SLACK = 2**30  # Address space is taken in larger pieces than memory.
_START_SECONDS = 60.0

# Where the module of the samples has another name than the format.
_SAMPLES = {"3dpw": "pw3d", "csv": "csv_table", "npz": "npz_table"}


@dataclasses.dataclass(frozen=True)
class Finding:
    """A reading that was neither right nor refused as it should be.

    Attributes:
      format_name: of `READERS`.
      seed: replays it.
      mutation: what was done to which file.
      kind: "exception", "message", "not finite", "slow", "memory", "crash", "hang", "warning", "code was run"; "sample"
        where the undamaged sample is not read.
      detail: in a line.
    """

    format_name: str
    seed: int
    mutation: str
    kind: str
    detail: str


def sample_writer(format_name: str) -> Any:
    """The `write` of a format's sample; None when there is no sample or no reader yet."""
    from tf_elepose.data.sources import get_reader

    try:
        get_reader(format_name)
        return importlib.import_module(f"samples.{_SAMPLES.get(format_name, format_name)}").write
    except (ImportError, AttributeError):
        return None


def fuzz(format_name: str, folder: pathlib.Path, seeds: range) -> tuple[list[Finding], dict[str, Any]]:
    """Reads the sample once for every seed, damaged by it.

    Returns:
      what was wrong; and mutations, accepted, refused, findings, slowest_s, slowest_seed, peak_mb.
    """
    findings: list[Finding] = []
    numbers: dict[str, Any] = {
        "mutations": 0,
        "accepted": 0,
        "refused": 0,
        "slowest_s": 0.0,
        "slowest_seed": None,
        "peak_mb": 0.0,
    }
    for result in _results(format_name, folder, seeds):
        if result["kind"] in ("accepted", "refused"):
            numbers[result["kind"]] += 1
        else:
            findings.append(Finding(format_name, result["seed"], result["mutation"], result["kind"], result["detail"]))
        numbers["mutations"] += 1
        if result["seconds"] > numbers["slowest_s"]:
            numbers |= {"slowest_s": round(result["seconds"], 3), "slowest_seed": result["seed"]}
        numbers["peak_mb"] = max(numbers["peak_mb"], round(result["bytes"] / 2**20, 1))
    return findings, numbers | {"findings": len(findings)}


def _results(format_name: str, folder: pathlib.Path, seeds: range) -> Iterator[dict[str, Any]]:
    """The child's results, whatever becomes of the child."""
    first = seeds.start
    while first < seeds.stop:
        folder_of_child = pathlib.Path(tempfile.mkdtemp(dir=folder))
        command = [sys.executable, __file__, format_name, str(first), str(seeds.stop), str(folder_of_child)]
        path = os.pathsep.join([str(HERE.parents[1]), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
        # One thread: idle threads of libraries take address space.
        environment = os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment) as child,
        ):
            mutation, seed, began, limit = "", first - 1, time.perf_counter(), _START_SECONDS
            while True:
                line = _line(child, limit)
                seconds = time.perf_counter() - began
                if not line:
                    break
                message = json.loads(line)
                if "kind" in message:
                    first = message["seed"] + 1
                    yield message
                if message.get("kind") == "sample":
                    child.kill()
                    return
                seed, mutation = message["seed"], message["mutation"]
                began, limit = time.perf_counter(), 2 * MAX_SECONDS
            child.kill()
            child.wait()
            errors.seek(0)
            if first < seeds.stop:
                kind = "hang" if seconds >= limit else "crash"
                said = [line.strip() for line in errors.read().decode(errors="replace").splitlines()]
                said = [line for line in said if not line.startswith(("WARNING", "Extension modules"))]
                detail = f"exit status {child.returncode}: {' '.join(said[:12])}"[:600]
                if not mutation:  # It has not even come to the first.
                    yield {
                        "seed": first,
                        "mutation": "none",
                        "kind": "sample",
                        "detail": detail,
                        "seconds": 0,
                        "bytes": 0,
                    }
                    return
                first = max(first, seed) + 1
                yield {
                    "seed": first - 1,
                    "mutation": mutation,
                    "kind": kind,
                    "detail": detail,
                    "seconds": seconds,
                    "bytes": 0,
                }


def _line(child: subprocess.Popen[bytes], seconds: float) -> bytes:
    """The child's next line; empty when it ends or says nothing in time."""
    assert child.stdout is not None
    # The child flushes whole lines, one at a time, and waits for nothing: none is left in the buffer.
    if not select.select([child.stdout.fileno()], [], [], seconds)[0]:
        return b""
    return child.stdout.readline()


class PeakMemory:
    """A context manager: `bytes` of memory that its block took at most."""

    def __enter__(self) -> PeakMemory:
        self.bytes = 0
        self._idle = _memory("VmRSS")
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # The peak starts here.
        return self

    def __exit__(self, *error: object) -> None:
        self.bytes = max(0, _memory("VmHWM") - self._idle)


class _Child:
    """The process that reads."""

    def __init__(self, format_name: str, folder: pathlib.Path) -> None:
        self.folder = folder
        self._format = format_name
        self.source, self._options = sample_writer(format_name)(folder)
        self._files = {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }

    def read_undamaged(self) -> str | None:
        """What is wrong with the sample itself, or None."""
        try:
            self._load()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        gc.collect()
        return None

    def damage(self, seed: int) -> str:
        """Damages the files; returns how."""
        import mutations

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
        import mutations

        size = sum(map(len, self._damaged.values()))
        limit = MAX_FILES_SHARE * size + MAX_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (_memory("VmSize") + limit + _ADDRESS_SLACK, resource.RLIM_INFINITY))
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

    def _load(self) -> Any:
        from tf_elepose.data.sources import load_source
        from tf_elepose.skeletons import H36M_17

        return load_source(self.source, H36M_17, check="off", **self._options)

    def _outcome(self) -> tuple[str, str]:
        try:
            recording = self._load()
        except (ValueError, OSError) as error:
            return _judged(error, self._damaged, self.source)
        except Exception as error:  # All that a reader should have turned into a ValueError.
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


def _memory(name: str) -> int:
    """A size in bytes out of this process's status."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _serve(format_name: str, first: int, stop: int, folder: pathlib.Path) -> None:
    def tell(**message: Any) -> None:
        print(json.dumps(message), flush=True)

    faulthandler.enable()
    child = _Child(format_name, folder)
    if (wrong := child.read_undamaged()) is not None:
        tell(seed=first, mutation="none", kind="sample", detail=wrong, seconds=0, bytes=0)
        return
    for seed in range(first, stop):
        told = child.damage(seed)
        tell(seed=seed, mutation=told)
        tell(seed=seed, mutation=told, **child.read())
        child.repair()


def _replay(format_name: str, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        child = _Child(format_name, pathlib.Path(folder))
        print("undamaged:", child.read_undamaged() or "right")
        print(child.damage(seed))
        print(child.read())
        child._load()


if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parents[1]), str(HERE)]
    if len(sys.argv) == 3:
        _replay(sys.argv[1], int(sys.argv[2]))
    else:
        _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4]))
