"""Rounds numbers for text files: further decimals would be noise."""

from __future__ import annotations

import numpy as np

_DECIMALS = {
    "mm": 2,
    "unit": 5,
    "px": 2,
    "degrees": 2,
    "percent": 2,
    "rotation": 6,
}  # A body is one unit, 1e-5 of it 1/100 mm.


def rounded(values: np.ndarray, unit: str) -> np.ndarray:
    """`values` in `unit`, rounded to the unit's decimals, as float64; 0 instead of -0."""
    return np.round(np.asarray(values, np.float64), _DECIMALS[unit]) + 0.0
