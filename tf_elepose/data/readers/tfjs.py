"""`tfjs`: poses of TensorFlow.js' pose-detection (MoveNet, BlazePose, PoseNet) or of ml5.js, as JSON that users write.

The libraries write no files. This reader takes what estimatePoses returns for each frame (tfjs_poses.py), as a list, as
JSON lines, or in an object under "frames", "poses", "results" or "data". x and y are pixels. If all are between 0 and
1, they are shares of the picture, and its size is needed.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Iterator, Sequence

import numpy as np

from tf_elepose.data.parsers.json_stream import JsonStream
from tf_elepose.data.readers.keypoint_lists import WITHOUT_KEYPOINTS, KeypointLists, checked_size, stem
from tf_elepose.data.readers.tfjs_poses import Frame, Pose, frames, size_beside
from tf_elepose.data.rows import Rows
from tf_elepose.data.visibility import left_out

_WHAT = "TensorFlow.js file"

_KNOWN = {17: "coco_17", 33: "mediapipe_33"}  # Keypoints without names: 17 are MoveNet's or PoseNet's, 33 BlazePose's.

_LARGEST_SHARE = 2.0  # No body in pixels is this small.

_MOST_PEOPLE = 10  # MoveNet finds up to 6 people in a frame, PoseNet 5 by default.

_LIST_OF = ("frames", "people")


def read_tfjs(
    path: str | os.PathLike[str],
    *,
    convention: str | None = None,
    image_size: Sequence[int] | None = None,
    list_of: str | None = None,
) -> Iterator[Rows]:
    """Yields the people in the file at `path`, which is read more than once.

    The clip is the file's name, the frame the number given, otherwise the position in the list, from 0. A person's
    number is its id, where the tracker is on, otherwise its place in the frame. Keypoints are known by their names.
    Frames without people give no rows and are counted.

    Args:
      path: of the file.
      convention: of the keypoints; needed if they have no names and are not 17 or 33.
      image_size: (width, height) px, needed where coordinates are shares; without it, the size given in the file.
      list_of: what a list of poses holds, if the file does not show it: "frames" with one person each, or the "people"
        of one picture.

    Raises:
      ValueError: one line with the file, the element, what was expected and what it holds.
    """
    where = f"{_WHAT} {os.fspath(path)}"
    if list_of not in (None, *_LIST_OF):
        raise ValueError(f"{where}: list_of: expected {' or '.join(_LIST_OF)}; got {list_of!r}")
    if image_size is None:
        with JsonStream(path, _WHAT) as stream:
            image_size = size_beside(stream)
    size = None if image_size is None else checked_size(image_size, f"{where}: image_size")
    seen = _Seen(where)
    with JsonStream(path, _WHAT) as stream:
        for frame in frames(stream):
            seen.add(frame)
    one_picture = seen.one_picture(list_of)
    scale = seen.scale(size)

    def to_pixels(numbers: np.ndarray) -> np.ndarray:
        return np.where(left_out(numbers[..., :2])[..., np.newaxis], np.nan, numbers[..., :2]) * scale

    with JsonStream(path, _WHAT) as stream:
        poses = KeypointLists(where, stem(path, where), _KNOWN, convention, list(seen.names))
        places: collections.Counter[int] = collections.Counter()  # The number of people in each frame so far.
        for position, frame in enumerate(frames(stream)):
            number = 0 if one_picture else position if frame.number is None else frame.number
            if not frame.poses:
                poses.dropped["frames without people"] += 1
            for pose in frame.poses:
                if pose is None:
                    poses.dropped[WITHOUT_KEYPOINTS] += 1
                    continue
                place = places[number]
                places[number] += 1
                poses.add(
                    seen.flat(pose, f"{where}: {stream.place}"),
                    stream.place,
                    clip=stem(path, where),
                    frame=number,
                    person=place if pose.person is None else pose.person,
                    has_id=pose.person is not None,
                    score=pose.score if seen.scored_poses else None,
                )
            if poses.full:
                yield poses.rows(stream.done, to_pixels=to_pixels, image_size=size)
        yield poses.rows(stream.done, to_pixels=to_pixels, image_size=size)


class _Seen:
    """Collects what the poses of a whole file have in common.

    Attributes:
      names: of all keypoints, in the order of their first appearance.
      scored_poses: whether every pose has a score.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self.names: dict[str, int] = {}
        self.scored_poses = True
        self._named: bool | None = None
        self._scored: bool | None = None
        self._largest = 0.0
        self._numbers: set[int | None] = set()
        self._placed: set[tuple[int, int]] = set()  # (frame, id) of poses that say their frame's number.
        self._ids: (
            list[int | None] | None
        ) = []  # Ids of poses that stand in place of frames; None once something else came.

    def add(self, frame: Frame) -> None:
        """Adds a frame; ValueError where only some frames have numbers, or some keypoints names or scores."""
        if frame.number is not None and not frame.is_pose and frame.number in self._numbers:
            raise ValueError(f"{self._where}: frame {frame.number}: given twice")
        self._numbers.add(frame.number)
        person = frame.poses[0].person if frame.is_pose and frame.poses[0] is not None else None
        if frame.number is not None and person is not None:
            if (frame.number, person) in self._placed:
                raise ValueError(f"{self._where}: frame {frame.number}: id {person}: given twice")
            self._placed.add((frame.number, person))
        if None in self._numbers and len(self._numbers) > 1:
            raise ValueError(f"{self._where}: frame: expected a number for all frames or none")
        if self._ids is not None and frame.is_pose:
            self._ids.append(None if frame.poses[0] is None else frame.poses[0].person)
        else:
            self._ids = None
        for pose in frame.poses:
            if pose is not None:
                self._add(pose)

    def _add(self, pose: Pose) -> None:
        for name in pose.names or ():
            self.names.setdefault(name, len(self.names))
        scores = [score is not None for _, _, score in pose.points]
        if self._named not in (None, pose.names is not None):
            raise ValueError(f"{self._where}: names of keypoints: expected them in all poses or none")
        if not (all(scores) or not any(scores)) or self._scored not in (None, scores[0]):
            raise ValueError(f"{self._where}: scores: expected one for all keypoints or none")
        self._named, self._scored = pose.names is not None, scores[0]
        self.scored_poses &= pose.score is not None
        self._largest = max(self._largest, *(max(abs(x), abs(y)) for x, y, _ in pose.points))

    def one_picture(self, list_of: str | None) -> bool:
        """Whether the file's list holds the people of one picture; ValueError if the file does not show it."""
        if not self._ids or len(self._ids) == 1 or None not in self._numbers:
            return False
        if list_of is not None:
            return list_of == "people"
        if len(self._ids) > _MOST_PEOPLE:
            return False
        if None not in self._ids:
            return len(set(self._ids)) == len(self._ids)
        raise ValueError(
            f"{self._where}: a list of {len(self._ids)} poses: say what they are, --option=list_of=frames (one person "
            "in each) or --option=list_of=people (of one picture)"
        )

    def scale(self, size: tuple[int, int] | None) -> np.ndarray:
        """Returns the factors [2] that turn coordinates into pixels."""
        if self._largest > _LARGEST_SHARE or self._largest == 0.0:
            return np.ones(2)
        if size is None:
            raise ValueError(
                f"{self._where}: coordinates are shares of the picture's width and height, up to {self._largest:g}: "
                "state its size in pixels, --option=image_size=[width,height]"
            )
        return np.array(size, np.float64)

    def flat(self, pose: Pose, what: str) -> list[float]:
        """Returns one list: x, y, score of each keypoint in the order of `names`; missing keypoints are not seen."""
        points = [(x, y, 1.0 if score is None else score) for x, y, score in pose.points]
        if pose.names is not None:
            own = dict(zip(pose.names, points, strict=True))
            if not set(own) <= set(self.names):
                raise ValueError(f"{what}: changed while it was read")
            points = [own.get(name, (np.nan, np.nan, 0.0)) for name in self.names]
        return [number for point in points for number in point]
