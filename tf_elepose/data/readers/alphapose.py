"""`alphapose`: the JSON file that AlphaPose writes.

Its default form is a list of {image_id: file name, keypoints [x, y, c] * K, score, idx}, K = 17 in COCO's order, 26 in
Halpe's, or 136, of which the first 26 are those. With --format cmu or open it is an object {file name: {bodies:
[{joints}]}} or {file name: {people: [{pose_keypoints_2d}]}}, 18 joints in OpenPose's COCO order (AlphaPose
alphapose/utils/pPose_nms.py, write_json; docs/output.md). Pixels; a joint of confidence 0 is missing.
"""

from __future__ import annotations

import collections
import os
import re
from collections.abc import Iterator
from typing import Any

from tf_elepose.data.frame_names import Picture, picture_places
from tf_elepose.data.parsers.json_stream import JsonStream, shown
from tf_elepose.data.readers.keypoint_lists import KeypointLists, integer, stem, text
from tf_elepose.data.rows import Rows

_KNOWN = {17: "coco_17", 26: "halpe_26", 136: "halpe_26", 18: "openpose_coco_18"}

_LISTS = {"bodies": "joints", "people": "pose_keypoints_2d"}
"""{list of an image's people: keypoints of a person}, the names that --format cmu and open use."""


def read_alphapose(path: str | os.PathLike[str], *, convention: str | None = None) -> Iterator[Rows]:
    """Yields the people in the file at `path`, which is read twice: frame numbers need the names of all images.

    The frame is the last digits in the image's name, the clip the text before them with the folders (the file's own
    name where there is none). Where names have no digits, the frame is the image's number in the order of first
    appearance. Frames without people are not in the file. A person's number is its idx (the first number, if idx is a
    list). If an image has the same idx twice, or all are 0 as without tracking, the number is the person's place among
    the people of the image.

    Args:
      path: of the file.
      convention: of the keypoints; without it, the number of keypoints decides, as stated above.

    Raises:
      ValueError: one line with the file, the element, what was expected and what it holds.
    """
    with JsonStream(path, "AlphaPose file") as stream:
        name = stem(path, stream.where)
        images: dict[str, None] = {}
        tracks: set[tuple[str, int]] = set()
        stated = 0
        for image, person in _people(stream):
            images[image] = None
            if (track := _track(person, stream)) is not None:
                tracks.add((image, track))
                stated += 1
        frames = picture_places([Picture(image) for image in images], name, stream.where)
    if frames is None:
        frames = [(name, place) for place in range(len(images))]
    frame_of = dict(zip(images, frames, strict=True))
    tracked = len(tracks) == stated and any(track for _, track in tracks)  # Without tracking, every idx is 0.
    places: collections.Counter[str] = collections.Counter()
    with JsonStream(path, "AlphaPose file") as stream:
        poses = KeypointLists(stream.where, name, _KNOWN, convention)
        for image, person in _people(stream):
            if image not in frame_of:
                raise ValueError(f"{stream.where}: changed while it was read")
            clip, frame = frame_of[image]
            track = _track(person, stream) if tracked else None
            place = places[image]
            places[image] += 1
            poses.add(
                person["keypoints"],
                stream.place,
                clip=clip,
                frame=frame,
                person=place if track is None else track,
                has_id=track is not None,
                score=person.get("score"),
            )
            if poses.full:
                yield poses.rows(stream.done)
        yield poses.rows(stream.done)


def _people(stream: JsonStream) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (image, {keypoints, perhaps score and idx}) of every person."""
    for key, value in stream:
        what = f"{stream.where}: {stream.place}"
        if type(value) is not dict:
            raise ValueError(f"{what}: expected an object; got {shown(value)}")
        if key is None:
            image = value.get("image_id")
            if type(image) is int:  # AlphaPose's option for evaluation on COCO writes a number.
                image = str(integer(image, f"{what}: image_id"))
            yield text(image, f"{what}: image_id"), {"keypoints": None, **value}
            continue
        name = next((name for name in _LISTS if type(value.get(name)) is list), None)
        if name is None:
            raise ValueError(f"{what}: expected a list of bodies or people; got {shown(value)}")
        image = text(key, f"{what}: image")
        for person in value[name]:
            if type(person) is not dict:
                raise ValueError(f"{what}: {name}: expected objects; got {shown(person)}")
            yield image, {"keypoints": person.get(_LISTS[name])}


def _track(person: dict[str, Any], stream: JsonStream) -> int | None:
    track = person.get("idx")
    while type(track) is list and track:
        track = track[0]
    if track is None or track == [] or (isinstance(track, (int, float)) and track < 0):
        return None
    if type(track) is str and re.fullmatch(r"\d{1,10}", track, re.ASCII):
        track = int(track)
    return integer(track, f"{stream.where}: {stream.place}: idx")
