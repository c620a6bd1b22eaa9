"""Train with several workers: python -m tf_elepose.launch --workers=2 --config=... --workdir=... [flags of train]

Starts so many processes of `python -m tf_elepose.train` on this machine, which share every batch, and shows what they
say. A worker that is lost ends them all: with --restarts they are started again and go on from the newest checkpoint.
On several machines, start on each, with its own --index, and a workdir on a disk that all see:

    python -m tf_elepose.launch --hosts=a:2222,b:2222 --index=0 --config=... --workdir=...
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import IO

from absl import flags

from tf_elepose.cli import commands

GRACE = 60.0
"""Seconds in which workers notice by themselves that another is lost: TensorFlow looks every half minute."""

_STOPPED = 10.0  # Seconds from SIGTERM to SIGKILL when workers are ended.
_EVERY = 0.1  # Seconds between looks at the workers.


def define_flags() -> None:
    flags.DEFINE_integer("workers", None, "Number of processes to start on this machine.", lower_bound=1)
    flags.DEFINE_list("hosts", None, "HOST:PORT of every worker, for several machines; the first one writes.")
    flags.DEFINE_integer("index", None, "Position of this machine in --hosts, from 0.", lower_bound=0)
    flags.DEFINE_integer("restarts", 0, "Number of times that all are started again after one was lost.", lower_bound=0)
    flags.DEFINE_float("grace", GRACE, "Seconds in which the others may end by themselves.", lower_bound=0.0)


def main(argv: list[str]) -> int:
    options, rest = flags.FLAGS, argv[1:]
    if (options.workers is None) == (options.hosts is None):
        raise commands.UsageError("expected --workers=N, or --hosts=HOST:PORT,... and --index=I")
    command = [sys.executable, "-m", "tf_elepose.train", *rest]
    if options.hosts is None:
        return supervise(lambda: free_addresses(options.workers), range(options.workers), command, options)
    if options.index is None or options.index >= len(options.hosts):
        raise commands.UsageError(f"--index: expected 0 to {len(options.hosts) - 1}, this machine's place in --hosts")
    for host in options.hosts:
        if not (host.rpartition(":")[0] and host.rpartition(":")[2].isdigit()):
            raise commands.UsageError(f"--hosts: expected HOST:PORT,...; got {host!r}")
    return supervise(lambda: options.hosts, [options.index], command, options)


def supervise(addresses: Callable[[], Sequence[str]], mine: Sequence[int], command: Sequence[str], options) -> int:
    """Runs workers until they end, and starts them again after one was lost, as often as allowed.

    Args:
      addresses: gives HOST:PORT of all workers; called at every start.
      mine: numbers of the workers that run on this machine.
      command: of a worker.
      options: with restarts and grace.

    Returns:
      the exit status: that of the workers when all of them end with the same one; otherwise 128 + the signal that this
      program got, or `commands.EXIT_LOST_WORKER` without a signal.
    """
    for attempt in range(options.restarts + 1):
        if attempt:
            print(f"launch: starting again, {attempt} of {options.restarts}", file=sys.stderr, flush=True)
        status = Workers(addresses(), mine, command).run(options.grace)
        if status != commands.EXIT_LOST_WORKER:
            return status
    return commands.EXIT_LOST_WORKER


class Workers:
    """Processes that train together.

    Attributes:
      processes: {number: process} of the workers on this machine.
    """

    def __init__(self, addresses: Sequence[str], mine: Sequence[int], command: Sequence[str]) -> None:
        """Starts the workers `mine`; arguments as in `supervise`."""
        self._threads: list[threading.Thread] = []
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        for index in mine:
            cluster = {"cluster": {"worker": list(addresses)}, "task": {"type": "worker", "index": index}}
            self.processes[index] = subprocess.Popen(
                command, env={**os.environ, "TF_CONFIG": json.dumps(cluster)}, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            for stream, shown in (
                (self.processes[index].stdout, sys.stdout),
                (self.processes[index].stderr, sys.stderr),
            ):
                assert stream is not None
                thread = threading.Thread(target=_show, args=(stream, shown, f"[worker {index}] "), daemon=True)
                thread.start()
                self._threads.append(thread)

    def run(self, grace: float) -> int:
        """Waits for the end of the workers, and ends all when one fails; returns the exit status, see `supervise`."""
        first: tuple[int, int] | None = None
        with self._forwarding() as asked:
            while running := [index for index, process in self.processes.items() if process.poll() is None]:
                failed = [(i, p.returncode) for i, p in self.processes.items() if p.returncode not in (None, 0)]
                if failed and first is None:
                    first, until = failed[0], time.monotonic() + grace
                    if not asked:
                        _tell(f"worker {first[0]} {_ended(first[1])}; {len(running)} more to end")
                if first is not None and time.monotonic() > until:
                    _tell(f"worker {', '.join(map(str, running))}: still there after {grace:g} s, ended")
                    self._end(running)
                time.sleep(_EVERY)
        for thread in self._threads:
            thread.join(timeout=_STOPPED)
        statuses = {process.returncode for process in self.processes.values()}
        if len(statuses) == 1 and min(statuses) >= 0:
            return statuses.pop()
        if asked:
            return 128 + asked[0]
        ends = "; ".join(f"worker {index} {_ended(p.returncode)}" for index, p in self.processes.items())
        _tell(f"the job has ended: {ends}. The same command goes on from the newest checkpoint")
        return commands.EXIT_LOST_WORKER

    def _end(self, running: Sequence[int]) -> None:
        for index in running:
            self.processes[index].terminate()
        until = time.monotonic() + _STOPPED
        for index in running:
            try:
                self.processes[index].wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.processes[index].kill()  # A worker that waits for a lost one reacts to no other signal.
                self.processes[index].wait()

    @contextlib.contextmanager
    def _forwarding(self) -> Iterator[list[int]]:
        """Passes SIGTERM and SIGINT on to the workers, which save and end; the list holds the signals received."""
        asked: list[int] = []

        def hand_on(number: int, frame: FrameType | None) -> None:
            del frame
            asked.append(number)
            for process in self.processes.values():
                if process.poll() is None:
                    process.send_signal(number)

        before = {which: signal.signal(which, hand_on) for which in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield asked
        finally:
            for which, handler in before.items():
                signal.signal(which, handler)


def _show(stream: IO[bytes], shown: IO[str], prefix: str) -> None:
    with stream:
        for line in stream:
            shown.write(prefix + line.decode("utf-8", "replace"))
            shown.flush()


def _tell(text: str) -> None:
    print(f"launch: {text}", file=sys.stderr, flush=True)


def _ended(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    with contextlib.suppress(ValueError):
        return f"was killed by {signal.Signals(-status).name}"
    return f"was killed by signal {-status}"


def free_addresses(count: int) -> list[str]:
    """Addresses on this machine, for its own processes only."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


if __name__ == "__main__":
    commands.run(main, define_flags, unknown=True)
