"""The limits of this machine, with which speeds are compared: matrix products and reading memory.

GEMM peak, GFLOP/s: the fastest of several products of square float32 matrices by NumPy's BLAS and by TensorFlow, and of
bfloat16 matrices by TensorFlow; 2 operations for each multiplication with addition. Bandwidth, GB/s: the fastest of
several products of a vector and a matrix of a given size, as a network uses its weights for one pose; small matrices
are read from caches, so the bandwidth depends on the size. Copying, GB/s: bytes read and written. A worker of
`benchmarks.turns`, whose environment sets the number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import turns

SIDE = 1536
"""Side of the square matrices: 9 MB each, and a quarter of a second for a product on one slow core."""

_REPEATS = 12
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def worker(threads: int) -> turns.Worker:
    """Starts a process that measures with `threads` threads."""
    return turns.Worker("benchmarks.robustness.limits", str(threads), **dict.fromkeys(_THREADS, str(threads)))


def gemm_peaks(threads: int = 2) -> dict[str, float]:
    """The fastest matrix products, GFLOP/s, by "float32" and "bfloat16"."""
    with worker(threads) as limits:
        return limits.ask("gemm")


def fastest(work: Callable[[], Any], repeats: int = _REPEATS) -> float:
    """The shortest time of several runs, seconds."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def numpy_gemm(side: int = SIDE) -> float:
    """GFLOP/s of NumPy's float32 product."""
    a, out = np.random.default_rng(0).random((side, side), np.float32), np.empty((side, side), np.float32)
    return 2e-9 * side**3 / fastest(lambda: np.matmul(a, a, out=out))


def tensorflow_gemm(dtype: str, side: int = SIDE) -> float:
    """GFLOP/s of TensorFlow's product."""
    import tensorflow as tf

    a = tf.cast(tf.random.stateless_uniform([side, side], [0, 1]), dtype)
    product = tf.function(lambda: tf.reduce_max(tf.matmul(a, a)))
    product()
    return 2e-9 * side**3 / fastest(lambda: product().numpy())


def read_bandwidth(size: int) -> float:
    """GB/s at which a matrix of about `size` bytes is multiplied with a vector."""
    rows = max(1, size // 4096)
    matrix, vector = np.ones((rows, 1024), np.float32), np.ones(1024, np.float32)
    out = np.empty(rows, np.float32)
    repeats = max(_REPEATS, min(2000, (1 << 30) // matrix.nbytes))
    return 1e-9 * matrix.nbytes / fastest(lambda: np.matmul(matrix, vector, out=out), repeats)


def copy_bandwidth(size: int = 1 << 28) -> float:
    """GB/s, read plus written, when one thread copies `size` bytes."""
    source, target = np.ones(size, np.uint8), np.zeros(size, np.uint8)
    return 2e-9 * size / fastest(lambda: np.copyto(target, source))


def _gemm(threads: int) -> dict[str, float]:
    import tensorflow as tf

    if not getattr(_gemm, "is_set", False):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        _gemm.is_set = True
    float32 = max(numpy_gemm(), tensorflow_gemm("float32"))
    return {"float32": round(float32, 1), "bfloat16": round(tensorflow_gemm("bfloat16"), 1)}


def main() -> None:
    import sys

    threads = int(sys.argv[1])
    turns.serve(
        {
            "gemm": lambda: _gemm(threads),
            "read": lambda size: {"gb_per_s": round(read_bandwidth(size), 2)},
            "copy": lambda: {"gb_per_s": round(copy_bandwidth(), 2)},
        },
        {"threads": threads},
    )


if __name__ == "__main__":
    main()
