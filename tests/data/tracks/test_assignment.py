"""Claim: no other choice of pairs has a larger total gain; all choices are tried."""

import itertools

import numpy as np
import pytest

from tf_elepose.data.tracks.assignment import assign


def best_gain(gains):
    n, m = gains.shape
    return max(
        sum(max(gains[row, column], 0.0) for row, column in enumerate(columns) if column < m)
        for columns in itertools.permutations(range(n + m), n)
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1), (2, 3), (3, 2), (3, 3)])
def test_no_other_pairs_gain_more(shape):
    rng = np.random.default_rng(0)
    for _ in range(20):
        gains = rng.normal(0.0, 1.0, shape)
        pairs = assign(gains)
        assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
        assert all(gains[pair] > 0.0 for pair in pairs)
        assert sum(gains[pair] for pair in pairs) == pytest.approx(best_gain(gains))


def test_many_rows_and_columns_that_hardly_touch():
    gains = np.full((60, 50), -1.0)
    gains[np.arange(50), np.arange(50)] = 1.0
    gains[np.arange(1, 51), np.arange(50)] = 0.9
    assert sorted(assign(gains)) == [(at, at) for at in range(50)]
