"""Reads what Ultralytics' `Results.to_json()` (older: tojson) returned: one file for each frame, or one for a video.

A frame is a list of {"name", "class", "confidence", "box", "track_id", "keypoints": {"x": list, "y": list, "visible":
list}}, px, or shares of the picture with normalize=True (ultralytics/engine/results.py, summary). A video is a list of
frames, or JSON lines of them.
"""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from tf_elepose.data.parsers.json_stream import LINES_ENDINGS, JsonStream, shown
from tf_elepose.data.parsers.limits import unpacked_name
from tf_elepose.data.readers.frame_files import FrameFile, files_ending, folder_name, frame_files
from tf_elepose.data.readers.keypoint_lists import KeypointLists, own_id, stem
from tf_elepose.data.readers.recognition import format_of
from tf_elepose.data.rows import Rows
from tf_elepose.data.visibility import left_out

_KNOWN = {17: "coco_17"}

_WHAT = "Ultralytics file"

_LOOKED_AT = 100  # At most this many files of a folder are looked at; the first may be of frames without people.

_LARGEST_SHARE = 2.0  # No body in pixels is this small.


def is_results(path: pathlib.Path) -> bool:
    """Says whether `path` is a JSON file, or a folder that has JSON files of this layout and no .txt files."""
    if path.is_dir():
        if files_ending(path, ".txt"):
            return False
        return any(format_of(file) == "yolo" for file in files_ending(path, ".json")[:_LOOKED_AT])
    return unpacked_name(path).suffix.lower() in (".json", *LINES_ENDINGS)


def read_results(
    path: pathlib.Path, where: str, size: tuple[int, int] | None, convention: str | None, person_class: int
) -> Iterator[Rows]:
    """Yields the people in the file or folder at `path`; the arguments are `read_yolo`'s, checked.

    Raises:
      ValueError: as in `read_yolo`, but an image size is needed only if coordinates are shares.
    """
    poses = KeypointLists(where, folder_name(path, where), _KNOWN, convention)
    files = _files(path, where)

    def to_pixels(numbers: np.ndarray) -> np.ndarray:
        points = numbers[..., :2]
        known = np.abs(points[~left_out(points)])
        if known.size == 0 or np.nanmax(known, initial=0.0) > _LARGEST_SHARE:
            return points
        if size is None:
            raise ValueError(
                f"{where}: coordinates are shares of the picture's width and height: state its size in pixels, "
                "--option=image_size=[width,height]"
            )
        return np.where(left_out(points)[..., np.newaxis], np.nan, points) * size

    for number, (clip, frame, file) in enumerate(files):
        with JsonStream(file, _WHAT) as stream:
            for place, own, people in _frames(stream, frame):
                what = f"{stream.where}: {place}"
                at = f"{shown(file.name)}: {place}"
                _add_frame(poses, people, at, what, clip or stem(file, where), own, person_class)
                if poses.full:
                    done = (number + stream.done) / len(files)
                    yield poses.rows(done, to_pixels=to_pixels, image_size=size)
    yield poses.rows(1.0, to_pixels=to_pixels, image_size=size)


def _files(path: pathlib.Path, where: str) -> list[FrameFile]:
    """Lists the files of frames, or the one file of a video, which has the clip ""."""
    if path.is_file():
        with JsonStream(path, _WHAT) as stream:
            first = [element for _, element in itertools.islice(stream, 1)]
        if first and type(first[0]) is list:
            return [("", 0, path)]
    return frame_files(path, ".json", where)


def _frames(stream: JsonStream, frame: int) -> Iterator[tuple[str, int, list[Any]]]:
    """Yields (place, frame, people) of each frame of a video, or of the one frame `frame`."""
    if not stream.is_list:
        raise ValueError(f"{stream.where}: expected a list of people; got an object")
    people: list[Any] = []
    alone = True
    for number, (_, element) in enumerate(stream):
        if type(element) is list:
            alone = False
            yield stream.place, number, element
        else:
            people.append(element)
        if people and not alone:
            raise ValueError(f"{stream.where}: {stream.place}: expected lists of people, or people; got both")
    if alone:
        yield "people", frame, people


def _add_frame(
    poses: KeypointLists, people: list[Any], at: str, what: str, clip: str, frame: int, person_class: int
) -> None:
    if not people:
        poses.dropped["frames without people"] += 1
    ids: set[int] = set()
    for place, person in enumerate(people):
        if type(person) is not dict:
            raise ValueError(f"{what} {place}: expected an object with keypoints; got {shown(person)}")
        if person.get("class", person_class) != person_class:
            poses.dropped[f"of other classes than {person_class}"] += 1
            continue
        own = own_id(person, f"{what} {place}")
        if own is not None and own in ids:
            raise ValueError(
                f"{what} {place}: track_id: expected a different one for each person of a frame; got {own} twice"
            )
        ids |= set() if own is None else {own}
        poses.add(
            _flat(person.get("keypoints"), f"{what} {place}: keypoints"),
            f"{at} {place}",
            clip=clip,
            frame=frame,
            person=place if own is None else own,
            has_id=own is not None,
            score=person.get("confidence"),
        )


def _flat(keypoints: Any, what: str) -> list[Any] | None:
    """Returns one list: x, y, confidence of the first keypoint, then of the second; None if there are no keypoints."""
    if keypoints is None:
        return None
    x, y = (keypoints.get(name) if type(keypoints) is dict else None for name in "xy")
    if type(x) is not list or type(y) is not list or len(x) != len(y):
        raise ValueError(f"{what}: expected an object with lists x and y; got {shown(keypoints)}")
    sure = keypoints.get("visible", [1.0] * len(x))
    if type(sure) is not list or len(sure) != len(x):
        raise ValueError(f"{what}: visible: expected a list of {len(x)}; got {shown(sure)}")
    return [number for point in zip(x, y, sure, strict=True) for number in point]
