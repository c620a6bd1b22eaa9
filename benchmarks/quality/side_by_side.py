"""Runs commands side by side, each on its own cores; all end with an error, Ctrl-C or SIGTERM of this process."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import IO, Any, cast

from tf_elepose.training.interruption import StopRequest

_EVERY = 0.1  # Seconds between checks of the processes.

_STOPPED = 120.0  # Seconds from SIGTERM to SIGKILL: a training needs them to end its steps and write a checkpoint.

_CORES = pathlib.Path("/sys/devices/system/cpu")
_TOPOLOGY = ("physical_package_id", "core_id")


@dataclasses.dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes:
      command: the program and its arguments.
      opening: printed when it starts.
      result: makes the job's result from exit status, output and seconds; if it raises, all jobs end.
      log: standard output and standard error are appended to this file and passed to `result`. None: standard output
        is shown, and only standard error is passed to `result`.
    """

    command: Sequence[str]
    opening: str
    result: Callable[[int, str, float], Any]
    log: pathlib.Path | None = None


@dataclasses.dataclass(frozen=True)
class _Running:
    job: Job
    cores: frozenset[int] | None
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    output_from: int
    began: float

    def result(self) -> Any:
        """The result of a process that has ended."""
        self.output.seek(self.output_from)
        text = self.output.read().decode("utf-8", "replace")
        self.output.close()
        return self.job.result(self.process.returncode, text, time.monotonic() - self.began)


def shares(count: int) -> list[frozenset[int] | None]:
    """The cores that this process may use, in `count` equal parts; cores that are left over are in no part.

    If there are enough physical cores, they are not divided, so that times of different parts can be compared;
    otherwise the threads of a core can be in different parts. A single part is None: not pinned at all.

    Raises:
      ValueError: fewer cores than parts, or a system on which processes cannot be kept on some of them.
    """
    if count == 1:
        return [None]
    if not hasattr(os, "sched_setaffinity"):
        raise ValueError(f"--jobs={count}: this system cannot keep a process on cores of its own; expected 1")
    cores = sorted(os.sched_getaffinity(0), key=_place)
    if count > len(cores):
        raise ValueError(f"--jobs={count}: more than the {len(cores)} cores that this process may use")
    physical = [list(threads) for _, threads in itertools.groupby(cores, key=lambda core: _place(core)[:-1])]
    units = physical if count <= len(physical) else [[core] for core in cores]
    each = len(units) // count
    return [frozenset(itertools.chain(*units[part * each : (part + 1) * each])) for part in range(count)]


def results(jobs: Sequence[Job], parts: Sequence[frozenset[int] | None]) -> Generator[Any]:
    """Runs the jobs in their order, as many at a time as there are parts of the cores; yields results as jobs end.

    Read it to its end or close it. While it is read, it reacts to SIGTERM and Ctrl-C. When these or an error end it
    early, it sends SIGTERM to the running commands, on which a training saves its state, and waits for them.

    Raises:
      KeyboardInterrupt, SystemExit: after Ctrl-C, SIGTERM.
      Exception: what a job's `result` raises.
    """
    waiting, free = collections.deque(jobs), list(parts)
    running: list[_Running] = []
    with StopRequest() as stop:
        try:
            while waiting or running:
                ended = [one for one in running if one.process.poll() is not None]
                _leave_if_stopped(stop)  # Before the results: Ctrl-C in a terminal also ends the commands.
                found = []
                for one in ended:
                    running.remove(one)
                    free.append(one.cores)
                    found.append(one.result())
                while waiting and free:  # Before the results are yielded: the reader may be slow.
                    running.append(_start(waiting.popleft(), free.pop(0)))
                yield from found
                if not ended:
                    time.sleep(_EVERY)
            _leave_if_stopped(stop)
        finally:
            _end(running)


def _start(job: Job, cores: frozenset[int] | None) -> _Running:
    print(job.opening, flush=True)
    # A file for the output never fills up as a pipe would; it is closed when the process has ended.
    if job.log is None:
        output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        streams: dict[str, Any] = {"stderr": output}
    else:
        job.log.parent.mkdir(parents=True, exist_ok=True)
        output = open(job.log, "ab+")  # noqa: SIM115
        # Unbuffered, so that an error, which comes last, is also the last line of the file.
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        streams = {"stdout": output, "stderr": output, "stdin": subprocess.DEVNULL, "env": environment}
    output_from = output.seek(0, os.SEEK_END)
    with _on(cores):
        process = cast("subprocess.Popen[bytes]", subprocess.Popen(job.command, **streams))  # No option asks for text.
    return _Running(job, cores, process, output, output_from, time.monotonic())


@contextlib.contextmanager
def _on(cores: frozenset[int] | None) -> Iterator[None]:
    """Keeps this thread, and processes that it starts, on `cores`; None changes nothing."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _leave_if_stopped(stop: StopRequest) -> None:
    if stop.signal_name == "SIGINT":
        raise KeyboardInterrupt
    if stop.requested:
        print(f"stopped by {stop.signal_name}; the same command continues", file=sys.stderr, flush=True)
        raise SystemExit(128 + signal.SIGTERM)


def _end(running: Sequence[_Running]) -> None:
    alive = [one for one in running if one.process.poll() is None]
    if alive:
        print(f"waiting until the running commands ({len(alive)}) have saved and ended", file=sys.stderr, flush=True)
    until = time.monotonic() + _STOPPED
    try:
        for one in alive:
            one.process.terminate()
        for one in alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.process.wait(max(0.0, until - time.monotonic()))
    finally:  # After a second Ctrl-C, too.
        for one in alive:
            one.process.kill()  # Does nothing to a process that has ended.
            one.process.wait()
        for one in running:
            one.output.close()


def _place(core: int) -> tuple[int, ...]:
    """A sort key that puts cores of one socket together, and in it the threads of one physical core.

    Threads of one core slow each other down.
    """
    try:
        return (*(int((_CORES / f"cpu{core}/topology/{name}").read_text()) for name in _TOPOLOGY), core)
    except (OSError, ValueError):  # Not Linux, or a Linux without this information.
        return (0, 0, core)
