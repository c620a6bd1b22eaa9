"""Gives damaged files to every reader: it must read them correctly or refuse them in one line, soon, in little memory.

    findings, numbers = fuzz("views", folder, seeds=range(60))
    python tests/reference/fuzzing.py views 17    # What seed 17 does, with the traceback.

Reading happens in a child process, which the parent times and, when it crashes or hangs, replaces.
"""

from __future__ import annotations

import dataclasses
import faulthandler
import json
import os
import pathlib
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from damaged_sample import MAX_SECONDS, DamagedSample

HERE = pathlib.Path(__file__).resolve().parent

_START_SECONDS = 60.0


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
    """Yields the child's results, also when the child crashes or hangs."""
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


def _serve(format_name: str, first: int, stop: int, folder: pathlib.Path) -> None:
    def tell(**message: Any) -> None:
        print(json.dumps(message), flush=True)

    faulthandler.enable()
    child = DamagedSample(format_name, folder)
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
        child = DamagedSample(format_name, pathlib.Path(folder))
        print("undamaged:", child.read_undamaged() or "right")
        print(child.damage(seed))
        print(child.read())
        child.load()


if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parents[1]), str(HERE)]
    if len(sys.argv) == 3:
        _replay(sys.argv[1], int(sys.argv[2]))
    else:
        _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4]))
