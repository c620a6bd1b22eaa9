"""Converts a reader's rows to rows of the wanted skeleton, and refuses impossibly large numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tf_elepose.data.identities import IDENTITIES
from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.recording import check_array, row_fields
from tf_elepose.data.rows import Rows
from tf_elepose.data.visibility import LARGEST_PX, RootCentring
from tf_elepose.skeleton.conversion import Convention, Conversion, conversion
from tf_elepose.skeleton.skeletons import MIN_JOINTS, Skeleton

_LARGEST_MM = 1e7


@dataclasses.dataclass
class Part:
    """Rows of the wanted skeleton.

    Attributes:
      fields: of a `Recording`, [n, ...] each.
      score: [n] how good a detection each row is.
      identity: [n] of `IDENTITIES`, what `person` means in each row.
      image_sizes: {camera: (width, height)} px, as far as known.
      dropped: poses left out, by reason.
    """

    fields: dict[str, np.ndarray]
    score: np.ndarray
    identity: np.ndarray
    image_sizes: dict[int, tuple[int, int]]
    dropped: Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class RowConversion:
    """Makes rows of `skeleton` out of a reader's rows.

    Attributes:
      skeleton: the joints wanted.
      source: name of the data in messages.
      min_joints: rows with fewer joints of `skeleton` are dropped.

    `visibility` decides which joints are seen. All rows converted so far decide whether the source is root-centred.
    """

    skeleton: Skeleton
    source: str
    min_joints: int
    _centring: dict[tuple[str, str], RootCentring] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def __call__(self, rows: Rows, first: int) -> Part:
        """Converts rows of the source; `first` is the number of the first of them.

        Raises:
          ValueError: a shape is wrong; a number is not finite or impossibly large; a convention cannot give the
            skeleton's joints. The message names the row.
        """
        own = rows.confidence if rows.poses_2d_detected is None else None
        best = self._keypoints(rows.poses_2d, own, rows.convention, "poses_2d", first)
        n, trust, enough = len(best), best.confidence, self._enough(best)
        fields: dict[str, np.ndarray] = {"poses_2d": best.pixels, "visible": best.seen}
        if rows.poses_2d_detected is not None:
            detected = self._detected(rows, first)
            trust = detected.seen.astype(np.float32) if detected.confidence is None else detected.confidence
            enough &= self._enough(detected)
            fields |= {"poses_2d_detected": detected.pixels, "confidence": trust}
        elif trust is not None:
            fields["confidence"] = trust
        if rows.poses_3d is not None:
            fields["poses_3d"] = self._poses_3d(rows, n, first)
        for name, (kind, shape) in row_fields(self.skeleton.num_joints).items():
            value = getattr(rows, name, None)
            if name not in fields and shape == () and value is not None:
                fields[name] = _column(value, kind, n, f"{self.source}: {name}")
        sizes = _sizes(rows.image_size, fields["camera"], self.source)
        score = best.seen.sum(axis=1) if trust is None else trust.sum(axis=1)
        score = np.asarray(score if rows.score is None else rows.score, np.float64)
        if score.shape != (n,):
            raise ValueError(f"{self.source}: score: expected {n} numbers; got shape {list(score.shape)}")
        identity = _identity(rows.identity, n, self.source)
        dropped = dict(rows.dropped)
        if not enough.all():
            reason = f"with fewer than {self.min_joints} joints"
            dropped[reason] = dropped.get(reason, 0) + int((~enough).sum())
            fields = {name: values[enough] for name, values in fields.items()}
            score, identity = score[enough], identity[enough]
        return Part(fields, score, identity, sizes, dropped)

    def _enough(self, keypoints: Keypoints) -> np.ndarray:
        """Mask [n] of the rows with at least `min_joints` seen joints."""
        return keypoints.seen.sum(axis=1) >= self.min_joints

    def _detected(self, rows: Rows, first: int) -> Keypoints:
        assert rows.poses_2d_detected is not None
        if len(rows.poses_2d_detected) != len(rows.poses_2d):
            raise ValueError(
                f"{self.source}: poses_2d_detected: expected {len(rows.poses_2d)} rows; "
                f"got {len(rows.poses_2d_detected)}"
            )
        convention = rows.detected_convention or rows.convention
        return self._keypoints(rows.poses_2d_detected, rows.confidence, convention, "poses_2d_detected", first)

    def _poses_3d(self, rows: Rows, n: int, first: int) -> np.ndarray:
        """[n, J, 3] mm in the camera frame."""
        convert = self._conversion(rows.convention_3d or rows.convention, self.source)
        what = f"{self.source}: poses_3d"
        if convert.missing:
            raise ValueError(f"{what}: has no {', '.join(convert.missing)}; skeleton {self.skeleton.name!r} needs it")
        shape = (n, len(convert.source), 3)
        poses = np.asarray(rows.poses_3d)
        _require(poses, shape, _LARGEST_MM, "mm", what, missing=False, first=first)
        return convert.apply(np.asarray(poses, np.float32))

    def _keypoints(
        self,
        poses: np.ndarray,
        confidence: np.ndarray | None,
        convention: Convention | Skeleton,
        field: str,
        first: int,
    ) -> Keypoints:
        """Poses [n, K, 2] px of `convention`, converted to the skeleton; joints that are not seen are 0."""
        what = f"{self.source}: {field}"
        convert = self._conversion(convention, what)
        key = (field, convention.name)
        centring = self._centring[key] = self._centring.get(key) or RootCentring(convention, self.skeleton)
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
            confidence = np.where(np.isfinite(confidence), np.clip(confidence, 0.0, LARGEST_PX / 2), np.float32(0.0))
        poses = convert.apply(np.where(centring.seen(poses, confidence)[..., np.newaxis], poses, np.float32(np.nan)))
        seen = np.asarray(np.isfinite(poses).all(axis=-1))
        poses[~seen] = 0.0
        if confidence is None:
            return Keypoints(poses, seen)
        return Keypoints(poses, seen, np.where(seen, convert.apply_confidence(confidence), np.float32(0.0)))

    def _conversion(self, convention: Convention | Skeleton, what: str) -> Conversion:
        convert = conversion(convention, self.skeleton)
        if len(convert.missing) > self.skeleton.num_joints - MIN_JOINTS:
            raise ValueError(
                f"{what}: convention {convention.name!r} does not know {', '.join(convert.missing)} of skeleton "
                f"{self.skeleton.name!r}; a convention file can define them under `made`"
            )
        return convert


def _require(
    array: np.ndarray, shape: tuple[int, ...], largest: float, unit: str, what: str, *, missing: bool, first: int
) -> None:
    """Raises a ValueError unless `array` has `shape` and holds numbers within `largest`; with `missing`, NaN and
    infinity are allowed. The message names the row; rows are counted from `first`.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "fiu" or array.shape != shape:
        raise ValueError(f"{what}: expected numbers {list(shape)}; got {array.dtype} {list(array.shape)}")
    if array.size == 0:
        return
    with np.errstate(invalid="ignore"):
        wrong = ~((array >= -largest) & (array <= largest))
    if missing:
        wrong &= np.isfinite(array)
    if wrong.any():
        row = int(np.flatnonzero(wrong.reshape(len(array), -1).any(axis=1))[0])
        value = array[row][wrong[row]].flat[0]
        raise ValueError(f"{what}: expected numbers within {largest:g} {unit}; row {first + row} holds {value}")


def _column(value: Any, kind: str, n: int, what: str) -> np.ndarray:
    """Values [n], made from one value for all rows or from one value for each row."""
    array = np.asarray(value)
    if array.shape == ():
        array = np.full(n, value) if kind != "text" else np.full(n, str(value))
    return check_array(array, kind, (n,), what)


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
                f"{source}: image_size: sizes of {len(stated)} cameras, but camera numbers go up to {unknown[-1]}"
            )
        by_camera = {c: stated[c] for c in cameras}
    else:
        by_camera = dict.fromkeys(cameras, stated)
    return {c: (int(width), int(height)) for c, (width, height) in by_camera.items()}


def _identity(values: str | np.ndarray, n: int, source: str) -> np.ndarray:
    identity = np.asarray(values)
    if identity.shape not in ((), (n,)) or not np.isin(identity, IDENTITIES).all():
        raise ValueError(f"{source}: identity: expected {', '.join(IDENTITIES)}, one or {n} of them")
    return np.broadcast_to(identity, n)
