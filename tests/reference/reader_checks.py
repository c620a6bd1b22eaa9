"""What several tests of readers ask of a recording or of an error."""

import pytest


def joint(recording, row, name):
    """The place [x, y] of a joint in a row."""
    return recording.poses_2d[row, recording.skeleton.index(name)].tolist()


def refusal(load, path, **options) -> str:
    """The one line, naming the file, with which `load` refuses it."""
    with pytest.raises(ValueError) as caught:
        load(path, **options)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)
