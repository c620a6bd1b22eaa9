"""Says who is who in the rows of a recording: by the file's ids, or, without ids, by linking people over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from tf_elepose.data.identities import PERSON, PLACE, TRACK
from tf_elepose.data.tracks.identity import FRAME_RATE, Linker
from tf_elepose.data.tracks.people import ClipName, People
from tf_elepose.skeleton.skeletons import Skeleton

Fields = Mapping[str, np.ndarray]
"""The fields of a `Recording` that have one entry for each row."""


class LinkedRows:
    """Numbers the people in rows; rows come in one part or in several."""

    def __init__(self, source: str, skeleton: Skeleton, frame_rate: float = FRAME_RATE, *, parts: bool = False) -> None:
        """Starts without rows.

        Args:
          source: name of the data in messages.
          skeleton: of the poses.
          frame_rate: frames a second.
          parts: whether clips may go on in a later part.
        """
        self._source = source
        self._skeleton = skeleton
        self._link = Linker(source, frame_rate, parts=parts)
        self._several: set[ClipName] = set()  # Clips in which several people of a frame have the same number.
        self._told: set[ClipName] = set()

    def __call__(self, fields: Fields, identity: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Returns the fields of the next part with the numbers of people, and what each number means, [n].

        Args:
          fields: of n rows.
          identity: [n] of `IDENTITIES`.

        Raises:
          ValueError: see `Linker`.
        """
        label, names = clip_labels(fields)
        frame, person = fields["frame"], fields.get("person")
        place = np.zeros(len(label), bool) if person is None else identity == PLACE
        again = np.zeros(len(names), bool)
        again[label[_repeated(label, frame, person, np.flatnonzero(~place))]] = True
        again |= np.array([name in self._several for name in names], bool)
        several = [names[at] for at in np.flatnonzero(again).tolist()]
        if person is not None:
            self._tell(several)
        self._several.update(several)
        place = place | again[label]
        if not place.any():
            return dict(fields), np.full(len(label), PERSON) if person is None else identity
        if person is None:
            person = _places(label, frame)
        elif again.any():  # In pictures, which are not linked, two people would stay one.
            person = np.where(again[label], _places(label, frame), person)
        of_these = np.bincount(label[place], minlength=len(names)) > 0
        rows = np.flatnonzero(of_these[label])
        pixels, seen = detections(fields)
        people = People(
            clip=(np.cumsum(of_these) - 1)[label[rows]],
            names=[names[at] for at in np.flatnonzero(of_these).tolist()],
            mirror=np.array(self._skeleton.mirror),
            **{
                name: values if len(rows) == len(values) else values[rows]
                for name, values in {
                    "frame": frame, "person": person, "has_id": ~place, "pixels": pixels, "seen": seen
                }.items()
            },
        )  # fmt: skip
        numbers, linked = self._link(people)
        person, identity = person.copy(), np.where(place, PLACE, identity)
        person[rows] = numbers
        identity[rows[linked]] = TRACK
        identity[place & ~_several_frames(label, frame)[label]] = TRACK  # Nobody has to be followed.
        return {**fields, "person": person}, identity

    def _tell(self, clips: Sequence[ClipName]) -> None:
        """Warns that ids of these clips do not say who is who."""
        new = [name for name in clips if name not in self._told]
        self._told.update(new)
        if new:
            more = f" and {len(new) - 1} more" if len(new) > 1 else ""
            logging.warning(
                "%s: %s%s: two people of one frame have the same number, so numbers do not say who is who there, and "
                "people are linked by place and size",
                self._source, new[0], more,
            )  # fmt: skip


def clip_labels(fields: Fields) -> tuple[np.ndarray, list[ClipName]]:
    """Labels each row's clip and camera from 0 in the order of appearance; also returns what each label stands for.

    Rows of a clip mostly come together. So each text is compared with the one before, and texts are not sorted.
    """
    columns = [fields[name] for name in ("subject", "clip", "camera")]
    new = np.ones(len(columns[0]), bool)
    new[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    first = np.flatnonzero(new)
    labels: dict[ClipName, int] = {}
    of_run = [
        labels.setdefault(ClipName(*name), len(labels))
        for name in zip(*(column[first].tolist() for column in columns), strict=True)
    ]
    return np.repeat(np.array(of_run, np.int64), np.diff(first, append=len(new))), list(labels)


def _repeated(label: np.ndarray, frame: np.ndarray, person: np.ndarray | None, rows: np.ndarray) -> np.ndarray:
    """Returns those of `rows` that share clip, frame and person with another of them."""
    if not len(rows):
        return rows
    columns = [label[rows], frame[rows], *([] if person is None else [person[rows]])]
    same = np.ones(len(rows), bool)
    order = np.lexsort(columns[::-1])
    for column in columns:
        same[1:] &= column[order[1:]] == column[order[:-1]]
    same[0] = False
    return rows[order[same]]


def _several_frames(label: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Mask of the labels whose rows are of more than one frame."""
    first = np.empty(int(label.max()) + 1, frame.dtype)
    first[label] = frame
    return np.bincount(label, frame != first[label]) > 0


def _places(label: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Each row's place among the rows of its clip and frame, from 0."""
    order = np.lexsort((frame, label))
    new = np.ones(len(order), bool)
    new[1:] = (label[order[1:]] != label[order[:-1]]) | (frame[order[1:]] != frame[order[:-1]])
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order)) - np.repeat(np.flatnonzero(new), np.diff(np.flatnonzero(new), append=len(new)))
    return place


def detections(fields: Fields) -> tuple[np.ndarray, np.ndarray]:
    """Returns the detected poses [n, J, 2] px if there are any, otherwise `poses_2d`; and the seen joints [n, J]."""
    if "poses_2d_detected" in fields:
        return fields["poses_2d_detected"], fields["confidence"] > 0.0
    pixels = fields["poses_2d"]
    return pixels, fields.get("visible", np.ones(pixels.shape[:2], bool))
