import pathlib

import pytest
from damaged_sample import sample_writer

from tf_elepose.data.readers.recognition import format_of

FORMATS = ["coco", "openpose", "alphapose", "mmpose", "mediapipe", "yolo", "openpifpaf", "vitpose", "tfjs"]


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_file_of_a_sample_looks_like_its_format(format_name, tmp_path):
    sample_writer(format_name)(tmp_path)
    files = [path for path in pathlib.Path(tmp_path).rglob("*") if path.is_file() and path.stat().st_size > 40]
    assert files and {format_of(file) for file in files} == {format_name}
