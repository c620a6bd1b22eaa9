"""Commands of several processes, measured and killed as a whole."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence

_EVERY = 0.1  # Seconds between looks.
_TICKS = os.sysconf("SC_CLK_TCK")


class Group:
    """A command and all processes that it starts.

    Attributes:
      began: `time.monotonic` of its start.
      memory_mb: the most that all together held at one of the looks; pages that several share count once.
      cpu_s: processor time of all of them.
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
        """The exit status; None when `seconds` have passed before."""
        until = None if seconds is None else time.monotonic() + seconds
        while (status := self._process.poll()) is None:
            self._look()
            if until is not None and time.monotonic() >= until:
                return None
            time.sleep(_EVERY if until is None else min(_EVERY, max(0.0, until - time.monotonic())))
        return status

    def kill(self) -> None:
        """SIGKILL to all of them at once."""
        alive = self.descendants() if self._process.poll() is None else []
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pid in alive:  # Those that left the group.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def descendants(self) -> list[int]:
        """Of the command and what it has started, in whatever process groups."""
        found = [self._process.pid]
        for pid in found:
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    found += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        return found

    def _look(self) -> None:
        held = 0.0
        for pid in self.descendants():
            with contextlib.suppress(OSError, ValueError, IndexError):
                ticks = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                self._cpu[pid] = (int(ticks[11]) + int(ticks[12])) / _TICKS
                rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                held += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024
        self.memory_mb = max(self.memory_mb, held)


def measured_group(command: Sequence[str]) -> dict[str, float]:
    """Seconds, processor seconds and peak memory of a command and all that it starts.

    Raises:
      ValueError: it failed; the end of what it said.
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
