"""Two steps of the completers' solver in the place of 32, for tests that do not ask how well poses are completed.

The solver is unrolled into every graph that completes poses: a dozen operators a step to trace and to convert, a
quarter of a small run's time. How good its answers are is asked in tests/nn/test_completer.py, of all 32 steps, and
tests/test_train.py trains with them. A test module says
pytest_plugins = ("quick_completer",) and pytestmark = pytest.mark.usefixtures("quick_completer").
"""

import pytest
import small_models


@pytest.fixture(scope="module")
def quick_completer():
    with pytest.MonkeyPatch.context() as patch:
        small_models.solve_quickly(patch)
        yield
