"""Zero-phase Butterworth low-pass: the usual filter of biomechanics (Winter, Biomechanics and Motor Control of Human
Movement, "Digital filtering": second order, run forwards and backwards).
"""

from __future__ import annotations

import math

import numpy as np

_EDGE = 9
"""Number of values added at both ends of a signal: three times the filter's taps, SciPy's rule for `filtfilt`."""


def second_order(cutoff: float, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Numerator b [3] and denominator a [3] of the digital second-order Butterworth low-pass; both in Hz.

    H(s) = 1 / (s^2 + sqrt(2) s + 1) under the bilinear transform, warped to be -3 dB at `cutoff`.
    """
    k = math.tan(math.pi * cutoff / rate)
    scale = 1.0 + math.sqrt(2.0) * k + k * k
    b = np.array([1.0, 2.0, 1.0]) * k * k / scale
    a = np.array([scale, 2.0 * (k * k - 1.0), 1.0 - math.sqrt(2.0) * k + k * k]) / scale
    return b, a


def butterworth(signal: np.ndarray, *, rate: float, cutoff: float) -> np.ndarray:
    """Filters `signal` [T, ...], `rate` values a second, forwards, then backwards.

    The two runs' delays cancel: nothing is shifted in time. Together they are of fourth order and halve the height of a
    wave at `cutoff` (Hz, below half the rate); each run leaves 1 / sqrt(2). Both ends are first extended by the
    signal's reflection through the end point, at most by the signal's length.
    """
    signal = np.asarray(signal, np.float64)
    edge = min(_EDGE, len(signal) - 1)
    if edge < 1:
        return signal.copy()
    before = 2.0 * signal[0] - signal[edge:0:-1]
    after = 2.0 * signal[-1] - signal[-2 : -edge - 2 : -1]
    b, a = second_order(cutoff, rate)
    forwards = _run(np.concatenate([before, signal, after]), b, a)
    return _run(forwards[::-1], b, a)[::-1][edge:-edge]


def _run(signal: np.ndarray, b: np.ndarray, a: np.ndarray) -> np.ndarray:
    """One run of the filter (transposed direct form II), started as if all earlier values equalled the first."""
    filtered = np.empty_like(signal)
    first, second = (1.0 - b[0]) * signal[0], (b[2] - a[2]) * signal[0]
    for t, value in enumerate(signal):
        result = b[0] * value + first
        first = b[1] * value - a[1] * result + second
        second = b[2] * value - a[2] * result
        filtered[t] = result
    return filtered
