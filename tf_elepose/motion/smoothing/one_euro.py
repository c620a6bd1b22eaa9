"""The 1 Euro filter: Casiez, Roussel, Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
Interactive Systems", CHI 2012. Causal: a value depends on earlier values, never on later ones.
"""

from __future__ import annotations

import math

import numpy as np


def smoothing_factor(cutoff: np.ndarray | float, period: float) -> np.ndarray | float:
    """Eq. 6: alpha = 1 / (1 + tau / Te) with tau = 1 / (2 pi fc); `cutoff` fc in Hz, `period` Te in seconds."""
    turned = 2.0 * math.pi * cutoff * period
    return turned / (turned + 1.0)


def one_euro(signal: np.ndarray, times: np.ndarray, *, min_cutoff: float, beta: float, d_cutoff: float) -> np.ndarray:
    """Smooths `signal` [T, ..., d] at the rising `times` [T] (seconds); the first value stays.

    Slow motion is smoothed with a low cutoff, which removes jitter, fast motion with a high one, which lags less:
    fc = min_cutoff + beta |dx^| (the paper's eq. 7), dx^ the smoothed velocity. The paper filters a number; here |dx^|
    is the length of a point's velocity [d], so that turning the axes only turns the result.

    Args:
      signal: [T, ..., d] points.
      times: [T] seconds; they need not be even.
      min_cutoff: fc of a point at rest, Hz.
      beta: how much fc grows with the speed, Hz / (units of the signal / s).
      d_cutoff: cutoff of the velocity's own filter, Hz.
    """
    smoothed = np.array(signal, np.float64)
    velocity = np.zeros(smoothed.shape[1:])
    for t in range(1, len(smoothed)):
        period = float(times[t] - times[t - 1])
        raw = (smoothed[t] - smoothed[t - 1]) / period  # smoothed[t] still holds the signal's value.
        velocity += smoothing_factor(d_cutoff, period) * (raw - velocity)
        cutoff = min_cutoff + beta * np.linalg.norm(velocity, axis=-1, keepdims=True)
        smoothed[t] = smoothed[t - 1] + smoothing_factor(cutoff, period) * (smoothed[t] - smoothed[t - 1])
    return smoothed
