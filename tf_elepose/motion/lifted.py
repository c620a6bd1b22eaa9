"""Lifted poses with all that is known about each; `Lifter` returns them and every output format writes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from tf_elepose.skeleton.skeletons import MIN_JOINTS, Skeleton

UNITS = ("unit", "mm")
"""Units of `Lifted.poses_3d`: "unit" is about the length from root to head, "mm" millimetres."""

AXES = ("camera", "level")
"""Frames of `Lifted.poses_3d`: both x right, y down, z forward; "level" is turned about x so that y is the vertical."""


@dataclasses.dataclass(frozen=True, eq=False)
class Lifted:
    """N lifted poses; frozen.

    Attributes:
      source: name of the keypoints' source in messages.
      model: the name of the model, and its fingerprint.
      skeleton: names the joint axis.
      poses_3d: [N, J, 3] in `unit` and `axes`, root at the origin: where the body stands is not known. 0 where not
        valid.
      unit: one of `UNITS`.
      axes: one of `AXES`.
      valid: [N] False for a pose that could not be lifted: too few joints seen, or no extent.
      poses_2d: [N, J, 2] px, the input in the model's joints; NaN where not seen.
      elevation: [N] degrees of the camera above the horizon, positive looking down; None where the model predicts none.
      percentile: [N] 0 to 100: the share of the training poses that are less likely than this one, None where the
        model has no density. Below 5: unlike nearly all training poses. NaN where not valid.
      rotation: [N, 3, 3] that brings canonical poses to `poses_3d`; 0 where not valid, None where the model has no
        canonical poses.
      clip, subject: [N] text.
      camera, frame, person: [N] integers from 0.
      frame_rate: frames a second of the clips; None where not known.
    """

    source: str
    model: str
    skeleton: Skeleton
    poses_3d: np.ndarray
    unit: str
    axes: str
    valid: np.ndarray
    poses_2d: np.ndarray
    elevation: np.ndarray | None
    percentile: np.ndarray | None
    clip: np.ndarray
    subject: np.ndarray
    camera: np.ndarray
    frame: np.ndarray
    person: np.ndarray
    frame_rate: float | None = None
    rotation: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.unit not in UNITS or self.axes not in AXES:
            raise ValueError(f"{self.source}: unknown unit {self.unit!r} or axes {self.axes!r}")
        rows, joints = len(self.poses_3d), self.skeleton.num_joints
        tails = {"poses_3d": (joints, 3), "poses_2d": (joints, 2), "rotation": (3, 3)}
        for field in _ROW_FIELDS:
            values, shape = getattr(self, field), (rows, *tails.get(field, ()))
            if values is not None and np.shape(values) != shape:
                raise ValueError(f"{self.source}: {field}: expected {list(shape)}; got {list(np.shape(values))}")

    def __len__(self) -> int:
        return len(self.poses_3d)

    @property
    def canonical(self) -> np.ndarray | None:
        """Poses [N, J, 3] turned back by `rotation` into the coordinate system that training found: the same for every
        direction of view. None where the model has no canonical poses.
        """
        return None if self.rotation is None else self.poses_3d @ self.rotation

    def select(self, rows: np.ndarray | Sequence[int] | slice) -> Lifted:
        """The poses of the rows that a mask [N], indices or a slice pick."""
        return dataclasses.replace(self, **{field: values[rows] for field, values in row_values(self).items()})

    def tracks(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every person of every clip and camera: a name and its rows [n], in the order of the frames."""
        if not len(self):
            return
        labels = np.stack(
            [np.unique(values, return_inverse=True)[1] for values in (self.subject, self.clip)]
            + [self.camera, self.person],
            axis=-1,
        )
        _, first, member = np.unique(labels, axis=0, return_index=True, return_inverse=True)
        order = np.lexsort((self.frame, member.reshape(-1)))
        starts = np.searchsorted(member.reshape(-1)[order], np.arange(len(first)))
        for row, rows in zip(first, np.split(order, starts[1:]), strict=True):
            parts = [
                str(self.subject[row]),
                str(self.clip[row]),
                f"camera{self.camera[row]}",
                f"person{self.person[row]}",
            ]
            yield "-".join(part for part in parts if part), rows


FEW_JOINTS = f"with fewer than {MIN_JOINTS} joints"
NO_EXTENT = "without extent, or with missing joints that this model does not complete"
"""The reasons why a pose is not valid, in messages."""


def few_joints(lifted: Lifted) -> np.ndarray:
    """Mask [N] of the poses that show too few joints; other poses that are not valid have the reason `NO_EXTENT`."""
    return np.isfinite(lifted.poses_2d).all(axis=-1).sum(axis=-1) < MIN_JOINTS


def row_values(lifted: Lifted) -> dict[str, np.ndarray]:
    """{field: array} of the fields of `lifted` that have one entry a row."""
    return {field: getattr(lifted, field) for field in _ROW_FIELDS if getattr(lifted, field) is not None}


def concatenate(parts: Sequence[Lifted]) -> Lifted:
    """Joins the rows of all `parts`, one after the other.

    Clips of two parts stay two clips: where an earlier part has a clip of the same name and subject, "_2" (or the next
    free number) is added to the later clip's name.

    Raises:
      ValueError: no parts; or parts of different models, skeletons, units, axes or frame rates.
    """
    if not parts:
        raise ValueError("nothing lifted: expected at least one part")
    first = parts[0]
    for part in parts[1:]:
        for field in ("model", "skeleton", "unit", "axes", "frame_rate"):
            if getattr(part, field) != getattr(first, field):
                raise ValueError(
                    f"{part.source}: {field}: expected {getattr(first, field)!r} as in {first.source}; "
                    f"got {getattr(part, field)!r}"
                )
    taken: set[tuple[str, str]] = set()
    clips = []
    for part in parts:
        clips.append(_distinct_clips(part, taken))
        taken |= set(zip(part.subject.tolist(), clips[-1].tolist(), strict=True))
    rows = [row_values(part) | {"clip": clip} for part, clip in zip(parts, clips, strict=True)]
    joined = {
        field: np.concatenate([values[field] for values in rows]) if all(field in values for values in rows) else None
        for field in rows[0]
    }
    return dataclasses.replace(first, source=", ".join(part.source for part in parts), **joined)


def _distinct_clips(part: Lifted, taken: set[tuple[str, str]]) -> np.ndarray:
    """The clips [N] of `part`, renamed where (subject, clip) is in `taken`."""
    pairs = set(zip(part.subject.tolist(), part.clip.tolist(), strict=True)) if taken else set()
    clips = part.clip
    for subject, clip in sorted(pairs & taken):
        number = 2
        while (subject, f"{clip}_{number}") in taken | pairs:
            number += 1
        rows = (part.subject == subject) & (part.clip == clip)
        clips = np.where(rows, f"{clip}_{number}", clips)
    return clips


_ROW_FIELDS = (
    "poses_3d", "poses_2d", "valid", "elevation", "percentile", "rotation",
    "clip", "subject", "camera", "frame", "person",
)  # fmt: skip
