"""Reads keypoints from a pickled array with one entry for each frame; an entry holds as many people as were found.

`np.save` and `np.savez` make such arrays of lists: an entry is numbers [people, K, 2 or 3], [K, 2 or 3] of one person,
a list of these, or empty or None where nobody was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tf_elepose.data.identities import PLACE
from tf_elepose.data.parsers.npz import as_float32
from tf_elepose.data.parsers.pickled_npz import PickledNpz, described
from tf_elepose.data.readers.stated_convention import stated_convention
from tf_elepose.data.readers.third_number import ThirdNumbers
from tf_elepose.data.rows import Rows

_PART = 8192


def read_ragged(archive: PickledNpz, name: str, stated: str | None, third: str | None, clip: str) -> Iterator[Rows]:
    """Yields the people in the frames of the array `name`; their numbers are places in the frame.

    Args:
      archive: the open file.
      name: of the array.
      stated: the convention that the user states.
      third: what third numbers are, see `ThirdNumbers`.
      clip: the clip of the frames.

    Raises:
      ValueError: an entry is something else, or has another number of joints than earlier ones; the message names the
        frame.
    """
    where = f"{archive.where}: {name}"
    objects = archive.objects(name)
    if objects.ndim == 0:
        raise ValueError(f"{where}: expected an entry a frame; got object []: one {described(objects.item())}")
    frames = list(objects)
    thirds, held, shape = ThirdNumbers(third, where), None, None
    people: list[np.ndarray] = []
    numbers: list[int] = []
    dropped = 0
    for frame, entry in enumerate(frames):
        found = _people(entry, f"{where}: frame {frame}")
        if found is None:
            dropped += 1
        else:
            if shape is None:
                shape = found.shape[1:]
                held = stated_convention(stated, shape[0], archive.where)
            if found.shape[1:] != shape:
                raise ValueError(
                    f"{where}: frame {frame}: expected numbers [people, {shape[0]}, {shape[1]}] as before; "
                    f"got {described(found)}"
                )
            people.append(found)
            numbers += [frame] * len(found)
        last = frame + 1 == len(frames)
        if held is not None and (len(numbers) >= _PART or (last and (people or dropped))):
            joints = held.num_joints
            poses = np.concatenate(people) if people else np.zeros((0, *(shape or ())), np.float32)
            places, confidence = thirds.split(poses[:, :joints])
            yield Rows(
                held,
                places,
                confidence=confidence,
                subject=clip,
                clip=clip,
                frame=np.array(numbers, np.int64),
                person=np.concatenate([np.zeros(0, np.int64), *(np.arange(len(found)) for found in people)]),
                identity=PLACE,
                dropped={"frames without people": dropped} if dropped else {},
                done=(frame + 1) / len(frames),
            )
            people, numbers, dropped = [], [], 0
    if shape is None:
        raise ValueError(f"{where}: expected keypoints of people; none of the {len(frames)} frames has any")


def _people(entry: Any, what: str) -> np.ndarray | None:
    """The people [n, K, 2 or 3] of a frame; None where there are none."""
    if entry is None or (isinstance(entry, (list, tuple, np.ndarray)) and len(entry) == 0):
        return None
    found: np.ndarray
    try:
        found = as_float32(np.asarray(entry))
    except (TypeError, ValueError, OverflowError):
        found = np.zeros(0)
    found = found[np.newaxis] if found.ndim == 2 else found
    if found.ndim != 3 or found.shape[2] not in (2, 3) or 0 in found.shape:
        raise ValueError(f"{what}: expected numbers [people, K, 2 or 3]; got {described(entry)}")
    return found
