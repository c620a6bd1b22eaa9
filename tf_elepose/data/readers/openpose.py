"""`openpose`: a folder of OpenPose's JSON files, one for each frame, or one such file.

A file NAME_%012d_keypoints.json holds {"people": [{"person_id": [-1], "pose_keypoints_2d": [x, y, c] * K}]}, K = 25 in
the order of BODY_25, or 18 in the order of COCO; a joint that is not found is 0, 0, 0 (OpenPose doc/02_output.md).
Pose2Sim and Sports2D write the same layout as NAME_000000.json, with 26 joints in Halpe's order. Files of this layout
are read under any name. The clip is NAME, with the folders below the given one; the frame is the number at its end. The
file of a picture without a number is a clip of one frame, 0.

Coordinates are pixels unless OpenPose ran with --keypoint_scale 3 or 4, which the files do not say. Poses with every
joint within [-1, 1] cannot be in pixels.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
from absl import logging

from tf_elepose.data.parsers.json_stream import load_json, shown
from tf_elepose.data.parsers.limits import listed
from tf_elepose.data.readers.body_25b import looks_like_body_25b
from tf_elepose.data.readers.frame_files import FrameFile, folder_name, frame_files
from tf_elepose.data.readers.keypoint_lists import KeypointLists, checked_size, own_id
from tf_elepose.data.readers.recognition import format_of
from tf_elepose.data.rows import Rows
from tf_elepose.data.visibility import left_out

_KNOWN = {25: "body_25", 18: "openpose_coco_18", 26: "halpe_26"}

_ENDING = "_keypoints.json"

_WITHOUT_PEOPLE = "frames without people"


def read_openpose(
    path: str | os.PathLike[str],
    *,
    convention: str | None = None,
    image_size: Sequence[int] | None = None,
    keypoint_scale: int | None = None,
) -> Iterator[Rows]:
    """Yields the people in the files in and below the folder `path`, clip by clip, frames in ascending order.

    Files of other layouts are left out. Frames without people give no rows and are counted. A person's number is its
    person_id, where OpenPose tracked people, otherwise its position in the frame.

    Args:
      path: of the folder, or of one file.
      convention: of the keypoints; without it, body_25, openpose_coco_18 or halpe_26, by their number. BODY_25B also
        has 25 keypoints, and must be stated.
      image_size: (width, height) px, needed where coordinates are not pixels.
      keypoint_scale: OpenPose's option: 0 pixels, 3 coordinates from 0 to 1, 4 from -1 to 1. Without it, pixels, unless
        all joints of the first few thousand poses lie within [0, 1] or [-1, 1].

    Raises:
      ValueError: one line with the file, the field, what was expected and what it holds.
    """
    where = f"OpenPose files {os.fspath(path)}"
    scale = _Scale(where, keypoint_scale, image_size)
    found = _files(pathlib.Path(path), where)
    subject = folder_name(pathlib.Path(path), where)
    poses = KeypointLists(where, subject, _KNOWN, convention)
    for done, (clip, frame, file) in enumerate(found, 1):
        _add_frame(poses, file, clip, frame)
        if poses.full or done == len(found):
            rows = poses.rows(done / len(found), to_pixels=scale.to_pixels, image_size=scale.image_size)
            if convention is None:
                _require_known_order(rows, where)
            yield rows


def _require_known_order(rows: Rows, where: str) -> None:
    """Raises a ValueError if 25 keypoints look like BODY_25B."""
    if rows.convention.name != "body_25" or rows.confidence is None:
        return
    if looks_like_body_25b(rows.poses_2d, rows.confidence):
        raise ValueError(
            f"{where}: the 25 keypoints look like BODY_25B, not like BODY_25; say which they are: "
            "--option=convention=body_25b or --option=convention=body_25"
        )


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
                f"{self._where}: its coordinates lie within [{-1 if self._scale == 4 else 0}, 1] (OpenPose's "
                f"--keypoint_scale {self._scale}): give the pictures' size, --option=image_size=[WIDTH,HEIGHT], or "
                "--option=keypoint_scale=0 if they are pixels"
            )
        low, high = float(known.min()), float(known.max())
        if low < (0 if self._scale == 3 else -1) or high > 1:
            raise ValueError(
                f"{self._where}: expected coordinates of OpenPose's --keypoint_scale {self._scale} throughout; got "
                f"{low:g} to {high:g}; say what they are, --option=keypoint_scale=0, 3 or 4"
            )
        # OpenPose src/openpose/core/keypointScaler.cpp: the last pixel is at 1, the first at 0 or -1.
        last = np.array(self.image_size, np.float64) - 1
        poses = np.where(
            left_out(poses)[..., np.newaxis], np.nan, poses
        )  # After scaling, they would look like places in the picture.
        return poses * last if self._scale == 3 else (poses + 1) / 2 * last


def _scale_of(found: np.ndarray) -> int:
    """The --keypoint_scale that fits the coordinates [n, 2] of joints; 0 is pixels."""
    known = found[np.isfinite(found)]
    if known.size == 0 or np.abs(known).max() > 1:
        return 0
    return 4 if known.min() < 0 else 3


def _files(path: pathlib.Path, where: str) -> list[FrameFile]:
    """Finds OpenPose's files in the folder `path` by their usual name or by their layout; a warning names others."""
    others: list[str] = []

    def is_openpose(file: pathlib.Path) -> bool:
        right = file.name.removesuffix(".gz").endswith(_ENDING) or format_of(file) == "openpose"
        if not right:
            others.append(file.name)
        return right

    found = frame_files(path, ".json", where, wanted=is_openpose)
    if others:
        logging.warning("%s: %d other .json files are left out (%s)", where, len(others), listed(others[:3]))
    return found


def _add_frame(poses: KeypointLists, file: pathlib.Path, clip: str, frame: int) -> None:
    what = f"OpenPose file {file}"
    content = load_json(file, "OpenPose file")
    people = content.get("people") if type(content) is dict else None
    if type(people) is not list:
        raise ValueError(f"{what}: expected an object with a list of people; got {shown(content)}")
    if not people:
        poses.dropped[_WITHOUT_PEOPLE] += 1
    for place, person in enumerate(people):
        if type(person) is not dict:
            raise ValueError(f"{what}: people {place}: expected an object; got {shown(person)}")
        own = own_id(person, f"{what}: people {place}")
        poses.add(
            person.get("pose_keypoints_2d", person.get("pose_keypoints")),  # OpenPose 1.0 had the second name.
            f"frame {frame} of clip {shown(clip)}: people {place}",
            clip=clip,
            frame=frame,
            person=place if own is None else own,
            has_id=own is not None,
        )
