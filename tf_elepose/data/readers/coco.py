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
from collections.abc import Container, Iterable, Iterator
from typing import Any, TypeGuard

from tf_elepose.data.frame_names import LARGEST_FRAME, Picture, frame_name, in_order, picture_places
from tf_elepose.data.parsers.json_stream import JsonStream, shown
from tf_elepose.data.readers.keypoint_lists import (
    NAMES_OF_IDS,
    WITHOUT_KEYPOINTS,
    KeypointLists,
    checked_size,
    integer,
    own_id,
    stem,
    text,
)
from tf_elepose.data.rows import Rows

_KNOWN = {17: "coco_17", 26: "halpe_26"}

_Id = int | str

_Images = dict[_Id, tuple[str, int]]
"""{image id: (clip, frame)}."""


def read_coco(
    path: str | os.PathLike[str], *, convention: str | None = None, images: str | os.PathLike[str] | None = None
) -> Iterator[Rows]:
    """Yields the people in the annotation or results file at `path`.

    Clip and frame are the image's video_id (or the name of that video) and frame_id, where the file has them. Otherwise
    file_name says them: the last digits are the frame, the text before them, with the folders, is the clip (the file's
    own name where there is none); so does a result's image_id that is text. Where names do not tell all images apart,
    and in results with numbers alone, the frame is the image id. Crowds and annotations without labelled keypoints are
    left out and counted.

    Args:
      path: of the file.
      convention: of the keypoints. Without it, the joints that the file's categories name; if they name none, coco_17
        for 17 keypoints, halpe_26 for 26, and the body of a whole-body list.
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
        raise ValueError(f"COCO file {os.fspath(path)}: names its own images; --option=images is for results files")
    yield from _annotations(path, convention)


def _results(path: str | os.PathLike[str], convention: str | None, images: _Images | None) -> Iterator[Rows]:
    people: collections.Counter[_Id] = collections.Counter()
    with JsonStream(path, "COCO file") as stream:
        clip = stem(path, stream.where)
    if images is None:
        images = _pictures_of_results(path, clip)
    with JsonStream(path, "COCO file") as stream:
        poses = KeypointLists(stream.where, clip, _KNOWN, convention)
        for _, result in stream:
            if type(result) is not dict:
                raise _wrong(stream, "", "an object", result)
            image = result.get("image_id")
            if type(image) is not int or not 0 <= image <= LARGEST_FRAME:  # The usual ids take no more time.
                image = _image_id(image, "image_id: ", stream)
            if images:
                image = _same(image, images)
                if image not in images:
                    raise _wrong(stream, "image_id: ", "the id of one of the images", image)
                at, frame = images[image]
            elif _is_frame(image):
                at, frame = clip, image
            elif type(image) is str and (found := frame_name(image)).frame is not None:  # After numbers only.
                at, frame = found.clip or clip, integer(found.frame, f"{stream.where}: {stream.place}: image_id")
            else:
                raise _wrong(
                    stream, "image_id: ", f"0 to {LARGEST_FRAME}, or --option=images=FILE with its frame", image
                )
            element = stream.place
            own = None if NAMES_OF_IDS.isdisjoint(result) else own_id(result, f"{stream.where}: {element}")
            place = people[image]
            people[image] = place + 1
            poses.add(
                result.get("keypoints"),
                element,
                clip=at,
                frame=frame,
                person=place if own is None else own,
                has_id=own is not None,
                score=result.get("score"),
            )
            if poses.full:
                yield poses.rows(stream.done)
        yield poses.rows(stream.done)


def _pictures_of_results(path: str | os.PathLike[str], clip: str) -> _Images:
    """{image id: (clip, frame)} where results name their pictures, or their videos and frames; otherwise nothing.

    The first result shows whether they do, so that large files of numbers are read once.
    """
    pictures: dict[_Id, Picture] = {}
    with JsonStream(path, "COCO file") as stream:
        for _, result in stream:
            if type(result) is not dict or "image_id" not in result:
                return {}  # It is refused when it is read.
            image = _image_id(result["image_id"], "image_id: ", stream)
            if image in pictures:
                continue
            picture = _picture(result, stream)
            if not pictures and _is_frame(image) and picture == Picture(None):
                return {}
            pictures[image] = picture if picture.name is not None else picture._replace(name=str(image))
        places = picture_places(list(pictures.values()), clip, stream.where)
    if places is None:
        places = _by_ids(pictures, clip)
    return dict(zip(pictures, places, strict=True))


def _by_ids(ids: Iterable[_Id], clip: str) -> list[tuple[str, int]]:
    """Places by the ids of the images: numbers are frames or times, images with text are in the order of the file."""
    ids = list(ids)
    numbers = [image for image in ids if type(image) is int]
    return in_order([(clip, time) for time in (numbers if len(numbers) == len(ids) else range(len(ids)))])


def _is_frame(image: _Id) -> TypeGuard[int]:
    return type(image) is int and 0 <= image <= LARGEST_FRAME


def _annotations(path: str | os.PathLike[str], convention: str | None) -> Iterator[Rows]:
    index = _Index(path, "COCO file")
    people: collections.Counter[_Id] = collections.Counter()
    with JsonStream(path, "COCO file") as stream:
        poses = KeypointLists(stream.where, stem(path, stream.where), _KNOWN, convention, index.keypoints(convention))
        for key, annotation in stream:
            if key != "annotations":
                continue
            if type(annotation) is not dict:
                raise _wrong(stream, "", "an object", annotation)
            image = _same(_image_id(annotation.get("image_id"), "image_id: ", stream), index.images)
            if image not in index.images:
                raise _wrong(stream, "image_id: ", "the id of one of the images", image)
            if annotation.get("iscrowd") == 1:
                poses.dropped["crowds"] += 1
            elif not annotation.get("keypoints", 0) or annotation.get("num_keypoints") == 0:
                poses.dropped[WITHOUT_KEYPOINTS] += 1
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
        videos: dict[str, str] = {}
        sizes: set[tuple[int, int] | None] = set()
        self._keypoints: list[tuple[str, ...]] = []
        with JsonStream(path, what) as stream:
            self._where = stream.where
            pictures: dict[_Id, Picture] = {}
            for key, value in stream:
                if key not in ("images", "categories", "videos"):
                    continue
                if type(value) is not dict:
                    raise _wrong(stream, "", "an object", value)
                if key == "categories":
                    self._add_category(value, stream)
                elif key == "videos":
                    _add_video(value, videos, stream)
                else:
                    image = _image_id(value.get("id"), "id: ", stream)
                    if image in pictures:
                        raise _wrong(stream, "id: ", "another for each image", image)
                    pictures[image] = _picture(value, stream)
                    sizes.add(_size(value, stream))
            clip = stem(path, stream.where)
        if not pictures:
            raise ValueError(
                f"{self._where}: expected an annotation file with images, or a list of results; holds neither"
            )
        self.image_size = next(iter(sizes)) if len(sizes) == 1 else None
        by_text = any(type(image) is str for image in pictures)  # Such ids are names where there are no others.
        listed = [
            picture._replace(
                name=str(image) if picture.name is None and by_text else picture.name,
                video=None if picture.video is None else videos.get(picture.video, picture.video),
            )
            for image, picture in pictures.items()
        ]
        places = picture_places(listed, clip, self._where) or _by_ids(pictures, clip)
        self.images: _Images = dict(zip(pictures, places, strict=True))

    def keypoints(self, stated: str | None) -> tuple[str, ...]:
        """The names of the keypoints, in the order of the file; () where it names none.

        Raises:
          ValueError: the categories have different ones, and no convention is stated.
        """
        if len(set(self._keypoints)) > 1 and stated is not None:
            return ()
        if len(set(self._keypoints)) > 1:
            raise ValueError(f"{self._where}: categories: expected the same keypoints in all; got different ones")
        return self._keypoints[0] if self._keypoints else ()

    def _add_category(self, category: dict[str, Any], stream: JsonStream) -> None:
        names = category.get("keypoints") or []
        if type(names) is not list or not all(type(name) is str for name in names):
            raise _wrong(stream, "keypoints: ", "a list of names", names)
        if names:
            self._keypoints.append(tuple(names))


def _image_id(value: Any, field: str, stream: JsonStream) -> _Id:
    """An image's id: a number, or the text that some programs write for it (Ultralytics: the picture's name)."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is str:
        return text(value, f"{stream.where}: {stream.place}: {field[:-2]}")
    if type(value) is not int or abs(value) >= 2**63:
        raise _wrong(stream, field, "an integer or text", value)
    return value


def _same(image: _Id, known: Container[_Id]) -> _Id:
    """`image` as it is written in `known`: 5 and "5" are one id."""
    if image in known:
        return image
    if type(image) is str:
        return int(image) if image.isascii() and image.isdigit() and len(image) < 19 else image
    return str(image) if str(image) in known else image


_VIDEOS, _FRAMES = ("video_id", "vid_id", "video_name", "video"), ("frame_id", "frame_index", "frame_idx", "frame")


def _picture(values: dict[str, Any], stream: JsonStream) -> Picture:
    """What an image, or a result of one, says of its place: CocoVID's video_id and frame_id, PoseTrack's vid_id."""
    what = f"{stream.where}: {stream.place}"
    name, video, frame = values.get("file_name"), None, None
    for field in _VIDEOS:
        if video is None and (found := values.get(field)) is not None:
            video = text(str(found) if type(found) in (int, float) else found, f"{what}: {field}")
    for field in _FRAMES:
        if frame is None and (found := values.get(field)) is not None:
            frame = _frame(found, f"{what}: {field}")
    return Picture(None if name is None else text(name, f"{what}: file_name"), video, frame)


def _frame(value: Any, what: str) -> float:
    number = int(value[:40]) if type(value) is str and value.isascii() and value.isdigit() else value
    if not isinstance(number, (int, float)) or isinstance(number, bool) or not 0 <= number < 1e40:
        raise ValueError(f"{what}: expected a number from 0; got {shown(value)}")
    return number


def _add_video(video: dict[str, Any], videos: dict[str, str], stream: JsonStream) -> None:
    """Adds the name of a video: CocoVID's section "videos" has {id, name}, others say file_name."""
    name = video.get("name", video.get("file_name"))
    if video.get("id") is not None and name is not None:
        videos[str(video["id"])] = text(name, f"{stream.where}: {stream.place}: name")


def _size(image: dict[str, Any], stream: JsonStream) -> tuple[int, int] | None:
    if image.get("width") is None or image.get("height") is None:
        return None
    return checked_size([image["width"], image["height"]], f"{stream.where}: {stream.place}: width, height")


def _wrong(stream: JsonStream, field: str, expected: str, value: Any) -> ValueError:
    return ValueError(f"{stream.where}: {stream.place}: {field}expected {expected}; got {shown(value)}")
