"""`coco`: keypoint annotations and keypoint results in COCO's JSON.

An annotation file is an object: images [{id, file_name, width, height}], annotations [{image_id, category_id,
keypoints [x, y, v] * K, num_keypoints, iscrowd}], categories [{id, keypoints: names}], in any order; v is 0 for a joint
that is not labelled, 1 for a hidden and 2 for a visible one; labelled joints, also hidden ones, are known. A results
file is a list of {image_id, keypoints [x, y, s] * K, score}, s being the detector's confidence (cocodataset.org, "Data
format" and "Results format"). The outermost bracket of a file shows which of them it is.

Pixels count from 0. A person's number is its track_id (PoseTrack, and CVAT among the attributes) or instance_id
(CocoVID); where it has none, its position among the people of its image, in the order of the file.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Iterator
from typing import Any

from tf_elepose.data.parsers.json_stream import JsonStream, shown
from tf_elepose.data.readers.keypoint_lists import (
    KeypointLists,
    checked_size,
    find_convention,
    frames_by_name,
    own_id,
    stem,
    text,
)
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions

_KNOWN = {17: "coco_17"}

_LARGEST_FRAME = 2**31 - 1

_Images = dict[int, tuple[str, int]]
"""{image id: (clip, frame)}."""


def read_coco(
    path: str | os.PathLike[str], *, convention: str | None = None, images: str | os.PathLike[str] | None = None
) -> Iterator[Rows]:
    """Yields the people in the annotation or results file at `path`.

    Annotated images: the clip is the folder in file_name (the file's own name where there is none), the frame the last
    digits in file_name. If two images would get the same clip and frame, the frame is the image id. Results: the clip
    is the file's name, the frame the image id. Crowds and annotations without labelled keypoints are left out and
    counted.

    Args:
      path: of the file.
      convention: of the keypoints. Without it, the convention whose joints the file's categories name; if they name
        none, coco_17 for 17 keypoints.
      images: an annotation file that gives the clip and frame of each image id in a results file.

    Raises:
      ValueError: one line with the file, the element, what was expected and what it holds.
    """
    with JsonStream(path, "COCO file") as stream:
        is_results = stream.is_list
    if is_results:
        index = None if images is None else _Index(images, "COCO file of images")
        yield from _results(path, convention, index and index.images)
        return
    if images is not None:
        raise ValueError(f"COCO file {os.fspath(path)}: names its own images; images is for results files")
    yield from _annotations(path, convention)


def _results(path: str | os.PathLike[str], convention: str | None, images: _Images | None) -> Iterator[Rows]:
    people: collections.Counter[int] = collections.Counter()
    with JsonStream(path, "COCO file") as stream:
        clip = stem(path, stream.where)
        poses = KeypointLists(stream.where, clip, _KNOWN, convention)
        for _, result in stream:
            if type(result) is not dict:
                raise _wrong(stream, "", "an object", result)
            image = result.get("image_id")
            if type(image) is not int:
                raise _wrong(stream, "image_id: ", "an integer", image)
            if images is not None:
                if image not in images:
                    raise _wrong(stream, "image_id: ", "the id of one of the images", image)
                clip, frame = images[image]
            elif 0 <= image <= _LARGEST_FRAME:
                frame = image
            else:
                raise _wrong(stream, "image_id: ", f"0 to {_LARGEST_FRAME}, or option images to say its frame", image)
            own, place = own_id(result, f"{stream.where}: {stream.place}"), people[image]
            people[image] = place + 1
            poses.add(
                result.get("keypoints"),
                stream.place,
                clip=clip,
                frame=frame,
                person=place if own is None else own,
                has_id=own is not None,
                score=result.get("score"),
            )
            if poses.full:
                yield poses.rows(stream.done)
        yield poses.rows(stream.done)


def _annotations(path: str | os.PathLike[str], convention: str | None) -> Iterator[Rows]:
    index = _Index(path, "COCO file")
    people: collections.Counter[int] = collections.Counter()
    with JsonStream(path, "COCO file") as stream:
        poses = KeypointLists(stream.where, stem(path, stream.where), _KNOWN, convention or index.convention())
        for key, annotation in stream:
            if key != "annotations":
                continue
            if type(annotation) is not dict:
                raise _wrong(stream, "", "an object", annotation)
            image = annotation.get("image_id")
            if type(image) is not int or image not in index.images:
                raise _wrong(stream, "image_id: ", "the id of one of the images", image)
            if annotation.get("iscrowd") == 1:
                poses.dropped["crowds"] += 1
            elif "keypoints" not in annotation or annotation.get("num_keypoints") == 0:
                poses.dropped["without keypoints"] += 1
            else:
                clip, frame = index.images[image]
                own, place = own_id(annotation, f"{stream.where}: {stream.place}"), people[image]
                people[image] = place + 1
                person = place if own is None else own
                poses.add(
                    annotation["keypoints"], stream.place, clip=clip, frame=frame, person=person, has_id=own is not None
                )
            if poses.full:
                yield poses.rows(stream.done, flags=True, image_size=index.image_size)
        yield poses.rows(stream.done, flags=True, image_size=index.image_size)


class _Index:
    """The images and keypoint names of an annotation file, whose sections may come in any order.

    Attributes:
      images: {image id: (clip, frame)}.
      image_size: (width, height) px of all images, or None where they differ.
    """

    def __init__(self, path: str | os.PathLike[str], what: str) -> None:
        names: dict[int, str | None] = {}
        sizes: set[tuple[int, int] | None] = set()
        self._keypoints: list[tuple[str, ...]] = []
        with JsonStream(path, what) as stream:
            self._where = stream.where
            for key, value in stream:
                if key not in ("images", "categories"):
                    continue
                if type(value) is not dict:
                    raise _wrong(stream, "", "an object", value)
                if key == "categories":
                    self._add_category(value, stream)
                else:
                    names[_new_id(value, names, stream)] = _file_name(value, stream)
                    sizes.add(_size(value, stream))
            clip = stem(path, stream.where)
        if not names:
            raise ValueError(
                f"{self._where}: expected an annotation file with images, or a list of results; holds neither"
            )
        self.image_size = next(iter(sizes)) if len(sizes) == 1 else None
        named = [name for name in names.values() if name is not None]
        frames = frames_by_name(named, clip) if len(named) == len(names) else None
        if frames is None:
            if not 0 <= min(names) <= max(names) <= _LARGEST_FRAME:
                raise ValueError(
                    f"{self._where}: images: expected names with frame numbers, or ids from 0 to {_LARGEST_FRAME}; "
                    f"got ids {shown(min(names))} to {shown(max(names))}"
                )
            frames = [(clip, image) for image in names]
        self.images: _Images = dict(zip(names, frames, strict=True))

    def convention(self) -> str | None:
        """The convention whose joints are the keypoints named in the file; None where it names none.

        Raises:
          ValueError: no known convention has these keypoints, or the categories have different ones.
        """
        if not self._keypoints:
            return None
        if len(set(self._keypoints)) > 1:
            raise ValueError(f"{self._where}: categories: expected the same keypoints in all; got different ones")
        names = self._keypoints[0]
        if (found := find_convention(names)) is None:
            listed = shown(", ".join(names))
            raise ValueError(
                f"{self._where}: categories: keypoints {listed} are of no known convention; state theirs, "
                f"{conventions.candidates(len(names))}"
            )
        return found

    def _add_category(self, category: dict[str, Any], stream: JsonStream) -> None:
        names = category.get("keypoints") or []
        if type(names) is not list or not all(type(name) is str for name in names):
            raise _wrong(stream, "keypoints: ", "a list of names", names)
        if names:
            self._keypoints.append(tuple(names))


def _new_id(image: dict[str, Any], known: dict[int, str | None], stream: JsonStream) -> int:
    number = image.get("id")
    if type(number) is not int or abs(number) >= 2**63:
        raise _wrong(stream, "id: ", "an integer", number)
    if number in known:
        raise _wrong(stream, "id: ", "another for each image", number)
    return number


def _file_name(image: dict[str, Any], stream: JsonStream) -> str | None:
    name = image.get("file_name")
    return None if name is None else text(name, f"{stream.where}: {stream.place}: file_name")


def _size(image: dict[str, Any], stream: JsonStream) -> tuple[int, int] | None:
    if image.get("width") is None or image.get("height") is None:
        return None
    return checked_size([image["width"], image["height"]], f"{stream.where}: {stream.place}: width, height")


def _wrong(stream: JsonStream, field: str, expected: str, value: Any) -> ValueError:
    return ValueError(f"{stream.where}: {stream.place}: {field}expected {expected}; got {shown(value)}")
