"""Tests whether two runs are the same training: equal, except for the order in which several threads add numbers."""

from collections.abc import Mapping

import numpy as np


def require_same_training(one: Mapping, other: Mapping, rate: float) -> None:
    """Compares the arrays, or variables, of two runs of the same steps by name; `rate` is the largest learning rate.

    Sums of several threads come in any order, and Adam makes steps of one size out of gradients near zero: a step may
    differ by a small part of the rate. Steps with other batches, random numbers, weights or moments differ by all of
    it. Moments ("optimizer/...") are compared with the largest of their array.
    """
    assert set(one) == set(other)
    for name, value in one.items():
        value, again = np.asarray(value), np.asarray(other[name])
        atol = 1e-2 * rate
        if name.startswith("optimizer/"):
            atol = 1e-4 * np.abs(value).max(initial=0.0)
        np.testing.assert_allclose(again, value, rtol=1e-6, atol=atol, err_msg=name)
