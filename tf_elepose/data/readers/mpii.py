"""`mpii`: MPII Human Pose, mpii_human_pose_v1_u12_1.mat, or a JSON list made of it (simple baselines, HRNet). 2D only.

In the .mat file RELEASE.annolist(i) is image i, .annorect(p) person p, .annopoints.point(k) a joint with x, y and id,
its index among the 16; missing joints have no point, test images no annopoints. is_visible says whether a joint is
occluded; occluded joints have positions, too, and are kept. RELEASE.img_train(i) is 1 for training images.

In the JSON list an entry is a person: joints [16, 2], joints_vis [16], image; a joint with joints_vis 0, or at 0 or -1
in both axes, is missing.

Both count pixels from 1 (HRNet, lib/dataset/mpii.py); here they count from 0. Every image is a clip of its own, named
as the image without its extension; the frame is its number in the list from 0. In JSON lists images are numbered in the
order of first appearance.
"""

from __future__ import annotations

import os
import pathlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from tf_elepose.data.identities import PLACE
from tf_elepose.data.parsers.json_stream import JsonStream, shown
from tf_elepose.data.parsers.limits import MAX_TEXT_LENGTH, unpacked_name
from tf_elepose.data.parsers.matlab import MatReader, MatValue
from tf_elepose.data.recording import SPLITS
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention

_CHUNK = 4096  # Images or people converted at a time.


def read_mpii(path: str | os.PathLike[str], *, split: str = "train") -> Iterator[Rows]:
    """Yields the rows of the file at `path`, .mat or .json.

    Args:
      path: of the file.
      split: "train" or "test", for a JSON list; the .mat file has the split of every image.

    Raises:
      ValueError: one line with the file, the image or entry, what was expected and what it holds.
    """
    if split not in SPLITS:
        raise ValueError(f"mpii file {os.fspath(path)}: split: expected train or test; got {split!r}")
    if unpacked_name(path).suffix.lower() == ".json":
        yield from _json_rows(path, split)
    else:
        yield from _mat_rows(path)


class _People:
    """Collects people for the next rows."""

    def __init__(self, convention: Convention) -> None:
        self._convention = convention
        self.dropped: Counter[str] = Counter()
        self._poses: list[np.ndarray] = []
        self._columns: list[tuple[str, int, int, str]] = []

    def __len__(self) -> int:
        return len(self._poses)

    def add(self, pose: np.ndarray, image: str, frame: int, person: int, split: str) -> None:
        """Adds one `pose` [J, 2] px counted from 1, NaN for missing joints."""
        self._poses.append(pose - 1.0)
        self._columns.append((pathlib.PurePath(image).stem, frame, person, split))

    def rows(self, done: float) -> Rows:
        clip, frame, person, split = zip(*self._columns, strict=True) if self._columns else ((),) * 4
        return Rows(
            convention=self._convention,
            poses_2d=np.reshape(self._poses, (-1, self._convention.num_joints, 2)),
            subject="mpii",
            clip=np.array(clip, str),
            frame=np.array(frame, np.int64),
            person=np.array(person, np.int64),
            identity=PLACE,
            split=np.array(split, str),
            dropped=self.dropped,
            done=done,
        )


def _mat_rows(path: str | os.PathLike[str]) -> Iterator[Rows]:
    convention = conventions.get_convention("mpii_16")
    with MatReader(path, "mpii file") as reader:
        release = reader.variable("RELEASE")
    images, training = _only(release, "annolist"), _only(release, "img_train").numbers().reshape(-1)
    names, rects = images.field("image"), images.field("annorect")
    if len(training) != len(rects):
        raise ValueError(f"{release.where}.img_train: expected {len(rects)} numbers; got {len(training)}")
    people = _People(convention)
    for number, (name, rect) in enumerate(zip(names, rects, strict=True)):
        split, found = "train" if training[number] else "test", 0
        where = f"{rect.where}, image {number + 1}"
        points_of_people = rect.field("annopoints") if rect.kind == "struct" and "annopoints" in rect.fields else []
        for person, points in enumerate(points_of_people):
            if points.kind != "struct" or points.size == 0 or "point" not in points.fields:
                continue
            points = _only(points, "point")
            if points.size == 0:
                continue
            pose = _pose(points, convention, f"{where}, person {person + 1}")
            people.add(pose, _only(name, "name").text(), number, person, split)
            found += 1
        if not found:
            people.dropped["images without keypoints"] += 1
        elif found < len(points_of_people):
            people.dropped["people without keypoints"] += len(points_of_people) - found
        if (number + 1) % _CHUNK == 0 or number + 1 == len(rects):
            yield people.rows((number + 1) / len(rects))
            people = _People(convention)


def _only(value: MatValue, field: str) -> MatValue:
    values = value.field(field)
    if len(values) != 1:
        raise ValueError(f"{value.where}: expected one struct; got {len(values)}")
    return values[0]


def _pose(points: MatValue, convention: Convention, where: str) -> np.ndarray:
    """The pose [J, 2] px counted from 1, NaN for joints without a point."""
    pose = np.full((convention.num_joints, 2), np.nan)
    x, y, ids = (points.scalars(field) for field in ("x", "y", "id"))
    for place, number in enumerate(ids.tolist()):
        if number not in range(convention.num_joints):
            raise ValueError(f"{where}: id: expected 0 to {convention.num_joints - 1}; got {number:g}")
        pose[int(number)] = x[place], y[place]
    return pose


def _json_rows(path: str | os.PathLike[str], split: str) -> Iterator[Rows]:
    convention = conventions.get_convention("mpii_16")
    people, frames, persons = _People(convention), dict[str, int](), Counter[str]()
    with JsonStream(path, "mpii file") as stream:
        for key, entry in stream:
            where = f"{stream.where}: {stream.place}"
            if key is not None:
                raise ValueError(f"{where}: expected a list of people; got an object")
            image = entry.get("image") if isinstance(entry, dict) else None
            if not isinstance(image, str) or not 0 < len(image) <= MAX_TEXT_LENGTH:
                raise ValueError(f"{where}: expected an object with the name of its image; got {shown(entry)}")
            if "joints" not in entry:  # An entry of a test list.
                people.dropped["people without keypoints"] += 1
                continue
            joints = _array(entry, "joints", (convention.num_joints, 2), where)
            seen = _array(entry, "joints_vis", (convention.num_joints,), where) > 0
            seen &= (joints > 0).any(axis=1)
            pose = np.where(seen[:, np.newaxis], joints, np.nan)
            people.add(pose, image, frames.setdefault(image, len(frames)), persons[image], split)
            persons[image] += 1
            if len(people) == _CHUNK:
                yield people.rows(stream.done)
                people = _People(convention)
    yield people.rows(1.0)


def _array(entry: dict[str, Any], field: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    try:
        array = np.asarray(entry.get(field))
    except ValueError:
        raise ValueError(f"{where}: {field}: expected numbers {list(shape)}; got lists of unequal lengths") from None
    if array.shape != shape or array.dtype.kind not in "fiu":
        raise ValueError(f"{where}: {field}: expected numbers {list(shape)}; got {array.dtype} {list(array.shape)}")
    return array.astype(np.float64)
