"""`videopose3d`: VideoPose3D's 2D poses, data_2d_NAME.npz, or its Detectron detections, VIDEO.npz. 2D only.

data_2d_custom_NAME.npz (data/prepare_data_2d_custom.py) and other data_2d_*.npz have positions_2d, a pickled {video:
{action: [camera: [T, K, 2] px]}} with the action "custom", and metadata, a pickled {layout_name, num_joints,
keypoints_symmetry, video_metadata: {video: {w, h}}}.

A video's detections (inference/infer_video.py, infer_video_d2.py) have metadata {w, h} and, for each frame, keypoints
[[], [n, 4, K]] (rows x, y, logit, probability) and boxes [[], [n, 5]] (the last number is the score). The first class
is the background; frames without people have empty lists.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from tf_elepose.data.identities import PLACE
from tf_elepose.data.parsers.limits import listed
from tf_elepose.data.parsers.pickled_npz import PickledNpz, described
from tf_elepose.data.readers.keypoint_lists import checked_size, text
from tf_elepose.data.readers.recognition import held as held_in
from tf_elepose.data.readers.stated_convention import stated_convention
from tf_elepose.data.readers.third_number import ThirdNumbers
from tf_elepose.data.readers.videopose3d_layout import layout_of, require_layout
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention

POSITIONS = "positions_2d"

_CUSTOM = "custom"  # The name that stands for an action in videos without one.
_DETECTORS = "coco_17"  # What Detectron's keypoint models find.
_VIDEOS = (".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".mts")

_X, _Y, _PROBABILITY, _ROWS = 0, 1, 3, 4  # Rows of keypoints [n, 4, K].
_SCORE, _BOX_NUMBERS = 4, 5  # Numbers of boxes [n, 5].
_PERSON_CLASS = 1
_PART = 8192


def read_videopose3d(
    path: str | os.PathLike[str], *, convention: str | None = None, third: str | None = None
) -> Iterator[Rows]:
    """Yields the rows of the npz file at `path`, or of all files in the folder, by video and camera.

    Args:
      path: of the file, or of a folder with the detections in several videos.
      convention: of the keypoints; without it, the layout that the metadata names, or coco_17 for 17 detected
        keypoints.
      third: what a third number of a keypoint in positions_2d is: confidence, visibility or z. Without it, the rule of
        `npz` holds.

    Raises:
      ValueError: there is no such file, it is damaged, of another form, or contains code; the convention contradicts
        the metadata.
    """
    folder = pathlib.Path(path)
    files = sorted(folder.glob("[!.]*.npz")) if folder.is_dir() else [folder]
    if not files:
        raise ValueError(f"VideoPose3D files {folder}: expected files that end with .npz; it holds {held_in(folder)}")
    for place, file in enumerate(files):
        for rows in _of_file(file, convention, third):
            yield dataclasses.replace(rows, done=(place + (rows.done or 0.0)) / len(files))


def _of_file(path: pathlib.Path, convention: str | None, third: str | None) -> Iterator[Rows]:
    with PickledNpz(path, "VideoPose3D file") as archive:
        if POSITIONS in archive.names:
            yield from _positions(archive, convention, third)
        elif {"keypoints", "boxes"} <= set(archive.names):
            yield from _detections(archive, video_name(path.stem), convention)
        else:
            raise ValueError(
                f"{archive.where}: expected {POSITIONS}, or keypoints and boxes; it holds "
                f"{listed(archive.names) or 'nothing'}"
            )


def video_name(name: str) -> str:
    """The name of a video without its extension."""
    suffix = pathlib.PurePath(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in _VIDEOS else name


def _positions(archive: PickledNpz, stated: str | None, third: str | None) -> Iterator[Rows]:
    where = f"{archive.where}: {POSITIONS}"
    positions = _by_text(archive.plain(POSITIONS), where)
    metadata = archive.plain("metadata") if "metadata" in archive.names else None
    layout = _layout(metadata, stated, f"{archive.where}: metadata")
    sizes = metadata.get("video_metadata") if isinstance(metadata, dict) else None
    clips = [
        (video, action, poses)
        for video, actions in positions.items()
        for action, poses in _by_text(actions, f"{where}: {video}").items()
    ]
    if not clips:
        raise ValueError(f"{where}: expected poses by video; got none")
    names = {video: video_name(video) for video in positions}
    if len(set(names.values())) < len(names):  # walk.mp4 and walk.avi are two videos.
        names = {video: video for video in positions}
    thirds = ThirdNumbers(third, where)
    for place, (video, action, poses) in enumerate(clips, 1):
        what = f"{where}: {video} {action}"
        if not isinstance(poses, (list, tuple, np.ndarray)):
            raise ValueError(f"{what}: expected a list of arrays, one for each camera; got {described(poses)}")
        custom = action == _CUSTOM
        for camera, view in enumerate(poses):
            array = _keypoints(view, layout, f"{what}, camera {camera}")
            held = stated_convention(stated, array.shape[1], archive.where) if layout is None else layout
            pixels, confidence = thirds.split(array[:, : held.num_joints])
            yield Rows(
                held,
                pixels,
                confidence=confidence,
                subject=names[video],
                clip=names[video] if custom else action,
                action="" if custom else action,
                camera=camera,
                frame=np.arange(len(array)),
                image_size=_size(sizes.get(video) if isinstance(sizes, dict) else None, what),
                done=place / len(clips),
            )


def _layout(metadata: Any, stated: str | None, what: str) -> Convention | None:
    """Finds the convention of the joints that the metadata describe; None without metadata."""
    if metadata is None or stated is None:
        return None if metadata is None else layout_of(metadata, what)
    held = conventions.get_convention(stated)
    require_layout(metadata, held, what)
    return held


def _keypoints(view: Any, layout: Convention | None, what: str) -> np.ndarray:
    joints = "K" if layout is None else layout.num_joints
    shape = view.shape if isinstance(view, np.ndarray) and view.dtype.kind in "fiu" else ()
    if len(shape) != 3 or shape[2] not in (2, 3) or joints not in ("K", shape[1]) or shape[1] == 0:
        raise ValueError(f"{what}: expected numbers [T, {joints}, 2 or 3]; got {described(view)}")
    with np.errstate(over="ignore", invalid="ignore"):  # `assemble` refuses numbers that are too large.
        return view.astype(np.float32)


def _detections(archive: PickledNpz, clip: str, stated: str | None) -> Iterator[Rows]:
    keypoints, boxes = (_frames(archive, name) for name in ("keypoints", "boxes"))
    if len(keypoints) != len(boxes):
        raise ValueError(
            f"{archive.where}: expected keypoints and boxes of equally many frames; got {len(keypoints)} and "
            f"{len(boxes)}"
        )
    metadata = archive.plain("metadata") if "metadata" in archive.names else None
    size = _size(metadata, f"{archive.where}: metadata")
    held: Convention | None = None
    people: list[np.ndarray] = []
    frames: list[int] = []
    scores: list[np.ndarray] = []
    dropped = 0
    for frame, (found, boxed) in enumerate(zip(keypoints, boxes, strict=True)):
        what = f"{archive.where}: frame {frame}"
        poses, rows = _of_people(found, f"{what}: keypoints"), _of_people(boxed, f"{what}: boxes")
        if poses is None:
            dropped += 1
        else:
            if held is None:
                stated = _DETECTORS if stated is None and poses.shape[-1:] == (17,) else stated
                held = stated_convention(stated, poses.shape[-1], archive.where)
            expected = [len(poses), _ROWS, held.num_joints]
            if list(poses.shape) != expected:
                raise ValueError(f"{what}: keypoints: expected numbers {expected}; got {described(poses)}")
            if rows is None or rows.shape != (len(poses), _BOX_NUMBERS):
                raise ValueError(f"{what}: boxes: expected numbers {[len(poses), _BOX_NUMBERS]}; got {described(rows)}")
            people.append(poses)
            scores.append(rows[:, _SCORE])
            frames.append(frame)
        if sum(map(len, people)) >= _PART or (frame + 1 == len(keypoints) and (people or dropped)):
            yield _rows(people, frames, scores, held, clip, size, dropped, (frame + 1) / len(keypoints))
            people, frames, scores, dropped = [], [], [], 0


def _rows(
    people: list[np.ndarray],
    frames: list[int],
    scores: list[np.ndarray],
    held: Convention | None,
    clip: str,
    size: tuple[int, int] | None,
    dropped: int,
    done: float,
) -> Rows:
    held = held or conventions.CONVENTIONS[_DETECTORS]  # Without people any convention will do.
    counts = [len(poses) for poses in people]
    with np.errstate(over="ignore", invalid="ignore"):  # `assemble` refuses numbers that are too large.
        numbers = np.concatenate([np.zeros((0, _ROWS, held.num_joints)), *people]).astype(np.float32)
    return Rows(
        held,
        np.stack([numbers[:, _X], numbers[:, _Y]], axis=-1),
        confidence=numbers[:, _PROBABILITY],
        subject=clip,
        clip=clip,
        frame=np.repeat(np.array(frames, np.int64), counts),
        person=np.concatenate([np.zeros(0, np.int64), *map(np.arange, counts)]),
        identity=PLACE,
        score=np.concatenate([np.zeros(0), *scores]),
        image_size=size,
        dropped={"frames without people": dropped} if dropped else {},
        done=done,
    )


def _frames(archive: PickledNpz, name: str) -> list[Any]:
    """Returns what an array of objects holds for each frame: [T] lists, or [T, classes] if they are equally long."""
    objects = archive.objects(name)
    if objects.ndim not in (1, 2):
        raise ValueError(f"{archive.where}: {name}: expected an entry for each frame; got {described(objects)}")
    return list(objects)


def _of_people(classes: Any, what: str) -> np.ndarray | None:
    """Returns the numbers of the class of people; None where nobody was found."""
    if not isinstance(classes, (list, tuple, np.ndarray)) or len(classes) <= _PERSON_CLASS:
        raise ValueError(f"{what}: expected a list of two classes; got {described(classes)}")
    found = classes[_PERSON_CLASS]
    if isinstance(found, (list, tuple, np.ndarray)) and len(found) == 0:
        return None
    try:
        found = np.asarray(found, np.float64)  # Detectron writes a list of people, detectron2 an array.
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{what}: expected numbers; got {described(found)}") from None
    return found


def _by_text(values: Any, what: str) -> dict[str, Any]:
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ValueError(f"{what}: expected poses by video and action; got {described(values)}")
    return {text(key, f"{what}: its name"): value for key, value in values.items()}


def _size(metadata: Any, what: str) -> tuple[int, int] | None:
    """(width, height) px of {w, h}; None where it is not given."""
    sides = [metadata.get("w"), metadata.get("h")] if isinstance(metadata, dict) else [None, None]
    return None if None in sides else checked_size(sides, f"{what}: w, h")
