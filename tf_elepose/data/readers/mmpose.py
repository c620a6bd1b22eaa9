"""`mmpose`: the JSON file that MMPose's demo scripts and inferencers write, or a folder of them.

The file of a video is a list of {frame_id, instances}, which the demo scripts put into {meta_info, instance_info}; that
of a picture has instances in place of frames. For a folder of pictures, inferencers write a file for each. An instance
is {keypoints [[x, y], ...], keypoint_scores, ...}, in px (MMPose demo/topdown_demo_with_mmdet.py,
mmpose/apis/inferencers, mmpose/structures/utils.py, split_instances). Scores are kept as confidences.
"""

from __future__ import annotations

import itertools
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from tf_elepose.data.parsers.json_stream import JsonStream, shown
from tf_elepose.data.readers.frame_files import FrameFile, files_ending, folder_name, frame_files
from tf_elepose.data.readers.keypoint_lists import KeypointLists, integer, own_id, stem, text
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions

_WHAT = "MMPose file"

_DATASETS = {
    "coco": "coco_17",
    "h36m": "h36m_17",
    "mpii": "mpii_16",
    "aic": "aic_14",
    "crowdpose": "crowdpose_14",
    "halpe26": "halpe_26",
}
"""{meta_info's dataset_name: its convention} (MMPose configs/_base_/datasets)."""


def read_mmpose(path: str | os.PathLike[str], *, convention: str | None = None) -> Iterator[Rows]:
    """Yields the people in the file at `path`, or in the files of a folder, one for each picture or video.

    A video's clip is the file's name, the frame its frame_id (from 0 or 1, depending on the script); a picture's clip
    and frame are in the file's name. A person's number is its track_id, otherwise its position in the frame. Frames
    without people give no rows and are counted.

    Args:
      path: of the file or folder.
      convention: of the keypoints; without it, the joints that the file's meta_info names. Lists have no meta_info.

    Raises:
      ValueError: one line with the file, the element, what was expected and what it holds; also for 3D keypoints,
        because the demo scripts have swapped their axes and shifted their height.
    """
    root = pathlib.Path(path)
    where = f"{_WHAT}s {root}" if root.is_dir() else f"{_WHAT} {root}"
    poses, before = None, None
    files = _files(root, where)
    for number, (clip, frame, file) in enumerate(files):
        with JsonStream(file, _WHAT) as stream:
            meta = _meta(stream)
        if poses is None or meta != before:
            if poses is not None:
                yield poses.rows(number / len(files))
            dataset, names = before = meta
            known = {26: "halpe_26"} if dataset is None else {conventions.CONVENTIONS[dataset].num_joints: dataset}
            poses = KeypointLists(where, folder_name(root, where), known, convention, names)
        with JsonStream(file, _WHAT) as stream:
            prefix = f"{shown(file.name)}: " if root.is_dir() else ""
            for _ in _add_elements(stream, poses, clip, frame, prefix, may_be_empty=root.is_dir()):
                if poses.full:
                    yield poses.rows((number + stream.done) / len(files))
    if poses is not None:
        yield poses.rows(1.0)


def _files(root: pathlib.Path, where: str) -> list[FrameFile]:
    """Lists the files with clip and frame; a video, which has many frames, has frame 0 here."""
    if root.is_file():
        return frame_files(root, ".json", where) if _is_picture(root) else [(stem(root, where), 0, root)]
    files = files_ending(root, ".json")
    pictures = {file for file in files if _is_picture(file)}
    videos = []
    for file in files:
        if file not in pictures:
            folder = file.parent.relative_to(root).as_posix()
            clip = "/".join(part for part in (folder, stem(file, where)) if part != ".")
            videos.append((text(clip, f"{where}: {shown(file.name)}: its name"), 0, file))
    if videos and not pictures:
        return videos
    return [*frame_files(root, ".json", where, wanted=pictures.__contains__), *videos]


def _is_picture(file: pathlib.Path) -> bool:
    """Says whether a file holds the instances of one picture: a list of them, perhaps empty or in instance_info."""
    with JsonStream(file, _WHAT) as stream:
        found = iter(stream)
        if stream.is_list:
            _, first = next(found, (None, {"keypoints": []}))
        else:
            first = next((element for key, element in found if key == "instance_info"), None)
    return type(first) is dict and "keypoints" in first


def _add_elements(
    stream: JsonStream, poses: KeypointLists, clip: str, frame: int, prefix: str, *, may_be_empty: bool
) -> Iterator[None]:
    """Adds the frames of a video's file, or the instances of a picture's file, one at each step of the iterator."""
    with_meta, instances = stream.is_list, 0
    place = None
    for key, element in stream:
        with_meta = with_meta or key == "meta_info"
        if key not in (None, "instance_info"):
            continue
        place = f"{prefix}{stream.place}"
        what = f"{stream.where}: {stream.place}"
        if type(element) is not dict or ("instances" in element) == ("keypoints" in element):
            raise ValueError(f"{what}: expected an object with instances, or keypoints; got {shown(element)}")
        if "keypoints" in element:
            _add(poses, element, place, what, clip, frame, instances)
            instances += 1
        else:
            own = integer(element.get("frame_id"), f"{what}: frame_id")
            _add_frame(poses, element["instances"], place, what, clip, own)
        yield
    if place is None:
        if not (may_be_empty and with_meta):
            raise ValueError(
                f"{stream.where}: expected a list, or an object with instance_info; holds nothing of either"
            )
        poses.dropped["frames without people"] += 1


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
    """Reads what meta_info says of the keypoints: the convention of its data set, and their names, if it has them."""
    if stream.is_list:
        return None, []
    for key, meta in stream:
        if key == "meta_info":
            if type(meta) is not dict:
                raise ValueError(f"{stream.where}: meta_info: expected an object; got {shown(meta)}")
            lists = (_names(meta.get(field)) for field in _NAMES)
            return _DATASETS.get(str(meta.get("dataset_name")).lower()), next(filter(None, lists), [])
    return None, []


_NAMES = ("keypoint_id2name", "keypoint_name2id", "keypoint_names", "keypoints")


def _names(given: Any) -> list[str]:
    """Reads names from a list, {"0": name of the first joint, ...} or {name of the first joint: 0, ...}; none where a
    number is missing or a name is no text.
    """
    if type(given) is dict and all(type(number) is int for number in given.values()):
        given = {str(number): name for name, number in given.items()}
    if type(given) is dict:
        given = [given.get(str(index)) for index in range(len(given))]
    return given if type(given) is list and all(type(name) is str for name in given) else []
