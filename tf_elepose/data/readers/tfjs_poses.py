"""Reads poses in the JSON of TensorFlow.js and ml5.js, in the forms that different versions write.

    a frame: a list of poses, or an object with such a list under "poses" or "predictions", perhaps with its number;
    a pose: {"keypoints": list, "score", "id"}; ml5.js' old form has this object under "pose";
    a keypoint: {"x", "y", "score", "name"}; PoseNet writes {"position": {"x", "y"}, "score", "part"}, and ml5.js
      "confidence" in place of "score"

(tensorflow/tfjs-models pose-detection/src/types.ts, posenet/src/types.ts; ml5.js BodyPose and PoseNet).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tf_elepose.data.parsers.json_stream import JsonStream, shown
from tf_elepose.data.readers.keypoint_lists import integer, text

LISTS = ("frames", "poses", "results", "data")
"""The keys of the list of frames in an outermost object."""

_PEOPLE = ("poses", "predictions")
_FRAME_NUMBERS = ("frame", "frameIndex", "frame_index", "frameNumber", "frame_id")
_SCORES = ("score", "confidence", "visibility")
_NAMES = ("name", "part")
_WIDTHS, _HEIGHTS = (("image_width", "imageWidth", "width"), ("image_height", "imageHeight", "height"))

_MOST_NAMES = 1000


class Pose(NamedTuple):
    """One person in one frame.

    Attributes:
      points: x, y and score (None without one) of each keypoint.
      names: of the keypoints, or None where they have none.
      score: of the whole pose, or None.
      person: its id, or None.
    """

    points: list[tuple[float, float, float | None]]
    names: list[str] | None
    score: Any
    person: int | None


class Frame(NamedTuple):
    """Holds what was found in one frame.

    Attributes:
      number: the number in the file, or None.
      poses: one for each person; None for a person without keypoints.
      is_pose: whether the file has a pose in place of a frame; several of them may then have the same number.
    """

    number: int | None
    poses: list[Pose | None]
    is_pose: bool


def frames(stream: JsonStream) -> Iterator[Frame]:
    """Yields the frames of a file; ValueError where it has another form."""
    found = False
    for key, value in stream:
        if key is not None and key not in LISTS:
            continue
        found = True
        yield _frame(value, f"{stream.where}: {stream.place}")
    if not found:
        raise ValueError(f"{stream.where}: expected a list of frames, or an object with frames or poses; holds none")


def size_beside(stream: JsonStream) -> list[Any] | None:
    """Reads [width, height] that an outermost object states beside its frames; None if it states none."""
    if stream.is_list:
        return None
    beside = {key: value for key, value in stream if key in (*_WIDTHS, *_HEIGHTS)}
    sides = [_first(beside, _WIDTHS), _first(beside, _HEIGHTS)]
    return None if sides == [None, None] else sides


def _frame(value: Any, what: str) -> Frame:
    number = _first(value, _FRAME_NUMBERS) if type(value) is dict else None
    number = None if number is None else integer(number, f"{what}: frame")
    if type(value) is dict and not {"keypoints", "pose"} & set(value):
        if not set(_PEOPLE) & set(value):
            raise ValueError(f"{what}: expected a list of poses, or an object with poses; got {shown(value)}")
        value = _first(value, _PEOPLE)
    if value is None:
        return Frame(number, [], is_pose=False)
    if type(value) is dict:
        return Frame(number, [_pose(value, what)], is_pose=True)
    if type(value) is not list:
        raise ValueError(f"{what}: expected a list of poses; got {shown(value)}")
    people = [_pose(pose, f"{what}: pose {place}") for place, pose in enumerate(value)]
    return Frame(number, people, is_pose=False)


def _pose(value: Any, what: str) -> Pose | None:
    if type(value) is dict and type(value.get("pose")) is dict:
        value = {"id": value.get("id"), **value["pose"]}
    if value is None or (type(value) is dict and not value.get("keypoints")):
        return None
    keypoints = value.get("keypoints") if type(value) is dict else None
    if type(keypoints) is not list:
        raise ValueError(f"{what}: expected an object with a list of keypoints; got {shown(value)}")
    if len(keypoints) > _MOST_NAMES:
        raise ValueError(f"{what}: expected at most {_MOST_NAMES} keypoints; got {len(keypoints)}")
    points, names = [], []
    for place, keypoint in enumerate(keypoints):
        points.append(_point(keypoint, f"{what}: keypoint {place}"))
        names.append(_first(keypoint, _NAMES))
    named = [text(name, f"{what}: name of a keypoint") for name in names if name is not None]
    if named and len(named) < len(names):
        raise ValueError(f"{what}: names: expected one for all keypoints or none")
    if len(set(named)) < len(named):
        raise ValueError(f"{what}: names: expected a different one for each keypoint")
    person = value.get("id")
    own = None if person is None else integer(person, f"{what}: id")
    return Pose(points, named or None, _first(value, _SCORES), own)


def _point(value: Any, what: str) -> tuple[float, float, float | None]:
    if type(value) is not dict:
        raise ValueError(f"{what}: expected an object with x and y; got {shown(value)}")
    place = value["position"] if type(value.get("position")) is dict else value
    score = _first(value, _SCORES)
    x, y = (_number(place.get(name, ""), f"{what}: {name}") for name in ("x", "y"))
    return x, y, None if score is None else _number(score, f"{what}: score")


def _number(value: Any, what: str) -> float:
    if value is None:
        return math.nan  # JSON has null for it.
    if not isinstance(value, (int, float)) or isinstance(value, bool) or abs(value) > 1e30:
        raise ValueError(f"{what}: expected a number; got {shown(value)}")
    return float(value)


def _first(values: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Returns the value of the first of `names` that exists; None if none exists."""
    return next((values[name] for name in names if values.get(name) is not None), None)
