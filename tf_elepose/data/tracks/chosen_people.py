"""Chooses which people of a recording are kept: all, the best one of every image, or one person of every clip."""

from __future__ import annotations

from typing import Any

import numpy as np

from tf_elepose.data.identities import PLACE
from tf_elepose.data.tracks.linked_rows import Fields, clip_labels, detections
from tf_elepose.data.tracks.tracklets import Bodies
from tf_elepose.skeleton.skeletons import Skeleton

CHOICES = ("all", "best", "largest", "longest")
"""The words for a choice; the number of a person is a choice, too."""

_MOST_SHOWN = 12

_FEWEST_OF_LONGEST = 0.5  # "largest" considers people seen at least this share as long as the longest one.


def checked_choice(people: Any) -> str | int:
    """Returns the choice in `people`: one of `CHOICES`, or a number.

    Raises:
      ValueError: `people` is neither.
    """
    if isinstance(people, str) and people.isascii() and people.isdigit():
        people = int(people)
    if (isinstance(people, str) and people in CHOICES) or (type(people) is int and people >= 0):
        return people
    raise ValueError(f"people: expected {', '.join(CHOICES)} or the number of a person; got {people!r}")


def chosen_rows(
    people: str | int, fields: Fields, score: np.ndarray, identity: np.ndarray, skeleton: Skeleton, source: str
) -> np.ndarray:
    """Returns the rows, in order, of the people that are kept.

    Args:
      people: "all"; "best", in every image the row with the highest score; "longest", in every clip and camera the
        person with the most rows; "largest", in every clip and camera the person with the largest body, among people
        with at least half as many rows as the longest; or a person's number. Where nobody can be followed from image to
        image, "largest" is the largest person of every image.
      fields: of a recording.
      score: [n] how good a detection each row is.
      identity: [n] of `IDENTITIES`, what `fields["person"]` means.
      skeleton: of the poses.
      source: names the data in messages.

    Raises:
      ValueError: no person has this number; or, for "longest" or a number, nobody can be followed from image to image.
    """
    label, names = clip_labels(fields)
    if people == "all":
        return np.arange(len(label))
    person = fields.get("person", np.zeros(len(label), np.int32))
    if people == "best":
        order = np.argsort(
            person, kind="stable"
        )  # Of equal scores that of the lowest number, not of any place, is kept.
        return np.sort(order[_best_of_each(label[order], fields["frame"][order], score[order])])
    stills = _stills(label, fields["frame"], identity, person)
    size = Bodies.of(*detections(fields), np.array(skeleton.mirror)).size
    if people == "largest" and stills.any():
        here = stills[label]
        apart, together = np.flatnonzero(here), np.flatnonzero(~here)
        best = apart[_best_of_each(label[apart], fields["frame"][apart], size[apart])]
        return np.sort(np.concatenate([best, together[_largest(label[together], person[together], size[together])]]))
    if stills.any():
        raise ValueError(
            f"{source}: people={people}: {names[int(np.argmax(stills))]} has no ids of people, and nobody can be "
            "followed from one image to the next: use --option=people=best or --option=people=largest"
        )
    if people == "largest":
        return _largest(label, person, size)
    if people == "longest":
        return _longest(label, person)
    rows = np.flatnonzero(person == people)
    if not len(rows):
        raise ValueError(f"{source}: people={people}: nobody has this number; there are {_numbers(person)}")
    return rows


def _numbers(person: np.ndarray) -> str:
    numbers = [str(number) for number in np.unique(person).tolist()]
    return ", ".join([*numbers[:_MOST_SHOWN], *["..."] * (len(numbers) > _MOST_SHOWN)])


def _stills(label: np.ndarray, frame: np.ndarray, identity: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Mask of the clips with several frames and several people whose numbers are places in lists."""
    count = int(label.max()) + 1
    places = np.bincount(label[(identity == PLACE) & (person > 0)], minlength=count) > 0
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(first, label, frame)
    np.maximum.at(last, label, frame)
    return places & (first != last)


def _best_of_each(label: np.ndarray, frame: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Returns the row with the highest score of each image, in order."""
    order = np.lexsort((-score, frame, label))
    first = np.ones(len(order), bool)
    first[1:] = (label[order[1:]] != label[order[:-1]]) | (frame[order[1:]] != frame[order[:-1]])
    return np.sort(order[first])


def _people(label: np.ndarray, person: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the clip and the number of rows of each person, and the person of each row."""
    pairs, of_row, rows = np.unique(np.stack([label, person], axis=1), axis=0, return_inverse=True, return_counts=True)
    return pairs[:, 0], rows, of_row.reshape(-1)


def _longest(label: np.ndarray, person: np.ndarray) -> np.ndarray:
    clip, rows, of_row = _people(label, person)
    return _first_of_each(clip, -rows, of_row)


def _largest(label: np.ndarray, person: np.ndarray, size: np.ndarray) -> np.ndarray:
    if not len(label):
        return np.arange(0)
    clip, rows, of_row = _people(label, person)
    order = np.lexsort((size, of_row))
    middle = size[order[np.cumsum(rows) - (rows + 1) // 2]]
    longest = np.zeros(int(clip.max()) + 1)
    np.maximum.at(longest, clip, rows)
    return _first_of_each(clip, np.where(rows < _FEWEST_OF_LONGEST * longest[clip], 0.0, -middle), of_row)


def _first_of_each(clip: np.ndarray, rank: np.ndarray, of_row: np.ndarray) -> np.ndarray:
    """Returns the rows of the person with the lowest rank in each clip; if ranks are equal, the lowest number wins."""
    order = np.lexsort((rank, clip))
    first = np.ones(len(order), bool)
    first[1:] = clip[order[1:]] != clip[order[:-1]]
    chosen = np.zeros(len(order), bool)
    chosen[order[first]] = True
    return np.flatnonzero(chosen[of_row])
