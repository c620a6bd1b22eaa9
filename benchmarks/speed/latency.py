"""Common part of workers that measure a model's time; uses only NumPy and the standard library."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks import turns

Run = Callable[[Mapping[str, np.ndarray]], Mapping[str, Any]]
"""A function from named inputs [B, ...] to named outputs [B, ...], with poses_3d [B, J, 3]."""

_UNTIMED = 3  # Runs before the first that counts, while shapes are new and weights are not in the caches.


def serve(load: Callable[[], Run], inputs: str) -> None:
    """Serves as a worker of `benchmarks.turns` that measures a model's time.

    Args:
      load: opens the model; imports are done before.
      inputs: an .npz file of the model's inputs [N, ...]; batches are its first rows.
    """
    with np.load(inputs) as archive:
        arrays = {name: archive[name] for name in archive.files}
    began = time.perf_counter()
    run = load()
    loaded = time.perf_counter() - began
    last = 0

    def timed(batch: int, repeats: int) -> dict[str, list[float]]:
        nonlocal last
        rows = {name: np.ascontiguousarray(values[:batch]) for name, values in arrays.items()}
        for _ in range(_UNTIMED if batch != last else 1):
            run(rows)
        last = batch
        taken = []
        for _ in range(repeats):
            start = time.perf_counter()
            run(rows)
            taken.append(1e3 * (time.perf_counter() - start))
        return {"ms": taken}

    def answer(batch: int, output: str) -> dict[str, Any]:
        rows = {name: np.ascontiguousarray(values[:batch]) for name, values in arrays.items()}
        np.save(output, np.asarray(run(rows)["poses_3d"]))
        return {}

    turns.serve(
        {"run": timed, "answer": answer, "memory": lambda: {"memory_mb": turns.peak_memory_mb()}}, {"load_s": loaded}
    )
