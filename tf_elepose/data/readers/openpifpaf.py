"""`openpifpaf`: openpifpaf's JSON files: a folder with one file for each picture, or one file of a picture or a video.

openpifpaf.predict writes PICTURE.predictions.json, a list of people {keypoints [x, y, c] * K, score, bbox}; a keypoint
that is not found has c = 0, and lies at (0, -3) or elsewhere (openpifpaf/annotation.py, json_data). openpifpaf.video
writes VIDEO.openpifpaf.json with one line for each frame: {"frame": number from 1, "predictions": list of people}; old
versions write only the list (openpifpaf/video.py). Tracked people have an id_.
"""

from __future__ import annotations

import itertools
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from tf_elepose.data.parsers.json_stream import JsonStream, shown
from tf_elepose.data.parsers.limits import unpacked_name
from tf_elepose.data.readers.frame_files import FrameFile, files_ending, folder_name, frame_files
from tf_elepose.data.readers.keypoint_lists import KeypointLists, integer, text
from tf_elepose.data.rows import Rows

_KNOWN = {17: "coco_17"}

_PICTURE, _VIDEO = ".predictions.json", ".openpifpaf.json"

_VIDEO_ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


def read_openpifpaf(path: str | os.PathLike[str], *, convention: str | None = None) -> Iterator[Rows]:
    """Yields the people in the files in and below the folder `path`, or in one file.

    A picture's clip and frame are in the file's name. A video's clip is the file's name. Its frame is the number in the
    line; in old files it is the number of the line, from 1. A person's number is its id_, where openpifpaf tracked
    people, otherwise its place in the frame. Boxes without keypoints are left out, frames without people are counted.

    Args:
      path: of the folder or file.
      convention: of the keypoints; without it, coco_17 for 17, and for the first 17 of 133.

    Raises:
      ValueError: one line with the file, the place, what was expected and what it holds.
    """
    where = f"openpifpaf files {os.fspath(path)}"
    root = pathlib.Path(path)
    pictures, videos = _files(root, where)
    subject = _clip(root, root, where) if videos == [root] else folder_name(root, where)
    poses = KeypointLists(where, subject, _KNOWN, convention)
    for done, (clip, frame, file) in enumerate(pictures, 1):
        with JsonStream(file, "openpifpaf file") as stream:
            for people in itertools.islice(stream.documents(), 1):
                _add_frame(poses, people, shown(file.name), where, clip, frame)
        if poses.full:
            yield poses.rows(done / (len(pictures) + len(videos)))
    for done, file in enumerate(videos, len(pictures)):
        with JsonStream(file, "openpifpaf file") as stream:
            for place, frame, people in _frames(stream, file):
                _add_frame(poses, people, place, where, _clip(file, root, where), frame)
                if poses.full:
                    yield poses.rows((done + stream.done) / (len(pictures) + len(videos)))
    yield poses.rows(1.0)


def _files(root: pathlib.Path, where: str) -> tuple[list[FrameFile], list[pathlib.Path]]:
    """Returns the files of pictures with clip and frame, and the files of videos."""
    if root.is_file() and _is_video(root):
        return [], [root]
    pictures, videos = (files_ending(root, ending) if root.is_dir() else [] for ending in (_PICTURE, _VIDEO))
    if videos and not pictures:
        return [], videos
    return frame_files(root, _PICTURE if pictures else ".json", where), videos


def _is_video(file: pathlib.Path) -> bool:
    """Says whether a file is of a video: each line is a frame (an object or a list), or it is a list of objects."""
    with JsonStream(file, "openpifpaf file") as stream:
        first = list(itertools.islice(stream.documents(), 2))
    return (
        type(first[0]) is dict or _are_frames(first[0]) or len(first) > 1 or unpacked_name(file).name.endswith(_VIDEO)
    )


def _are_frames(value: Any) -> bool:
    return type(value) is list and bool(value) and type(value[0]) is dict and "predictions" in value[0]


def _clip(file: pathlib.Path, root: pathlib.Path, where: str) -> str:
    """Returns the name of a video without endings, with the folders below the given folder."""
    name = unpacked_name(file).name.removesuffix(".json").removesuffix(".jsonl").removesuffix(".openpifpaf")
    if name.lower().endswith(_VIDEO_ENDINGS):
        name = name.rpartition(".")[0]
    folder = "" if file == root else file.parent.relative_to(root).as_posix()
    return text("/".join(part for part in (folder, name) if part not in ("", ".")), f"{where}: its name")


def _frames(stream: JsonStream, file: pathlib.Path) -> Iterator[tuple[str, int, Any]]:
    """Yields (place, frame, people) of every line of a video's file."""
    known: set[int] = set()
    lines = itertools.chain.from_iterable(line if _are_frames(line) else [line] for line in stream.documents())
    for number, line in enumerate(lines, 1):
        place = f"{shown(file.name)}: line {number}"
        frame, people = number, line
        if type(line) is dict:
            frame, people = integer(line.get("frame"), f"{stream.where}: line {number}: frame"), line.get("predictions")
        if frame in known:
            raise ValueError(
                f"{stream.where}: line {number}: frame {frame} given twice; openpifpaf appends to an "
                "existing file, so it may have run twice"
            )
        known.add(frame)
        yield place, frame, people


def _add_frame(poses: KeypointLists, people: Any, place: str, where: str, clip: str, frame: int) -> None:
    what = f"{where}: {place}"
    if type(people) is not list:
        raise ValueError(f"{what}: expected a list of people; got {shown(people)}")
    if not people:
        poses.dropped["frames without people"] += 1
    for number, person in enumerate(people):
        if type(person) is not dict:
            raise ValueError(f"{what}: person {number}: expected an object with keypoints; got {shown(person)}")
        if "image_id" in person:  # COCO's and AlphaPose's results: one list for all pictures.
            raise ValueError(f"{what}: person {number}: expected people of one picture, without image_id")
        own = person.get("id_")
        if own is not None:
            own = integer(own, f"{what}: person {number}: id_")
        poses.add(
            person.get("keypoints"),  # Detection models write only boxes.
            f"{place}: person {number}",
            clip=clip,
            frame=frame,
            person=number if own is None else own,
            has_id=own is not None,
            score=person.get("score"),
        )
