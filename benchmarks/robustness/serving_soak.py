"""Malformed requests and latency over gRPC on the loopback: python -m benchmarks.robustness.serving_soak --workdir=DIR

Exports the model as the first version of a base path, serves it in a process of its own with the stand-in for
TensorFlow Serving that the tests use (tests/reference/loopback_server.py), measures the latency, sends 1,000
malformed requests among 1,000 good ones, and measures again. Claim: the server keeps running, every malformed request
gets its expected status, and every good one gets the same answer as before, bit by bit. Writes
benchmarks/results/serving_soak.json; exit status 1 when the claim does not hold. The latency is that of a server in
Python; TensorFlow Serving's own has not been measured.
"""

from __future__ import annotations

import contextlib
import importlib
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from absl import flags

from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.storage import files

_REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "reference"

BATCHES = (1, 64)


def define_flags() -> None:
    flags.DEFINE_string("workdir", None, "Folder of a finished run, or its model.npz.", required=True)
    flags.DEFINE_integer("requests", 1000, "Malformed requests, and as many good ones.", lower_bound=1)
    flags.DEFINE_integer("threads", 4, "Number of clients at the same time.", lower_bound=1)
    flags.DEFINE_integer("timed", 500, "Number of requests for the latency.", lower_bound=10)
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    sys.path.insert(0, str(_REFERENCE))
    malformed = importlib.import_module("malformed_requests")
    from export import examples
    from export.signature import Signed
    from export.versions import add_version
    from tf_elepose.training import workdir

    options = flags.FLAGS
    method, _ = workdir.load_model_and_info(options.workdir)
    inputs = examples.plausible(Signed(method, method.skeleton), 64, seed=0)
    inputs["confidence"][:] = 1.0
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder) / "saved_model"
        add_version(options.workdir, base)
        with serving(base) as (process, address):
            rows = latencies(address, inputs, options.timed, "before")
            problems, numbers = malformed.soak(address, inputs, requests=options.requests, threads=options.threads)
            rows += latencies(address, inputs, options.timed, "after")
            began = time.perf_counter()
            with malformed.connected(address) as channel:
                problem = malformed.failure(malformed.inflated_request(inputs), channel)
            problems += [problem] if problem else []
            inflated = time.perf_counter() - began
            if process.poll() is not None:
                problems.append(f"the server ended with status {process.poll()}")
    soak = {**numbers, "problems": problems, "petabytes_refused_s": inflated}
    for row in (*rows, soak):
        print(row)
    made = {"timed": options.timed, "latency": rows, "soak": soak, **provenance()}
    files.write_json(pathlib.Path(options.results) / "serving_soak.json", made)
    return 1 if problems else 0


@contextlib.contextmanager
def serving(base: pathlib.Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """Serves the models in `base`; gives the server's process and its gRPC address."""
    command = [sys.executable, str(_REFERENCE / "loopback_server.py"), str(base)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None and process.stdout is not None  # Both are pipes.
    try:
        ready = process.stdout.readline().split()
        if not ready:
            raise ValueError(f"{base}: the server ended with status {process.wait()} before it served")
        yield process, ready[0]
    finally:
        process.stdin.close()  # The server ends at the end of its input.
        process.wait()


def latencies(address: str, inputs: Mapping[str, np.ndarray], requests: int, when: str) -> list[dict[str, Any]]:
    """Milliseconds from request to answer, for one client that sends one request after the other."""
    loopback = importlib.import_module("loopback_server")
    rows = []
    with loopback.connected(address) as channel:
        stub = loopback.stub(channel)
        for batch in BATCHES:
            request = loopback.predict_request({name: values[:batch] for name, values in inputs.items()}, "lift")
            for _ in range(10):
                stub.Predict(request)
            taken = []
            for _ in range(requests):
                began = time.perf_counter()
                stub.Predict(request)
                taken.append(1e3 * (time.perf_counter() - began))
            p50, p99 = np.percentile(taken, [50, 99])
            rows.append({"when": when, "batch": batch, "p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)})
    return rows


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table, and a sentence on the soak."""
    lines = ["| soak | poses a request | p50, ms | p99, ms |", "|---|---|---|---|"]
    lines += [
        f"| {row['when']} | {row['batch']} | {row['p50_ms']:.2f} | {row['p99_ms']:.2f} |" for row in results["latency"]
    ]
    soak = results["soak"]
    sentence = (
        f"{soak['malformed']:,} malformed requests of {soak['kinds']} kinds among {soak['good']:,} good ones from "
        f"{soak['threads']} clients in {soak['seconds']:.1f} s: {len(soak['problems'])} kinds of wrong answers."
    )
    return "\n".join([*lines, "", sentence])


if __name__ == "__main__":
    commands.run(main, define_flags, tensorflow=True)
