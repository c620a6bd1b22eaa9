"""Shared by readers of detectors' JSON files: poses as lists [x, y, c] * K, and checked values."""

from __future__ import annotations

import array
import collections
import itertools
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tf_elepose.data.identities import PERSON, PLACE
from tf_elepose.data.parsers.json_stream import shown
from tf_elepose.data.parsers.limits import MAX_TEXT_LENGTH, unpacked_name
from tf_elepose.data.rows import Rows
from tf_elepose.data.visibility import LARGEST_PX
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.joint_names import BODY_FIRST, begins_whole_body, named_convention

PART = 8192
"""The number of poses in a part."""

_LARGEST_INT = 2**31 - 1

_OWN_IDS = ("track_id", "instance_id", "person_id", "tracking_id", "trackid", "trackId")

NAMES_OF_IDS = frozenset({*_OWN_IDS, "attributes"})
"""The keys that `own_id` reads; if all are missing, it need not be called."""

WITHOUT_KEYPOINTS = "without keypoints"
"""The reason that is given for people whose keypoints are null or an empty list: only their box or hands were found."""


class KeypointLists:
    """Collects poses of one convention from their lists, until there are enough for a part.

    Attributes:
      dropped: poses left out since the last part, by reason; the reader counts them here.
    """

    def __init__(
        self,
        where: str,
        subject: str,
        known: Mapping[int, str | Convention],
        stated: str | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        """Starts without poses; all people of a file are one subject, because no file says who they are.

        Args:
          where: the name of the file in messages.
          subject: the file's name.
          known: the conventions of the format, by number of keypoints. A convention with fewer joints names the first
            keypoints; that of a whole-body list (`BODY_FIRST`) always does.
          stated: the convention that the user gives.
          names: the keypoints' names, where the file gives them; they come before `known`.

        Raises:
          ValueError: no convention has the stated name, the names are not those of a body, or they contradict `stated`.
        """
        self._where = where
        self._subject = subject
        self._known = {
            count: conventions.get_convention(one) if isinstance(one, str) else one
            for count, one in {**BODY_FIRST, **known}.items()
        }
        self._stated = None if stated is None else conventions.get_convention(stated)
        self._num_named = 0
        if names and (named := named_convention(names, f"{where}: names of keypoints", stated)) is not None:
            self._stated, self._num_named = named, len(names)
        self._convention: Convention | None = None
        self._length = 0  # The number of values in one list: 3 K.
        self._scored: bool | None = None
        self.dropped: collections.Counter[str] = collections.Counter()
        self._clear()

    def _clear(self) -> None:
        self._numbers = array.array("d")
        self._places: list[str] = []
        self._clips: list[str] = []
        self._frames: list[int] = []
        self._people: list[int] = []
        self._places_only: list[bool] = []
        self._scores: list[float] = []
        self.dropped.clear()

    @property
    def full(self) -> bool:
        return len(self._places) >= PART

    def add(
        self,
        keypoints: Any,
        place: str,
        *,
        clip: str,
        frame: int,
        person: int,
        has_id: bool = False,
        score: float | None = None,
    ) -> None:
        """Adds one pose; a person without keypoints is only counted in `dropped`.

        Args:
          keypoints: x, y, c of each joint, from a file, one after the other or as lists of three; null for a number
            that is not known. Null or an empty list where there are none.
          place: the place in the file, for messages.
          clip, frame, person: already checked (see `text` and `integer`).
          has_id: whether `person` is an id of the file (see `own_id`); otherwise it is the place in the frame's list.
          score: how good the detection is; given for all poses of a file or for none.

        Raises:
          ValueError: `keypoints` is not a list of numbers, or its length or `score` does not fit the poses before.
        """
        if not keypoints and (keypoints is None or type(keypoints) is list):
            self.dropped[WITHOUT_KEYPOINTS] += 1
            return
        if type(keypoints) is not list:
            raise ValueError(f"{self._where}: {place}: keypoints: expected a list; got {shown(keypoints)}")
        if type(keypoints[0]) is list and all(type(point) is list and len(point) == 3 for point in keypoints):
            keypoints = list(itertools.chain.from_iterable(keypoints))  # [x, y, c] of each.
        if self._convention is None or len(keypoints) != self._length:
            self._convention = self._convention_of(keypoints, place)
            self._length = len(keypoints)
        try:
            self._numbers.fromlist(keypoints)
        except (TypeError, OverflowError):
            self._numbers.fromlist(self._without_null(keypoints, place))
        if self._scored not in (None, score is not None):
            raise ValueError(f"{self._where}: {place}: score: expected one for all poses or none")
        self._scored = score is not None
        if score is not None:
            if not _is_number(score):
                raise ValueError(f"{self._where}: {place}: score: expected a number; got {shown(score)}")
            self._scores.append(float(score))
        self._places.append(place)
        self._clips.append(clip)
        self._frames.append(frame)
        self._people.append(person)
        self._places_only.append(not has_id)

    def rows(
        self,
        done: float | None,
        *,
        flags: bool = False,
        to_pixels: Callable[[np.ndarray], np.ndarray] | None = None,
        image_size: tuple[int, int] | None = None,
    ) -> Rows:
        """Returns the collected poses as rows, and forgets them; there may be none, only reasons in `dropped`.

        Args:
          done: share of the source read.
          flags: whether c is a label (0: not labelled, 1 or 2: labelled) instead of the detector's confidence.
          to_pixels: makes pixels [n, K, 2] of the lists' x, y, c [n, K, 3].
          image_size: (width, height) px.

        Raises:
          ValueError: a number is too large for a pixel, a confidence is infinite, or a label is not 0, 1 or 2.
        """
        n = len(self._places)
        convention = self._convention or conventions.CONVENTIONS["coco_17"]  # Without poses any convention will do.
        numbers = np.frombuffer(self._numbers.tobytes()).reshape(n, -1 if n else convention.num_joints, 3)
        numbers = numbers[:, : convention.num_joints]
        confidence = numbers[..., 2]
        poses = numbers[..., :2] if to_pixels is None else to_pixels(numbers)
        possible = ~(np.abs(poses) > LARGEST_PX) | np.isinf(poses)  # A joint at infinity is not seen.
        self._require(poses, possible, f"numbers within {LARGEST_PX:g} px", convention)
        if flags:
            right = np.isin(confidence, (0, 1, 2)) | np.isnan(confidence)
            self._require(confidence, right, "visibility 0, 1 or 2", convention)
            poses = np.where(confidence[..., np.newaxis] > 0, poses, np.nan)
        else:
            self._require(confidence, ~np.isinf(confidence), "a finite confidence", convention)
        clips = set(self._clips)
        rows = Rows(
            convention=convention,
            poses_2d=poses.astype(np.float32),
            confidence=None if flags else np.clip(confidence, 0.0, LARGEST_PX).astype(np.float32),
            subject=self._subject,
            clip=clips.pop() if len(clips) == 1 else np.array(self._clips, np.str_),
            frame=np.array(self._frames, np.int64),
            person=np.array(self._people, np.int64),
            identity=np.where(self._places_only, PLACE, PERSON),
            score=np.array(self._scores) if self._scores else None,
            image_size=image_size,
            dropped=dict(self.dropped),
            done=done,
        )
        self._clear()
        return rows

    def _without_null(self, keypoints: list[Any], place: str) -> list[float]:
        """Replaces null in `keypoints` by NaN, because JSON has no NaN; ValueError if anything else is not a number."""
        numbers = [math.nan if number is None else number for number in keypoints]
        at = next((i for i, number in enumerate(numbers) if not _is_number(number)), None)
        if at is not None:
            raise ValueError(f"{self._where}: {place}: keypoints: expected numbers; got {shown(keypoints[at])} at {at}")
        return numbers

    def _convention_of(self, keypoints: list[Any], place: str) -> Convention:
        what = f"{self._where}: {place}: keypoints"
        if self._convention is not None:
            raise ValueError(f"{what}: expected {self._length} numbers as before; got {len(keypoints)}")
        joints, rest = divmod(len(keypoints), 3)
        if rest or not joints:
            raise ValueError(f"{what}: expected x, y and confidence of each; got {len(keypoints)} numbers")
        known = self._known.get(joints)
        if self._num_named and self._num_named != joints:
            raise ValueError(f"{what}: expected {self._num_named}, as many as the file names; got {joints}")
        if self._stated is not None:
            fits = (
                self._num_named
                or self._stated.num_joints == joints
                or self._stated == known
                or begins_whole_body(self._stated, joints)
            )
            if not fits:
                name, expected = self._stated.name, self._stated.num_joints
                raise ValueError(f"{what}: convention {name!r} has {expected} joints; got {joints}")
            return self._stated
        if known is None:
            raise ValueError(
                f"{what}: {joints} of them; state their convention with --option=convention=NAME, "
                f"{conventions.candidates(joints)}"
            )
        return known

    def _require(self, values: np.ndarray, right: np.ndarray, expected: str, convention: Convention) -> None:
        if not right.all():
            row, joint, *_ = np.argwhere(~right)[0]
            raise ValueError(
                f"{self._where}: {self._places[row]}: keypoints: expected {expected}; got {values[~right][0]:g} for "
                f"{convention.joints[joint]}"
            )


def integer(value: Any, what: str) -> int:
    """Checks that `value` from a file is an integer from 0 of 32 bits, as frames and persons must be."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value <= _LARGEST_INT:
        raise ValueError(f"{what}: expected an integer from 0 to {_LARGEST_INT}; got {shown(value)}")
    return value


def own_id(values: Mapping[str, Any], what: str) -> int | None:
    """Reads a person's id from `values`; None where there is none, or where it is null or negative (nobody's).

    PoseTrack's and other COCO files call it track_id, CVAT's have it among the attributes, CocoVID's say instance_id,
    trackers of CenterTrack's kind tracking_id.

    Raises:
      ValueError: an id that is no integer; the message begins with `what`.
    """
    attributes = values.get("attributes")
    if type(attributes) is dict and "track_id" in attributes and values.get("track_id") is None:
        values = attributes
    for name in _OWN_IDS:
        if name not in values:
            continue
        found = values[name]
        while type(found) is list and len(found) == 1:
            found = found[0]
        if type(found) is str and re.fullmatch(r"-?\d{1,10}", found, re.ASCII):
            found = int(found)
        if found is None or found in ("", []) or (isinstance(found, (int, float)) and found < 0):
            continue
        return integer(found, f"{what}: {name}")
    return None


def text(value: Any, what: str) -> str:
    """Checks that `value` (from a file, or the file's name) is text that can be written into another file."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{what}: expected text; got {shown(value)}")
    if len(value) > MAX_TEXT_LENGTH:
        raise ValueError(f"{what}: expected at most {MAX_TEXT_LENGTH} characters; got {len(value)}")
    if any(character < " " or "\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{what}: expected Unicode text without control characters; got {shown(value)}")
    return value


def stem(path: str | os.PathLike[str], what: str) -> str:
    """Returns the file's name without its last extension; it becomes the name of a clip."""
    return text(unpacked_name(path).stem, f"{what}: its name")


def checked_size(size: Any, what: str) -> tuple[int, int]:
    """Checks an image size from a file or the user; returns (width, height) px."""
    pair = tuple(size) if isinstance(size, (list, tuple)) else ()
    if len(pair) != 2 or not all(type(length) is int and 0 < length <= LARGEST_PX for length in pair):
        got = ", ".join(map(shown, pair)) or shown(size)
        raise ValueError(f"{what}: expected width and height in pixels; got {got}")
    return pair


def _is_number(value: Any) -> bool:
    if not isinstance(value, (int, float)):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True
