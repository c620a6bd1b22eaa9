"""Runs TensorFlow without graphs: tracing and optimising a graph takes longer than a few steps of a small training.

For tests of what happens around the steps. That graphs give the same steps is asked of every objective in
tests/conformance, and commands train in graphs in tests/recipes and tests/test_train.py. A test module says
pytest_plugins = ("outside_graphs",); fixtures of a whole module use `small_runs.eagerly`.
"""

import pytest
import small_runs


@pytest.fixture
def outside_graphs():
    with small_runs.eagerly():
        yield
