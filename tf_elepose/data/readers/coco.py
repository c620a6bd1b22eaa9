"""`coco`: keypoint annotations and keypoint results in COCO's JSON.

An annotation file is an object: images [{id, file_name, width, height}], annotations [{image_id, category_id,
keypoints [x, y, v] * K, num_keypoints, iscrowd}], categories [{id, keypoints: names}], in any order; v is 0 for a joint
that is not labelled, 1 for a hidden and 2 for a visible one; labelled joints count as seen, also hidden ones. A results
file is a list of {image_id, keypoints [x, y, s] * K, score}, where s is the detector's confidence (cocodataset.org,
"Data format" and "Results format"). The outermost bracket shows whether a file has annotations or results.

Pixels count from 0. A person's number is its track_id (PoseTrack, and CVAT among the attributes) or instance_id
(CocoVID); without one, it is the person's place among the people of the image, in the order of the file.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Iterator

from tf_elepose.data.frame_names import LARGEST_FRAME, frame_name
from tf_elepose.data.parsers.json_stream import JsonStream
from tf_elepose.data.readers.coco_images import (
    ImageId,
    ImageIndex,
    image_id,
    images_of_results,
    is_frame,
    same_id,
    wrong,
)
from tf_elepose.data.readers.keypoint_lists import (
    NAMES_OF_IDS,
    WITHOUT_KEYPOINTS,
    KeypointLists,
    integer,
    own_id,
    stem,
)
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton.conversion import Convention

_KNOWN: dict[int, str | Convention] = {17: "coco_17", 26: "halpe_26"}


def read_coco(
    path: str | os.PathLike[str], *, convention: str | None = None, images: str | os.PathLike[str] | None = None
) -> Iterator[Rows]:
    """Yields the people in the annotation or results file at `path`.

    Clip and frame are the image's video_id (or the name of that video) and frame_id, where the file has them. Otherwise
    they are in file_name, or in a result's image_id if this is text: the last digits are the frame; the text before
    them, with the folders, is the clip (without such text, the clip has the name of the file at `path`). If two images
    have the same name, or results have only numbers, the frame is the image id. Crowds and annotations without
    labelled keypoints are left out and counted.

    Args:
      path: of the file.
      convention: of the keypoints. Without it, the joints that the file's categories name; if they name none, coco_17
        for 17 keypoints, halpe_26 for 26, and the body of a whole-body list.
      images: an annotation file that gives the clip and frame of each image id in a results file, and the names of the
        keypoints.

    Raises:
      ValueError: one line with the file, the element, what was expected and what it holds.
    """
    with JsonStream(path, "COCO file") as stream:
        is_results = stream.is_list
    if is_results:
        index = None if images is None else ImageIndex(images, "COCO file of images")
        yield from _results(path, convention, index)
        return
    if images is not None:
        raise ValueError(f"COCO file {os.fspath(path)}: names its own images; --option=images is for results files")
    yield from _annotations(path, convention)


def _results(path: str | os.PathLike[str], convention: str | None, index: ImageIndex | None) -> Iterator[Rows]:
    people: collections.Counter[ImageId] = collections.Counter()
    with JsonStream(path, "COCO file") as stream:
        clip = stem(path, stream.where)
    images = images_of_results(path, clip) if index is None else index.images
    known = _KNOWN if index is None else {**_KNOWN, **index.conventions(convention)}
    with JsonStream(path, "COCO file") as stream:
        poses = KeypointLists(stream.where, clip, known, convention)
        for _, result in stream:
            if type(result) is not dict:
                raise wrong(stream, "", "an object", result)
            image = result.get("image_id")
            if type(image) is not int or not 0 <= image <= LARGEST_FRAME:  # The usual ids need no further look.
                image = image_id(image, "image_id: ", stream)
            if images:
                image = same_id(image, images)
                if image not in images:
                    raise wrong(stream, "image_id: ", "the id of one of the images", image)
                at, frame = images[image]
            elif is_frame(image):
                at, frame = clip, image
            elif type(image) is str and (found := frame_name(image)).frame is not None:  # After numbers only.
                at, frame = found.clip or clip, integer(found.frame, f"{stream.where}: {stream.place}: image_id")
            else:
                raise wrong(
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


def _annotations(path: str | os.PathLike[str], convention: str | None) -> Iterator[Rows]:
    index = ImageIndex(path, "COCO file")
    people: collections.Counter[ImageId] = collections.Counter()
    with JsonStream(path, "COCO file") as stream:
        poses = KeypointLists(stream.where, stem(path, stream.where), _KNOWN, convention, index.keypoints(convention))
        for key, annotation in stream:
            if key != "annotations":
                continue
            if type(annotation) is not dict:
                raise wrong(stream, "", "an object", annotation)
            image = same_id(image_id(annotation.get("image_id"), "image_id: ", stream), index.images)
            if image not in index.images:
                raise wrong(stream, "image_id: ", "the id of one of the images", image)
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
