"""Shared by the tests of JSON readers: makes files from content, and recordings or error lines from files."""

import json

import pytest

from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17


class JsonCases:
    """Files of one format."""

    def __init__(self, format_name, file_name):
        self._format, self._file = format_name, file_name

    def saved(self, tmp_path, content, name=None) -> str:
        """The path of a file with `content`."""
        path = tmp_path / (name or self._file)
        path.write_text(json.dumps(content))
        return str(path)

    def load(self, path, **options):
        """The recording in a file."""
        return load_source(f"{self._format}:{path}", H36M_17, **options)

    def problem(self, tmp_path, content, **options) -> str:
        """The error line for a file with `content`; it must name the file."""
        path = self.saved(tmp_path, content)
        with pytest.raises(ValueError) as caught:
            self.load(path, **options)
        assert path in str(caught.value) and "\n" not in str(caught.value)
        return str(caught.value)


def joint(recording, row, name):
    """The position [x, y] px of a joint."""
    return recording.poses_2d[row, H36M_17.index(name)].tolist()
