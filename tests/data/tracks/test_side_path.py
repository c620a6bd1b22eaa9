"""The path of sides is the cheapest one of all."""

import itertools

import numpy as np
import pytest

from tf_elepose.data.tracks import side_path


def cost(path, movement, apart):
    """The cost of a path [T][2] of swapped legs and arms, written out term by term."""
    total = 0.0
    for t, state in enumerate(path):
        total += side_path._SWAPPED * any(state) + apart[t] * (state[0] != state[1])
        if t:
            changed = [now != then for now, then in zip(state, path[t - 1], strict=True)]
            before = [a != b for a, b in zip(path[t - 1], path[t - 2], strict=True)] if t > 1 else [False, False]
            total += side_path._CHANGE * any(changed)
            total += sum(movement[i][changed[i] + 2 * before[i], t - 1] for i in range(2))
    return total + side_path._EDGE * (any(path[0]) + any(path[-1]))


@pytest.mark.parametrize("seed", range(6))
def test_no_path_is_cheaper(seed):
    """No other of the 4,096 paths of six frames costs less."""
    rng = np.random.default_rng(seed)
    movement = [rng.uniform(0.0, 3.0, (4, 5)) for _ in range(2)]
    apart = rng.uniform(0.0, 0.3, 6)
    states = list(itertools.product([False, True], repeat=2))
    costs = [cost(path, movement, apart) for path in itertools.product(states, repeat=6)]
    found = side_path.side_path(movement, apart)
    assert found.shape == (6, 2)
    assert cost(found.tolist(), movement, apart) == pytest.approx(min(costs))


def test_a_long_path_in_pieces(monkeypatch):
    rng = np.random.default_rng(9)
    movement, apart = [rng.uniform(0.0, 2.0, (4, 99)) for _ in range(2)], rng.uniform(0.0, 0.3, 100)
    whole = side_path.side_path(movement, apart)
    monkeypatch.setattr(side_path, "_PIECE", 7)
    np.testing.assert_array_equal(side_path.side_path(movement, apart), whole)
    assert whole.any() and not whole.all()
