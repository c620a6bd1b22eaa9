"""`npz`: keypoints in an array of an npz or npy file, in a convention that the user names; also VideoPose3D's files.

The array is poses_2d, keypoints, keypoints_2d, kps or arr_0, or the one that the option `array` names: numbers
[N, K, 2] or, with confidence, [N, K, 3]. Confidences [N, K] may be an array of their own: confidence, confidences,
keypoint_scores or scores. For each row the file may have frame, person, camera (integers from 0), clip, subject, action
(text) and split ("train" or "test"). Without frame, each row is a frame of its own; without person, the rows of one
frame are its people (row_places.py); without clip or subject, all rows have one, named as the file.

With several people the array is [people, T, K, 2 or 3] or [T, people, K, 2 or 3]. The people's motion shows which of
the two it is, or the option `axes` states it. The file may also have frame [T]. The arrays reconstruction and kpts
[people, T, 17, 2 or 3] are the keypoints of MHFormer and StridedTransformer in h36m_17 (MHFormer demo/vis.py,
demo/lib/hrnet/gen_kpts.py).

An array of objects holds, for each frame, as many people as were found (ragged_arrays.py). A warning names the arrays
that are not read.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from absl import logging

from tf_elepose.data.identities import PERSON, PLACE
from tf_elepose.data.parsers.limits import listed, unpacked_name
from tf_elepose.data.parsers.npy import NPY_NAME, open_arrays
from tf_elepose.data.parsers.npz import NpzReader, as_float32
from tf_elepose.data.parsers.pickled_npz import PickledNpz
from tf_elepose.data.readers.array_axes import AXES, SAMPLE, time_axis
from tf_elepose.data.readers.array_names import convention_of, use_other_names
from tf_elepose.data.readers.ragged_arrays import read_ragged
from tf_elepose.data.readers.row_places import RowPlaces
from tf_elepose.data.readers.third_number import ThirdNumbers
from tf_elepose.data.readers.videopose3d import POSITIONS, read_videopose3d
from tf_elepose.data.recording import check_array, require_splits
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions

_INTEGERS, _TEXTS = ("frame", "person", "camera"), ("clip", "subject", "action", "split")

_NAMES = ("poses_2d", "keypoints", "keypoints_2d", "kps", "arr_0", NPY_NAME)
_PEOPLE_FIRST = ("reconstruction", "kpts")
_H36M = conventions.CONVENTIONS["h36m_17"]
# Root and thorax may be this share of the body's extent away from the middle of the hips and of the shoulders.
_MOST_OFF = 0.15
_CONFIDENCES = ("confidence", "confidences", "keypoint_scores", "scores")

_PART_ROWS = 1 << 14

_LARGEST_3D = 10.0  # 3D poses in metres are within this of the camera or the root; keypoints in pixels are not.


def read_npz(
    path: str | os.PathLike[str],
    *,
    convention: str | None = None,
    array: str | None = None,
    axes: str | None = None,
    third: str | None = None,
) -> Iterator[Rows]:
    """Yields the rows of the npz or npy file at `path`, `_PART_ROWS` at a time.

    Args:
      path: of the file.
      convention: a name or the path of a convention file; required, except for MHFormer's and VideoPose3D's files.
      array: the name of the array of keypoints; needed if the file has none of the known names, or several.
      axes: of an array with people: people_frames or frames_people. Without it, the people's motion decides.
      third: what the third number of a keypoint is: confidence, visibility (0 none, 1 hidden, 2 visible) or z (a depth,
        which is not read). Without it, third numbers are visibilities if all are 0, 1 or 2; otherwise they are
        confidences, and must be about 0 to 1.

    Raises:
      ValueError: there is no such file or no convention, or an array is wrong: one line with the array, what was
        expected and what came.
    """
    if axes not in (None, *AXES):
        raise ValueError(f"npz file {os.fspath(path)}: axes: expected {' or '.join(AXES)}; got {axes!r}")
    with open_arrays(path, "npz file") as archive:
        if array is None and _of_videopose3d(archive):
            yield from read_videopose3d(path, convention=convention, third=third)
            return
        name = _keypoints_name(archive, array)
        if archive.holds_objects(name):
            yield from read_ragged(archive, name, convention, third, unpacked_name(path).stem)
            return
        layout = _Layout.of(archive, name, axes)
        joint_names = None
        if convention is None and name in _PEOPLE_FIRST and layout.num_joints == _H36M.num_joints:
            _require_h36m(layout.sample(archive), f"{archive.where}: {name}")
            held = _H36M
        else:
            held, joint_names = convention_of(archive, layout.num_joints, convention)
        use_other_names(archive, layout.labels())
        columns = layout.columns(archive)
        layout.tell_unread(archive, columns, joint_names)
        apart = [name for name in _CONFIDENCES if name in columns][:1]
        stem, thirds = unpacked_name(path).stem, ThirdNumbers(third, f"{archive.where}: {name}")
        people = RowPlaces()
        of_rows = [column for column, axis in columns.items() if axis is None]
        fixed = {
            column: check_array(archive.array(column), "int", (layout.lead[axis],), f"{archive.where}: {column}")
            for column, axis in columns.items()
            if axis is not None
        }
        members = {member: member for member in (name, *of_rows)}
        for first, arrays in archive.parts(members, _PART_ROWS, len(layout.lead)):
            poses, *trust = (as_float32(arrays[member]) for member in (name, *apart))
            n = len(poses)
            places, confidence = thirds.split(poses)
            confidence = trust[0] if trust else confidence
            kinds = {column: "int" for column in _INTEGERS} | {column: "text" for column in _TEXTS}
            fields = {
                column: check_array(arrays[column], kinds[column], (n,), f"{archive.where}: {column}")
                for column in of_rows
                if column not in apart
            }
            if "split" in fields:
                require_splits(fields["split"], first, archive.where)
            known: dict[str, Any] = {"clip": stem, "subject": stem} | layout.places(first, n, fixed) | fields
            if "frame" in fields:  # Otherwise each row is a frame of its own, or the axes say its frame and person.
                known, keep = people.numbered(known, n)
                if not keep.all():
                    places, confidence = places[keep], None if confidence is None else confidence[keep]
            joints = held.num_joints
            yield Rows(
                held,
                places[:, :joints],
                confidence=None if confidence is None else confidence[:, :joints],
                done=(first + n) / layout.num_rows,
                **known,
            )


@dataclasses.dataclass(frozen=True)
class _Layout:
    """The axes of the keypoints' array.

    Attributes:
      name: of the array.
      lead: the lengths of the axes before joints and coordinates: (N,), or those of people and frames.
      time: the axis of `lead` that is time.
      num_joints: K.
      dimensions: 2 or 3.
    """

    name: str
    lead: tuple[int, ...]
    time: int
    num_joints: int
    dimensions: int

    @classmethod
    def of(cls, archive: NpzReader, name: str, axes: str | None) -> _Layout:
        """Finds the layout of the array `name`.

        Raises:
          ValueError: its shape is wrong, it holds 3D poses, or nothing shows which axis is time.
        """
        shape, dtype = archive.declared(name)
        what = f"{archive.where}: {name}"
        if len(shape) not in (3, 4) or shape[-1] not in (2, 3) or 0 in shape or dtype.kind not in "fiu":
            raise ValueError(
                f"{what}: expected numbers [N, K, 2 or 3], or with people [people, T, K, 2 or 3]; got {dtype} "
                f"{list(shape)}"
            )
        lead = shape[:-2]
        rows = cls(name, lead, 0, *shape[-2:])
        if name == _PEOPLE_FIRST[0] and shape[-1] == 3:
            _require_keypoints(rows.sample(archive), what)
        if len(lead) == 1:
            if axes is not None:
                raise ValueError(f"{what}: axes: there is no axis of people in {list(shape)}")
            return rows
        seen = _time_axis(rows.sample(archive), lead)
        stated = AXES["people_frames"] if axes is None and name in _PEOPLE_FIRST else AXES.get(axes or "")
        if seen is None and stated is None:
            raise ValueError(
                f"{what}: {list(shape)}: which axis is time, and which the people? Say it as "
                f"--option=axes={' or --option=axes='.join(AXES)}"
            )
        if axes is None and stated is not None and seen not in (None, stated):
            raise ValueError(
                f"{what}: expected [people, T, ...]; the bodies of {list(shape)} move along the first axis as in "
                f"time: say what it is, --option=axes={' or --option=axes='.join(AXES)}"
            )
        time = seen if stated is None else stated
        assert time is not None
        if stated is None:
            other = next(value for value, axis in AXES.items() if axis != time)
            people = "one person" if lead[1 - time] == 1 else f"{lead[1 - time]} people"
            logging.warning(
                "%s: %s: read as %d frames of %s, as the bodies move; if that is wrong: --option=axes=%s",
                what, list(shape), lead[time], people, other,
            )  # fmt: skip
        return cls(name, lead, time, *shape[-2:])

    def sample(self, archive: NpzReader) -> np.ndarray:
        """The first poses [n, K, 2 or 3]."""
        return next(archive.blocks(self.name, min(self.num_rows, SAMPLE), len(self.lead)))

    @property
    def num_rows(self) -> int:
        return math.prod(self.lead)

    def _axis(self, label: str) -> int | None:
        """Returns the axis of `lead` to which the label belongs; None for one value for each row."""
        return None if len(self.lead) == 1 else {"frame": self.time, "person": 1 - self.time}[label]

    def labels(self) -> dict[str, tuple[int, ...]]:
        """{label that an array may give: the shape of that array}."""
        labels = ("frame", "person") if len(self.lead) == 2 else _INTEGERS + _TEXTS
        return {label: self.lead if (axis := self._axis(label)) is None else (self.lead[axis],) for label in labels}

    def columns(self, archive: NpzReader) -> dict[str, int | None]:
        """Lists the other arrays that are read: {name: its axis of `lead`, or None for one value in each row}.

        Raises:
          ValueError: one of them has another shape or holds no numbers.
        """
        found: dict[str, int | None] = {}
        for name, shape in self.labels().items():
            if name in archive.names:
                self._require_shape(archive, name, shape)
                found[name] = self._axis(name)
        names = [name for name in _CONFIDENCES if name in archive.names]
        if self.dimensions == 2 and names:
            name = next((n for n in names if archive.declared(n)[0] == (*self.lead, self.num_joints)), names[0])
            dtype = self._require_shape(archive, name, (*self.lead, self.num_joints))
            if dtype.kind not in "fiu":
                raise ValueError(f"{archive.where}: {name}: expected numbers; got an array of {dtype}")
            found[name] = None
        return found

    def places(self, first: int, n: int, fixed: dict[str, np.ndarray]) -> dict[str, Any]:
        """Fields frame and person of `n` rows from `first` on; `fixed` has the file's own values, by axis."""
        rows = np.arange(first, first + n)
        if len(self.lead) == 1:
            return {"frame": rows}
        at = np.unravel_index(rows, self.lead)
        frame, person = at[self.time], at[1 - self.time]
        fields: dict[str, Any] = {"frame": fixed["frame"][frame] if "frame" in fixed else frame}
        if self.lead[1 - self.time] > 1 or "person" in fixed:
            fields["person"] = fixed["person"][person] if "person" in fixed else person
            # In [T, people, ...] a place may belong to one person, or only to the list of each frame.
            fields["identity"] = PERSON if "person" in fixed or self.time == AXES["people_frames"] else PLACE
        return fields

    def tell_unread(self, archive: NpzReader, columns: dict[str, int | None], joint_names: str | None) -> None:
        """Logs a warning that names the arrays that are not read."""
        if unread := [name for name in archive.names if name not in (self.name, joint_names, *columns)]:
            logging.warning("%s: not read: %s", archive.where, listed(unread))

    def _require_shape(self, archive: NpzReader, name: str, expected: tuple[int, ...]) -> np.dtype:
        shape, dtype = archive.declared(name)
        if shape != expected:
            raise ValueError(f"{archive.where}: {name}: expected shape {list(expected)}; got {list(shape)}")
        return dtype


def _of_videopose3d(archive: PickledNpz) -> bool:
    names = archive.names
    return POSITIONS in names or ({"keypoints", "boxes"} <= set(names) and archive.holds_objects("keypoints"))


def _keypoints_name(archive: NpzReader, stated: str | None) -> str:
    known = _NAMES + _PEOPLE_FIRST
    if stated is not None and stated not in archive.names:
        raise ValueError(f"{archive.where}: array {stated!r}: missing; the file holds {listed(archive.names)}")
    names = [stated] if stated is not None else [name for name in known if name in archive.names]
    if len(names) != 1:
        held = listed(archive.names) or "nothing"
        raise ValueError(
            f"{archive.where}: expected one array of {', '.join(known[:-1])}; the file holds {held}"
            + ("; name it as --option=array=NAME" if archive.names else "")
        )
    return names[0]


def _require_keypoints(sample: np.ndarray, what: str) -> None:
    places = np.abs(sample[..., :2][np.isfinite(sample[..., :2])])
    if places.size and places.max() < _LARGEST_3D:
        raise ValueError(
            f"{what}: expected keypoints in pixels; they are within {places.max():.3g}, as the 3D poses "
            "that MHFormer and others write under this name; give the file of the 2D keypoints"
        )


def _require_h36m(sample: np.ndarray, what: str) -> None:
    """Raises a ValueError where root and thorax of Human3.6M's order are not between hips and shoulders."""
    places = np.asarray(sample[..., :2], np.float64)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        extent = np.linalg.norm(places.max(axis=1) - places.min(axis=1), axis=-1)
        for middle, part in (("root", "hip"), ("thorax", "shoulder")):
            joint, right, left = (places[:, _H36M.index(name)] for name in (middle, f"r_{part}", f"l_{part}"))
            off = np.linalg.norm(joint - (right + left) / 2, axis=-1) / extent
            off = off[np.isfinite(off)]
            if off.size and np.median(off) > _MOST_OFF:
                raise ValueError(
                    f"{what}: expected the joints of {_H36M.name}, as MHFormer has them under this name; joint "
                    f"{_H36M.index(middle)} is not between the {part}s {_H36M.index(f'r_{part}')} and "
                    f"{_H36M.index(f'l_{part}')}: say which they are, --option=convention=NAME, "
                    f"{conventions.candidates(_H36M.num_joints)}"
                )


def _time_axis(sample: np.ndarray, lead: tuple[int, ...]) -> int | None:
    """Finds the axis of time by the first poses [n, K, 2 or 3] of an array; None where they do not show it."""
    if (whole := len(sample) // lead[1]) == 0:
        sample = sample[np.newaxis]
    else:
        sample = sample[: whole * lead[1]].reshape(whole, lead[1], *sample.shape[1:])
    return time_axis(sample)
