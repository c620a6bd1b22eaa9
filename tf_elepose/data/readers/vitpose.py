"""`vitpose`: the JSON file that easy_ViTPose writes: {"keypoints": list of frames, "skeleton": {"0": name, ...}}.

A frame is {id: [[y, x, score], ...]}, y first, px; {} where nobody is found. The skeleton names the keypoints
(JunkyByte/easy_ViTPose inference.py, easy_ViTPose/vit_utils/visualization.py, joints_dict).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from tf_elepose.data.parsers.json_stream import JsonStream, shown
from tf_elepose.data.readers.keypoint_lists import KeypointLists, integer, stem
from tf_elepose.data.rows import Rows

_WHAT = "easy_ViTPose file"


def read_vitpose(path: str | os.PathLike[str], *, convention: str | None = None) -> Iterator[Rows]:
    """Yields the people in the file at `path`, which is read twice: the names of the keypoints come last.

    The clip is the file's name without "_result", the frame the position in the list, from 0. A person's number is the
    id in the file. If the ids of every frame are 0, 1, 2 ..., there was no tracking (ids of the tracker SORT begin at
    1), and they are only places in the frame. Frames without people give no rows and are counted.

    Args:
      path: of the file.
      convention: of the keypoints; needed if the file does not name them.

    Raises:
      ValueError: one line with the file, the element, what was expected and what it holds.
    """
    with JsonStream(path, _WHAT) as stream:
        names, tracked = _first_reading(stream)
    with JsonStream(path, _WHAT) as stream:
        clip = stem(path, stream.where).removesuffix("_result") or stem(path, stream.where)
        poses = KeypointLists(stream.where, clip, {}, convention, names)
        frames = (people for key, people in stream if key == "keypoints")
        for frame, people in enumerate(frames):
            what = f"{stream.where}: {stream.place}"
            if not people:
                poses.dropped["frames without people"] += 1
            for place, (person, points) in enumerate(people.items()):
                number = _id(person, what) if tracked else place
                flat = points and _flat(points, f"{what}: id {person[:20]!a}")
                at = f"{stream.place}: id {person[:20]!a}"
                poses.add(flat, at, clip=clip, frame=frame, person=number, has_id=tracked)
            if poses.full:
                yield poses.rows(stream.done)
        yield poses.rows(stream.done)


def _first_reading(stream: JsonStream) -> tuple[list[str], bool]:
    """Reads the names of the keypoints, if the file has them, and whether its ids are those of tracks."""
    names: list[str] = []
    tracked, frames = False, False
    for key, value in stream:
        if key == "skeleton":
            names = _names(value, f"{stream.where}: {stream.place}")
        if key == "keypoints":
            frames = True
            if type(value) is not dict:
                raise ValueError(f"{stream.where}: {stream.place}: expected an object of people; got {shown(value)}")
            tracked = tracked or list(value) != [str(place) for place in range(len(value))]
    if not frames:
        raise ValueError(f"{stream.where}: expected an object with a list of keypoints; holds none")
    return names, tracked


def _names(value: Any, what: str) -> list[str]:
    """Reads the names of the keypoints, in their order, from {"0": name, ...}."""
    names = [value.get(str(place)) for place in range(len(value))] if type(value) is dict else []
    if not names or not all(type(name) is str for name in names):
        raise ValueError(f"{what}: expected an object with a name of each keypoint, from 0; got {shown(value)}")
    return [name for name in names if type(name) is str]


def _id(person: str, what: str) -> int:
    if not (person.isascii() and person.isdigit()):
        raise ValueError(f"{what}: id: expected an integer from 0; got {shown(person)}")
    return integer(int(person[:12]), f"{what}: id")


def _flat(points: Any, what: str) -> list[Any]:
    """Returns one list: x, y, score of the first keypoint, then of the second, and so on."""
    if type(points) is not list or not all(type(point) is list and len(point) == 3 for point in points):
        raise ValueError(f"{what}: expected a list of [y, x, score]; got {shown(points)}")
    return [number for y, x, score in points for number in (x, y, score)]
