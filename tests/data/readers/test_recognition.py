"""Formats are recognised, and messages about a path that a format cannot read name the format that can."""

import json

import numpy as np
import pytest
from damaged_sample import sample_writer
from samples import yolo

from tf_elepose.data.readers.recognition import format_of, held
from tf_elepose.data.sources import READERS, load_source
from tf_elepose.skeleton.skeletons import H36M_17

FORMATS = ["coco", "openpose", "alphapose", "mmpose", "mediapipe", "yolo", "openpifpaf", "vitpose", "tfjs"]


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_file_of_a_sample_looks_like_its_format(format_name, tmp_path):
    sample_writer(format_name)(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > 40]
    assert files and {format_of(file) for file in files} == {format_name}
    assert f"(format {format_name}, it seems)" in held(tmp_path) and format_name in READERS


def test_a_file_of_another_format_is_told(tmp_path):
    path = tmp_path / "keypoints.json"
    path.write_text(json.dumps([{"frame_id": 0, "instances": []}]))
    for name in ("coco", "openpose", "alphapose", "mediapipe"):
        with pytest.raises(ValueError, match=f"; the file looks like mmpose:{path}"):
            load_source(f"{name}:{path}", H36M_17)
    path.write_text(json.dumps({"people": [{"pose_keypoints_2d": [1] * 75}]}))
    with pytest.raises(ValueError, match=f"; the file looks like openpose:{path}"):
        load_source(f"mmpose:{path}", H36M_17)
    with pytest.raises(ValueError, match="keypoint_scale: expected 0, 3 or 4; got 5") as caught:  # No advice is needed.
        load_source(f"openpose:{path}", H36M_17, keypoint_scale=5)
    assert "looks like" not in str(caught.value)


def test_json_lines_and_files_without_a_usable_pose_are_told(tmp_path):
    path = tmp_path / "keypoints.jsonl"
    path.write_text('{"image_id": 1, "keypoints": [1, 2, 1]}\n{"image_id": 2, "keypoints": [1, 2, 1]}\n')
    with pytest.raises(ValueError, match=f"; the file looks like coco:{path}"):
        load_source(f"mediapipe:{path}", H36M_17, image_size=[640, 480])
    path.write_text('[{"frame_id": 0, "instances": [{"keypoints": [[1, 2]]}]}]')
    with pytest.raises(ValueError, match=f"no pose to use: 1 without keypoints; the file looks like mmpose:{path}"):
        load_source(f"openpifpaf:{path}", H36M_17)


def test_no_other_format_is_offered_where_an_option_is_missing(tmp_path):
    np.savez(tmp_path / "walk.npz", keypoints=np.full((2, 17, 3), 0.5))
    with pytest.raises(ValueError, match=r"--option=image_size=\[width,height\]$"):
        load_source(f"movenet:{tmp_path / 'walk.npz'}", H36M_17)


def test_a_folder_of_something_else_is_told(tmp_path):
    for number in range(3):
        (tmp_path / f"walk_{number}.json").write_text(json.dumps({"people": []}))
    (tmp_path / "walk.mp4").write_bytes(b"")
    np.savez(tmp_path / "poses.npz", keypoints=np.zeros((1, 17, 2)))
    for name in ("coco", "mmpose", "h36m", "skipose", "mediapipe", "yolo", "csv", "3dpw", "mpi_inf_3dhp"):
        options = {"image_size": [640, 480]} if name == "yolo" else {}
        with pytest.raises(ValueError, match=r"it holds 3 \.json \(format openpose, it seems\)"):
            load_source(f"{name}:{tmp_path}", H36M_17, **options)
    (tmp_path / "annotations.json").write_text(json.dumps({"images": [], "annotations": []}))
    with pytest.raises(
        ValueError, match=r"expected a file; is a folder; it holds 4 \.json \(format coco and openpose, it"
    ):
        load_source(f"coco:{tmp_path}", H36M_17)
    with pytest.raises(ValueError, match="this is a picture or video: find the keypoints with a 2D detector first"):
        load_source(f"coco:{tmp_path / 'walk.mp4'}", H36M_17)


@pytest.mark.parametrize(
    ("format_name", "found"),
    [("videopose3d", "videopose3d or npz"), ("deeplabcut", "deeplabcut or csv"), ("sleap", "sleap or csv")],
)
def test_tables_and_archives_that_two_formats_read(format_name, found, tmp_path):
    source, options = sample_writer(format_name)(tmp_path)
    assert format_of(source.partition(":")[2]) == found
    with pytest.raises(ValueError, match=f"; the file looks like {found}:"):
        load_source(f"coco:{source.partition(':')[2]}", H36M_17)
    assert len(load_source(f"{found.split()[-1]}:{source.partition(':')[2]}", H36M_17, check="off", **options))


def test_tables_and_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", keypoints=np.zeros((1, 17, 2)))
    yolo.write_frames(tmp_path, {"walk_1": [yolo.line(np.full((17, 2), 100.0))]})
    (tmp_path / "b.csv").write_text("nose_x,nose_y\n1,2\n")
    (tmp_path / "c.txt").write_text("some text\n")
    (tmp_path / "d.npz").write_text("no archive")
    found = {file.name: format_of(file) for file in tmp_path.rglob("*") if file.is_file()}
    assert found == {"a.npz": "npz", "walk_1.txt": "yolo", "b.csv": "csv", "c.txt": None, "d.npz": None}
    assert held(tmp_path / "none") == "nothing"
