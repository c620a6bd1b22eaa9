"""What all tests share."""

import gc


def pytest_collection_finish() -> None:
    """Python's search for unused objects leaves out what the imports have made, and comes less often.

    TensorFlow and the tests themselves are millions of objects that stay; every trace of a graph makes a million more.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
