"""The track to draw: one person of one clip and camera, levelled where the camera's elevation is known."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_elepose.motion.levelling import levelled
from tf_elepose.motion.lifted import Lifted
from tf_elepose.skeleton.skeletons import Skeleton

NO_POSE = "no pose: too few joints seen"
"""Text in place of a pose that could not be lifted."""

LIKELIHOOD_WORDS = ((5.0, "unlike the training poses"), (25.0, "unusual"), (100.0, "usual"))
"""(upper limit of the percentile, words). 5 is the limit that `Lifted.percentile` names; 25 is a free choice."""

USUAL_FRAME_RATE = 25.0
"""Frames a second where the clip's rate is not known."""

_NAMES_SHOWN = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Track:
    """n poses in the order of their frames; frozen.

    Attributes:
      name: as `Lifted.tracks` names it.
      skeleton: names the joint axis.
      poses_3d: [n, J, 3] as lifted.
      level: [n, J, 3] y vertical where `levelled`, else as lifted; root at the origin.
      levelled: whether the vertical is known.
      tilt: degrees that the camera of `poses_2d` looks down on `level`, the mean of `elevation`; 0 where not known.
      unit: of both.
      poses_2d: [n, J, 2] px, NaN where not seen.
      valid: [n] whether there is a pose.
      elevation, percentile: [n], or None; see `Lifted`.
      frame: [n].
      rate: rows a second; None where not known.
    """

    name: str
    skeleton: Skeleton
    poses_3d: np.ndarray
    level: np.ndarray
    levelled: bool
    tilt: float
    unit: str
    poses_2d: np.ndarray
    valid: np.ndarray
    elevation: np.ndarray | None
    percentile: np.ndarray | None
    frame: np.ndarray
    rate: float | None

    def __len__(self) -> int:
        return len(self.frame)

    def select(self, rows: np.ndarray | slice) -> Track:
        """The track with only the rows that indices or a slice pick; the rate stays."""
        fields = ("poses_3d", "level", "poses_2d", "valid", "elevation", "percentile", "frame")
        picked = {field: getattr(self, field)[rows] for field in fields if getattr(self, field) is not None}
        return dataclasses.replace(self, **picked)

    def grounded(self) -> np.ndarray:
        """Level poses [n, J, 3] with the lowest joint at y = 0 and the root above the origin.

        Neither a body's position nor its height above the ground is known: a leap looks like a crouch.
        """
        return self.level - np.array([0.0, 1.0, 0.0]) * self.level[..., 1].max(axis=1)[:, np.newaxis, np.newaxis]


def find_tracks(lifted: Lifted) -> list[Track]:
    """All tracks of `lifted`, in its order.

    Raises:
      ValueError: `lifted` has no valid pose.
    """
    if not len(lifted):
        raise ValueError(f"{lifted.source}: nothing to draw, there are no poses")
    finite = np.isfinite(lifted.poses_3d).all(axis=(1, 2))
    if lifted.elevation is not None:
        finite &= np.isfinite(lifted.elevation)
    lifted = dataclasses.replace(lifted, valid=np.asarray(lifted.valid, bool) & finite)
    if not lifted.valid.any():
        raise ValueError(f"{lifted.source}: nothing to draw, none of the {len(lifted)} poses could be lifted")
    level = levelled(lifted) if lifted.axes == "camera" and lifted.elevation is not None else lifted
    return [_track(name, lifted.select(rows), level.poses_3d[rows]) for name, rows in lifted.tracks()]


def choose_track(tracks: list[Track], name: str | None, source: str) -> Track:
    """The track called `name`, or for None the track with most poses, the first of equals.

    Raises:
      ValueError: no track has that name, or it has no valid pose.
    """
    if name is None:
        return max(tracks, key=lambda track: int(track.valid.sum()))
    for track in tracks:
        if track.name == name:
            if not track.valid.any():
                raise ValueError(f"{source}: track {name!r}: none of its {len(track)} poses could be lifted")
            return track
    names = [repr(track.name) for track in tracks]
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    raise ValueError(f"{source}: no track {name!r}; there are {', '.join(names[:_NAMES_SHOWN])}{more}")


def likelihood_word(percentile: float) -> str:
    """A few words for a percentile, from `LIKELIHOOD_WORDS`; empty where it is NaN."""
    if not np.isfinite(percentile):
        return ""
    return next((word for limit, word in LIKELIHOOD_WORDS if percentile < limit), LIKELIHOOD_WORDS[-1][1])


def _track(name: str, lifted: Lifted, level: np.ndarray) -> Track:
    valid, elevation = lifted.valid, lifted.elevation
    known = elevation is not None
    steps = np.diff(lifted.frame.astype(np.int64))
    # Where only every fourth frame was lifted, rows play at a fourth of the rate.
    step = max(float(np.median(steps)), 1.0) if len(steps) else 1.0
    return Track(
        name=name, skeleton=lifted.skeleton,
        poses_3d=_with_zeros(lifted.poses_3d, valid), level=_with_zeros(level, valid),
        levelled=known or lifted.axes == "level",
        tilt=float(elevation[valid].mean(dtype=np.float64)) if known and valid.any() else 0.0,
        unit=lifted.unit, poses_2d=np.asarray(lifted.poses_2d, np.float64), valid=valid, elevation=elevation,
        percentile=lifted.percentile, frame=lifted.frame,
        rate=None if lifted.frame_rate is None else lifted.frame_rate / step,
    )  # fmt: skip


def _with_zeros(poses: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return np.where(valid[:, np.newaxis, np.newaxis], poses, 0.0).astype(np.float64)
