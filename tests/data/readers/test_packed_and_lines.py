"""Files packed with gzip, and JSON lines, give the recordings of the plain files."""

import dataclasses
import gzip
import json
import pathlib

import numpy as np
import pytest
from damaged_sample import sample_writer

from tf_elepose.data.sources import READERS, load_source
from tf_elepose.skeleton.skeletons import H36M_17

PACKED = {
    "3dpw": ".pkl",
    "mpii": ".mat",
    "lsp": ".mat",
    "lspet": ".mat",
    "coco": ".json",
    "openpose": ".json",
    "alphapose": ".json",
    "mmpose": ".json",
    "mediapipe": ".json",
    "yolo": ".txt",
    "openpifpaf": ".json",
    "vitpose": ".json",
    "tfjs": ".json",
    "deeplabcut": ".csv",
    "sleap": ".csv",
    "csv": ".csv",
    "bvh": ".bvh",
}
"""{format: ending of its sample's files}."""

NOT_PACKED = {"views", "h36m", "h36m_fetch", "mpi_inf_3dhp", "skipose", "npz", "videopose3d", "movenet", "shards"}
"""Formats that cannot be packed with gzip: npz, HDF5 and TFRecord files are packed already, or not read in order."""


def test_every_format_is_tried():
    assert set(PACKED) | NOT_PACKED == set(READERS) and not set(PACKED) & NOT_PACKED


LINES = ("coco", "alphapose", "mmpose", "mediapipe", "tfjs")


def assert_same(one, other):
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        elif field.name != "source":
            assert a == b, field.name


@pytest.mark.parametrize("name", PACKED)
def test_packed_files_are_read_as_plain_ones(name, tmp_path):
    source, options = sample_writer(name)(tmp_path)
    plain = load_source(source, H36M_17, check="off", **options)
    files = [file for file in tmp_path.rglob("*") if file.suffix == PACKED[name]]
    for file in files:
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    packed = source if pathlib.Path(source.partition(":")[2]).exists() else f"{source}.gz"
    assert_same(plain, load_source(packed, H36M_17, check="off", **options))
    for file in files:  # Cut short, one of them is refused in a line that names it.
        file = file.with_name(file.name + ".gz")
        file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"\.gz: not a readable gzip file \(ends too early\)"):
        load_source(packed, H36M_17, check="off", **options)


def elements(name, folder):
    """Returns the sample's file, and the elements that the lines of a JSON lines file would hold."""
    if name == "coco":
        from samples import coco

        source, options = coco.write_results(folder)
    else:
        source, options = sample_writer(name)(folder)
    held = json.loads(pathlib.Path(source.partition(":")[2]).read_text())
    if name == "mmpose":
        options, held = options | {"convention": "coco_17"}, held["instance_info"]
    if name == "mediapipe" and isinstance(held, dict):
        options, held = options | {"image_size": [held["image_width"], held["image_height"]]}, held["frames"]
    return held, options


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson", ".json", ".jsonl.gz"])
@pytest.mark.parametrize("name", LINES)
def test_json_lines_are_read_as_the_list_of_their_values(name, ending, tmp_path):
    held, options = elements(name, tmp_path)
    assert len(held) > 1
    (tmp_path / "video.json").write_text(json.dumps(held))
    lines = "".join(json.dumps(element) + "\n" for element in held).encode()
    (tmp_path / "lines").mkdir()
    file = tmp_path / "lines" / f"video{ending}"
    file.write_bytes(gzip.compress(lines) if ending.endswith(".gz") else lines)
    expected = load_source(f"{name}:{tmp_path}/video.json", H36M_17, check="off", **options)
    assert_same(expected, load_source(f"{name}:{file}", H36M_17, check="off", **options))
