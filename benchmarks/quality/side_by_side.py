"""Commands side by side, each on cores of its own; none outlives an error, Ctrl-C or SIGTERM of this process."""

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
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from tf_elepose.training.interruption import StopRequest

_EVERY = 0.1  # Seconds between looks at the processes.

_STOPPED = 120.0  # Seconds from SIGTERM to SIGKILL: a training ends its steps and writes a checkpoint in between.

_CORES = pathlib.Path("/sys/devices/system/cpu")
_TOPOLOGY = ("physical_package_id", "core_id")


@dataclasses.dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes:
      command: the program and its arguments.
      opening: printed when it starts.
      result: what is made of its exit status, of what it said and of the seconds it took; an error ends all jobs.
      log: all that the command says is appended to this file, and that is what it said. None: what it writes on
        standard output is shown, and only what it writes on standard error is what it said.
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
    said: IO[bytes]
    said_from: int
    began: float

    def result(self) -> Any:
        """Of a process that has ended."""
        self.said.seek(self.said_from)
        text = self.said.read().decode("utf-8", "replace")
        self.said.close()
        return self.job.result(self.process.returncode, text, time.monotonic() - self.began)


def shares(count: int) -> list[frozenset[int] | None]:
    """The cores that this process may use, in `count` equal parts; cores that are left over are in none.

    Physical cores are kept whole where there are as many, so that times of different parts can be compared; with more
    parts, threads of a core are parts of their own. One part is None: not pinned at all.

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


def results(jobs: Sequence[Job], parts: Sequence[frozenset[int] | None]) -> Iterator[Any]:
    """Runs the jobs in their order, as many at a time as there are parts of the cores; gives the results as they come.

    To be read to its end or closed. SIGTERM and Ctrl-C are looked at while it is being read; whatever ends it early,
    these or an error, ends what is running: by SIGTERM, on which a training saves its state, and waits for that.

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
                _leave_if_asked(stop)  # Before their results: Ctrl-C in a terminal reaches and ends them as well.
                found = []
                for one in ended:
                    running.remove(one)
                    free.append(one.cores)
                    found.append(one.result())
                while waiting and free:  # Before the results are given: the reader may take its time.
                    running.append(_start(waiting.popleft(), free.pop(0)))
                yield from found
                if not ended:
                    time.sleep(_EVERY)
            _leave_if_asked(stop)
        finally:
            _end(running)


def _start(job: Job, cores: frozenset[int] | None) -> _Running:
    print(job.opening, flush=True)
    # What it says goes into a file, which nobody has to empty while it runs; closed when the process has ended.
    if job.log is None:
        said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        streams: dict[str, Any] = {"stderr": said}
    else:
        job.log.parent.mkdir(parents=True, exist_ok=True)
        said = open(job.log, "ab+")  # noqa: SIM115
        # Unbuffered: an error, told at last, has to be the last line of the file too.
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        streams = {"stdout": said, "stderr": said, "stdin": subprocess.DEVNULL, "env": environment}
    said_from = said.seek(0, os.SEEK_END)
    with _on(cores):
        process = subprocess.Popen(job.command, **streams)
    return _Running(job, cores, process, said, said_from, time.monotonic())


@contextlib.contextmanager
def _on(cores: frozenset[int] | None) -> Iterator[None]:
    """Keeps this thread on `cores`, which what it starts inherits; on those it is on already when None."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _leave_if_asked(stop: StopRequest) -> None:
    if stop.signal_name == "SIGINT":
        raise KeyboardInterrupt
    if stop.requested:
        print(f"stopped by {stop.signal_name}; the same command goes on", file=sys.stderr, flush=True)
        raise SystemExit(128 + signal.SIGTERM)


def _end(running: Sequence[_Running]) -> None:
    alive = [one for one in running if one.process.poll() is None]
    if alive:
        print(f"waiting for what is running ({len(alive)}) to save and end", file=sys.stderr, flush=True)
    until = time.monotonic() + _STOPPED
    try:
        for one in alive:
            one.process.terminate()
        for one in alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.process.wait(max(0.0, until - time.monotonic()))
    finally:  # After a second Ctrl-C, too.
        for one in alive:
            one.process.kill()  # Does nothing to one that has ended.
            one.process.wait()
        for one in running:
            one.said.close()


def _place(core: int) -> tuple[int, ...]:
    """Sorts cores so that those of one socket are neighbours, and in it the threads of one physical core, which slow
    each other down.
    """
    try:
        return (*(int((_CORES / f"cpu{core}/topology/{name}").read_text()) for name in _TOPOLOGY), core)
    except (OSError, ValueError):  # Not Linux, or one that does not say.
        return (0, 0, core)
