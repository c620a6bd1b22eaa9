"""`mediapipe`: landmarks of MediaPipe Pose, written as JSON by the user.

MediaPipe itself writes no files. This reader accepts:
    a list of frames, or {"frames": list of frames, "image_width": w, "image_height": h};
    a frame: what was found (below); null or [] where nobody was found; or an object with what was found under
      "landmarks", "poseLandmarks", "pose_landmarks" or "landmark", and optionally "frame" (or "frame_index", ...),
      "image_width" and "image_height";
    what was found: one person's landmarks, or a list of them for several people;
    a person's landmarks: a list of 33 {"x", "y", "visibility", ...}, also as {"landmark": list}, which protobuf's
      MessageToDict makes; if each has a "name" or a number ("id", "index"), or as {name: {"x", ...}, ...}, they may
      come in any order, and some may be missing;
    a landmark: {"x", "y", "visibility", ...}, or a list [x, y, z, visibility], whose last numbers may be missing.

x is a share of the image's width, y of its height, from the upper left corner; landmarks may lie outside of the image
(MediaPipe docs/solutions/pose.md). z and world landmarks are not read: the model estimates them without measuring.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from typing import Any

from tf_elepose.data.parsers.json_stream import JsonStream, shown
from tf_elepose.data.readers.keypoint_lists import KeypointLists, checked_size, integer, own_id, stem
from tf_elepose.data.rows import Rows
from tf_elepose.data.visibility import LEFT_OUT
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.joint_names import joint_name

_CONVENTION = conventions.CONVENTIONS["mediapipe_33"]

_KEYS = ("landmarks", "poseLandmarks", "pose_landmarks", "landmark")

_FRAME_NUMBERS = ("frame", "frame_index", "frame_id", "frame_number", "frame_idx", "frameIndex", "frameNumber")

_SIDES = (("image_width", "imageWidth", "width"), ("image_height", "imageHeight", "height"))

_NUMBERS = ("id", "index", "idx", "landmark_id")  # Of a landmark, from 0, where programs count them.

_MISSING = object()  # Stands for a landmark that a person lacks.

Size = tuple[int, int]


def read_mediapipe(path: str | os.PathLike[str], *, image_size: Sequence[int] | None = None) -> Iterator[Rows]:
    """Yields the people in the file at `path`.

    The clip is the file's name; the frame is the given number, otherwise the position in the list, from 0; a person's
    number is its id ({"landmark": list, "id": number}), otherwise its position in the frame. Visibilities become
    confidences; in a file without visibilities all landmarks have the same confidence. Frames without people give no
    rows and are counted.

    Args:
      path: of the file.
      image_size: (width, height) px; without it, the size given in the file.

    Raises:
      ValueError: one line with the file, the frame, what was expected and what it holds; also without an image size,
        because the proportions of poses are then unknown.
    """
    stated = None if image_size is None else checked_size(image_size, f"MediaPipe file {os.fspath(path)}: image_size")
    with JsonStream(path, "MediaPipe file") as stream:
        size_of_all = stated or _size_of_all(stream)
    with JsonStream(path, "MediaPipe file") as stream:
        clip = stem(path, stream.where)
        poses = KeypointLists(stream.where, clip, {_CONVENTION.num_joints: _CONVENTION.name})
        seen = _Frames(stream)
        size: Size | None = None  # The size of the frames collected so far: all rows of a part must have the same size.
        for frame, own_size, people in seen:
            now = stated or own_size or size_of_all
            if not people:
                poses.dropped["frames without people"] += 1
                continue
            if now is None:
                raise ValueError(
                    f"{stream.where}: {stream.place}: landmarks are shares of the image's width and height: expected "
                    "image_width and image_height in the file, or --option=image_size=[WIDTH,HEIGHT]"
                )
            if poses.full or size not in (None, now):
                yield poses.rows(stream.done, image_size=size)
            size = now
            for person, (own, landmarks) in enumerate(people):
                place = f"{stream.place}: person {person}"
                if landmarks:
                    landmarks = _in_order(landmarks, f"{stream.where}: {place}")
                flat = seen.flat(landmarks, now, f"{stream.where}: {place}") if landmarks else None
                number = person if own is None else own
                poses.add(flat, place, clip=clip, frame=frame, person=number, has_id=own is not None)
        yield poses.rows(stream.done, image_size=size)


class _Frames:
    """Yields (frame, its own image size or None, landmarks of each person) for every frame of a file."""

    def __init__(self, stream: JsonStream) -> None:
        self._stream = stream
        self._numbered: bool | None = None  # Whether frames have numbers, and landmarks a visibility:
        self._visibility: bool | None = None  # either all in a file, or none.

    def __iter__(self) -> Iterator[tuple[int, Size | None, list[tuple[int | None, list[Any] | None]]]]:
        place = 0
        for key, value in self._stream:
            if key not in (None, "frames"):
                continue
            what = f"{self._stream.where}: {self._stream.place}"
            frame, size = None, None
            if type(value) is dict:
                frame = next((value[name] for name in _FRAME_NUMBERS if value.get(name) is not None), None)
                size = _size(value, what)
            people = _people(value, what)
            if people and self._numbered not in (None, frame is not None):
                raise ValueError(f"{what}: frame: expected a number for all frames or none; got {shown(frame)}")
            if people:
                self._numbered = frame is not None
            yield place if frame is None else integer(frame, f"{what}: frame"), size, people
            place += 1
        if place == 0:
            raise ValueError(f"{self._stream.where}: expected a list of frames, or an object with frames; holds none")

    def flat(self, landmarks: list[Any], size: Size, what: str) -> list[float]:
        """Returns one list: x, y (px) and visibility of the first landmark, then of the second, and so on."""
        if len(landmarks) != _CONVENTION.num_joints:
            raise ValueError(f"{what}: expected {_CONVENTION.num_joints} landmarks; got {len(landmarks)}")
        numbers = []
        for landmark, joint in zip(landmarks, _CONVENTION.joints, strict=True):
            if landmark is _MISSING:
                numbers += (math.nan, math.nan, 0.0)
                continue
            landmark = _listed_numbers(landmark)
            if type(landmark) is not dict:
                raise ValueError(f"{what}: {joint}: expected an object with x and y; got {shown(landmark)}")
            visibility = landmark.get("visibility")
            if self._visibility not in (None, visibility is not None):
                raise ValueError(f"{what}: {joint}: visibility: expected one for all landmarks or none")
            self._visibility = visibility is not None
            values: dict[str, Any] = {"x": landmark.get("x", _MISSING), "y": landmark.get("y", _MISSING)}
            values["visibility"] = 1.0 if visibility is None else visibility
            for name, value in values.items():
                if value is None:
                    values[name] = math.nan  # JSON has null for it.
                elif type(value) not in (int, float):
                    got = "nothing" if value is _MISSING else shown(value)
                    raise ValueError(f"{what}: {joint}: {name}: expected a number; got {got}")
            if (values["x"], values["y"]) in LEFT_OUT:  # After scaling, it would look like a place in the picture.
                values["x"] = values["y"] = math.nan
            numbers += (values["x"] * size[0], values["y"] * size[1], values["visibility"])
        return numbers


def _in_order(landmarks: list[Any], what: str) -> list[Any]:
    """Returns `landmarks`; if they have names or numbers, in the order of MediaPipe."""
    names = [landmark.get("name") for landmark in landmarks if type(landmark) is dict]
    ordered: list[Any] = [_MISSING] * _CONVENTION.num_joints
    if not any(type(name) is str for name in names):
        for field in _NUMBERS:
            given = [landmark.get(field) for landmark in landmarks if type(landmark) is dict]
            numbers = [number for number in given if type(number) is int and 0 <= number < len(ordered)]
            if len(set(numbers)) == len(landmarks):
                for number, landmark in zip(numbers, landmarks, strict=True):
                    ordered[number] = landmark
                return ordered
        return landmarks
    for landmark in landmarks:
        name = landmark.get("name") if type(landmark) is dict else None
        joint = _landmark_name(name)
        if joint not in _CONVENTION.joints:
            raise ValueError(f"{what}: name: expected one of MediaPipe's landmarks; got {shown(name)}")
        if ordered[_CONVENTION.index(joint)] is not _MISSING:
            raise ValueError(f"{what}: name: expected a different one for each landmark; got {shown(name)} twice")
        ordered[_CONVENTION.index(joint)] = landmark
    return ordered


def _landmark_name(name: Any) -> str | None:
    """Returns the joint that a landmark's name means; Python prints MediaPipe's own names as "PoseLandmark.NOSE"."""
    return joint_name(name.rpartition("PoseLandmark.")[2]) if type(name) is str else None


def _listed_numbers(landmark: Any) -> Any:
    """Turns a landmark [x, y, z, visibility, presence], whose last numbers may be missing, into an object."""
    if type(landmark) is list and 2 <= len(landmark) <= 5:
        return dict(zip(("x", "y", "z", "visibility", "presence"), landmark, strict=False))
    return landmark


def _listed(landmarks: Any) -> Any:
    """Turns one person's {name: {"x", ...}} into a list of landmarks with names; returns everything else unchanged."""
    if type(landmarks) is not dict or not landmarks:
        return landmarks
    points = {name: _listed_numbers(point) for name, point in landmarks.items()}
    if all(type(point) is dict for point in points.values()):
        return [{**point, "name": name} for name, point in points.items()]
    return landmarks


def _people(value: Any, what: str) -> list[tuple[int | None, list[Any] | None]]:
    """Finds the id (if there is one) and the landmarks of each person in a frame; landmarks may be null or []."""
    if type(value) is dict and value and all(_landmark_name(name) in _CONVENTION.joints for name in value):
        value = _listed(value)
    elif type(value) is dict:
        keys = [key for key in _KEYS if key in value]
        if len(keys) != 1:
            raise ValueError(f"{what}: expected one of {', '.join(_KEYS)}; got {', '.join(keys) or shown(value)}")
        value = value[keys[0]]
        value = _listed(value)
        if type(value) is dict:
            value = value.get("landmark")
    if value is None or value == []:
        return []
    if type(value) is not list:
        raise ValueError(f"{what}: expected a list of landmarks; got {shown(value)}")
    people: list[Any] = [person if _has_landmarks(person) else _listed(person) for person in value]
    first = people[0]
    is_landmark = type(first) is dict and not _has_landmarks(first)
    if is_landmark or (type(first) is list and first and isinstance(first[0], (int, float))):
        return [(None, value)]
    found = []
    for place, person in enumerate(people):
        own = None
        if type(person) is dict:
            own = own_id({"person_id": person.get("id")} | person, f"{what}: person {place}")
            person = _listed(next((person[key] for key in _KEYS if key in person), None))
        if person is not None and type(person) is not list:
            raise ValueError(f"{what}: expected a list of landmarks for each person; got {shown(person)}")
        found.append((own, person))
    return found


def _has_landmarks(person: Any) -> bool:
    return type(person) is dict and not set(_KEYS).isdisjoint(person)


def _size_of_all(stream: JsonStream) -> Size | None:
    """Reads the image size that an object states beside its frames; None if there is none, or for a list of frames."""
    if stream.is_list:
        return None
    beside: dict[str, Any] = {}
    for key, value in stream:
        if key is not None and any(key in names for names in _SIDES):
            beside[key] = value
    return _size(beside, stream.where)


def _size(values: dict[str, Any], what: str) -> Size | None:
    sides = [next((values[name] for name in names if values.get(name) is not None), None) for names in _SIDES]
    return None if sides == [None, None] else checked_size(sides, f"{what}: image_width, image_height")
