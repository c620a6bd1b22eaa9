"""Measures and kills commands that start several processes."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence

_EVERY = 0.1  # Seconds between measurements.
_TICKS = os.sysconf("SC_CLK_TCK")


class Group:
    """A command and all processes that it starts.

    Attributes:
      began: `time.monotonic` at its start.
      memory_mb: peak memory of all processes together; pages that several share count once.
      cpu_s: processor time of all processes.
    """

    def __init__(self, command: Sequence[str], log: pathlib.Path, **options) -> None:
        self.began = time.monotonic()
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                command, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True, **options
            )
        self.memory_mb = 0.0
        self._cpu: dict[int, float] = {}

    @property
    def cpu_s(self) -> float:
        return sum(self._cpu.values())

    def wait(self, seconds: float | None = None) -> int | None:
        """Waits for the end and returns the exit status; None after `seconds`."""
        until = None if seconds is None else time.monotonic() + seconds
        while (status := self._process.poll()) is None:
            self._measure()
            if until is not None and time.monotonic() >= until:
                return None
            time.sleep(_EVERY if until is None else min(_EVERY, max(0.0, until - time.monotonic())))
        return status

    def kill(self) -> None:
        """Sends SIGKILL to all processes at once."""
        alive = self.descendants() if self._process.poll() is None else []
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pid in alive:  # Also processes that left the group.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def descendants(self) -> list[int]:
        """Process ids of the command and of all processes that it started, in any process group."""
        found = [self._process.pid]
        for pid in found:
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    found += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        return found

    def _measure(self) -> None:
        held = 0.0
        for pid in self.descendants():
            with contextlib.suppress(OSError, ValueError, IndexError):
                ticks = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                self._cpu[pid] = (int(ticks[11]) + int(ticks[12])) / _TICKS
                rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                held += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024
        self.memory_mb = max(self.memory_mb, held)


def measured_group(command: Sequence[str]) -> dict[str, float]:
    """Seconds, processor seconds and peak memory of a command and all processes that it starts.

    Raises:
      ValueError: it failed; with the end of its output.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "log")
        group = Group(command, log)
        try:
            status = group.wait()
        finally:
            group.kill()
        if status:
            raise ValueError(f"{' '.join(command)}: ended with status {status}: {log.read_text()[-2000:]}")
        return {"seconds": time.monotonic() - group.began, "cpu_s": group.cpu_s, "memory_mb": group.memory_mb}
