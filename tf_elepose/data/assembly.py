"""How the rows that a reader yields become a recording of the wanted skeleton.

The same for all formats: conversion of the joints, missing ones known as such, poses with too few of them left out,
the best of several people, and the checks that nothing out of proportion gets through.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tf_elepose.data.recording import Recording, check_array, row_fields
from tf_elepose.data.rows import LARGEST_PX, Rows
from tf_elepose.skeleton.conversion import Convention, Conversion, conversion
from tf_elepose.skeleton.skeletons import MIN_JOINTS, Skeleton

PEOPLE = ("all", "best")

_LARGEST_MM = 1e7
_MOST_CAMERAS = 1 << 16


@dataclasses.dataclass
class _Part:
    """Rows of the wanted skeleton: fields of a Recording, and what only the assembly needs."""

    fields: dict[str, np.ndarray]
    score: np.ndarray
    image_sizes: dict[int, tuple[int, int]]
    dropped: Mapping[str, int]


def assemble(
    rows: Iterable[Rows],
    skeleton: Skeleton,
    source: str,
    *,
    people: str = "all",
    min_joints: int = MIN_JOINTS,
    progress: Callable[[int, float | None], None] | None = None,
) -> Recording:
    """All of `rows` as one recording of `skeleton`.

    Args:
      rows: from a reader.
      skeleton: the joints wanted.
      source: what messages call the place the rows come from.
      people: "all", or "best": the row with the highest score of every image.
      min_joints: rows with fewer joints of `skeleton` are dropped.
      progress: told how many rows have been read, and the share of the source, after each part.

    Raises:
      ValueError: no row is left; a wrong shape, a number that is not finite or out of all proportion; a convention
        that cannot give the skeleton's joints.
    """
    if people not in PEOPLE:
        raise ValueError(f"{source}: people: expected {' or '.join(PEOPLE)}; got {people!r}")
    parts, dropped, read = [], collections.Counter[str](), 0
    for part in _converted(rows, skeleton, source, min_joints, progress):
        dropped.update(part.dropped)
        read += len(part.score)
        if len(part.score):
            parts.append(part)
    if not parts:
        raise _nothing(source, dropped)
    fields = _joined(parts)
    if people == "best":
        best = _best_rows(fields, np.concatenate([part.score for part in parts]))
        if len(best) < read:
            dropped["other people in the image"] += read - len(best)
            fields = {name: values[best] for name, values in fields.items()}
    sizes: dict[int, set[tuple[int, int]]] = {}
    for part in parts:
        for camera, size in part.image_sizes.items():
            sizes.setdefault(camera, set()).add(size)
    return Recording(
        source=source,
        skeleton=skeleton,
        image_size=_image_size(sizes, fields["camera"]),
        dropped=dict(dropped),
        **fields,
    )


def recordings(
    rows: Iterable[Rows],
    skeleton: Skeleton,
    source: str,
    *,
    min_joints: int = MIN_JOINTS,
    progress: Callable[[int, float | None], None] | None = None,
) -> Iterator[Recording]:
    """As `assemble`, a recording for each part that the reader yields: for sources larger than memory.

    What a part without any pose to use left out counts with the next, at the end with the last.

    Raises:
      ValueError: as `assemble`.
    """
    waiting = collections.Counter[str]()
    ready: Recording | None = None
    for part in _converted(rows, skeleton, source, min_joints, progress):
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
            ready = Recording(source=source, skeleton=skeleton, image_size=size, dropped=dropped, **part.fields)
    if ready is None:
        raise _nothing(source, waiting)
    waiting.update(ready.dropped)
    yield dataclasses.replace(ready, dropped=dict(waiting))


def _nothing(source: str, dropped: Mapping[str, int]) -> ValueError:
    why = "; ".join(f"{count} {reason}" for reason, count in dropped.items()) or "it holds no poses"
    return ValueError(f"{source}: no pose to use: {why}")


def _converted(
    rows: Iterable[Rows],
    skeleton: Skeleton,
    source: str,
    min_joints: int,
    progress: Callable[[int, float | None], None] | None,
) -> Iterator[_Part]:
    read = 0
    for part in rows:
        converted = _convert(part, skeleton, source, min_joints, read)
        read += len(part.poses_2d)
        if progress is not None:
            progress(read, part.done)
        yield converted


def _convert(rows: Rows, skeleton: Skeleton, source: str, min_joints: int, first: int) -> _Part:
    """Rows of a source, of which the first has the number `first`."""
    poses, visible, trust = _two_d(rows, skeleton, source, first)
    n = len(poses)
    fields: dict[str, np.ndarray] = {"poses_2d": poses, "visible": visible}
    if rows.poses_2d_detected is not None:
        found, seen, trust = _detected(rows, skeleton, source, first)
        fields |= {"poses_2d_detected": found, "confidence": trust}
    elif trust is not None:
        fields["confidence"] = trust
    if rows.poses_3d is not None:
        convert = _conversion(rows.convention_3d or rows.convention, skeleton, source)
        if convert.missing:
            raise ValueError(
                f"{source}: poses_3d: has no {', '.join(convert.missing)}; skeleton {skeleton.name!r} does"
            )
        shape, what = (n, len(convert.source), 3), f"{source}: poses_3d"
        _require(rows.poses_3d, shape, _LARGEST_MM, "mm", what, missing=False, first=first)
        fields["poses_3d"] = convert.apply(np.asarray(rows.poses_3d, np.float32))
    for name, (kind, shape) in row_fields(skeleton.num_joints).items():
        value = getattr(rows, name, None)
        if name not in fields and shape == () and value is not None:
            fields[name] = _column(value, kind, n, f"{source}: {name}")
    sizes = _sizes(rows.image_size, fields["camera"], source)
    score = visible.sum(axis=1) if trust is None else trust.sum(axis=1)
    score = np.asarray(score if rows.score is None else rows.score, np.float64)
    if score.shape != (n,):
        raise ValueError(f"{source}: score: expected {n} numbers; got shape {list(score.shape)}")
    enough = visible.sum(axis=1) >= min_joints
    if rows.poses_2d_detected is not None:
        enough &= seen.sum(axis=1) >= min_joints
    dropped = dict(rows.dropped)
    if not enough.all():
        reason = f"with fewer than {min_joints} joints"
        dropped[reason] = dropped.get(reason, 0) + int((~enough).sum())
        fields = {name: values[enough] for name, values in fields.items()}
        score = score[enough]
    return _Part(fields, score, sizes, dropped)


def _two_d(rows: Rows, skeleton: Skeleton, source: str, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    own = rows.confidence if rows.poses_2d_detected is None else None
    return _seen(rows.poses_2d, own, rows.convention, skeleton, f"{source}: poses_2d", first)


def _detected(rows: Rows, skeleton: Skeleton, source: str, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    assert rows.poses_2d_detected is not None
    if len(rows.poses_2d_detected) != len(rows.poses_2d):
        raise ValueError(
            f"{source}: poses_2d_detected: expected {len(rows.poses_2d)} rows; got {len(rows.poses_2d_detected)}"
        )
    convention = rows.detected_convention or rows.convention
    poses, seen, trust = _seen(
        rows.poses_2d_detected, rows.confidence, convention, skeleton, f"{source}: poses_2d_detected", first
    )
    return poses, seen, seen.astype(np.float32) if trust is None else trust


def _seen(
    poses: np.ndarray,
    confidence: np.ndarray | None,
    convention: Convention | Skeleton,
    skeleton: Skeleton,
    what: str,
    first: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Poses [n, J, 2] of `skeleton`, 0 where missing; which joints they have [n, J]; how sure they are, or None."""
    convert = _conversion(convention, skeleton, what)
    n, joints = len(poses), len(convert.source)
    _require(poses, (n, joints, 2), LARGEST_PX, "px", what, missing=True, first=first)
    poses = np.asarray(poses, np.float32)
    if confidence is not None:
        confidence = np.asarray(confidence)
        if confidence.dtype.kind not in "fiub" or confidence.shape != (n, joints):
            raise ValueError(
                f"{what}: expected confidences [{n}, {joints}]; got {confidence.dtype} {list(confidence.shape)}"
            )
        with np.errstate(over="ignore"):
            confidence = confidence.astype(np.float32)
        confidence = np.where(np.isfinite(confidence), np.maximum(confidence, 0.0), 0.0)
        poses = np.where(confidence[..., np.newaxis] > 0, poses, np.float32(np.nan))
    poses = convert.apply(poses)
    visible = np.asarray(np.isfinite(poses).all(axis=-1))
    poses[~visible] = 0.0
    if confidence is None:
        return poses, visible, None
    return poses, visible, np.where(visible, convert.apply_confidence(confidence), np.float32(0.0))


def _conversion(convention: Convention | Skeleton, skeleton: Skeleton, what: str) -> Conversion:
    convert = conversion(convention, skeleton)
    if len(convert.missing) > skeleton.num_joints - MIN_JOINTS:
        raise ValueError(
            f"{what}: convention {convention.name!r} does not know {', '.join(convert.missing)} of skeleton "
            f"{skeleton.name!r}; a convention file can say what they are made of"
        )
    return convert


def _require(
    array: np.ndarray, shape: tuple[int, ...], largest: float, unit: str, what: str, *, missing: bool, first: int
) -> None:
    """ValueError unless `array` has `shape` and holds numbers within `largest`; NaN passes where `missing`. It names
    the row, whose numbers begin at `first`.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "fiu" or array.shape != shape:
        raise ValueError(f"{what}: expected numbers {list(shape)}; got {array.dtype} {list(array.shape)}")
    if array.size == 0:
        return
    with np.errstate(invalid="ignore"):
        wrong = ~((array >= -largest) & (array <= largest))
    if missing:
        wrong &= ~np.isnan(array)
    if wrong.any():
        row = int(np.flatnonzero(wrong.reshape(len(array), -1).any(axis=1))[0])
        value = array[row][wrong[row]].flat[0]
        raise ValueError(f"{what}: expected numbers within {largest:g} {unit}; row {first + row} holds {value}")


def _column(value: Any, kind: str, n: int, what: str) -> np.ndarray:
    """One value for all rows, or one for each, as [n]."""
    array = np.asarray(value)
    if array.shape == ():
        array = np.full(n, value) if kind != "text" else np.full(n, str(value))
    return check_array(array, kind, (n,), what)


def _joined(parts: list[_Part]) -> dict[str, np.ndarray]:
    """The parts' fields one after the other; what only some of them know is filled with what means unknown."""
    known = {name for part in parts for name in part.fields}
    for name in sorted({"poses_3d", "elevation"} & known):
        if not all(name in part.fields for part in parts):
            known.discard(name)  # There is no value for "unknown"; half a truth is none.
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


def _unknown(name: str, part: _Part) -> np.ndarray:
    if name == "person":
        return np.zeros(len(part.score), np.int32)
    if name == "confidence":  # Parts without confidences are as sure as can be of the joints that they have.
        return part.fields["visible"].astype(np.float32)
    raise _some_only(name)


def _some_only(name: str) -> ValueError:
    return ValueError(f"a reader gave {name} for some of its rows only")


def _best_rows(fields: Mapping[str, np.ndarray], score: np.ndarray) -> np.ndarray:
    """Rows, in order, of the highest score of each image: (subject, clip, camera, frame)."""
    keys = [np.unique(fields[name], return_inverse=True)[1] for name in ("subject", "clip", "camera", "frame")]
    order = np.lexsort((-score, *keys))
    first = np.ones(len(order), bool)
    first[1:] = np.any([key[order[1:]] != key[order[:-1]] for key in keys], axis=0)
    return np.sort(order[first])


def _sizes(
    stated: tuple[int, int] | Mapping[int, tuple[int, int]] | None, camera: np.ndarray, source: str
) -> dict[int, tuple[int, int]]:
    """{camera: (width, height)} of the cameras in these rows, as far as known."""
    if stated is None:
        return {}
    cameras = np.unique(camera).tolist()
    if isinstance(stated, Mapping):
        if unknown := sorted(set(cameras) - set(stated)):
            raise ValueError(
                f"{source}: image_size: sizes of {len(stated)} cameras, but camera goes up to {unknown[-1]}"
            )
        by_camera = {c: stated[c] for c in cameras}
    else:
        by_camera = dict.fromkeys(cameras, stated)
    return {c: (int(width), int(height)) for c, (width, height) in by_camera.items()}


def _image_size(sizes: Mapping[int, set[tuple[int, int]]], camera: np.ndarray) -> np.ndarray | None:
    """[2], or [cameras, 2]; None where a camera's is unknown or, in different clips, another.

    None, too, where cameras are not counted from 0 but named by such large numbers that there is no table by camera.
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
