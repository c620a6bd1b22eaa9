"""Images of COCO's files: their ids, their places in videos, and the names of their keypoints."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from typing import Any, TypeGuard

from tf_elepose.data.frame_names import LARGEST_FRAME, Picture, in_order, picture_places
from tf_elepose.data.parsers.json_stream import JsonStream, shown
from tf_elepose.data.readers.keypoint_lists import checked_size, stem, text
from tf_elepose.skeleton.conventions import get_convention
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.joint_names import named_convention

ImageId = int | str

Images = dict[ImageId, tuple[str, int]]
"""{image id: (clip, frame)}."""


class ImageIndex:
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
            pictures: dict[ImageId, Picture] = {}
            for key, value in stream:
                if key not in ("images", "categories", "videos"):
                    continue
                if type(value) is not dict:
                    raise wrong(stream, "", "an object", value)
                if key == "categories":
                    self._add_category(value, stream)
                elif key == "videos":
                    _add_video(value, videos, stream)
                else:
                    image = image_id(value.get("id"), "id: ", stream)
                    if image in pictures:
                        raise wrong(stream, "id: ", "a different one for each image", image)
                    pictures[image] = _picture(value, stream)
                    sizes.add(_size(value, stream))
            clip = stem(path, stream.where)
        if not pictures:
            raise ValueError(
                f"{self._where}: expected an annotation file with images, or a list of results; holds neither"
            )
        self.image_size = next(iter(sizes)) if len(sizes) == 1 else None
        by_text = any(
            type(image) is str for image in pictures
        )  # If pictures have no names, ids that are text are their names.
        listed = [
            picture._replace(
                name=str(image) if picture.name is None and by_text else picture.name,
                video=None if picture.video is None else videos.get(picture.video, picture.video),
            )
            for image, picture in pictures.items()
        ]
        places = picture_places(listed, clip, self._where) or _by_ids(pictures, clip)
        self.images: Images = dict(zip(pictures, places, strict=True))

    def keypoints(self, stated: str | None) -> tuple[str, ...]:
        """The names of the keypoints, in the order of the file; () if the file has no names.

        Raises:
          ValueError: the categories have different names, and no convention is stated.
        """
        if len(set(self._keypoints)) > 1 and stated is not None:
            return ()
        if len(set(self._keypoints)) > 1:
            raise ValueError(f"{self._where}: categories: expected the same keypoints in all; got different ones")
        return self._keypoints[0] if self._keypoints else ()

    def conventions(self, stated: str | None) -> dict[int, Convention]:
        """Returns {number of keypoints: their convention} by the names in the file, for results of these images."""
        names = self.keypoints(stated)
        if not names or (stated is not None and get_convention(stated).num_joints != len(names)):
            return {}
        found = named_convention(names, f"{self._where}: names of keypoints", stated)
        return {} if found is None else {len(names): found}

    def _add_category(self, category: dict[str, Any], stream: JsonStream) -> None:
        names = category.get("keypoints") or []
        if type(names) is not list or not all(type(name) is str for name in names):
            raise wrong(stream, "keypoints: ", "a list of names", names)
        if names:
            self._keypoints.append(tuple(names))


def images_of_results(path: str | os.PathLike[str], clip: str) -> Images:
    """Finds {image id: (clip, frame)} in results that name their pictures, or videos and frames; otherwise {}.

    The first result shows whether they have names, so that large files with numbers alone are read only once.
    """
    pictures: dict[ImageId, Picture] = {}
    with JsonStream(path, "COCO file") as stream:
        for _, result in stream:
            if type(result) is not dict or "image_id" not in result:
                return {}  # `read_coco` refuses such an element.
            image = image_id(result["image_id"], "image_id: ", stream)
            if image in pictures:
                continue
            picture = _picture(result, stream)
            if not pictures and is_frame(image) and picture == Picture(None):
                return {}
            pictures[image] = picture if picture.name is not None else picture._replace(name=str(image))
        places = picture_places(list(pictures.values()), clip, stream.where)
    if places is None:
        places = _by_ids(pictures, clip)
    return dict(zip(pictures, places, strict=True))


def _by_ids(ids: Iterable[ImageId], clip: str) -> list[tuple[str, int]]:
    """Finds places by the ids of images: numbers are frames or times; images with text keep the order of the file."""
    ids = list(ids)
    numbers = [image for image in ids if type(image) is int]
    return in_order([(clip, time) for time in (numbers if len(numbers) == len(ids) else range(len(ids)))])


def is_frame(image: ImageId) -> TypeGuard[int]:
    """Says whether an id can be the number of a frame."""
    return type(image) is int and 0 <= image <= LARGEST_FRAME


def image_id(value: Any, field: str, stream: JsonStream) -> ImageId:
    """Checks an image's id: a number, or text, as some programs write (Ultralytics: the picture's name)."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is str:
        return text(value, f"{stream.where}: {stream.place}: {field[:-2]}")
    if type(value) is not int or abs(value) >= 2**63:
        raise wrong(stream, field, "an integer or text", value)
    return value


def same_id(image: ImageId, known: Container[ImageId]) -> ImageId:
    """Returns `image` as it is written in `known`: 5 and "5" are the same id."""
    if image in known:
        return image
    if type(image) is str:
        return int(image) if image.isascii() and image.isdigit() and len(image) < 19 else image
    return str(image) if str(image) in known else image


_VIDEOS, _FRAMES = ("video_id", "vid_id", "video_name", "video"), ("frame_id", "frame_index", "frame_idx", "frame")


def _picture(values: dict[str, Any], stream: JsonStream) -> Picture:
    """Reads what an image or a result says of its place: CocoVID's video_id and frame_id, PoseTrack's vid_id."""
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
    """Adds the name of a video: CocoVID's section "videos" has {id, name}, other files have file_name."""
    name = video.get("name", video.get("file_name"))
    if video.get("id") is not None and name is not None:
        videos[str(video["id"])] = text(name, f"{stream.where}: {stream.place}: name")


def _size(image: dict[str, Any], stream: JsonStream) -> tuple[int, int] | None:
    if image.get("width") is None or image.get("height") is None:
        return None
    return checked_size([image["width"], image["height"]], f"{stream.where}: {stream.place}: width, height")


def wrong(stream: JsonStream, field: str, expected: str, value: Any) -> ValueError:
    """The error for `value` in a `field` ("image_id: ") of the stream's last element."""
    return ValueError(f"{stream.where}: {stream.place}: {field}expected {expected}; got {shown(value)}")
