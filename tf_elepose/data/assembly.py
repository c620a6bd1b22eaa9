"""Makes a recording of the wanted skeleton from the rows that a reader yields.

All formats go through the same steps: joints are converted and missing joints are marked (row_conversion.py), poses
with too few joints and poses that a source gives twice (tracks/given_twice.py) are left out, people are linked over
time (tracks/linked_rows.py), and the wanted people are chosen (tracks/chosen_people.py).
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from tf_elepose.data.identities import least
from tf_elepose.data.recording import Recording
from tf_elepose.data.row_conversion import Part, RowConversion
from tf_elepose.data.rows import Rows
from tf_elepose.data.tracks.chosen_people import checked_choice, chosen_rows
from tf_elepose.data.tracks.given_twice import GIVEN_TWICE, given_twice
from tf_elepose.data.tracks.identity import FRAME_RATE
from tf_elepose.data.tracks.linked_rows import LinkedRows
from tf_elepose.skeleton.skeletons import MIN_JOINTS, Skeleton

NO_POSE = "no pose to use"
"""The words of the message about a source without a usable pose."""

_MOST_CAMERAS = 1 << 16


def assemble(
    rows: Iterable[Rows],
    skeleton: Skeleton,
    source: str,
    *,
    people: str | int = "all",
    min_joints: int = MIN_JOINTS,
    frame_rate: float = FRAME_RATE,
    progress: Callable[[int, float | None], None] | None = None,
) -> Recording:
    """Collects all of `rows` in one recording of `skeleton`.

    Args:
      rows: from a reader.
      skeleton: the joints wanted.
      source: name of the data in messages.
      people: see `chosen_rows`.
      min_joints: rows with fewer joints of `skeleton` are dropped.
      frame_rate: frames a second, for people who are linked over time because the source has no ids.
      progress: called after each part with the number of rows read so far and the share of the source.

    Raises:
      ValueError: no row is left; a shape is wrong; a number is not finite or impossibly large; a convention cannot give
        the skeleton's joints.
    """
    try:
        people = checked_choice(people)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    parts, dropped = [], collections.Counter[str]()
    for part in _converted(rows, RowConversion(skeleton, source, min_joints), progress):
        dropped.update(part.dropped)
        if len(part.score):
            parts.append(part)
    if not parts:
        raise _nothing(source, dropped)
    identity = np.concatenate([part.identity for part in parts])
    fields, score = _joined(parts), np.concatenate([part.score for part in parts])
    if len(twice := given_twice(fields, identity)):
        dropped[GIVEN_TWICE] += len(twice)
        fields = {name: np.delete(values, twice, axis=0) for name, values in fields.items()}
        identity, score = np.delete(identity, twice), np.delete(score, twice)
    fields, identity = LinkedRows(source, skeleton, frame_rate)(fields, identity)
    if people != "all":
        chosen = chosen_rows(people, fields, score, identity, skeleton, source)
        if len(chosen) < len(score):
            dropped["other people in the image"] += len(score) - len(chosen)
            fields, identity = {name: values[chosen] for name, values in fields.items()}, identity[chosen]
    sizes: dict[int, set[tuple[int, int]]] = {}
    for part in parts:
        for camera, size in part.image_sizes.items():
            sizes.setdefault(camera, set()).add(size)
    return Recording(
        source=source,
        skeleton=skeleton,
        image_size=_image_size(sizes, fields["camera"]),
        dropped=dict(dropped),
        identity=least(identity),
        **fields,
    )


def recordings(
    rows: Iterable[Rows],
    skeleton: Skeleton,
    source: str,
    *,
    min_joints: int = MIN_JOINTS,
    frame_rate: float = FRAME_RATE,
    progress: Callable[[int, float | None], None] | None = None,
) -> Iterator[Recording]:
    """Yields one recording for each part that the reader yields, made as in `assemble`; for sources larger than memory.

    A part of which no pose can be used gives no recording. Its dropped rows are counted in the next recording, or in
    the last one.

    Raises:
      ValueError: as in `assemble`; or people must be linked over time and the frames of a clip are not in order.
    """
    waiting = collections.Counter[str]()
    ready: Recording | None = None
    linked = LinkedRows(source, skeleton, frame_rate, parts=True)
    for part in _converted(rows, RowConversion(skeleton, source, min_joints), progress):
        waiting.update(part.dropped)
        if len(part.score):
            if ready is not None:
                for name in ("poses_2d_detected", "confidence"):
                    if (name in part.fields) != (getattr(ready, name) is not None):
                        raise _some_only(name)
                yield ready
            sizes = {camera: {size} for camera, size in part.image_sizes.items()}
            size = _image_size(sizes, part.fields["camera"])
            dropped, waiting = dict(waiting), collections.Counter[str]()
            once, identity = part.fields, part.identity
            if len(twice := given_twice(once, identity)):
                dropped[GIVEN_TWICE] = dropped.get(GIVEN_TWICE, 0) + len(twice)
                once = {name: np.delete(values, twice, axis=0) for name, values in once.items()}
                identity = np.delete(identity, twice)
            fields, identity = linked(once, identity)
            ready = Recording(
                source=source, skeleton=skeleton, image_size=size, dropped=dropped, identity=least(identity), **fields
            )
    if ready is None:
        raise _nothing(source, waiting)
    waiting.update(ready.dropped)
    yield dataclasses.replace(ready, dropped=dict(waiting))


def _nothing(source: str, dropped: Mapping[str, int]) -> ValueError:
    why = "; ".join(f"{count} {reason}" for reason, count in dropped.items()) or "it holds no poses"
    return ValueError(f"{source}: {NO_POSE}: {why}")


def _converted(
    rows: Iterable[Rows], convert: RowConversion, progress: Callable[[int, float | None], None] | None
) -> Iterator[Part]:
    read = 0
    for part in rows:
        converted = convert(part, read)
        read += len(part.poses_2d)
        if progress is not None:
            progress(read, part.done)
        yield converted


def _joined(parts: list[Part]) -> dict[str, np.ndarray]:
    """Joins the fields of all parts; where only some parts have a field, the others get its value for "unknown"."""
    known = {name for part in parts for name in part.fields}
    for name in sorted({"poses_3d", "elevation"} & known):
        if not all(name in part.fields for part in parts):
            known.discard(name)  # There is no value for "unknown", so the field is left out.
    joined: dict[str, np.ndarray] = {}
    for name in sorted(known):
        pieces = []
        for part in parts:
            if name not in part.fields:
                part.fields[name] = _unknown(name, part)
            pieces.append(part.fields.pop(name))  # Dropped as it is joined: two copies of a large set are too many.
        joined[name] = np.concatenate(pieces) if len(pieces) > 1 else pieces[0]
    if joined["visible"].all():
        del joined["visible"]
    return joined


def _unknown(name: str, part: Part) -> np.ndarray:
    if name == "person":
        return np.zeros(len(part.score), np.int32)
    if name == "confidence":  # Without confidences, a seen joint counts as certain (1).
        return part.fields["visible"].astype(np.float32)
    raise _some_only(name)


def _some_only(name: str) -> ValueError:
    return ValueError(f"a reader gave {name} for some of its rows only")


def _image_size(sizes: Mapping[int, set[tuple[int, int]]], camera: np.ndarray) -> np.ndarray | None:
    """Image size [2], or [cameras, 2]; None if it is unknown for a camera, or differs between clips of a camera.

    Also None if camera numbers are so large (serial numbers, for example) that the table would be too long.
    """
    cameras = np.unique(camera).tolist()
    if any(len(sizes.get(c, ())) != 1 for c in cameras):
        return None
    by_camera = {c: next(iter(sizes[c])) for c in cameras}
    if len(set(by_camera.values())) == 1:
        return np.array(by_camera[cameras[0]])
    if max(cameras) >= _MOST_CAMERAS:
        return None
    return np.array([by_camera.get(c, (1, 1)) for c in range(max(cameras) + 1)])
