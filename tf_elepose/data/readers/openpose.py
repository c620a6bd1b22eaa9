"""`openpose`: a folder of OpenPose's JSON files, one for each frame, or one such file.

A file NAME_%012d_keypoints.json holds {"people": [{"person_id": [-1], "pose_keypoints_2d": [x, y, c] * K}]}, K = 25 in
the order of BODY_25 or 18 in that of COCO; a joint that is not found is 0, 0, 0 (OpenPose doc/02_output.md). The clip
is NAME, with the folders below the given one; the frame is the number. The file of a picture without a number is a clip
of one frame, 0.

Coordinates are pixels unless OpenPose ran with --keypoint_scale 3 or 4, which the files do not say. Poses with every
joint within [-1, 1] cannot be in pixels.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator, Sequence

import numpy as np

from tf_elepose.data.parsers.json_stream import load_json, shown
from tf_elepose.data.readers.keypoint_lists import KeypointLists, checked_size, integer, own_id, text
from tf_elepose.data.rows import Rows
from tf_elepose.data.visibility import left_out

_KNOWN = {25: "body_25", 18: "openpose_coco_18"}

_ENDING = "_keypoints.json"
_NAME = re.compile(r"(?:(?P<clip>.*)_)?(?P<frame>\d+)\Z", re.ASCII | re.DOTALL)

_WITHOUT_PEOPLE = "frames without people"


def read_openpose(
    path: str | os.PathLike[str],
    *,
    convention: str | None = None,
    image_size: Sequence[int] | None = None,
    keypoint_scale: int | None = None,
) -> Iterator[Rows]:
    """Yields the people in the files in and below the folder `path`, clip by clip, frames in ascending order.

    Files with other names are ignored. Frames without people give no rows and are counted. A person's number is its
    person_id, where OpenPose tracked people, otherwise its position in the frame.

    Args:
      path: of the folder, or of one file.
      convention: of the keypoints; without it, body_25 or openpose_coco_18, by their number.
      image_size: (width, height) px, needed where coordinates are not pixels.
      keypoint_scale: OpenPose's option: 0 pixels, 3 coordinates from 0 to 1, 4 from -1 to 1. Without it, pixels, unless
        all joints of the first few thousand poses lie within [0, 1] or [-1, 1].

    Raises:
      ValueError: one line with the file, the field, what was expected and what it holds.
    """
    where = f"OpenPose files {os.fspath(path)}"
    scale = _Scale(where, keypoint_scale, image_size)
    found = _files(pathlib.Path(path), where)
    subject = text(pathlib.Path(path).resolve().stem or "/", f"{where}: its name")
    poses = KeypointLists(where, subject, _KNOWN, convention)
    for done, (clip, frame, file) in enumerate(found, 1):
        _add_frame(poses, file, clip, frame)
        if poses.full:
            yield poses.rows(done / len(found), to_pixels=scale.to_pixels, image_size=scale.image_size)
    yield poses.rows(1.0, to_pixels=scale.to_pixels, image_size=scale.image_size)


class _Scale:
    """The scale of the coordinates; judged by the first poses where the user does not give it."""

    def __init__(self, where: str, keypoint_scale: int | None, image_size: Sequence[int] | None) -> None:
        if keypoint_scale not in (None, 0, 3, 4):
            raise ValueError(f"{where}: keypoint_scale: expected 0, 3 or 4; got {keypoint_scale!r}")
        self._where = where
        self._scale = keypoint_scale
        self.image_size = None if image_size is None else checked_size(image_size, f"{where}: image_size")

    def to_pixels(self, numbers: np.ndarray) -> np.ndarray:
        """Converts x, y, c [n, K, 3] to x and y [n, K, 2] px."""
        poses, found = numbers[..., :2], numbers[..., 2] > 0
        found &= ~left_out(poses)
        if self._scale is None and found.any():
            self._scale = _scale_of(poses[found])
        known = poses[found][~np.isnan(poses[found])]
        if not self._scale or known.size == 0:
            return poses
        if self.image_size is None:
            raise ValueError(
                f"{self._where}: its coordinates lie within [{-1 if self._scale == 4 else 0}, 1] (--keypoint_scale "
                f"{self._scale}): state image_size to make them pixels, or keypoint_scale=0 if they are"
            )
        low, high = float(known.min()), float(known.max())
        if low < (0 if self._scale == 3 else -1) or high > 1:
            raise ValueError(
                f"{self._where}: expected coordinates of --keypoint_scale {self._scale} throughout; got {low:g} to "
                f"{high:g}; state keypoint_scale"
            )
        # OpenPose src/openpose/core/keypointScaler.cpp: the last pixel is at 1, the first at 0 or -1.
        last = np.array(self.image_size, np.float64) - 1
        poses = np.where(left_out(poses)[..., np.newaxis], np.nan, poses)  # Scaled, they would look like places.
        return poses * last if self._scale == 3 else (poses + 1) / 2 * last


def _scale_of(found: np.ndarray) -> int:
    """The --keypoint_scale that fits the coordinates [n, 2] of joints; 0 is pixels."""
    known = found[np.isfinite(found)]
    if known.size == 0 or np.abs(known).max() > 1:
        return 0
    return 4 if known.min() < 0 else 3


def _files(path: pathlib.Path, where: str) -> list[tuple[str, int, pathlib.Path]]:
    """The files as (clip, frame, file), in order."""
    if not path.exists():
        raise ValueError(f"{where}: no such file or folder")
    inside = path.is_dir()
    files = sorted(path.rglob(f"*{_ENDING}")) if inside else [path]
    found: dict[tuple[str, int], pathlib.Path] = {}
    for file in files:
        if not file.name.endswith(_ENDING):
            raise ValueError(f"{where}: expected a name that ends with {_ENDING}; got {shown(file.name)}")
        name = file.name.removesuffix(_ENDING)
        match = _NAME.match(name)
        clip, digits = (match["clip"] or "", match["frame"]) if match else (name, "0")
        folder = file.parent.relative_to(path).as_posix() if inside else "."
        parts = [part for part in (folder, clip) if part not in ("", ".")]
        clip = text("/".join(parts) or path.stem, f"{where}: {shown(file.name)}: clip")
        frame = integer(int(digits) if len(digits) <= 18 else digits, f"{where}: {shown(file.name)}: frame")
        if (clip, frame) in found:
            raise ValueError(f"{where}: frame {frame} of clip {shown(clip)}: given twice, in {shown(file.name)}")
        found[clip, frame] = file
    if not found:
        raise ValueError(f"{where}: expected files NAME_NUMBER{_ENDING}; holds none")
    return [(clip, frame, found[clip, frame]) for clip, frame in sorted(found)]


def _add_frame(poses: KeypointLists, file: pathlib.Path, clip: str, frame: int) -> None:
    what = f"OpenPose file {file}"
    content = load_json(file, "OpenPose file")
    people = content.get("people") if type(content) is dict else None
    if type(people) is not list:
        raise ValueError(f"{what}: expected an object with a list of people; got {shown(content)}")
    if not people:
        poses.dropped[_WITHOUT_PEOPLE] += 1
    numbers: set[int] = set()
    for place, person in enumerate(people):
        if type(person) is not dict:
            raise ValueError(f"{what}: people {place}: expected an object; got {shown(person)}")
        own = own_id(person, f"{what}: people {place}")
        if own in numbers:
            raise ValueError(f"{what}: people {place}: person_id: expected another for each person; got {own}")
        if own is not None:
            numbers.add(own)
        poses.add(
            person.get("pose_keypoints_2d"),
            f"frame {frame} of clip {shown(clip)}: people {place}",
            clip=clip,
            frame=frame,
            person=place if own is None else own,
            has_id=own is not None,
        )
