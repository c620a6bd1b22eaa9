"""`mmpose`: the JSON file that MMPose's demo scripts and inferencers write.

The file of a video is a list of {frame_id, instances}, which the demo scripts put into {meta_info, instance_info}; that
of a picture has instances in place of frames. An instance is {keypoints [[x, y], ...], keypoint_scores, ...}, in px
(MMPose demo/topdown_demo_with_mmdet.py, mmpose/apis/inferencers, mmpose/structures/utils.py, split_instances). Scores
are kept as confidences.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

from tf_elepose.data.parsers.json_stream import JsonStream, shown
from tf_elepose.data.readers.keypoint_lists import KeypointLists, integer, own_id, stem
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions

_DATASETS = {
    "coco": "coco_17",
    "h36m": "h36m_17",
    "mpii": "mpii_16",
    "aic": "aic_14",
    "crowdpose": "crowdpose_14",
    "halpe26": "halpe_26",
}
"""Conventions by meta_info's dataset_name (MMPose configs/_base_/datasets)."""


def read_mmpose(path: str | os.PathLike[str], *, convention: str | None = None) -> Iterator[Rows]:
    """Yields the people in the file at `path`.

    The clip is the file's name, the frame its frame_id (from 0 or 1, depending on the script), 0 for a picture. A
    person's number is its track_id, otherwise its position in the frame. Frames without people give no rows and are
    counted.

    Args:
      path: of the file.
      convention: of the keypoints; without it, the joints that the file's meta_info names. Lists have no meta_info.

    Raises:
      ValueError: one line with the file, the element, what was expected and what it holds; also for 3D keypoints,
        because the demo scripts have swapped their axes and shifted their height.
    """
    with JsonStream(path, "MMPose file") as stream:
        dataset, names = _meta(stream)
    with JsonStream(path, "MMPose file") as stream:
        clip = stem(path, stream.where)
        known = {} if dataset is None else {conventions.CONVENTIONS[dataset].num_joints: dataset}
        poses = KeypointLists(stream.where, clip, known, convention, names)
        instances = 0  # For a picture, whose list has no frames.
        place = None
        for key, element in stream:
            if key not in (None, "instance_info"):
                continue
            place = stream.place
            what = f"{stream.where}: {place}"
            if type(element) is not dict or ("instances" in element) == ("keypoints" in element):
                raise ValueError(f"{what}: expected an object with instances, or keypoints; got {shown(element)}")
            if "keypoints" in element:
                _add(poses, element, place, what, clip, 0, instances)
                instances += 1
            else:
                frame = integer(element.get("frame_id"), f"{what}: frame_id")
                _add_frame(poses, element["instances"], place, what, clip, frame)
            if poses.full:
                yield poses.rows(stream.done)
        if place is None:
            raise ValueError(
                f"{stream.where}: expected a list, or an object with instance_info; holds nothing of either"
            )
        yield poses.rows(stream.done)


def _add_frame(poses: KeypointLists, instances: Any, place: str, what: str, clip: str, frame: int) -> None:
    if type(instances) is not list:
        raise ValueError(f"{what}: instances: expected a list; got {shown(instances)}")
    if not instances:
        poses.dropped["frames without people"] += 1
    for person, instance in enumerate(instances):
        within = f"instances {person}"
        if type(instance) is not dict:
            raise ValueError(f"{what}: {within}: expected an object; got {shown(instance)}")
        _add(poses, instance, f"{place}: {within}", f"{what}: {within}", clip, frame, person)


def _add(
    poses: KeypointLists, instance: dict[str, Any], place: str, what: str, clip: str, frame: int, person: int
) -> None:
    points, scores = instance.get("keypoints"), instance.get("keypoint_scores")
    if points is None or points == []:
        poses.add(None, place, clip=clip, frame=frame, person=person)  # It is counted.
        return
    if type(points) is not list or not all(type(point) is list for point in points):
        raise ValueError(f"{what}: keypoints: expected a list of [x, y]; got {shown(points)}")
    lengths = {len(point) for point in points}
    if lengths == {3}:
        raise ValueError(
            f"{what}: keypoints: expected [x, y]; got [x, y, z]: MMPose's 3D output has swapped axes and a shifted "
            "height; use its 2D output"
        )
    if lengths != {2}:
        raise ValueError(f"{what}: keypoints: expected a list of [x, y]; got lengths {sorted(lengths)[:5]}")
    if type(scores) is not list or len(scores) != len(points):
        raise ValueError(f"{what}: keypoint_scores: expected a list of {len(points)}; got {shown(scores)}")
    flat = itertools.chain.from_iterable((*point, score) for point, score in zip(points, scores, strict=True))
    own = own_id(instance, what)
    person = person if own is None else own
    poses.add(list(flat), place, clip=clip, frame=frame, person=person, has_id=own is not None)


def _meta(stream: JsonStream) -> tuple[str | None, list[str]]:
    """What meta_info says of the keypoints: the convention of its data set, and their names; as far as it does."""
    if stream.is_list:
        return None, []
    for key, meta in stream:
        if key == "meta_info":
            if type(meta) is not dict:
                raise ValueError(f"{stream.where}: meta_info: expected an object; got {shown(meta)}")
            return _DATASETS.get(str(meta.get("dataset_name")).lower()), _names(meta.get("keypoint_id2name"))
    return None, []


def _names(by_number: Any) -> list[str]:
    """The names in {"0": name of the first joint, ...}; none where a number is missing or a name is no text."""
    if type(by_number) is not dict or not all(type(name) is str for name in by_number.values()):
        return []
    if set(by_number) != {str(index) for index in range(len(by_number))}:
        return []
    return [by_number[str(index)] for index in range(len(by_number))]
