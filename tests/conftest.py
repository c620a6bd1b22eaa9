"""Fixtures and settings for all tests."""

import gc


def pytest_collection_finish() -> None:
    """Keeps the objects that imports made out of Python's search for unused objects, and makes the search rarer.

    TensorFlow and the tests themselves are millions of objects that stay; every trace of a graph makes a million more.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
