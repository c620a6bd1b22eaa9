"""Processes that take turns: programs are measured A B A B in one run, so that a machine's drift affects all of them.

A worker is a Python program that calls `serve`. A benchmark starts workers with `Worker` and sends requests to one at a
time, while the others wait at a pipe. Only the standard library is needed: a worker may run in another environment.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Worker:
    """Another process that answers requests.

    Attributes:
      started_s: seconds from its start to its first answer.
    """

    def __init__(
        self, module: str, *arguments: str, python: str = sys.executable, wait: bool = True, **environment: str
    ) -> None:
        """Starts the process.

        Args:
          module: calls `serve` in its main part.
          arguments: the command line.
          python: the Python that runs the module.
          wait: wait until it accepts requests; workers that have to find each other are all started before one waits.
          environment: changes to the environment's variables.

        Raises:
          ValueError: it ended before it accepted requests; with its last line.
        """
        self._name = " ".join([module, *arguments])
        began = time.perf_counter()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe would fill up, since nobody reads it.
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._errors, text=True, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )  # fmt: skip
        self._began = began
        self.facts: dict[str, Any] = {}
        if wait:
            self.wait()

    def wait(self) -> None:
        """Waits until the worker accepts requests."""
        self.facts = self.answer()
        self.started_s = time.perf_counter() - self._began

    def ask(self, request: str, **arguments: Any) -> dict[str, Any]:
        """Sends a request and returns the answer; ValueError with the worker's last line if it failed."""
        self.send(request, **arguments)
        return self.answer()

    def send(self, request: str, **arguments: Any) -> None:
        """Sends a request without waiting for the answer, for workers that work together."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"request": request, **arguments}) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def answer(self) -> dict[str, Any]:
        """The answer to the last request; ValueError with the worker's last line if it failed."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors.read().decode(errors="replace").splitlines() if line.strip()]
        raise ValueError(f"{self._name}: {lines[-1] if lines else 'ended without a message'}")


def serve(handlers: Mapping[str, Callable[..., Mapping[str, Any]]], facts: Mapping[str, Any]) -> None:
    """Answers requests until the input ends; an error ends the process.

    Args:
      handlers: {request: function of its arguments}.
      facts: the first answer, given before any request.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Text that libraries print must not be read as an answer.

    def answer(values: Mapping[str, Any]) -> None:
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    answer(facts)
    for line in sys.stdin:
        arguments = json.loads(line)
        answer(handlers[arguments.pop("request")](**arguments))


def peak_memory_mb() -> float:
    """Peak memory of this process since its start, MB (MiB); 0 if the system does not report it."""
    try:
        lines = pathlib.Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def in_turn(workers: Mapping[str, Callable[[int], Any]], rounds: int) -> dict[str, list[Any]]:
    """The results of each of `workers` in rounds 0, 1, ...; a round ends before the next begins."""
    results: dict[str, list[Any]] = {name: [] for name in workers}
    for number in range(rounds):
        for name, work in workers.items():
            results[name].append(work(number))
    return results


def median_ratio(values: Sequence[float], base: Sequence[float]) -> float:
    """The median of the ratios of neighbours in time, which is not the ratio of the medians."""
    ratios = sorted(a / b for a, b in zip(values, base, strict=True))
    middle = len(ratios) // 2
    return ratios[middle] if len(ratios) % 2 else 0.5 * (ratios[middle - 1] + ratios[middle])
