"""`yolo`: a folder of Ultralytics' pose files, one for each frame with people: written by save_txt, or labels.

A line is a person: class, box, keypoints, and perhaps the box's confidence and a track id (yolo_columns.py). x and y
are shares of the picture's width and height, (0, 0) is a keypoint that was not found. A video's frame N has the file
VIDEO_N.txt, a picture's file has the picture's name (ultralytics/engine/predictor.py, write_results). There is no file
for a frame without people.

The JSON that `Results.to_json()` returns is read as well, from files that users wrote (yolo_results.py).
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from tf_elepose.data.parsers.json_stream import shown
from tf_elepose.data.parsers.limits import opened
from tf_elepose.data.readers.frame_files import folder_name, frame_files
from tf_elepose.data.readers.keypoint_lists import KeypointLists, checked_size, integer
from tf_elepose.data.readers.yolo_columns import LAST, Columns, ColumnsSeen, usual_keypoints
from tf_elepose.data.readers.yolo_results import is_results, read_results
from tf_elepose.data.rows import Rows
from tf_elepose.data.visibility import left_out
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.joint_names import BODY_FIRST

_KNOWN = {17: "coco_17", 26: "halpe_26", **BODY_FIRST}  # 17: Ultralytics' own pose models.

_MOST_BYTES = 1 << 20  # Largest file: a thousand people.

_LARGEST_SHARE = 2.0  # Keypoints may lie outside of the picture, but not far.

_NOT_LABELS = ("classes.txt",)  # Files in which labelling programs put the names of the classes.


def read_yolo(
    path: str | os.PathLike[str],
    *,
    image_size: Sequence[int] | None = None,
    convention: str | None = None,
    person_class: int = 0,
    last: str | None = None,
) -> Iterator[Rows]:
    """Yields the people in the files in and below the folder `path`, clip by clip, frames in ascending order.

    Clip and frame are in the files' names. A person's number is its track id; without tracking, its line. Other classes
    are left out and counted.

    Args:
      path: of the folder, or of one file.
      image_size: (width, height) px of the pictures; .txt files do not contain it, and JSON in pixels does not need it.
      convention: of the keypoints; without it, coco_17 for 17, halpe_26 for 26, and the body of a whole-body list.
      person_class: the number of the class of people: 0 in Ultralytics' models.
      last: what a single number after the keypoints is, confidence or track; needed if the numbers do not show it.

    Raises:
      ValueError: one line with the file, the line, what was expected and what it holds; also without an image size,
        because the proportions of poses are then unknown.
    """
    where = f"YOLO files {os.fspath(path)}"
    if type(person_class) is not int:
        raise ValueError(f"{where}: person_class: expected an integer; got {person_class!r}")
    if is_results(pathlib.Path(path)):
        size = None if image_size is None else checked_size(image_size, f"{where}: image_size")
        yield from read_results(pathlib.Path(path), where, size, convention, person_class)
        return
    if image_size is None:
        raise ValueError(
            f"{where}: coordinates are shares of the picture's width and height: state its size in pixels, "
            "--option=image_size=[width,height]"
        )
    size = checked_size(image_size, f"{where}: image_size")
    if last not in (None, *LAST):
        raise ValueError(f"{where}: last: expected {' or '.join(LAST)}; got {last!r}")
    files = frame_files(pathlib.Path(path), ".txt", where, wanted=lambda file: file.name not in _NOT_LABELS)
    lines = (numbers for _, _, file in files for _, numbers in _lines(file, where) if numbers[0] == person_class)
    if convention is None:
        joints = usual_keypoints(len(next(lines, ())), list(_KNOWN))
    else:
        joints = conventions.get_convention(convention).num_joints
    seen = ColumnsSeen(joints, where)
    for _, _, file in files:
        seen.add([(place, numbers) for place, numbers in _lines(file, where) if numbers[0] == person_class])
    columns = seen.columns(last)
    poses = KeypointLists(where, folder_name(pathlib.Path(path), where), _KNOWN, convention)
    for number, (clip, frame, file) in enumerate(files, 1):
        _add_frame(poses, columns, file, where, clip, frame, person_class)
        if poses.full:
            yield _rows(poses, where, columns, size, number / len(files))
    yield _rows(poses, where, columns, size, 1.0)


def _lines(file: pathlib.Path, where: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (place, numbers) of every line of a file that is not empty."""
    with opened(file, f"YOLO file {file}") as stream:
        data = stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"{where}: {shown(file.name)}: longer than {_MOST_BYTES} bytes")
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1):
        cells = line.split()
        if not cells:
            continue
        place = f"{shown(file.name)}: line {number}"
        try:
            numbers = np.array(cells, np.float64)
        except ValueError:
            wrong = next(cell for cell in cells if not _is_number(cell))
            raise ValueError(f"{where}: {place}: expected numbers; got {shown(wrong)}") from None
        if numbers[0] != np.floor(numbers[0]):
            raise ValueError(f"{where}: {place}: class: expected an integer; got {shown(cells[0])}")
        yield place, numbers


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _add_frame(
    poses: KeypointLists,
    columns: Columns,
    file: pathlib.Path,
    where: str,
    clip: str,
    frame: int,
    person_class: int,
) -> None:
    """Adds the people of a file. Repeated lines count once: prediction appends to a file that exists."""
    before: set[bytes] = set()
    lines = list(_lines(file, where))
    for line, (place, numbers) in enumerate(lines):
        if numbers[0] != person_class:
            poses.dropped[f"of other classes than {person_class}"] += 1
            continue
        if numbers.tobytes() in before:
            poses.dropped["given twice"] += 1
            continue
        before.add(numbers.tobytes())
        pose, confidence, track = columns.split(numbers)
        person = line if track is None else integer(track, f"{where}: {place}: track id")
        third = pose[:, 2:] if columns.dimensions == 3 else np.full((len(pose), 1), 2.0)
        keypoints = np.concatenate([pose[:, :2], third], axis=1).ravel().tolist()
        poses.add(keypoints, place, clip=clip, frame=frame, person=person, has_id=track is not None, score=confidence)
    if not lines:
        poses.dropped["frames without people"] += 1


def _rows(poses: KeypointLists, where: str, columns: Columns, size: tuple[int, int], done: float) -> Rows:
    def to_pixels(numbers: np.ndarray) -> np.ndarray:
        shares = numbers[..., :2]
        if (far := np.abs(shares[np.abs(shares) > _LARGEST_SHARE])).size:
            raise ValueError(
                f"{where}: expected shares of the picture's width and height, within {_LARGEST_SHARE:g}; got {far[0]:g}"
            )
        return np.where(left_out(shares)[..., np.newaxis], np.nan, shares) * size

    flags = columns.flags or columns.dimensions == 2
    return poses.rows(done, flags=flags, to_pixels=to_pixels, image_size=size)
